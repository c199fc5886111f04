//! Reloads of real files, on work that does as it is told: no broker.

mod following;
mod paused;
mod settings_change;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::config::{Snapshot, settings};
use crate::kafka::Librdkafka;
use crate::model::InstanceId;
use crate::supervisor::plan::Kind;
use crate::supervisor::{Supervisor, Work};
use crate::watch::{Digest, Why};
use crate::worker::{Exit, Fault, FaultKind, Job, WorkerNews};

const TAKES: u8 = 0;
const REFUSES: u8 = 1;
const SILENT: u8 = 2;
/// Looks at a disk that hangs, some minutes of them: more than any test takes.
const HANGS_MAX: usize = 200_000;
/// Generous, and shorter than a swap that nobody takes is waited for.
const SOON: Duration = Duration::from_secs(25);
/// It takes nothing, whatever the others do.
const SLOW: &str = "slow";

/// A folder, and what a daemon on it keeps.
struct World {
    folder: TempDir,
    /// What workers do with an offer.
    answer: Arc<AtomicU8>,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    last_good: LastGood,
    unbuilt: BTreeSet<PipelineName>,
    history: Vec<Generation>,
    /// What can be built, however often it was asked for.
    buildable: LastGood,
    paused: BTreeSet<PipelineName>,
    /// All sets of paused ones that were written, and what was good last by then.
    written: Vec<(BTreeSet<PipelineName>, Vec<PipelineName>)>,
    disk: Disk,
}

/// What a write meets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Disk {
    #[default]
    Fine,
    Full,
    /// Only the pauses find no room.
    NoPauses,
    Hangs,
}

/// What is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Pauses,
    Other,
}

struct Remembering(Arc<Mutex<Kept>>);

impl Remembering {
    /// As the disk lets it.
    fn write(&self, what: What, write: impl FnOnce(&mut Kept)) -> Result<(), String> {
        for _ in 0..HANGS_MAX {
            let mut kept = self.0.lock().unwrap();
            match kept.disk {
                Disk::Fine => {
                    write(&mut kept);
                    return Ok(());
                }
                Disk::NoPauses if what == What::Other => {
                    write(&mut kept);
                    return Ok(());
                }
                Disk::Full | Disk::NoPauses => return Err("the disk is full".to_owned()),
                Disk::Hangs => {}
            }
            drop(kept);
            pause();
        }
        Err("it hangs".to_owned())
    }
}

impl Memory for Remembering {
    fn keep_last_good(
        &self,
        last_good: &LastGood,
        unbuilt: &BTreeSet<PipelineName>,
    ) -> Result<(), String> {
        self.write(What::Other, |kept| {
            kept.last_good.clone_from(last_good);
            kept.unbuilt.clone_from(unbuilt);
        })
    }

    fn keep_history(&self, history: &[Generation]) -> Result<(), String> {
        self.write(What::Other, |kept| kept.history = history.to_vec())
    }

    fn build(&self, _: &Settings) -> LastGood {
        self.0.lock().unwrap().buildable.clone()
    }

