//! The admin socket's requests to the one who reloads, its answers to documents.

use serde_json::{Value, json};

use crate::admin::{
    Action, AllowRemovals, Answer, Answering, Daemon, PlanContent, PlanRequest, ReloadRequest,
    VERSION, Wait,
};
use crate::config::{SchemaFiles, Snapshot, SnapshotFile, Unread};
use crate::model::{InstanceId, PipelineName};
use crate::supervisor::Gone;
use crate::supervisor::plan::{self, Removals};
use crate::supervisor::reload::{Asker, Kept, Outcome, Planned, Reloaded, Unanswered};

pub(super) struct Api {
    asker: Asker,
    instance: InstanceId,
}

impl Api {
    pub(super) fn new(asker: Asker, instance: InstanceId) -> Self {
        Self { asker, instance }
    }

    async fn acted(&self, name: &str, action: Action) -> Result<Answer, Gone> {
        let not_found = || Answer::NotFound(format!("there is no pipeline {name} here"));
        let Ok(pipeline) = PipelineName::new(name) else { return Ok(not_found()) };
        let (kept, done) = match action {
            Action::Pause => (self.asker.pause(pipeline).await?, Done::Paused),
            Action::Resume => {
                let stays_paused = self.asker.is_paused_by_file(&pipeline).await?;
                let done = if stays_paused { Done::StaysPaused } else { Done::Resumed };
                (self.asker.resume(pipeline).await?, done)
            }
            Action::Restart => {
                let is_there = self.asker.restart(pipeline).await?;
                // Nothing of it has to be kept.
                (is_there.then_some(Kept::Kept), Done::Restarted)
            }
        };
        Ok(match kept {
            Some(kept) => Answer::Done(acted(name, done, &kept)),
            None => not_found(),
        })
    }
}

/// What became of a pipeline.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    Paused,
    Resumed,
    StaysPaused,
    Restarted,
}

impl Done {
    fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "is paused",
            Self::Resumed => "is resumed",
            Self::StaysPaused => {
                "is paused by no operator, and stays paused by its file until `paused: true` is taken out of it"
            }
            Self::Restarted => "is restarted",
        }
    }
}

fn acted(name: &str, done: Done, kept: &Kept) -> Value {
    let (lost, behind) = match kept {
        Kept::Kept => (None, String::new()),
        Kept::Lost(why) => (
            Some(why),
            format!(
                ", until a restart of the daemon, which may not know of it: {why}; it is tried again"
            ),
        ),
    };
    json!({
        "version": VERSION,
        "sentence": format!("{name} {}{behind}", done.as_str()),
        "lost": lost,
        "stays_paused": done == Done::StaysPaused,
    })
}

impl Daemon for Api {
    fn status(&self) -> Answering<'_> {
        Box::pin(async { answer(self.asker.status(&self.instance).await) })
    }

    fn plan(&self, request: PlanRequest) -> Answering<'_> {
        Box::pin(async move {
            let files = request.files.into_iter();
            let files =
                files.map(|f| SnapshotFile { path: f.path, content: of_content(f.content) });
            let schemas = request.schemas.into_iter();
            let schemas = SchemaFiles {
                folder: String::new(),
                files: schemas.map(|f| (f.path, of_content(f.content))).collect(),
            };
            let snapshot = Snapshot { files: files.collect(), schemas };
            answer(self.asker.plan(snapshot).await.map(|planned| of_plan(&planned)))
        })
    }

    fn reload(&self, request: ReloadRequest) -> Answering<'_> {
        let removals = match request.removals {
            AllowRemovals::Yes => Removals::Allowed,
            AllowRemovals::No => Removals::Refused,
        };
        Box::pin(async move {
            match request.wait {
                Wait::Outcome => {
                    answer(self.asker.reload(removals).await.map(|reloaded| of_reload(&reloaded)))
                }
                Wait::No => {
                    let sentence = "the daemon looks at its folder; see `krouted status`";
                    let document =
                        json!({ "version": VERSION, "outcome": "asked", "sentence": sentence });
                    answer(self.asker.poke(removals).map(|()| document))
                }
            }
        })
    }

    fn act(&self, name: String, action: Action) -> Answering<'_> {
        Box::pin(async move { self.acted(&name, action).await.unwrap_or(Answer::Stopping) })
    }
}

fn of_content(content: PlanContent) -> Result<Vec<u8>, Unread> {
    match content {
        PlanContent::Text(text) => Ok(text.into_bytes()),
        PlanContent::Bytes(bytes) => Ok(bytes),
        PlanContent::TooLarge => Err(Unread::TooLarge),
        PlanContent::Refused(why) => Err(Unread::Refused(why)),
        PlanContent::Moves => Err(Unread::Moves),
    }
}

pub(super) fn answer(document: Result<Value, impl Into<Unanswered>>) -> Answer {
    match document.map_err(Into::into) {
        Ok(document) => Answer::Done(document),
        Err(Unanswered::Gone) => Answer::Stopping,
        Err(busy @ Unanswered::Busy) => Answer::Busy(busy.to_string()),
        Err(Unanswered::Failed(why)) => Answer::Failed(why),
    }
}

fn of_plan(planned: &Planned) -> Value {
    let Planned { plan, said } = planned;
    json!({
        "version": VERSION,
        "has_changes": plan.has_changes(),
        "plan": plan,
        "plan_text": plan::text(plan),
        "findings": said.document,
        "findings_text": if said.errors > 0 { said.text.as_str() } else { "" },
    })
}

fn of_reload(reloaded: &Reloaded) -> Value {
    let generation = &reloaded.generation;
    let outcome = generation.outcome.as_str();
    let refused = reloaded.refused.iter();
    let refused: Vec<_> =
        refused.map(|r| json!({ "name": r.name.as_str(), "reason": r.reason })).collect();
    let open: Vec<_> = reloaded.open.iter().map(PipelineName::as_str).collect();
    let said = &reloaded.said;
    json!({
        "version": VERSION,
        "outcome": outcome,
        "sentence": sentence(reloaded, outcome),
        "generation": generation,
        "plan": reloaded.plan,
        "plan_text": reloaded.plan.as_ref().map_or_else(String::new, plan::text),
        "findings": said.document,
        "findings_text": if said.errors > 0 { said.text.as_str() } else { "" },
        "refused": refused,
        "open": open,
        "removals_held_back": reloaded.removals_held_back,
    })
}

/// What an operator reads last.
fn sentence(reloaded: &Reloaded, outcome: &str) -> String {
    let number = reloaded.generation.number;
    let mut lines = vec![format!("generation {number}: {outcome}")];
    if let Outcome::Unreadable { why } = &reloaded.generation.outcome {
        lines.push(format!("{why}; all goes on as it was"));
    }
    if let Some(why) = &reloaded.removals_held_back {
        lines.push(format!("nothing is removed: {why}"));
    }
    for refusal in &reloaded.refused {
        lines.push(format!(
            "{}: the new definition is not taken, the one before goes on: {}",
            refusal.name, refusal.reason
        ));
    }
    for name in &reloaded.open {
        lines.push(format!("{name}: the new definition is not taken yet; see status"));
    }
    lines.join("\n")
}
