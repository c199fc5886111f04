//! Requests over a real socket to a daemon that notes what it is asked.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::*;

/// What it was asked, and what it says to all.
struct Noting {
    asked: Mutex<Vec<String>>,
    answer: Answer,
}

impl Noting {
    fn note(&self, what: String) -> Answering<'_> {
        self.asked.lock().unwrap().push(what);
        Box::pin(async { self.answer.clone() })
    }
}

impl Daemon for Noting {
    fn status(&self) -> Answering<'_> {
        self.note("status".to_owned())
    }
    fn plan(&self, request: PlanRequest) -> Answering<'_> {
        self.note(format!("plan {} files, {} schemas", request.files.len(), request.schemas.len()))
    }
    fn reload(&self, request: ReloadRequest) -> Answering<'_> {
        self.note(format!("reload {:?} {:?}", request.removals, request.wait))
    }
    fn act(&self, name: String, action: Action) -> Answering<'_> {
        self.note(format!("{action:?} {name}"))
    }
}

/// A daemon at a socket, asked by the test for as long as that takes.
fn with_daemon<T>(answer: Answer, test: impl AsyncFnOnce(&Path, &Noting) -> T) -> T {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let daemon = Arc::new(Noting { asked: Mutex::default(), answer });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let serving = Socket::bind(&path).unwrap().serve(Arc::<Noting>::clone(&daemon));
        tokio::select! {
            () = serving => panic!("it serves for ever"),
            result = test(&path, &daemon) => result,
        }
    })
}

/// The status and body of the answer to a request, and what the daemon was asked.
fn exchange(answer: Answer, line: &str, body: &str) -> (u16, Value, Vec<String>) {
    let (text, asked) = with_daemon(answer, async |path, daemon| {
        let mut stream = UnixStream::connect(path).await.unwrap();
        let length = body.len();
        let request = format!("{line} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        (text, daemon.asked.lock().unwrap().clone())
    });
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-type: application/json"), "{head}");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap(), asked)
}

fn asked(line: &str, body: &str) -> (u16, Vec<String>) {
    let (status, document, asked) = exchange(Answer::Done(json!({"said": 1})), line, body);
    assert_eq!(status == 200, document == json!({"said": 1}), "{document}");
    assert_eq!(status == 200, document.get("error").is_none(), "{document}");
    (status, asked)
}

#[test]
fn every_request_reaches_the_daemon_as_it_was_meant() {
    let plan =
        r#"{"version": 1, "files": [{"path": "a.yaml", "content": {"text": ""}}], "schemas": []}"#;
    let older = r#"{"version": 1, "files": []}"#;
    for (line, body, expected) in [
        ("GET /v1/status", "", "status"),
        ("POST /v1/plan", plan, "plan 1 files, 0 schemas"),
        ("POST /v1/plan", older, "plan 0 files, 0 schemas"),
        ("POST /v1/reload", "", "reload No Outcome"),
        ("POST /v1/reload?wait=false", "", "reload No No"),
        ("POST /v1/reload?allow_removals=true&wait=true", "", "reload Yes Outcome"),
        ("POST /v1/pipelines/a.b/pause", "", "Pause a.b"),
        ("POST /v1/pipelines/a/resume", "", "Resume a"),
        ("POST /v1/pipelines/a/restart", "", "Restart a"),
    ] {
        assert_eq!(asked(line, body), (200, vec![expected.to_owned()]), "{line}");
    }
}

#[test]
fn what_is_no_request_never_reaches_the_daemon() {
    for (line, body, expected) in [
        ("GET /", "", 404),
        ("GET /v1/statuses", "", 404),
        ("POST /v1/pipelines/a/delete", "", 404),
        ("POST /v1/plan", "", 400),
        ("POST /v1/plan", r#"{"version": 2, "files": []}"#, 400),
        ("POST /v1/plan", r#"{"version": 1, "files": [], "more": 1}"#, 400),
        ("POST /v1/reload?allow_removal=true", "", 400),
        ("POST /v1/reload?wait=no", "", 400),
    ] {
        assert_eq!(asked(line, body), (expected, vec![]), "{line} {body}");
    }
}

#[test]
fn every_answer_has_its_code() {
    for (answer, expected) in [
        (Answer::NotFound("no such pipeline".to_owned()), 404),
        (Answer::Stopping, 503),
        (Answer::Busy("too many".to_owned()), 503),
        (Answer::Failed("a bug".to_owned()), 500),
    ] {
        let (status, document, _) = exchange(answer, "POST /v1/pipelines/a/pause", "");
        assert_eq!(status, expected);
        assert_eq!(document["version"], VERSION);
        assert!(document["error"].is_string(), "{document}");
    }
}

#[test]
fn another_method_is_refused_and_changes_nothing() {
    // Not a GET: a link that somebody follows must change nothing.
    for line in ["GET /v1/reload", "GET /v1/pipelines/a/pause", "POST /v1/status"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let daemon = Arc::new(Noting { asked: Mutex::default(), answer: Answer::Stopping });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let socket = Socket::bind(&path).unwrap();
            let asking = async {
                let mut stream = UnixStream::connect(&path).await.unwrap();
                stream.write_all(format!("{line} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
                let mut text = String::new();
                stream.read_to_string(&mut text).await.unwrap();
                assert!(text.starts_with("HTTP/1.0 405"), "{text}");
            };
            let serving = socket.serve(Arc::<Noting>::clone(&daemon));
            tokio::select! {
                () = serving => panic!("it serves for ever"),
                () = asking => {}
            }
        });
        assert_eq!(*daemon.asked.lock().unwrap(), Vec::<String>::new(), "{line}");
    }
}

#[test]
fn what_is_there_and_is_no_dead_socket_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    let file = folder.path().join("file");
    std::fs::write(&file, "text").unwrap();
    assert!(matches!(Socket::bind(&file), Err(BindError::NoSocket(_))));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "text");

    let path = folder.path().join("new/admin.sock");
    let first = Socket::bind(&path).unwrap();
    assert!(matches!(Socket::bind(&path), Err(BindError::InUse(_))));
    drop(first);
    assert!(!path.exists(), "the file goes with the socket");
    let second = Socket::bind(&path).unwrap();
    drop(second);
}

/// More connections than may be open, each of which says only so much.
async fn crowd(path: &Path, says: &[u8]) -> Vec<UnixStream> {
    let mut all = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let mut stream = UnixStream::connect(path).await.unwrap();
        stream.write_all(says).await.unwrap();
        all.push(stream);
    }
    all
}