    fn keep_paused(&self, paused: &BTreeSet<PipelineName>) -> Result<(), String> {
        self.write(What::Pauses, |kept| {
            kept.paused.clone_from(paused);
            let good = kept.last_good.keys().cloned().collect();
            kept.written.push((paused.clone(), good));
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "a thread of a test has nothing else to do")]
fn pause_for(time: Duration) {
    std::thread::sleep(time);
}

fn pause() {
    pause_for(Duration::from_millis(1));
}

fn work(answer: &Arc<AtomicU8>) -> Work {
    let answer = Arc::clone(answer);
    Arc::new(move |job: &Job| {
        job.tell.say(WorkerNews::Ready);
        while !job.control.stop_requested() {
            pause();
            let answer = answer.load(Relaxed);
            if answer == SILENT || job.id.pipeline.as_str() == SLOW {
                continue;
            }
            let Some(edition) = job.control.take_offer() else { continue };
            if answer == TAKES {
                job.tell.say(WorkerNews::Taken(edition.clone()));
                job.rules.publish(&edition);
            } else {
                let fault = Fault::new(FaultKind::UnknownTopic, "no such topic");
                job.tell.say(WorkerNews::Refused(edition, fault));
            }
        }
        Exit::Drained
    })
}

fn name(text: &str) -> PipelineName {
    PipelineName::new(text).unwrap()
}

/// `name topic`, in the order of the names.
fn shown<'a>(all: impl Iterator<Item = &'a Arc<crate::pipeline::Pipeline>>) -> Vec<String> {
    all.map(|p| format!("{} {}", p.name, p.sinks[0].topic)).collect()
}

fn of_last_good(last_good: &LastGood) -> Vec<String> {
    shown(last_good.values().map(|good| &good.pipeline))
}

/// Of the first pipeline, as status says it.
async fn definition(reloads: &Reloads) -> String {
    let pipelines = reloads.supervisor.status().await.unwrap();
    let document = reloads.overview.document(&InstanceId::new("test").unwrap(), &pipelines, &[]);
    document["pipelines"][0]["definition"].as_str().unwrap().to_owned()
}

/// What status says that the disk does not know; empty where it knows all.
async fn unwritten(asker: &Asker) -> String {
    let document = asker.status(&InstanceId::new("test").unwrap()).await.unwrap();
    document["state_unwritten"].as_str().unwrap_or_default().to_owned()
}

async fn running(reloads: &Reloads) -> Vec<String> {
    shown(reloads.running().await.unwrap().pipelines.values())
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("pipelines")).unwrap();
        let world = Self { folder, answer: Arc::default(), kept: Arc::default() };
        world.settings("  default: {bootstrap_servers: 'one:9092'}", "");
        world
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn settings(&self, clusters: &str, more: &str) {
        let state = self.path("state");
        let text = format!(
            "version: 1\ninstance_id: test\nstate: {}\nclusters:\n{clusters}\n{more}\n",
            state.display()
        );
        std::fs::write(self.path("krouted.yaml"), text).unwrap();
    }

    fn file(&self, name: &str, topic: &str) {
        self.on_cluster(name, topic, "default");
    }

    fn on_cluster(&self, name: &str, topic: &str, cluster: &str) {
        self.text(
            name,
            &format!(
                "version: 1\nname: {name}\ncluster: {cluster}\ndelivery: at_most_once\n\
                 source: {{topics: [in], start: latest}}\nsinks: {{out: {{kafka: {{topic: {topic}}}}}}}\n"
            ),
        );
    }

