//! The unix socket: HTTP/1 for `krouted status`, `plan`, `reload`, `pause`, `resume` and `restart`, and for scripts.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/status` | where everything is |
//! | `POST /v1/plan` with [`PlanRequest`] | what a folder with these files would change |
//! | `POST /v1/reload`, `?allow_removals=true`, `?wait=false` | how the reload came out; at once where nobody waits |
//! | `POST /v1/pipelines/NAME/pause`, `resume`, `restart` | done, or 404; `lost`: why a restart of the daemon may not know of it |
//!
//! 503: the daemon is stopping, or busy, and nothing was done. At most [`CONNECTIONS_MAX`] are open at once, and one whose
//! next request does not come within [`HEADER_MAX`], or whose body does not within [`BODY_MAX`], is closed, as is one that has
//! been there for [`CONNECTION_MAX`] and, where an answer is under way then, for [`ANSWER_MAX`] more.
//!
//! Beside it, where the settings ask for it, a listener on a loopback address that only answers: see [`Observed`].
//!
//! Answers are JSON documents with a `version`. Who may ask is decided by the socket file's mode and group, never by TCP.

mod bind;
mod connections;
mod http;
mod route;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use bind::{BindError, Socket};
pub use connections::{ANSWER_MAX, BODY_MAX, CONNECTION_MAX, CONNECTIONS_MAX, HEADER_MAX};
pub use http::{Listener, Observed, PATHS};

/// The version of all requests and answers.
pub const VERSION: u32 = 1;
/// What is sent to be planned: ten thousand files of a few kilobytes.
pub const PLAN_BYTES_MAX: usize = 64 << 20;
/// So many of them are read and planned at once; others wait, unread, as long as a body may take.
pub const PLANS_MAX: usize = 2;

/// What the daemon does for those who ask; put together in `cli`.
pub trait Daemon: Send + Sync + 'static {
    /// Where everything is.
    fn status(&self) -> Answering<'_>;
    /// What a folder with these files would change.
    fn plan(&self, request: PlanRequest) -> Answering<'_>;
    /// Reads the folder after the request, and waits for how that comes out where that is asked for.
    fn reload(&self, request: ReloadRequest) -> Answering<'_>;
    /// Does something to one pipeline.
    fn act(&self, name: String, action: Action) -> Answering<'_>;
}

/// An answer on its way.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// How a request came out.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// As asked.
    Done(Value),
    /// There is no such pipeline.
    NotFound(String),
    /// Nothing was done, because too many ask at once: ask again.
    Busy(String),
    /// A bug: the sentence says which.
    Failed(String),
    /// The daemon is stopping.
    Stopping,
}

/// How a reload is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReloadRequest {
    /// Whether it may stop most of what runs.
    pub removals: AllowRemovals,
    /// When the answer comes.
    pub wait: Wait,
}

/// When the answer to a reload comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// When the outcome is known.
    Outcome,
    /// At once.
    No,
}

/// Whether most pipelines may be stopped by one reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowRemovals {
    /// An operator said so.
    Yes,
    /// Such a reload is held.
    No,
}

/// What is done to one pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Reads nothing, stays in its group.
    Pause,
    /// Reads again.
    Resume,
    /// Ends its workers and starts them again.
    Restart,
}

/// The files of a folder, to be planned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// See [`VERSION`].
    pub version: u32,
    /// In the order of their paths.
    pub files: Vec<PlanFile>,
    /// The schemas that their `validate` steps may name, by their paths below the schemas folder.
    #[serde(default)]
    pub schemas: Vec<PlanFile>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// Its place below the folder.
    pub path: String,
    /// What it holds, or why that is not known.
    pub content: PlanContent,
}

/// What a file holds, or why that is not known: a daemon finds the same in both cases as in its own folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanContent {
    /// UTF-8.
    Text(String),
    /// Anything else.
    Bytes(Vec<u8>),
    /// More than a file may have.
    TooLarge,
    /// The system refuses it; why.
    Refused(String),
    /// It changed each time that it was read.
    Moves,
}

impl Socket {
    /// Answers for as long as it is polled; its file goes with it.
    pub async fn serve(self, daemon: Arc<dyn Daemon>) {
        let (listener, _file) = self.into_parts();
        connections::serve(listener, route::router(daemon)).await;
    }
}