/// As many clients as may be connected say that, and listen to nothing. One more is answered when nothing but the clock has
/// made room, by this bound, and `asked` of them reached the daemon.
fn make_room(says: &[u8], answer: Value, asked: usize, bound: Duration) {
    with_daemon(Answer::Done(answer), async |path, daemon| {
        let mut silent = crowd(path, says).await;
        let mut late = UnixStream::connect(path).await.unwrap();
        late.write_all(b"POST /v1/reload HTTP/1.0\r\n\r\n").await.unwrap();
        all_is_done_that_can_be().await;
        assert_eq!(daemon.asked.lock().unwrap().len(), asked, "the one too many waits");
        // Nothing but the clock makes room.
        tokio::time::pause();
        let paused = tokio::time::Instant::now();
        let mut text = String::new();
        late.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.0 200"), "{text}");
        assert!(paused.elapsed() <= bound, "{:?}", paused.elapsed());
        for stream in &mut silent {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
        }
    });
}

async fn all_is_done_that_can_be() {
    for _ in 0..10 * CONNECTIONS_MAX {
        tokio::task::yield_now().await;
    }
}

#[test]
fn connections_are_bounded_and_those_that_say_nothing_are_closed() {
    for says in [&b""[..], b"GET /v1/status HTTP/1.1\r\nHost: krou"] {
        make_room(says, json!({"said": 1}), 0, HEADER_MAX);
    }
}

#[test]
fn a_body_that_does_not_come_whole_keeps_nobody_waiting_for_ever() {
    let body = "HTTP/1.1\r\nHost: krouted\r\nContent-Length: 1000\r\n\r\n{";
    make_room(format!("POST /v1/plan {body}").as_bytes(), json!({"said": 1}), 0, BODY_MAX);
    let chunked = "HTTP/1.1\r\nHost: krouted\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{";
    make_room(format!("POST /v1/plan {chunked}").as_bytes(), json!({"said": 1}), 0, BODY_MAX);
    // Who needs no body does not wait for it: the answer is there at once, and the connection is closed behind it.
    let (status, asked) = asked("GET /v1/status", "{");
    assert_eq!((status, asked.len()), (200, 1));
}