    fn text(&self, name: &str, text: &str) {
        std::fs::write(self.path(&format!("pipelines/{name}.yaml")), text).unwrap();
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.path(&format!("pipelines/{name}.yaml"))).unwrap();
    }

    /// What a watch would see.
    async fn seen(&self, reloads: &Reloads, why: Why) -> Seen {
        let snapshot = Snapshot::read(&self.path("pipelines")).unwrap();
        let beside = reloads.beside_now().await.unwrap();
        let text = format!("{snapshot:?} {beside:?}");
        Seen {
            snapshot,
            beside,
            digest: Digest::of(text.as_bytes()),
            revision: None,
            why,
            answers: vec![],
        }
    }

    async fn look(&self, reloads: &mut Reloads, why: Why, removals: Removals) -> Reloaded {
        let seen = self.seen(reloads, why).await;
        reloads.reload(Cause::from(why), seen, removals).await.unwrap()
    }

    async fn start(&self, reloads: &mut Reloads) -> Reloaded {
        self.look(reloads, Why::First, Removals::Refused).await
    }

    async fn change(&self, reloads: &mut Reloads) -> Reloaded {
        self.look(reloads, Why::Event, Removals::Refused).await
    }

    fn last_good(&self) -> LastGood {
        self.kept.lock().unwrap().last_good.clone()
    }

    fn kept(&self) -> Vec<String> {
        of_last_good(&self.last_good())
    }

    fn unbuilt(&self) -> Vec<String> {
        self.kept.lock().unwrap().unbuilt.iter().map(ToString::to_string).collect()
    }

    fn outcomes(&self) -> Vec<&'static str> {
        self.kept.lock().unwrap().history.iter().map(|g| g.outcome.as_str()).collect()
    }

    /// One run of a daemon that remembers what the last one kept.
    fn run(&self, unbuilt: &[&str], test: impl AsyncFnOnce(&mut Reloads)) {
        self.daemon(unbuilt, work(&self.answer), async |mut reloads, _, _| {
            test(&mut reloads).await;
        });
    }

    /// The same with those who ask.
    fn daemon(&self, unbuilt: &[&str], work: Work, test: impl AsyncFnOnce(Reloads, Asker, Handle)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let instance = InstanceId::new("test").unwrap();
        let environment = Environment::Known(BTreeMap::new());
        let file = self.path("krouted.yaml");
        let settings = settings::load(Some(Path::new(&file)), &environment, &Librdkafka).unwrap();
        let path = |name: &&str| self.path(&format!("pipelines/{name}.yaml")).display().to_string();
        let beginning = Beginning {
            reading: Reading { settings_file: Some(file), folder: None, environment },
            clusters: Clusters::new(settings.settings.clusters.clone()),
            settings: settings.settings,
            last_good: self.last_good(),
            unbuilt: unbuilt.iter().map(|n| (name(n), path(n))).collect(),
            history: self.kept.lock().unwrap().history.clone(),
            damage: vec![],
            pokes: mpsc::channel(4).1,
            events: Events::Native,
            timing: Timing::default(),
            memory: Arc::new(Remembering(Arc::clone(&self.kept))),
            observe: Box::new(|_| {}),
        };
        runtime.block_on(async {
            let paused = self.kept.lock().unwrap().paused.clone();
            let (supervisor, handle) = Supervisor::new(&instance, paused, work, Box::new(|| {}));
            let (reloads, asker) = Reloads::new(beginning, handle.clone());
            let (end, ended) = oneshot::channel();
            let supervised = supervisor.run(async {
                ended.await.ok();
            });
            let tested = async {
                test(reloads, asker, handle).await;
                end.send(()).ok();
            };
            let (left, ()) = tokio::join!(supervised, tested);
            assert!(left.is_empty());
        });
    }
}

const BROKEN: &str = "version: 1\nname: a\n";

fn outcome(reloaded: &Reloaded) -> &'static str {
    reloaded.generation.outcome.as_str()
}

/// `name kind` of what is not unchanged.
fn changes(reloaded: &Reloaded) -> Vec<String> {
    let plan = reloaded.plan.as_ref().unwrap();
    let all = plan.changes.iter().filter(|c| c.kind != Kind::Unchanged);
    all.map(|c| format!("{} {}", c.name, c.kind.as_str())).collect()
}

#[test]
fn what_a_retry_applied_is_what_was_good_last() {
    let world = World::new();
    world.run(&[], async |reloads| {
        world.file("a", "one");
        assert_eq!(outcome(&world.start(reloads).await), "applied");
        world.answer.store(REFUSES, Relaxed);
        world.file("a", "two");
        assert_eq!(outcome(&world.change(reloads).await), "refused");
        assert_eq!(
            (world.kept(), running(reloads).await),
            (vec!["a one".into()], vec!["a one".into()])
        );
        // Nothing has changed.
        reloads.try_again().await.unwrap();
        assert_eq!(world.kept(), ["a one"]);
        world.answer.store(TAKES, Relaxed);
        reloads.try_again().await.unwrap();
        assert_eq!(world.kept(), ["a two"]);
        assert_eq!(world.outcomes(), ["applied", "refused", "applied"]);

        world.text("a", BROKEN);
        let broken = world.change(reloads).await;
        assert_eq!((outcome(&broken), changes(&broken)), ("rejected", vec![]));
        assert_eq!(
            (world.kept(), running(reloads).await),
            (vec!["a two".into()], vec!["a two".into()])
        );
    });
}

