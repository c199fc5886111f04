//! `krouted plan`: what a folder would change, in the running daemon or, as a pull request needs it, against another folder.

mod ask;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;

use super::client::Place;
use super::{Misuse, Outcome, Stream, say};
use crate::config::{self, Environment, Finding, Output, ReloadPolicy, Snapshot, settings};
use crate::kafka::Librdkafka;
use crate::supervisor::plan::{self, Plan, Removals};
use crate::supervisor::wanted::{LastGood, wanted};

/// What `plan` is asked for.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder as it shall be; default: the one of the settings.
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// The folder as it is, such as a checkout of the main branch; no daemon is asked.
    #[arg(long, value_name = "FOLDER")]
    against: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// Looks up ${NAME} in the environment; without it, each name stands for itself on both sides.
    #[arg(long)]
    env: bool,
    /// How the plan is written to standard output; findings go to standard error.
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Text,
    /// One document, for programs.
    Json,
}

/// Compares, and says what would change.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome> {
    let environment = if arguments.env { Environment::of_process() } else { Environment::Unknown };
    let file = settings::find(arguments.place.config());
    let loaded = match settings::load(file.as_deref(), &environment, &Librdkafka) {
        Ok(loaded) => loaded,
        Err(findings) => {
            report(&findings, config::Counts { files: 1, pipelines: 0 });
            return Ok(Outcome::Configuration);
        }
    };
    let given = arguments.folder.as_deref();
    let folder = given.unwrap_or(&loaded.settings.pipelines);
    let Some(against) = &arguments.against else {
        let schemas = loaded.schemas_beside(folder);
        let snapshot = read(folder, &schemas, loaded.file.as_deref());
        let snapshot = snapshot.map_err(|error| unread(error, folder, given))?;
        return ask::run(folder, snapshot, &arguments.place, arguments.output);
    };
    let schemas = loaded.schemas_beside(folder);
    let is = read(against, &schemas_of(against, folder, &schemas), loaded.file.as_deref())
        .map_err(|error| unread(error, against, Some(against)))?;
    let shall = read(folder, &schemas, loaded.file.as_deref())
        .map_err(|error| unread(error, folder, given))?;
    let environment = match environment {
        Environment::Unknown => names_as_values([&is, &shall]),
        Environment::Known(_) => environment,
    };
    // Without a settings file nobody knows which clusters there will be.
    let known = loaded.file.is_some().then_some(&loaded.settings);
    let check = |snapshot| {
        let mut checked = config::check(snapshot, known, &environment, &Librdkafka);
        checked.refuse_failing();
        checked
    };
    let (is, shall) = (check(&moved(is, against, folder)), check(&shall));
    let running = wanted(&LastGood::new(), &is, ReloadPolicy::PerPipeline);
    let wanted = wanted(&running.last_good(), &shall, loaded.settings.reload);
    let (from, to) = (running.set(BTreeMap::new()), wanted.set(BTreeMap::new()));
    let plan = plan::plan(&from, &to, Removals::Refused);
    let has_errors = wanted.is_rejected();
    if has_errors {
        report(&wanted.findings, shall.counts);
    }
    if let Some(why) = &wanted.removals_held_back {
        say(Stream::Errors, &format!("note: nothing is removed: {why}\n"));
    }
    say(Stream::Data, &written(&plan, arguments.output)?);
    Ok(match (has_errors, plan.has_changes()) {
        (true, _) => Outcome::Findings,
        (false, true) => Outcome::Changes,
        (false, false) => Outcome::Good,
    })
}

/// A plan as standard output has it.
fn written(plan: &Plan, form: Form) -> Result<String> {
    Ok(match form {
        Form::Text => plan::text(plan),
        Form::Json => format!("{}\n", serde_json::to_string_pretty(plan)?),
    })
}

fn report(findings: &[Finding], counts: config::Counts) {
    say(Stream::Errors, &config::render(findings, counts, Output::Text));
}

fn read(folder: &Path, schemas: &Path, settings: Option<&Path>) -> io::Result<Snapshot> {
    Ok(Snapshot::read_with(&[folder.to_owned()], Some(schemas))?.without(settings))
}

/// A folder that an argument names is the caller's matter, that of the settings the daemon's.
fn unread(error: io::Error, folder: &Path, given: Option<&Path>) -> anyhow::Error {
    let what = format!("cannot read {}", folder.display());
    let error = anyhow::Error::new(error);
    match given {
        Some(_) => error.context(Misuse(what)),
        None => error.context(what),
    }
}

/// Where the other folder has its schemas: in the same place beside it, where there is such a folder, else the same ones.
fn schemas_of(other: &Path, folder: &Path, schemas: &Path) -> PathBuf {
    let beside = || Some(other.parent()?.join(schemas.strip_prefix(folder.parent()?).ok()?));
    beside().filter(|beside| beside.is_dir()).unwrap_or_else(|| schemas.to_owned())
}

/// A broken file is known by what the file of the same place said before, so both folders must be one.
fn moved(mut snapshot: Snapshot, from: &Path, to: &Path) -> Snapshot {
    for file in &mut snapshot.files {
        if let Ok(below) = Path::new(&file.path).strip_prefix(from) {
            file.path = to.join(below).display().to_string();
        }
    }
    snapshot
}

/// Each `${NAME}` has its own name as value: a comparison needs no more.
fn names_as_values(snapshots: [&Snapshot; 2]) -> Environment {
    let files = snapshots.into_iter().flat_map(|snapshot| &snapshot.files);
    let mut names = BTreeMap::new();
    for bytes in files.filter_map(|file| file.content.as_ref().ok()) {
        let text = String::from_utf8_lossy(bytes);
        for after in text.split("${").skip(1) {
            let Some((name, _)) = after.split_once('}') else { continue };
            if !name.contains(":-") {
                names.insert(name.to_owned(), name.to_owned());
            }
        }
    }
    Environment::Known(names)
}
