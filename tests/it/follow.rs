//! The daemon on a real folder that is changed as the world changes it. After each change, what its workers go by is exactly
//! what the files say.
//!
//! ```text
//!   script ──▶ files ──▶ watch, check, plan, supervisor ──▶ workers ──▶ Board ─┐
//!                └──────────▶ read line by line, by the test ──────────────────┴─▶ the same
//! ```
//!
//! All of it is the daemon's own, but for what a worker does: it has no broker, so it runs its compiled program on one record
//! and writes on the board what became of that. The tick is off but in one test, so that only what was heard counts.

mod connections;
mod places;
mod repository;
mod writers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use krouted::config::{Environment, Settings, settings};
use krouted::kafka::Librdkafka;
use krouted::model::{InstanceId, NoHeaders, PipelineName, Record};
use krouted::program::{HeaderEdit, Outcome};
use krouted::supervisor::plan::Removals;
use krouted::supervisor::reload::{
    Asker, Beginning, Clusters, Generation, Memory, Reading, Reloaded, Reloads,
};
use krouted::supervisor::wanted::LastGood;
use krouted::supervisor::{Supervisor, Work};
use krouted::watch::{Events, Poke, Timing};
use krouted::worker::{Edition, Exit, Job, WorkerNews};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use crate::wait::{SOON, eventually};
use crate::watch::{NO_TICK, says};

/// What every script may write: `p NAME RULES` is a pipeline's file.
const PRELUDE: &str = r#"p() { cat <<END
version: 1
name: $1
delivery: at_most_once
source: {topics: [in], start: latest}
steps:
  - set: {headers.rules: '"$2"'}
sinks:
  out: {kafka: {topic: out-$2}}
END
}
"#;

fn sh(folder: &Path, script: &str) {
    crate::watch::sh(folder, &format!("{PRELUDE}{script}"));
}

/// A folder for a test, and in it what the script makes.
fn place(script: &str) -> TempDir {
    crate::watch::place(&format!("{PRELUDE}{script}"))
}

/// What runs, or shall: by worker, as `name/0`, the rules that a record meets and where it goes.
type Runs = BTreeMap<String, String>;

fn shown(rules: &str, topic: &str) -> String {
    format!("{rules} to {topic}")
}

/// What the files say, as somebody reads them who knows nothing of YAML.
fn told(folder: &Path) -> Runs {
    let between = |text: &str, before: &str, after: &str| {
        let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
        rest.split_once(after).unwrap().0.to_owned()
    };
    let mut runs = Runs::new();
    for text in says(folder).values() {
        let (name, rules) = (between(text, "name: ", "\n"), between(text, "'\"", "\"'"));
        let topic = between(text, "topic: ", "}");
        let workers = text.split_once("workers: ").map_or("1", |(_, rest)| rest.trim());
        for number in 0..workers.parse::<u16>().unwrap() {
            let before = runs.insert(format!("{name}/{number}"), shown(&rules, &topic));
            assert_eq!(before, None, "the script says {name} twice");
        }
    }
    runs
}

/// Where each worker writes what it goes by.
#[derive(Default)]
struct Board {
    runs: Mutex<Runs>,
    /// How often each of them began.
    begun: Mutex<BTreeMap<String, usize>>,
    /// Workers that began while another of their name had not ended.
    doubled: Mutex<Vec<String>>,
}

impl Board {
    fn now(&self) -> Runs {
        self.runs.lock().unwrap().clone()
    }

