//! The running daemon is asked what a folder would change.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use serde_json::Value;

use super::Form;
use crate::admin::{self, PlanFile, PlanRequest};
use crate::cli::client::{Document, NoAnswer, Place, number};
use crate::cli::{Outcome, Stream, say};
use crate::config::{Snapshot, Unread};

/// A reload that is under way comes first.
const WAIT: Duration = Duration::from_mins(1);

/// Sends the files, prints the changes.
pub(super) fn run(
    folder: &Path,
    snapshot: Snapshot,
    place: &Place,
    output: Form,
) -> Result<Outcome> {
    let mut files = Vec::new();
    for file in snapshot.files {
        // A file is known by its place in the folder, wherever that is.
        let path = Path::new(&file.path).strip_prefix(folder).unwrap_or(Path::new(&file.path));
        files.push(plan_file(&path.display().to_string(), &file.path, file.content)?);
    }
    let mut schemas = Vec::new();
    for (path, content) in snapshot.schemas.files {
        schemas.push(plan_file(&path, &path, content)?);
    }
    let request = PlanRequest { version: admin::VERSION, files, schemas };
    let body = serde_json::to_string(&request)?;
    let document = match place.ask("POST", "/v1/plan", &body, Some(WAIT)) {
        Ok(document) => document,
        Err(no_answer) => return Ok(NoAnswer::outcome(no_answer)),
    };
    say(Stream::Errors, document.text("/findings_text"));
    match output {
        Form::Text => say(Stream::Data, document.text("/plan_text")),
        Form::Json => say(Stream::Data, &format!("{:#}\n", plan_of(&document))),
    }
    let has_findings = number(&document.0, "/findings/errors") > 0;
    let has_changes = document.0.pointer("/has_changes") == Some(&Value::Bool(true));
    Ok(match (has_findings, has_changes) {
        (true, _) => Outcome::Findings,
        (false, true) => Outcome::Changes,
        (false, false) => Outcome::Good,
    })
}

type Read = std::result::Result<Vec<u8>, Unread>;

fn plan_file(place: &str, path: &str, content: Read) -> Result<PlanFile> {
    let text = match content {
        Ok(bytes) => String::from_utf8(bytes).with_context(|| format!("{path} is not UTF-8"))?,
        Err(Unread::TooLarge) => anyhow::bail!("{path} is too large"),
        Err(Unread::Refused(why)) => anyhow::bail!("{path} cannot be read: {why}"),
        Err(Unread::Moves) => anyhow::bail!("{path} changes while it is read"),
    };
    Ok(PlanFile { path: place.to_owned(), text })
}

fn plan_of(document: &Document) -> Value {
    document.0.get("plan").cloned().unwrap_or_default()
}