#[test]
fn what_no_worker_has_taken_is_not_good_yet_and_is_tried_again() {
    let world = World::new();
    world.run(&[], async |reloads| {
        world.file("a", "one");
        world.start(reloads).await;
        world.answer.store(SILENT, Relaxed);
        world.file("a", "two");
        // Everything but the clock waits for the worker.
        tokio::time::pause();
        let open = world.change(reloads).await;
        tokio::time::resume();
        assert_eq!((outcome(&open), &open.open), ("open", &vec![name("a")]));
        assert_eq!(world.kept(), ["a one"]);
        assert_eq!(definition(reloads).await, "last_good");
        world.answer.store(TAKES, Relaxed);
        reloads.try_again().await.unwrap();
        assert_eq!(definition(reloads).await, "current");
        assert_eq!(
            (world.kept(), running(reloads).await),
            (vec!["a two".into()], vec!["a two".into()])
        );
        assert_eq!(world.outcomes(), ["applied", "open", "applied"]);
    });
}

#[test]
fn a_start_that_lacks_most_of_what_was_good_last_is_held_and_runs_that() {
    let world = World::new();
    let names = ["a", "b", "c", "d"];
    world.run(&[], async |reloads| {
        for name in names {
            world.file(name, "out");
        }
        assert_eq!(outcome(&world.start(reloads).await), "applied");
    });
    let all = ["a out", "b out", "c out", "d out"];
    assert_eq!(world.kept(), all);
    for name in &names[1..] {
        world.remove(name);
    }
    for _ in 0..2 {
        world.run(&[], async |reloads| {
            let held = world.start(reloads).await;
            assert_eq!(held.generation.outcome, Outcome::Held { removed: 3, running: 4 });
            assert_eq!(running(reloads).await, all);
        });
        assert_eq!(world.kept(), all);
    }
    world.remove("a");
    world.run(&[], async |reloads| {
        let held = world.start(reloads).await;
        assert_eq!(held.generation.outcome, Outcome::Held { removed: 4, running: 4 });
        assert_eq!(running(reloads).await, all);
        let allowed = world.look(reloads, Why::Asked, Removals::Allowed).await;
        assert_eq!(outcome(&allowed), "applied");
        assert!(running(reloads).await.is_empty());
    });
    assert!(world.kept().is_empty());
    // Where nothing was ever good, nothing is missed.
    world.run(&[], async |reloads| {
        assert_eq!(outcome(&world.start(reloads).await), "unchanged");
    });
}

#[test]
fn what_cannot_be_built_now_stays_remembered_until_it_is_removed_on_purpose() {
    let world = World::new();
    world.run(&[], async |reloads| {
        world.file("a", "one");
        world.start(reloads).await;
    });
    let was = world.last_good();
    world.kept.lock().unwrap().last_good.clear();
    world.text("a", BROKEN);
    world.run(&["a"], async |reloads| {
        assert_eq!(outcome(&world.start(reloads).await), "rejected");
        assert_eq!((world.kept(), world.unbuilt()), (vec![], vec!["a".to_owned()]));
        // The settings allow it again, and the file is still broken.
        world.kept.lock().unwrap().buildable = was;
        assert_eq!(changes(&world.change(reloads).await), ["a start"]);
        assert_eq!((world.kept(), world.unbuilt()), (vec!["a one".to_owned()], vec![]));
    });
    world.kept.lock().unwrap().buildable.clear();
    world.kept.lock().unwrap().last_good.clear();
    world.remove("a");
    world.run(&["a"], async |reloads| {
        for held in [world.start(reloads).await, world.change(reloads).await] {
            assert_eq!(held.generation.outcome, Outcome::Held { removed: 1, running: 1 });
            assert_eq!(world.unbuilt(), ["a"]);
        }
        world.look(reloads, Why::Asked, Removals::Allowed).await;
        assert!(world.unbuilt().is_empty());
    });
}
