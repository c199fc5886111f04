//! What a dead letter says of itself: `krouted.error.*` headers behind the record's own.

use super::raw::TakenHeaders;
use crate::model::{PipelineName, Record, Rejection};

/// Appends the headers. All are text; `timestamp` is the record's, in ms since 1970, empty where it has none.
pub(super) fn describe(
    headers: &mut TakenHeaders,
    pipeline: &PipelineName,
    record: &Record<'_>,
    rejection: &Rejection,
) {
    let timestamp = record.timestamp.map(|t| t.to_string()).unwrap_or_default();
    for (name, text) in [
        ("krouted.error.pipeline", pipeline.as_str()),
        ("krouted.error.stage", rejection.stage.as_str()),
        ("krouted.error.reason", &rejection.reason),
        ("krouted.error.topic", record.topic),
        ("krouted.error.partition", &record.partition.to_string()),
        ("krouted.error.offset", &record.offset.to_string()),
        ("krouted.error.timestamp", &timestamp),
        ("krouted.error.rule", &rejection.rule),
    ] {
        headers.push(name, text.as_bytes());
    }
}
