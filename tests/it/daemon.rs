//! The daemon as its users run it: the real binary in its own process, with a folder of files, ended with the tests.
//!
//! ```text
//! let host = Host::new("host-a", &cluster.bootstrap);
//! host.pipeline("copy.yaml", "version: 1\n..");
//! let mut daemon = host.run();
//! daemon.wait_for_line("assigned", SOON);
//! daemon.kill9();
//! assert_eq!(host.run().terminate(), Some(0));
//! ```

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

use crate::kafka::unique;
use crate::process;
use crate::wait::{self, eventually};

/// What SIGTERM may take at most: the daemon bounds its own draining well below.
const END_WITHIN: Duration = Duration::from_mins(1);
/// How much of the log a failing test shows.
const LINES_SHOWN: usize = 60;

/// Becomes the daemon; a shell left behind kills it when the pipe that the test process holds ends before a word came.
const GUARD: &str = r#"exec 3<&0
{ read -r word; [ "$word" = ended ] || kill -KILL $$; } <&3 3<&- >/dev/null 2>&1 &
exec "$@" </dev/null 3<&-"#;

/// A host as one daemon sees it: settings file, pipelines, schemas, state. It outlives the daemons that run on it.
pub(crate) struct Host {
    folder: TempDir,
}

impl Host {
    pub(crate) fn new(instance_id: &str, bootstrap: &str) -> Self {
        let host = Self { folder: TempDir::new().unwrap() };
        for folder in ["pipelines", "schemas", "state"] {
            fs::create_dir(host.path().join(folder)).unwrap();
        }
        let state = host.path().join("state");
        host.settings(&format!(
            "version: 1\ninstance_id: {instance_id}\npipelines: pipelines/\nstate: {}\n\
             clusters:\n  default:\n    bootstrap_servers: {bootstrap}\n",
            state.display()
        ));
        host
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces the settings file, in one step: a daemon would heed a half of it.
    pub(crate) fn settings(&self, text: &str) {
        let fresh = self.path().join("krouted.yaml.fresh");
        fs::write(&fresh, text).unwrap();
        fs::rename(fresh, self.path().join("krouted.yaml")).unwrap();
    }

    /// Writes a pipeline as a careful operator does: under another name, then renamed.
    pub(crate) fn pipeline(&self, file: &str, text: &str) {
        let fresh = self.path().join(format!("{file}.fresh"));
        fs::write(&fresh, text).unwrap();
        fs::rename(fresh, self.path().join("pipelines").join(file)).unwrap();
    }

    pub(crate) fn remove_pipeline(&self, file: &str) {
        fs::remove_file(self.path().join("pipelines").join(file)).unwrap();
    }

    pub(crate) fn run(&self) -> Daemon {
        self.run_with(&[], &[])
    }

    /// `krouted run` with further arguments and environment.
    pub(crate) fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Daemon {
        self.run_by(env!("CARGO_BIN_EXE_krouted"), arguments, environment)
    }

    /// By a build of krouted that may be another one.
    pub(crate) fn run_by(
        &self,
        binary: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Daemon {
        let mut command = Command::new(binary);
        command.arg("run").arg("--config").arg(self.path().join("krouted.yaml")).args(arguments);
        command.env("XDG_RUNTIME_DIR", self.path());
        command.envs(environment.iter().copied()).current_dir(self.path());
        Daemon::start(&command)
    }

    /// Another command of krouted on this host, such as `status`: its exit code, standard output and standard error.
    pub(crate) fn krouted(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_krouted"));
        command.args(arguments).arg("--config").arg(self.path().join("krouted.yaml"));
        let output = command.env("XDG_RUNTIME_DIR", self.path()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said {
            code: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// The daemon's status document.
    pub(crate) fn status(&self) -> Value {
        let said = self.krouted(&["status", "-o", "json"]);
        assert_eq!(said.code, 0, "{said:?}");
        serde_json::from_str(&said.out).unwrap()
    }

    /// One pipeline of it; null where there is none.
    pub(crate) fn status_of(&self, name: &str) -> Value {
        let status = self.status();
        let all = status["pipelines"].as_array().unwrap();
        all.iter().find(|p| p["name"] == name).cloned().unwrap_or_default()
    }

    /// Waits until a pipeline is in that state.
    pub(crate) fn wait_for_state(&self, name: &str, state: &str) {
        eventually(wait::SOON, &format!("{name} is {state}"), || {
            // The daemon may not be there yet.
            let is_there = self.krouted(&["status"]).code == 0;
            (is_there && self.status_of(name)["state"] == state).then_some(())
        });
    }
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A running daemon; dropping it kills it.
pub(crate) struct Daemon {
    child: Child,
    ended: Option<ExitStatus>,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    log: PathBuf,
}

impl Daemon {
    /// Starts any program under the guard: its arguments, folder and environment are taken from `command`.
    pub(crate) fn start(command: &Command) -> Self {
        let mut guarded = Command::new("sh");
        guarded.args(["-c", GUARD, "guard"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            value.map(|value| guarded.env(name, value));
        }
        if let Some(folder) = command.get_current_dir() {
            guarded.current_dir(folder);
        }
        // Its own group: Ctrl-C ends the tests, and the end of the pipe then ends the daemon.
        guarded.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = guarded.spawn().unwrap();
        let log =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(unique("daemon")).with_extension("log");
        fs::create_dir_all(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut file = File::create(&log).unwrap();
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let (said, kept) = (BufReader::new(child.stderr.take().unwrap()), Arc::clone(&lines));
        let reader = std::thread::spawn(move || {
            for line in said.split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                writeln!(file, "{line}").unwrap();
                kept.lock().unwrap().push(line);
            }
        });
        Self { child, ended: None, lines, reader: Some(reader), log }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that it said until now.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits for a line that the regular expression finds something in, among all since the start.
    pub(crate) fn wait_for_line(&mut self, pattern: &str, wait: Duration) -> String {
        self.wait_for_lines(pattern, 1, wait).remove(0)
    }

    /// Waits for at least `count` such lines, and gives all that are there.
    pub(crate) fn wait_for_lines(
        &mut self,
        pattern: &str,
        count: usize,
        wait: Duration,
    ) -> Vec<String> {
        let wanted = Regex::new(pattern).unwrap();
        let what = format!("{count} line(s) with `{pattern}` in {}", self.log.display());
        eventually(wait, &what, || {
            let ended = self.has_ended();
            let lines = self.lines();
            let found: Vec<_> = lines.into_iter().filter(|line| wanted.is_match(line)).collect();
            if found.len() >= count {
                return Some(found);
            }
            assert!(!ended, "the daemon ended ({:?}) before {what}:\n{}", self.ended, self.tail());
            None
        })
    }

    /// Fails with what it said, where it ended by itself.
    pub(crate) fn assert_runs(&mut self) {
        let ended = self.has_ended();
        assert!(!ended, "the daemon ended by itself ({:?}):\n{}", self.ended, self.tail());
    }

    fn tail(&self) -> String {
        let lines = self.lines();
        lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
    }

    /// Whether it ended, by itself or by us.
    pub(crate) fn has_ended(&mut self) -> bool {
        if self.ended.is_none() {
            // The word first: once it is waited for, its number may belong to another process.
            if process::is_alive(self.pid()) {
                return false;
            }
            self.dismiss_guard();
            self.ended = Some(self.child.wait().unwrap());
            // Nobody holds the pipe any more: what was said last is read.
            self.reader.take().unwrap().join().unwrap();
        }
        true
    }

    fn dismiss_guard(&mut self) {
        if let Some(mut pipe) = self.child.stdin.take() {
            // The guard may be gone already, with the whole group.
            pipe.write_all(b"ended\n").ok();
        }
    }

    /// Waits for its end and gives the exit code, or nothing where a signal ended it.
    pub(crate) fn wait_for_end(&mut self, wait: Duration) -> Option<i32> {
        eventually(wait, "the daemon ends", || self.has_ended().then_some(()));
        self.ended.unwrap().code()
    }

    /// SIGTERM, then its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        process::signal(self.pid(), "TERM");
        self.wait_for_end(END_WITHIN)
    }

    /// `kill -9`: what it was doing stays undone.
    pub(crate) fn kill9(&mut self) {
        self.assert_runs();
        process::signal(self.pid(), "KILL");
        self.wait_for_end(END_WITHIN);
        assert_eq!(self.ended.and_then(|status| status.signal()), Some(9));
    }

    /// SIGSTOP: it keeps its connections and does nothing until `cont`.
    pub(crate) fn stop(&self) {
        process::signal(self.pid(), "STOP");
    }

    pub(crate) fn cont(&self) {
        process::signal(self.pid(), "CONT");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if !self.has_ended() {
            // The end of the guard's pipe kills it, and takes no number of ours.
            drop(self.child.stdin.take());
            self.child.wait().ok();
        }
        if !std::thread::panicking() {
            fs::remove_file(&self.log).ok();
        }
    }
}

mod tests {
    use super::*;
    use crate::wait::SOON;

    fn stand_in(script: &str) -> Daemon {
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("GREETING", "good morning");
        Daemon::start(&command)
    }

    const PATIENT: &str =
        r#"trap "exit 3" TERM; echo "$GREETING" >&2; while :; do sleep 0.02; done"#;

    #[test]
    fn a_daemon_is_heard_and_terminated() {
        let mut daemon = stand_in(PATIENT);
        assert_eq!(daemon.wait_for_line("^good .*g$", SOON), "good morning");
        assert!(!daemon.has_ended());
        assert_eq!(daemon.terminate(), Some(3));
    }

    #[test]
    fn a_daemon_is_stopped_continued_and_killed() {
        let mut daemon = stand_in(PATIENT);
        daemon.wait_for_line("morning", SOON);
        daemon.stop();
        daemon.cont();
        daemon.kill9();
        assert!(daemon.has_ended());
    }

    #[test]
    fn a_daemon_that_ends_early_fails_the_wait_with_what_it_said() {
        let mut daemon = stand_in("echo last words >&2; exit 78");
        let wait = std::panic::AssertUnwindSafe(|| daemon.wait_for_line("never", SOON));
        let message = std::panic::catch_unwind(wait).unwrap_err().downcast::<String>().unwrap();
        assert!(message.contains("last words"), "{message}");
    }

    #[test]
    fn a_dropped_daemon_is_dead() {
        let mut daemon = stand_in(PATIENT);
        daemon.wait_for_line("morning", SOON);
        let pid = daemon.pid();
        drop(daemon);
        eventually(SOON, "it is gone", || (!process::is_alive(pid)).then_some(()));
    }
}
