//! What outlives the process: last good definitions, paused pipelines, the history of generations.
//!
//! One file each in the state folder, of this instance alone, as `host-a.last-good.json`: JSON with a version and a checksum.
//! A write is atomic: a temporary file, synced, renamed, and the folder synced; what a crash leaves is the old file or the
//! new one. A file that cannot be understood is moved aside and reported, and counts as empty: it never stops a start.
//!
//! Only the pauses would do harm if they were forgotten, since what an operator has stopped on purpose would read again: they are
//! kept in two files, of which one is enough. One alone would not be: an atomic write is no help against what a disk does to it
//! later. Each has a number that grows with every write. A write goes to the first, then to the copy, and is done when both are
//! there; so the first is never behind, and the copy is so only where a write was not done. A load takes the newer one, and
//! writes both anew unless they say the same.

mod file;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::{
    self, Checked, ClientProperties, Environment, SchemaFiles, Settings, Severity, Snapshot,
    SnapshotFile,
};
use crate::model::{InstanceId, PipelineName};
use crate::pipeline::{PayloadSchema, Pipeline, Step};
use crate::supervisor::reload::Generation;
use crate::supervisor::wanted::{Good, LastGood};
use crate::watch::Digest;

/// So many generations are remembered.
pub const GENERATIONS_MAX: usize = 20;

/// The state folder of one instance.
#[derive(Clone, Debug)]
pub struct StateFolder {
    folder: PathBuf,
    instance: InstanceId,
    /// What was in the way when it was opened, and is moved aside.
    moved: Vec<Damage>,
}

/// All that was remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// By name.
    pub last_good: BTreeMap<PipelineName, Text>,
    /// Those that an operator has paused.
    pub paused: BTreeSet<PipelineName>,
    /// The oldest first.
    pub generations: Vec<Generation>,
    /// What could not be understood and counts as empty, and what was in the way.
    pub damage: Vec<Damage>,
}

/// The file that a last good definition was read from, and its schemas: with them, it can be built again. Secrets are
/// references in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// As findings showed it.
    pub path: String,
    /// The whole file.
    pub text: String,
    /// The schemas that its `validate` steps need, by their paths below the schemas folder.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub schemas: BTreeMap<String, Value>,
}

/// A state file that could not be understood, or what was in the way of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// Where it is now; absent: it could not be moved, and stays until it is written anew.
    pub moved_to: Option<PathBuf>,
    /// A lower-case fragment.
    pub why: String,
    /// What is forgotten by that.
    pub forgotten: Forgotten,
}

/// What is forgotten when a state file is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// What was in it.
    Content,
    /// Which pipelines an operator has paused: neither file says so any more.
    Pauses,
    /// Perhaps the last pause or resume, if its write was not done: the copy counts.
    LastPause,
    /// Nothing: another file, which is not older, counts.
    Nothing,
    /// Nothing: no state file is damaged, something else was in the way of one.
    NothingOfOurs,
}

impl fmt::Display for Damage {
    /// What happened and what it means, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meaning = match self.forgotten {
            Forgotten::Content => "a state file is damaged and counts as empty",
            Forgotten::Pauses => {
                "a state file is damaged and counts as empty: all pipelines that were paused by hand read again; `krouted pause` them where they must not"
            }
            Forgotten::LastPause => {
                "a state file is damaged, and its copy counts, which may be older: look whether what was paused or resumed last still is"
            }
            Forgotten::Nothing => {
                "a state file is damaged, and nothing is forgotten: another one says the same"
            }
            Forgotten::NothingOfOurs => {
                "something was in the way of a state file and is moved aside; nothing is forgotten"
            }
        };
        write!(f, "{meaning} ({}: {}", self.path.display(), self.why)?;
        match &self.moved_to {
            Some(place) => write!(f, "; it lies at {})", place.display()),
            None => write!(f, ")"),
        }
    }
}

/// Who is paused, as a file says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Paused {
    /// The higher, the newer.
    sequence: u64,
    paused: Vec<String>,
}

/// As it is, or as it was written before it had a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum PausedFile {
    Numbered { sequence: u64, paused: Vec<String> },
    Bare(Vec<String>),
}

impl From<PausedFile> for Paused {
    fn from(file: PausedFile) -> Self {
        match file {
            PausedFile::Numbered { sequence, paused } => Self { sequence, paused },
            PausedFile::Bare(paused) => Self { sequence: 0, paused },
        }
    }
}

