//! Who is connected: so many at once, and nobody for ever, whether a client says nothing, says it slowly, or does not listen.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Whoever comes then waits until another one has gone, in the kernel's queue.
pub const CONNECTIONS_MAX: usize = 64;
/// A connection whose next request has not come whole by then, without its body, is closed.
pub const HEADER_MAX: Duration = Duration::from_secs(10);
/// A body that has not come whole by then is refused, and its connection closed: tens of megabytes on one host take a second.
pub const BODY_MAX: Duration = Duration::from_secs(30);
/// A connection takes no further request after so long: then one that is under way has [`ANSWER_MAX`], and it is closed.
pub const CONNECTION_MAX: Duration = Duration::from_mins(10);
/// Longer than any answer takes whose client listens: a reload waits for its swaps, and for workers that end.
pub const ANSWER_MAX: Duration = Duration::from_mins(5);

/// Answers for as long as it is polled.
pub(super) async fn serve(mut listener: impl Listener, router: Router) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            // Whether a client was content is its own matter.
            Some(_) = open.join_next() => {}
            (stream, _) = listener.accept(), if open.len() < CONNECTIONS_MAX => {
                let service = TowerToHyperService::new(router.clone());
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADER_MAX)
                    .serve_connection(TokioIo::new(stream), service);
                open.spawn(async move {
                    let mut connection = pin!(connection);
                    if timeout(CONNECTION_MAX, connection.as_mut()).await.is_err() {
                        connection.as_mut().graceful_shutdown();
                        drop(timeout(ANSWER_MAX, connection).await);
                    }
                });
            }
        }
    }
}
