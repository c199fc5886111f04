//! How a record looks.

use crate::case::envelope;
use crate::cli::by_hand::Selected;
use crate::json::{Check, Paths, scan};
use crate::kafka::by_hand::Reader;
use crate::model::{Record, VisitHeader};

/// What is written of each record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Form {
    /// The value as it is, and a line break; a null value is `null`.
    Text,
    /// The value, which must be JSON, on one line; a null value is `null`.
    Json,
    /// The whole record as JSON on one line, which `produce --envelope` makes the same record of.
    Envelope,
}

/// Appends the line of a record; or why it has none, and then nothing is appended.
pub(super) fn append(
    form: Form,
    record: &Record<'_>,
    selected: Selected<'_>,
    (reader, index): (&Reader, usize),
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let bytes = selected.or(record.value);
    match (form, bytes) {
        (Form::Envelope, _) => {
            let mut headers = |visit: &mut VisitHeader<'_>| reader.each_header(index, visit);
            envelope::write(record, &mut headers, out);
            return Ok(());
        }
        (Form::Text | Form::Json, None) => out.extend_from_slice(b"null"),
        (Form::Text, Some(bytes)) => out.extend_from_slice(bytes),
        (Form::Json, Some(bytes)) => {
            if let Err(malformed) = scan(&Paths::default(), bytes, Check::Whole, &mut []) {
                return Err(format!("the value is no JSON: {malformed}"));
            }
            // In JSON a line break stands between values only.
            out.extend(bytes.iter().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { *b }));
        }
    }
    out.push(b'\n');
    Ok(())
}
