//! Who is connected: so many at once, and nobody who says nothing.

use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::task::JoinSet;

/// Whoever comes then waits until another one has gone, in the kernel's queue.
pub const CONNECTIONS_MAX: usize = 64;
/// A connection whose next request has not come whole by then, without its body, is closed.
pub const HEADER_MAX: Duration = Duration::from_secs(10);

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
                open.spawn(connection);
            }
        }
    }
}
