//! Daemons that hang.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};

use super::*;

/// Longer than any test takes.
const NEVER: Duration = Duration::from_hours(1);
/// Time enough to connect, and no more.
const SHORT: Duration = Duration::from_millis(200);

/// What a daemon does with a connection.
type Peer = fn(UnixStream);

/// What becomes of a request to a daemon that does this with it.
fn asked(body: &str, wait: Duration, daemon: Peer) -> io::Result<(u16, Value)> {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("admin.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || daemon(listener.accept().unwrap().0));
    exchange(&socket, "POST", "/v1/plan", body, wait)
}

fn hangs(stream: UnixStream) {
    // It stays open, and nobody reads it.
    std::mem::forget(stream);
}

/// A byte now and then, for as long as somebody is there.
fn drips(mut stream: UnixStream) {
    while stream.write_all(b" ").is_ok() {
        std::thread::yield_now();
    }
}

#[test]
fn an_answer_that_never_comes_and_one_that_never_ends_and_a_question_that_nobody_reads() {
    // More than the buffers of a socket hold.
    let long = "x".repeat(8 << 20);
    let cases: [(&str, Peer); 3] = [("", hangs), ("", drips), (&long, hangs)];
    for (body, daemon) in cases {
        let error = asked(body, SHORT, daemon).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
    }
}

#[test]
fn an_answer_is_read_to_its_end() {
    let answered = asked("{}", NEVER, |mut stream| {
        // Whoever goes with something unread takes the answer along.
        let (mut question, mut byte) = (Vec::new(), [0]);
        while !question.ends_with(b"{}") {
            stream.read_exact(&mut byte).unwrap();
            question.extend(byte);
        }
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n{\"a\"").unwrap();
        stream.write_all(b": 1}").unwrap();
    });
    assert_eq!(answered.unwrap(), (200, serde_json::json!({"a": 1})));
}

#[test]
fn who_cannot_reach_the_daemon_is_told_what_helps() {
    let said = |kind: io::ErrorKind| match no_answer(Path::new("/a.sock"), &kind.into()) {
        NoAnswer::Unreachable(error) => format!("{error:#}"),
        NoAnswer::Later(_) | NoAnswer::Refused(_) => panic!("{kind}"),
    };
    for (kind, help) in [
        (io::ErrorKind::NotFound, "is `krouted run` up"),
        (io::ErrorKind::ConnectionRefused, "is `krouted run` up"),
        (io::ErrorKind::PermissionDenied, "join the group"),
    ] {
        let said = said(kind);
        assert!(said.starts_with("the daemon cannot be reached at /a.sock: "), "{said}");
        assert!(said.contains(help), "{said}");
    }
    assert!(!said(io::ErrorKind::InvalidData).contains(';'));
}