const LAST_GOOD: &str = "last-good";
const PAUSED: &str = "paused";
/// The same again, written after it.
const PAUSED_COPY: &str = "paused-copy";
const GENERATIONS: &str = "generations";

impl StateFolder {
    /// Makes the folder where it is missing, and removes what a crash left half written. What else is in the way is moved aside;
    /// a load reports it.
    pub fn open(folder: &Path, instance: &InstanceId) -> io::Result<Self> {
        make_folder(folder)?;
        let (folder, instance) = (folder.to_owned(), instance.clone());
        let mut state = Self { folder, instance, moved: Vec::new() };
        for what in [LAST_GOOD, PAUSED, PAUSED_COPY, GENERATIONS] {
            state.moved.extend(file::remove_temporary(&state.path(what)));
        }
        Ok(state)
    }

    /// Reads all that is remembered, and writes the pauses anew where their two files do not say the same. Never fails: what is
    /// damaged is reported, and empty.
    pub fn load(&self) -> Remembered {
        let mut damage = self.moved.clone();
        let last_good: BTreeMap<String, Text> =
            self.read(LAST_GOOD, &mut damage).unwrap_or_default();
        let generations = self.read(GENERATIONS, &mut damage).unwrap_or_default();
        let paused = self.read_paused(&mut damage);
        let named = |name: &str| PipelineName::new(name).ok();
        Remembered {
            last_good: last_good.into_iter().filter_map(|(n, t)| Some((named(&n)?, t))).collect(),
            paused,
            generations,
            damage,
        }
    }

    /// Replaces the last good definitions.
    pub fn save_last_good(&self, texts: &BTreeMap<PipelineName, Text>) -> io::Result<()> {
        let texts: BTreeMap<_, _> =
            texts.iter().map(|(name, text)| (name.as_str(), text)).collect();
        file::write(&self.path(LAST_GOOD), &texts)
    }

    /// Replaces the names of the paused pipelines, in both files. On an error, either set may be the one that a load finds.
    pub fn save_paused(&self, paused: &BTreeSet<PipelineName>) -> io::Result<()> {
        // What is damaged is replaced by this, and reported by the next load at the latest if this fails.
        let number = |what| file::read::<PausedFile>(&self.path(what)).ok().flatten();
        let numbers = [PAUSED, PAUSED_COPY].into_iter().filter_map(number);
        let last = numbers.map(|file| Paused::from(file).sequence).max().unwrap_or_default();
        let paused = paused.iter().map(ToString::to_string).collect();
        let paused = Paused { sequence: last.saturating_add(1), paused };
        file::write(&self.path(PAUSED), &paused)?;
        file::write(&self.path(PAUSED_COPY), &paused)
    }

    /// Replaces the history with the last [`GENERATIONS_MAX`] of these.
    pub fn save_generations(&self, generations: &[Generation]) -> io::Result<()> {
        let from = generations.len().saturating_sub(GENERATIONS_MAX);
        file::write(&self.path(GENERATIONS), &generations.get(from..).unwrap_or_default())
    }

    /// Who is paused, by the newer one of the files that say so.
    fn read_paused(&self, damage: &mut Vec<Damage>) -> BTreeSet<PipelineName> {
        let (mut of_first, mut of_copy) = (Vec::new(), Vec::new());
        let first = self.read::<PausedFile>(PAUSED, &mut of_first).map(Paused::from);
        let copy = self.read::<PausedFile>(PAUSED_COPY, &mut of_copy).map(Paused::from);
        if first.is_none() && of_first.is_empty() && copy.is_some() {
            let (path, why) = (self.path(PAUSED), "it is not there".to_owned());
            of_first.push(Damage { path, moved_to: None, why, forgotten: Forgotten::Content });
        }
        let (by_first, by_copy) = match (&first, &copy) {
            (None, None) => (Forgotten::Pauses, Forgotten::Pauses),
            (Some(_), _) | (_, Some(_)) => (Forgotten::LastPause, Forgotten::Nothing),
        };
        damage.extend(of_first.into_iter().map(|d| Damage { forgotten: by_first, ..d }));
        damage.extend(of_copy.into_iter().map(|d| Damage { forgotten: by_copy, ..d }));
        let is_whole = first == copy;
        let newer = match (first, copy) {
            (Some(first), Some(copy)) if copy.sequence > first.sequence => copy,
            (Some(one), _) | (None, Some(one)) => one,
            (None, None) => return BTreeSet::new(),
        };
        let paused = newer.paused.iter().filter_map(|name| PipelineName::new(name).ok()).collect();
        if !is_whole && let Err(error) = self.save_paused(&paused) {
            let (path, why) = (self.path(PAUSED), format!("it cannot be written anew: {error}"));
            damage.push(Damage { path, moved_to: None, why, forgotten: Forgotten::Nothing });
        }
        paused
    }