#[test]
fn plans_take_turns_so_that_their_files_fit_into_memory() {
    const WHOLE: &str = r#"{"version":1,"files":[],"schemas":[]}"#;
    let head = format!("POST /v1/plan HTTP/1.0\r\nContent-Length: {}\r\n\r\n", WHOLE.len());
    with_daemon(Answer::Done(json!({"said": 1})), async |path, daemon| {
        let begun = async |body: &str| {
            let mut stream = UnixStream::connect(path).await.unwrap();
            stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            stream
        };
        let mut slow = Vec::new();
        for _ in 0..PLANS_MAX {
            slow.push(begun("").await);
        }
        let mut late = begun(WHOLE).await;
        all_is_done_that_can_be().await;
        assert_eq!(daemon.asked.lock().unwrap().len(), 0);
        slow[0].write_all(WHOLE.as_bytes()).await.unwrap();
        let mut text = String::new();
        late.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.0 200"), "{text}");
        assert_eq!(daemon.asked.lock().unwrap().len(), 2);
    });
}

#[test]
fn who_does_not_listen_to_the_answer_is_not_waited_for_for_ever() {
    let more_than_fits = json!({"said": "x".repeat(4 << 20)});
    make_room(
        b"GET /v1/status HTTP/1.1\r\nHost: krouted\r\n\r\n",
        more_than_fits,
        CONNECTIONS_MAX,
        CONNECTION_MAX + ANSWER_MAX,
    );
}

#[test]
fn of_two_daemons_that_begin_at_once_with_one_socket_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..100 {
        let path = folder.path().join(format!("{round}/admin.sock"));
        let together = std::sync::Barrier::new(2);
        let bind = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                together.wait();
                Socket::bind(&path)
            })
        };
        let (one, two) = std::thread::scope(|scope| {
            let other = scope.spawn(bind);
            (bind(), other.join().unwrap())
        });
        let (up, refused) = if one.is_ok() { (one, two) } else { (two, one) };
        assert!(up.is_ok(), "{up:?}");
        assert!(matches!(refused, Err(BindError::InUse(_))), "{refused:?}");
    }
}

#[test]
fn the_lock_of_a_socket_is_its_owners_and_where_there_can_be_none_it_is_open_all_the_same() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    // Whoever may read the folder can lock it.
    let stranger = std::fs::File::open(folder.path()).unwrap();
    stranger.lock().unwrap();
    let socket = Socket::bind(&folder.path().join("admin.sock"));
    assert!(socket.is_ok(), "{socket:?}");
    let lock = std::fs::metadata(folder.path().join("admin.sock.lock")).unwrap();
    assert_eq!(lock.permissions().mode() & 0o777, 0o600);
    std::fs::create_dir(folder.path().join("other.sock.lock")).unwrap();
    let other = Socket::bind(&folder.path().join("other.sock"));
    assert!(other.is_ok(), "{other:?}");
}

/// The requests that README has, each with the body that it shows.
fn documented() -> Vec<(String, String)> {
    let readme = include_str!("../../README.md");
    let is_request = |line: &&str| line.starts_with("| `GET /v1/") || line.starts_with("| `POST /");
    let row = |line: &str| {
        let spans: Vec<_> = line.split('`').skip(1).step_by(2).collect();
        let body = spans.iter().find(|span| span.starts_with('{')).copied().unwrap_or_default();
        (spans[0].to_owned(), body.to_owned())
    };
    readme.lines().filter(is_request).map(row).collect()
}

#[test]
fn each_request_that_readme_shows_reaches_the_daemon() {
    let reached = |(line, body): &(String, String)| {
        let (status, asked) = asked(line, body);
        assert_eq!((status, asked.len()), (200, 1), "{line} {body}");
        asked[0].clone()
    };
    let all: Vec<_> = documented().iter().map(reached).collect();
    let expected = [
        "status",
        "reload No Outcome",
        "reload No No",
        "reload Yes Outcome",
        "plan 1 files, 0 schemas",
        "Pause NAME",
        "Resume NAME",
        "Restart NAME",
    ];
    assert_eq!(all, expected);
}
