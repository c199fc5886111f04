//! `krouted init`: files to begin with, which pass `krouted check`. What is there is never touched.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use super::by_hand::misused;
use super::{Outcome, Stream, say, schema};
use crate::config::{
    self, CheckedFile, Counts, Environment, Output, Settings, Snapshot, render, settings,
};
use crate::kafka::Librdkafka;
use crate::model::{ClusterName, PipelineName};

/// What `init` is asked for.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The pipeline's name, and the topic that it reads.
    #[arg(value_name = "NAME", default_value = "orders")]
    name: String,
}

/// What to do where a file is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// It serves as well as ours.
    Keep,
    /// It serves where it is ours, of an `init` that did not come to its end; another is somebody's work.
    KeepOurs,
    /// It is somebody's work under the name that was asked for.
    Refuse,
}

struct Fresh {
    path: PathBuf,
    text: String,
    taken: Taken,
}

impl Fresh {
    fn is_in_the_way(&self) -> bool {
        let is_there = || self.path.symlink_metadata().is_ok();
        match self.taken {
            Taken::Keep => false,
            Taken::KeepOurs => {
                is_there() && fs::read(&self.path).ok() != Some(self.text.clone().into())
            }
            Taken::Refuse => is_there(),
        }
    }
}

/// What the settings say of where a pipeline is to be.
struct Folders {
    pipelines: PathBuf,
    schemas: PathBuf,
    /// The cluster that it names, where none is the default.
    cluster: Option<ClusterName>,
}

const SETTINGS: &str = "krouted.yaml";

/// Where the settings that are here say; else where ours will say. The error is the settings' findings, rendered.
fn folders() -> Result<Folders, String> {
    let file = Path::new(SETTINGS);
    if file.symlink_metadata().is_err() {
        let (pipelines, schemas) = ("pipelines".into(), "schemas".into());
        return Ok(Folders { pipelines, schemas, cluster: None });
    }
    let environment = Environment::of_process();
    match settings::load(Some(file), &environment, &Librdkafka) {
        Ok(loaded) => {
            let Settings { pipelines, schemas, clusters, .. } = loaded.settings;
            let has_default = clusters.keys().any(|name| name.as_str() == "default");
            let cluster = clusters.into_keys().next().filter(|_| !has_default);
            Ok(Folders { pipelines, schemas, cluster })
        }
        Err(findings) => Err(render(&findings, Counts { files: 1, pipelines: 0 }, Output::Text)),
    }
}

/// The pipeline last: while it is not there, the next try goes on where this one ended.
fn files(name: &str, Folders { pipelines, schemas, cluster }: &Folders) -> [Fresh; 5] {
    let named = |text: &str| text.replace("{name}", name);
    let cluster = cluster.as_ref();
    let cluster = cluster.map_or(String::new(), |c| format!("cluster: '{c}' # of {SETTINGS}\n"));
    let grammar = way(pipelines, schemas).join("pipeline.v1.schema.json");
    let payload = schemas.join(format!("{name}.json"));
    let pipeline = named(include_str!("init/pipeline.yaml"))
        .replace("{cluster}\n", &cluster)
        .replace("{grammar}", &grammar.display().to_string())
        .replace("{payload}", &payload.display().to_string());
    let fresh = |path, text, taken| Fresh { path, text, taken };
    let of_pipelines = schema::text(schema::Which::Pipeline);
    let of_settings = schema::text(schema::Which::Settings);
    [
        fresh(schemas.join("pipeline.v1.schema.json"), of_pipelines, Taken::Keep),
        fresh(schemas.join("settings.v1.schema.json"), of_settings, Taken::Keep),
        fresh(SETTINGS.into(), include_str!("init/krouted.yaml").to_owned(), Taken::Keep),
        fresh(payload, named(include_str!("init/payload.json")), Taken::KeepOurs),
        fresh(pipelines.join(format!("{name}.yaml")), pipeline, Taken::Refuse),
    ]
}

/// The file of a folder that has a pipeline of that name. What cannot be read has none.
fn file_of(pipelines: &Path, name: &str) -> Option<String> {
    let snapshot = Snapshot::read(pipelines).ok()?;
    let checked = config::check(&snapshot, None, &Environment::Unknown, &Librdkafka);
    let has_it = |file: &&CheckedFile| file.definitions.iter().any(|d| d.name.as_str() == name);
    checked.files.iter().find(has_it).map(|file| file.source.path().to_owned())
}

