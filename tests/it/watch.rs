//! What is of the watch alone: what it answers, what it does not say, what counts, how it waits for git. That the daemon runs
//! what folders say, however they are changed, is in `follow`.

pub(crate) mod git;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use krouted::watch::{Digest, Events, Folders, Names, Poke, Sight, Timing, Watch};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};

use super::wait::{SOON, eventually};

/// By the path below the folder.
type Files = BTreeMap<String, String>;

/// A watch at work in a thread of its own.
struct Watched {
    folder: PathBuf,
    sights: Arc<Mutex<Vec<Sight>>>,
    pokes: mpsc::Sender<Poke>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What a folder says is seen by its events alone, and a git is waited for until it is done.
pub(crate) const NO_TICK: Timing = Timing {
    tick: Duration::from_hours(1),
    quiet: Duration::from_millis(200),
    quiet_max: Duration::from_secs(5),
    lock_max: Duration::from_hours(1),
};

fn folders(pipelines: &Path) -> Folders {
    Folders {
        pipelines: pipelines.to_owned(),
        schemas: None,
        settings: None,
        files: vec![],
        names: Names::default(),
        events: Events::Native,
    }
}

impl Watched {
    /// Watches by events alone, and has seen what is there now.
    fn begin(folder: &Path) -> Self {
        let watched = Self::with(folders(folder), NO_TICK);
        watched.is_as_the_folder_says("at the beginning");
        watched
    }

    fn with(folders: Folders, timing: Timing) -> Self {
        let (pokes, receiver) = mpsc::channel(8);
        let (stop, mut stopped) = oneshot::channel();
        let sights = Arc::new(Mutex::new(Vec::new()));
        let (folder, seen) = (folders.pipelines.clone(), Arc::clone(&sights));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let mut watch = Watch::new(folders, timing, receiver);
                loop {
                    tokio::select! {
                        sight = watch.next() => seen.lock().unwrap().push(sight),
                        _ = &mut stopped => return,
                    }
                }
            });
        });
        Self { folder, sights, pokes, stop: Some(stop), thread: Some(thread) }
    }

    /// What was seen last; nothing where the folder could not be read.
    fn last(&self) -> Option<Files> {
        let sights = self.sights.lock().unwrap();
        let seen = sights.last()?.as_ref().ok()?;
        let file = |f: &krouted::config::SnapshotFile| {
            let below = Path::new(&f.path).strip_prefix(&self.folder).unwrap();
            let text = String::from_utf8(f.content.clone().unwrap()).unwrap();
            (below.to_str().unwrap().to_owned(), text)
        };
        Some(seen.snapshot.files.iter().map(file).collect())
    }

    fn is_as_the_folder_says(&self, what: &str) {
        let says = says(&self.folder);
        eventually(SOON, what, || (self.last().as_ref() == Some(&says)).then_some(()));
    }

    fn count(&self) -> usize {
        self.sights.lock().unwrap().len()
    }

    fn revision(&self) -> Option<String> {
        self.sights.lock().unwrap().last().unwrap().as_ref().unwrap().revision.clone()
    }

    /// Asks for a look and waits for its answer.
    fn ask(&self, number: u64) -> Sight {
        self.pokes.try_send(Poke::Asked(number)).unwrap();
        eventually(SOON, "an answer", || {
            let sights = self.sights.lock().unwrap();
            let answers = |sight: &&Sight| match sight {
                Ok(seen) => seen.answers.contains(&number),
                Err(unreadable) => unreadable.answers.contains(&number),
            };
            sights.iter().find(answers).cloned()
        })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}

/// What the folder holds, read in the plainest way; other files than `.yaml` and hidden ones do not count.
pub(crate) fn says(folder: &Path) -> Files {
    let mut files = Files::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            let below =
                says(&path).into_iter().map(|(file, text)| (format!("{name}/{file}"), text));
            files.extend(below);
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            files.insert(name, std::fs::read_to_string(path).unwrap());
        }
    }
    files
}

