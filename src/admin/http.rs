//! The listener on a loopback address: metrics for Prometheus, health for whoever supervises the host, status. It has no way to
//! anything that changes state, by its type.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use super::route::{answer, error};
use super::{Answering, connections};

/// All that is answered there.
pub const PATHS: [&str; 4] = ["/metrics", "/livez", "/readyz", "/v1/status"];

/// The format that Prometheus reads.
///
/// Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What can be seen of the daemon; put together in `cli`.
pub trait Observed: Send + Sync + 'static {
    /// All metrics in Prometheus' text format.
    fn metrics(&self) -> String;
    /// Whether the supervisor's loop is alive; else a sentence that says since when not.
    fn live(&self) -> Result<(), String>;
    /// Whether every pipeline that shall run does; else a line for each that does not.
    fn ready(&self) -> Result<(), String>;
    /// Where everything is.
    fn status(&self) -> Answering<'_>;
}

/// A bound loopback address.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds the address, inside a tokio runtime; port 0 takes one that is free.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        if !address.ip().is_loopback() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no loopback address"));
        }
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers for as long as it is polled.
    pub async fn serve(self, observed: Arc<dyn Observed>) {
        connections::serve(self.listener, router(observed)).await;
    }
}

type Seen = State<Arc<dyn Observed>>;

fn router(observed: Arc<dyn Observed>) -> Router {
    let [metrics_path, live_path, ready_path, status_path] = PATHS;
    Router::new()
        .route(metrics_path, get(metrics))
        .route(live_path, get(live))
        .route(ready_path, get(ready))
        .route(status_path, get(status))
        .fallback(nothing)
        .with_state(observed)
        .layer(middleware::from_fn(from_this_host))
}

/// A page of some other site that had its own name lead here would give that name.
async fn from_this_host(request: Request, next: Next) -> Response {
    if asks_this_host(request.headers()) {
        return next.run(request).await;
    }
    error(
        StatusCode::MISDIRECTED_REQUEST,
        "the Host header names another host; ask for localhost or the loopback address",
    )
}

/// HTTP/1.0 has no such header, and no browser speaks it.
fn asks_this_host(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let Ok(host) = host.to_str() else { return false };
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|b| b.is_ascii_digit()) { name } else { host }
    });
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

async fn metrics(State(observed): Seen) -> Response {
    ([(header::CONTENT_TYPE, EXPOSITION)], observed.metrics()).into_response()
}

async fn live(State(observed): Seen) -> Response {
    health(observed.live(), "live")
}

async fn ready(State(observed): Seen) -> Response {
    health(observed.ready(), "ready")
}

fn health(is_well: Result<(), String>, word: &'static str) -> Response {
    match is_well {
        Ok(()) => (StatusCode::OK, format!("{word}\n")),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not {word}: {why}\n")),
    }
    .into_response()
}

async fn status(State(observed): Seen) -> Response {
    answer(observed.status().await)
}

async fn nothing() -> Response {
    let text = format!("there is no such page; there are {}", PATHS.join(", "));
    error(StatusCode::NOT_FOUND, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_host_is_asked_for() {
        let asks = |host: &'static str| {
            asks_this_host(&HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]))
        };
        for host in
            ["localhost", "LOCALHOST:9464", "127.0.0.1", "127.0.0.1:1", "[::1]:9464", "[::1]"]
        {
            assert!(asks(host), "{host}");
        }
        for host in
            ["", "evil.example", "evil.example:9464", "localhost.evil.example", "10.0.0.1:9464"]
        {
            assert!(!asks(host), "{host}");
        }
        assert!(asks_this_host(&HeaderMap::new()));
    }
}