    /// Nothing where the file is not there or damaged.
    fn read<T: for<'de> Deserialize<'de>>(
        &self,
        what: &str,
        damage: &mut Vec<Damage>,
    ) -> Option<T> {
        let path = self.path(what);
        file::read(&path).unwrap_or_else(|why| {
            let moved_to = file::move_aside(&path).ok();
            damage.push(Damage { path, moved_to, why, forgotten: Forgotten::Content });
            None
        })
    }

    fn path(&self, what: &str) -> PathBuf {
        self.folder.join(format!("{}.{what}.json", self.instance))
    }
}

/// Makes the folder, where it is missing, for its owner alone: the definitions in it are nobody else's matter.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// What to remember of the last good definitions.
pub fn texts(last_good: &LastGood) -> BTreeMap<PipelineName, Text> {
    let text = |good: &Good| Text {
        path: good.source.path().to_owned(),
        text: good.source.text().to_owned(),
        schemas: schemas(&good.pipeline),
    };
    last_good.iter().map(|(name, good)| (name.clone(), text(good))).collect()
}

/// All that its steps need. A schema that is known by its `$id` is found by that again, wherever it lies.
fn schemas(pipeline: &Pipeline) -> BTreeMap<String, Value> {
    let mut files = BTreeMap::new();
    for step in &pipeline.steps {
        let schema = match step {
            Step::Validate(schema) => schema,
            Step::Filter(_) | Step::Set(_) | Step::Remove(_) => continue,
        };
        for (uri, value) in schema.others.iter() {
            let by_id = || format!("by-id/{}.json", Digest::of(uri.as_bytes()));
            let file = PayloadSchema::file_of(uri).map_or_else(by_id, str::to_owned);
            files.insert(file, value.clone());
        }
        files.insert(schema.file.to_string(), Value::clone(&schema.root));
    }
    files
}

/// Builds the last good definitions again. Those that cannot be any more come back with why: a lower-case fragment.
pub fn restore(
    texts: &BTreeMap<PipelineName, Text>,
    settings: &Settings,
    environment: &Environment,
    properties: &dyn ClientProperties,
) -> (LastGood, BTreeMap<PipelineName, String>) {
    let (mut last_good, mut lost) = (LastGood::new(), BTreeMap::new());
    for (name, text) in texts {
        let content = Ok(text.text.clone().into_bytes());
        let files = vec![SnapshotFile { path: text.path.clone(), content }];
        let schema =
            |(file, value): (&String, &Value)| (file.clone(), Ok(value.to_string().into()));
        let schemas = SchemaFiles {
            folder: settings.schemas.display().to_string(),
            files: text.schemas.iter().map(schema).collect(),
        };
        let snapshot = Snapshot { files, schemas };
        let checked = config::check(&snapshot, Some(settings), environment, properties);
        match good(name, &checked) {
            Ok(good) => drop(last_good.insert(name.clone(), good)),
            Err(why) => drop(lost.insert(name.clone(), why)),
        }
    }
    (last_good, lost)
}

/// The definition of that name in what was made of its file.
fn good(name: &PipelineName, checked: &Checked) -> Result<Good, String> {
    let pipeline = checked.pipelines.iter().find(|pipeline| pipeline.name == *name);
    let source = checked.files.first().map(|file| Arc::clone(&file.source));
    if let Some((pipeline, source)) = pipeline.zip(source) {
        return Ok(Good { pipeline: Arc::clone(pipeline), source });
    }
    let error = checked.findings.iter().find(|f| f.severity == Severity::Error);
    let said = error.map(|f| format!("{}: {}", f.code, f.message));
    Err(said.unwrap_or_else(|| "its name is not in it".to_owned()))
}
