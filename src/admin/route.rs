//! Requests to the [`Daemon`], its answers to HTTP.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Path, RawQuery, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{
    Action, AllowRemovals, Answer, BODY_MAX, Daemon, PLAN_BYTES_MAX, PLANS_MAX, PlanRequest,
    ReloadRequest, VERSION, Wait,
};

type Asked = State<Arc<dyn Daemon>>;

pub(super) fn router(daemon: Arc<dyn Daemon>) -> Router {
    let room = Arc::new(Semaphore::new(PLANS_MAX));
    let plan = move |daemon: Asked, request: Request| {
        let room = Arc::clone(&room);
        async move { plan(daemon, request, &room).await }
    };
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/plan", post(plan).layer(DefaultBodyLimit::max(PLAN_BYTES_MAX)))
        .route("/v1/reload", post(reload))
        .route("/v1/pipelines/{name}/{action}", post(act))
        .fallback(nothing)
        .with_state(daemon)
}

async fn status(State(daemon): Asked) -> Response {
    answer(daemon.status().await)
}

async fn plan(State(daemon): Asked, request: Request, room: &Semaphore) -> Response {
    // Kept until there is an answer: until then the files are in memory.
    let Ok(_turn) = timeout(BODY_MAX, room.acquire()).await else {
        let text = format!("{PLANS_MAX} plans are under way already: ask again");
        return error(StatusCode::SERVICE_UNAVAILABLE, &text);
    };
    let body = match timeout(BODY_MAX, Bytes::from_request(request, &daemon)).await {
        Ok(Ok(body)) => body,
        Ok(Err(refused)) => return error(refused.status(), &refused.body_text()),
        Err(_elapsed) => {
            let text = format!("the request did not come whole within {} s", BODY_MAX.as_secs());
            return error(StatusCode::REQUEST_TIMEOUT, &text);
        }
    };
    match serde_json::from_slice::<PlanRequest>(&body) {
        Ok(request) if request.version == VERSION => answer(daemon.plan(request).await),
        Ok(request) => error(
            StatusCode::BAD_REQUEST,
            &format!("version {} of the request is not known here, {VERSION} is", request.version),
        ),
        Err(why) => error(StatusCode::BAD_REQUEST, &format!("the request cannot be read: {why}")),
    }
}

async fn reload(State(daemon): Asked, RawQuery(query): RawQuery) -> Response {
    let mut request = ReloadRequest { removals: AllowRemovals::No, wait: Wait::Outcome };
    for part in query.iter().flat_map(|q| q.split('&')).filter(|part| !part.is_empty()) {
        match part {
            "allow_removals=true" => request.removals = AllowRemovals::Yes,
            "allow_removals=false" => request.removals = AllowRemovals::No,
            "wait=true" => request.wait = Wait::Outcome,
            "wait=false" => request.wait = Wait::No,
            other => {
                let text =
                    format!("{other}: only allow_removals and wait, true or false, are known here");
                return error(StatusCode::BAD_REQUEST, &text);
            }
        }
    }
    answer(daemon.reload(request).await)
}

async fn act(State(daemon): Asked, Path((name, action)): Path<(String, String)>) -> Response {
    let action = match action.as_str() {
        "pause" => Action::Pause,
        "resume" => Action::Resume,
        "restart" => Action::Restart,
        _ => return nothing().await,
    };
    answer(daemon.act(name, action).await)
}

async fn nothing() -> Response {
    error(StatusCode::NOT_FOUND, "there is no such request; see the admin socket in the README")
}

pub(super) fn answer(answer: Answer) -> Response {
    match answer {
        Answer::Done(document) => response(StatusCode::OK, &document),
        Answer::NotFound(text) => error(StatusCode::NOT_FOUND, &text),
        Answer::Busy(text) => error(StatusCode::SERVICE_UNAVAILABLE, &text),
        Answer::Failed(text) => error(StatusCode::INTERNAL_SERVER_ERROR, &text),
        Answer::Stopping => error(StatusCode::SERVICE_UNAVAILABLE, "the daemon is stopping"),
    }
}

pub(super) fn error(status: StatusCode, text: &str) -> Response {
    response(status, &json!({ "version": VERSION, "error": text }))
}

fn response(status: StatusCode, document: &Value) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (status, kind, format!("{document}\n")).into_response()
}