    fn work(this: &Arc<Self>) -> Work {
        let board = Arc::clone(this);
        Arc::new(move |job: &Job| {
            let worker = format!("{}/{}", job.id.pipeline, job.id.number);
            let before = board.runs.lock().unwrap().insert(worker.clone(), met(&job.edition));
            *board.begun.lock().unwrap().entry(worker.clone()).or_default() += 1;
            if before.is_some() {
                board.doubled.lock().unwrap().push(worker.clone());
            }
            job.tell.say(WorkerNews::Ready);
            while !job.control.stop_requested() {
                if let Some(edition) = job.control.take_offer() {
                    job.tell.say(WorkerNews::Taken(edition.clone()));
                    job.rules.publish(&edition);
                    board.runs.lock().unwrap().insert(worker.clone(), met(&edition));
                }
                pause();
            }
            board.runs.lock().unwrap().remove(&worker);
            Exit::Drained
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "a worker that has nothing to read")]
fn pause() {
    std::thread::sleep(Duration::from_millis(2));
}

/// What becomes of a record under an edition.
fn met(edition: &Edition) -> String {
    let mut state = edition.program.state();
    let (key, value) = (None, Some(&b"{}"[..]));
    let (partition, offset, timestamp) = (0, 0, None);
    let record =
        Record { topic: "in", partition, offset, timestamp, key, value, headers: &NoHeaders };
    let outcome = edition.program.run(&mut state, &record);
    assert_eq!(outcome, Outcome::Send);
    let header = state.headers().iter().find_map(|edit| match edit {
        HeaderEdit::Set(name, value) if name == c"rules" => value.map(<[u8]>::to_vec),
        HeaderEdit::Set(..) | HeaderEdit::Remove(_) => None,
    });
    let rules = String::from_utf8(header.unwrap()).unwrap();
    let [output] = state.outputs() else { panic!("{:?}", state.outputs()) };
    shown(&rules, edition.pipeline.sinks[output.sink].topic.as_str())
}

/// What outlives a daemon is another test's matter.
struct Forgets;

impl Memory for Forgets {
    fn keep_last_good(&self, _: &LastGood, _: &BTreeSet<PipelineName>) -> Result<(), String> {
        Ok(())
    }

    fn keep_history(&self, _: &[Generation]) -> Result<(), String> {
        Ok(())
    }

    fn keep_paused(&self, _: &BTreeSet<PipelineName>) -> Result<(), String> {
        Ok(())
    }

    fn build(&self, _: &Settings) -> LastGood {
        LastGood::new()
    }
}

/// A daemon without a broker, in a thread of its own.
struct Follower {
    folder: PathBuf,
    board: Arc<Board>,
    asker: Asker,
    /// Of those who ask.
    runtime: Runtime,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// As SIGHUP is told.
    pokes: mpsc::Sender<Poke>,
    /// Of its settings file, and of what that names.
    home: TempDir,
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

impl Follower {
    /// Follows by events alone, and runs what is there now.
    fn begin(folder: &Path) -> Self {
        Self::with(folder, Events::Native, NO_TICK)
    }

    fn with(folder: &Path, events: Events, timing: Timing) -> Self {
        let settings = "echo 'version: 1\ninstance_id: test\nstate: state/' > krouted.yaml";
        Self::at(folder, events, timing, crate::watch::place(settings))
    }

    /// The same with a settings file in a home of its own.
    fn at(folder: &Path, events: Events, timing: Timing, home: TempDir) -> Self {
        let (folder, board) = (folder.to_owned(), Arc::<Board>::default());
        let file = home.path().join("krouted.yaml");
        let (pokes, hangups) = mpsc::channel(1);
        let environment = Environment::Known(BTreeMap::new());
        let settings = settings::load(Some(&file), &environment, &Librdkafka).unwrap().settings;
        let (instance, work) = (InstanceId::new("test").unwrap(), Board::work(&board));
        let (supervisor, handle) =
            Supervisor::new(&instance, BTreeSet::new(), work, Box::new(|| {}));
        let beginning = Beginning {
            reading: Reading {
                settings_file: Some(file),
                folder: Some(folder.clone()),
                environment,
            },
            clusters: Clusters::new(settings.clusters.clone()),
            settings,
            last_good: LastGood::new(),
            unbuilt: BTreeMap::new(),
            history: vec![],
            damage: vec![],
            pokes: hangups,
            events,
            timing,
            memory: Arc::new(Forgets),
            observe: Box::new(|_| {}),
        };
        let (end, ended) = oneshot::channel::<()>();
        let (give, given) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            runtime().block_on(async {
                let (reloads, asker) = Reloads::new(beginning, handle);
                give.send(asker).unwrap();
                let supervised = supervisor.run(async { drop(ended.await) });
                tokio::pin!(supervised);
                // What follows ends with the supervisor, as in the daemon.
                let left = tokio::select! {
                    left = &mut supervised => left,
                    () = reloads.run() => supervised.await,
                };
                assert!(left.is_empty(), "{left:?}");
            });
        });
        let asker = given.recv_timeout(SOON).unwrap();
        let follower = Self {
            folder,
            board,
            asker,
            runtime: runtime(),
            end: Some(end),
            thread: Some(thread),
            pokes,
            home,
        };
        follower.runs_as_the_folder_says("at the beginning");
        follower
    }

    /// Waits for a future of the daemon.
    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { tokio::time::timeout(SOON, future).await.unwrap() })
    }

    /// By itself: nobody asks it to look.
    fn runs(&self, expected: &Runs, what: &str) {
        eventually(SOON, &format!("{what}: {expected:?}"), || {
            (self.board.now() == *expected).then_some(())
        });
        assert_eq!(*self.board.doubled.lock().unwrap(), Vec::<String>::new(), "{what}");
    }

    /// How often each worker has begun.
    fn begun(&self) -> BTreeMap<String, usize> {
        self.board.begun.lock().unwrap().clone()
    }

    fn runs_as_the_folder_says(&self, what: &str) {
        self.runs(&told(&self.folder), what);
    }

    /// Has it look, and waits for what comes of that.
    fn look(&self) -> Reloaded {
        self.wait(self.asker.reload(Removals::Refused)).unwrap()
    }

    /// A look finds nothing left to do, and changes nothing.
    fn is_at_rest(&self, what: &str) {
        let reloaded = self.look();
        assert_eq!(reloaded.generation.outcome.as_str(), "unchanged", "{what}: {reloaded:?}");
        self.runs_as_the_folder_says(what);
    }

    fn status(&self) -> Value {
        self.wait(self.asker.status(&InstanceId::new("test").unwrap())).unwrap()
    }

    /// Waits until the last reading came out so.
    fn says(&self, outcome: &str) -> Value {
        eventually(SOON, &format!("the folder is {outcome}"), || {
            let status = self.status();
            (status["generation"]["outcome"]["outcome"] == outcome).then_some(status)
        })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        drop(self.end.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended.unwrap().unwrap();
            assert_eq!(self.board.now(), Runs::new(), "all have ended");
        }
    }
}

/// Makes a place, follows the folder in it, and after each script runs what the files say.
fn follows(folder: &str, begin: &str, scripts: &[&str]) {
    let place = place(begin);
    let follower = Follower::begin(&place.path().join(folder));
    for script in scripts {
        sh(place.path(), script);
        follower.runs_as_the_folder_says(script);
    }
    follower.is_at_rest("in the end");
}
