//! The running daemon is asked what a folder would change.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use serde_json::Value;

use super::Form;
use crate::admin::{self, PlanContent, PlanFile, PlanRequest};
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
        files.push(plan_file(path.display().to_string(), file.content));
    }
    let mut schemas = Vec::new();
    for (path, content) in snapshot.schemas.files {
        schemas.push(plan_file(path, content));
    }
    let request = PlanRequest { version: admin::VERSION, files, schemas };
    let body = serde_json::to_string(&request)?;
    let document = match place.ask("POST", "/v1/plan", &body, WAIT) {
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

/// The daemon finds fault with what is no file of pipelines, as it would in its own folder.
fn plan_file(path: String, content: std::result::Result<Vec<u8>, Unread>) -> PlanFile {
    let content = match content.map(String::from_utf8) {
        Ok(Ok(text)) => PlanContent::Text(text),
        Ok(Err(not_text)) => PlanContent::Bytes(not_text.into_bytes()),
        Err(Unread::TooLarge) => PlanContent::TooLarge,
        Err(Unread::Refused(why)) => PlanContent::Refused(why),
        Err(Unread::Moves) => PlanContent::Moves,
    };
    PlanFile { path, content }
}

fn plan_of(document: &Document) -> Value {
    document.0.get("plan").cloned().unwrap_or_default()
}