/// How one gets from a folder to another: by names alone where those say it, else from the root.
fn way(from: &Path, to: &Path) -> PathBuf {
    let named = |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_)));
    if !named(from) || !named(to) {
        return std::path::absolute(to).unwrap_or_else(|_| to.to_owned());
    }
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

/// Writes the files, all of them or, where one is in the way, none.
pub(super) fn run(arguments: &Arguments) -> Outcome {
    let name = &arguments.name;
    if let Err(why) = PipelineName::new(name) {
        return misused(&format!("the name {name}: {why}"));
    }
    let folders = match folders() {
        Ok(folders) => folders,
        Err(findings) => {
            say(Stream::Errors, &format!("{findings}nothing was written\n"));
            return Outcome::Configuration;
        }
    };
    let files = files(name, &folders);
    // Only the schema's name is the asker's in that folder.
    let is_twice = |path: &Path| files.iter().filter(|file| file.path == path).count() > 1;
    if let Some(file) = files.iter().find(|file| is_twice(&file.path)) {
        return misused(&format!(
            "the name {name}: its schema would be {}, which is the grammar of krouted's own files: nothing was written\n  choose another name: krouted init NAME",
            file.path.display()
        ));
    }
    if let Some(file) = files.iter().rev().find(|file| file.is_in_the_way()) {
        return refused(&format!(
            "{} is there already: nothing was written\n  choose another name: krouted init NAME",
            file.path.display()
        ));
    }
    if let Some(path) = file_of(&folders.pipelines, name) {
        return refused(&format!(
            "{path} has a pipeline {name} already: nothing was written\n  choose another name: krouted init NAME"
        ));
    }
    let mut said = String::new();
    for file in &files {
        let path = file.path.display().to_string();
        match write(&file.path, &file.text) {
            Ok(Written::Whole) => said.extend(["wrote ", &path, "\n"]),
            Ok(Written::NotOver) if !file.is_in_the_way() => {
                said.extend(["kept  ", &path, "\n"]);
            }
            Ok(Written::NotOver) => {
                say(Stream::Data, &said);
                return refused(&format!("{path} came into being meanwhile, and is left alone"));
            }
            Err(error) => {
                say(Stream::Data, &said);
                return refused(&format!("{path}: {error}"));
            }
        }
    }
    let next = format!(
        "\nNext: krouted check, krouted test; make the topics {name}, {name}.large, {name}.small and {name}.dlq; krouted run\n"
    );
    said.push_str(&next);
    say(Stream::Data, &said);
    Outcome::Good
}

fn refused(why: &str) -> Outcome {
    say(Stream::Errors, &format!("error: {why}\n"));
    Outcome::Failed
}

/// As of any new file, but for what the umask takes away.
const MODE: u32 = 0o666;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Whole,
    /// Something has its name.
    NotOver,
}

/// A file that comes into being here whole, or is left alone: whenever power fails, all of it is there or nothing.
fn write(path: &Path, text: &str) -> io::Result<Written> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // Hidden: a folder of pipelines is read without it.
    let mut fresh = tempfile::Builder::new();
    let mut file =
        fresh.prefix(".init-").permissions(Permissions::from_mode(MODE)).tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => File::open(folder)?.sync_all().map(|()| Written::Whole),
        Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => {
            Ok(Written::NotOver)
        }
        Err(refused) => Err(refused.error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_a_folder_is_short_where_names_say_it() {
        let here = std::env::current_dir().unwrap();
        for (from, to, wanted) in [
            ("pipelines", "schemas", "../schemas".into()),
            ("pipelines/", "schemas/", "../schemas".into()),
            ("a/b/c", "a/d", "../../d".into()),
            ("a", "a", "".into()),
            ("a", "a/b", "b".into()),
            ("a", "/b", "/b".into()),
            ("/a", "b", here.join("b")),
            ("../a", "b", here.join("b")),
        ] {
            assert_eq!(way(Path::new(from), Path::new(to)), wanted, "{from} {to}");
        }
    }

    #[test]
    fn a_file_comes_whole_or_not_and_never_over_another() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("below/file");
        assert_eq!(write(&path, "first").unwrap(), Written::Whole);
        assert_eq!(write(&path, "second").unwrap(), Written::NotOver);
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        // A link that leads nowhere is somebody's too.
        let link = folder.path().join("below/link");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert_eq!(write(&link, "x").unwrap(), Written::NotOver);
        let names: Vec<_> = fs::read_dir(folder.path().join("below"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names.len(), 2, "nothing is left behind: {names:?}");
    }
}
