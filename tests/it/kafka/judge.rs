//! The judge's process: one JVM for the whole test process, asked by lines of JSON, side by side from all tests.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::{Value, json};

use crate::kafka::ANSWER_WITHIN;
use crate::kafka::broker::{java, java_missing};

type Waiting = Arc<Mutex<BTreeMap<u64, Sender<Value>>>>;

/// The end of the test process closes the JVM's stdin, and that ends the JVM.
pub(crate) struct Judge {
    _jvm: Child,
    requests: Mutex<ChildStdin>,
    waiting: Waiting,
    next: AtomicU64,
}

pub(crate) fn judge() -> &'static Judge {
    static JUDGE: OnceLock<Judge> = OnceLock::new();
    JUDGE.get_or_init(Judge::start)
}

impl Judge {
    fn start() -> Self {
        let mut command = java("2g");
        // Else a client's thread could die alone, and whoever waits for it hear nothing. What the JVM says itself is no answer.
        command.args(["-XX:+ExitOnOutOfMemoryError", "-XX:+DisplayVMOutputToStderr", "Judge"]);
        command.process_group(0);
        let log = super::folder().join("judge.log");
        fs::create_dir_all(super::folder()).unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(log).unwrap());
        let mut jvm = command.spawn().unwrap_or_else(|error| panic!("{}", java_missing(&error)));
        let requests = Mutex::new(jvm.stdin.take().unwrap());
        let answers = BufReader::new(jvm.stdout.take().unwrap());
        let waiting = Waiting::default();
        let readers = Arc::clone(&waiting);
        std::thread::spawn(move || {
            for line in answers.lines() {
                let answer: Value = serde_json::from_str(&line.unwrap()).unwrap();
                let waiter = readers.lock().unwrap().remove(&answer["id"].as_u64().unwrap());
                // Whoever asked may have given up.
                waiter.map(|waiter| waiter.send(answer).ok());
            }
            // No one answers any more: whoever waits is told by its channel's end.
            readers.lock().unwrap().clear();
        });
        Self { _jvm: jvm, requests, waiting, next: AtomicU64::new(0) }
    }

    /// One request and its answer; an error is the Java exception's class and message.
    pub(crate) fn ask(&self, mut request: Value) -> Result<Value, String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        request["id"] = json!(id);
        let (sender, answer) = channel();
        self.waiting.lock().unwrap().insert(id, sender);
        let line = format!("{request}\n");
        self.requests.lock().unwrap().write_all(line.as_bytes()).unwrap();
        let mut answer = answer.recv_timeout(ANSWER_WITHIN).map_err(|error| {
            format!("no answer ({error}) to {request}; see target/kafka/judge.log")
        })?;
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["ok"].take()),
        }
    }
}