/// Runs a script in a folder, as the tools of the world do it.
pub(crate) fn sh(folder: &Path, script: &str) {
    let output = Command::new("sh").args(["-ec", script]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A folder for a test, and in it what the script makes.
pub(crate) fn place(script: &str) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    sh(place.path(), script);
    place
}

#[test]
fn a_request_is_answered_though_nothing_changed() {
    let place = place("mkdir p; echo a > p/a.yaml");
    let watched = Watched::begin(&place.path().join("p"));
    let (first, second) = (watched.ask(1).unwrap(), watched.ask(2).unwrap());
    assert_eq!(first.digest, second.digest);
    assert_eq!(watched.count(), 3);
    sh(place.path(), "rm -r p");
    let reason = watched.ask(3).unwrap_err().reason;
    assert!(reason.contains("cannot read") && reason.contains("No such file"), "{reason}");
}

#[test]
fn what_means_nothing_is_no_news() {
    let place = place("mkdir p; echo a > p/a.yaml");
    let watched = Watched::begin(&place.path().join("p"));
    sh(
        place.path(),
        "cd p; touch a.yaml; chmod 600 a.yaml; echo b > .a.yaml.swp; echo b > a.yaml~; echo b > '#a.yaml#'; \
         echo b > .hidden.yaml; echo b > a.txt; mkdir .git; echo b > .git/b.yaml; echo b > ../b.yaml",
    );
    // The answer comes after all that was heard before it.
    let answer = watched.ask(1).unwrap();
    assert_eq!(answer.snapshot.files.len(), 1);
    assert_eq!(watched.count(), 2, "{:?}", watched.sights);
}

#[test]
fn schemas_settings_and_other_files_count() {
    let place = place(
        "mkdir p s; echo a > p/a.yaml; echo '{}' > s/a.json; echo x > ca.pem; echo y > p/krouted.yaml",
    );
    let at = |name: &str| place.path().join(name);
    let folders = Folders {
        schemas: Some(at("s")),
        settings: Some(at("p/krouted.yaml")),
        files: vec![at("ca.pem")],
        ..folders(&at("p"))
    };
    let watched = Watched::with(folders, NO_TICK);
    let seen =
        eventually(SOON, "the first look", || watched.sights.lock().unwrap().first().cloned());
    let mut digest = seen.unwrap().digest;
    for script in [
        "echo '[]' > s/a.json",
        "echo z > ca.pem",
        "echo z > p/krouted.yaml",
        "rm ca.pem",
        "rm -r s",
    ] {
        sh(place.path(), script);
        digest = eventually(SOON, script, || {
            let sights = watched.sights.lock().unwrap();
            let seen = sights.last().unwrap().as_ref().unwrap();
            assert_eq!(seen.snapshot.files.len(), 1, "the settings are no pipeline");
            (seen.digest != digest).then_some(seen.digest)
        });
    }
}

#[test]
fn one_content_has_one_digest_wherever_it_lies() {
    let place = place("mkdir p q; echo a > p/a.yaml; cp p/a.yaml q; mkdir r; echo a > r/b.yaml");
    let digest = |name: &str| Watched::begin(&place.path().join(name)).ask(1).unwrap().digest;
    assert_eq!(digest("p"), digest("q"));
    assert_ne!(digest("p"), digest("r"));
}

/// The lines of a settings file are paths here.
fn lines() -> Names {
    Names::new(|file| {
        let text = String::from_utf8(file.content.clone().unwrap_or_default()).unwrap();
        text.lines().map(PathBuf::from).collect()
    })
}

#[test]
fn what_the_settings_name_newly_is_in_the_same_sight_and_listened_to() {
    let place =
        place("mkdir p; echo a > p/a.yaml; echo one > one; echo two > two; echo $PWD/one > s");
    let at = |name: &str| place.path().join(name);
    let folders = Folders { settings: Some(at("s")), names: lines(), ..folders(&at("p")) };
    let watched = Watched::with(folders, NO_TICK);
    let sees = |what: &str, name: &str, text: &str| {
        let expected = [(at(name), Ok(Digest::of(text.as_bytes())))].into();
        eventually(SOON, what, || {
            let sights = watched.sights.lock().unwrap();
            (sights.last()?.as_ref().unwrap().beside.files == expected).then_some(())
        });
    };
    sees("at first", "one", "one\n");
    let before = watched.count();
    sh(place.path(), "echo $PWD/two > s");
    sees("another name", "two", "two\n");
    assert_eq!(watched.count(), before + 1, "one sight for both: {:?}", watched.sights);
    sh(place.path(), "echo more > two");
    sees("another content", "two", "more\n");
}

/// A file that is written while it is looked at, and nobody hears it: it changes with each look until the sixth.
#[test]
fn what_nobody_listened_to_counts_when_it_is_there_a_second_time() {
    let place = place("mkdir p; echo a > p/a.yaml; echo none > s; touch n");
    let at = |name: &str| place.path().join(name);
    let (number, looks) = (at("n"), Arc::new(Mutex::new(0)));
    let names = Names::new(move |file| {
        if file.content.as_deref() == Ok(b"none\n") {
            return vec![];
        }
        let mut looks = looks.lock().unwrap();
        *looks = 6.min(*looks + 1);
        std::fs::write(&number, looks.to_string()).unwrap();
        vec![number.clone()]
    });
    let folders =
        Folders { settings: Some(at("s")), names, events: Events::None, ..folders(&at("p")) };
    let patient = Timing { quiet_max: NO_TICK.tick, ..NO_TICK };
    let watched = Watched::with(folders, patient);
    watched.is_as_the_folder_says("at the beginning");
    sh(place.path(), "echo some > s");
    let answer = watched.ask(1).unwrap();
    assert_eq!(answer.beside.files[&at("n")], Ok(Digest::of(b"6")));
    assert_eq!(watched.count(), 2, "{:?}", watched.sights);
}

#[test]
fn what_never_rests_is_not_waited_for_for_ever() {
    let place = place("mkdir p; echo a > p/a.yaml; echo none > s; touch n");
    let at = |name: &str| place.path().join(name);
    let (number, looks) = (at("n"), Mutex::new(0));
    let names = Names::new(move |_| {
        let mut looks = looks.lock().unwrap();
        *looks += 1;
        std::fs::write(&number, looks.to_string()).unwrap();
        vec![number.clone()]
    });
    let folders =
        Folders { settings: Some(at("s")), names, events: Events::None, ..folders(&at("p")) };
    let quick = Duration::from_millis(20);
    let timing = Timing { tick: quick, quiet: quick, quiet_max: 10 * quick, ..NO_TICK };
    let watched = Watched::with(folders, timing);
    eventually(SOON, "it is looked at again and again", || (watched.count() > 2).then_some(()));
}
