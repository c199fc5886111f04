//! `krouted init`: files to begin with, which pass `krouted check`. What is there is never touched.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::by_hand::misused;
use super::{Outcome, Stream, say, schema};
use crate::model::PipelineName;

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
    /// It is somebody's work under the name that was asked for.
    Refuse,
}

struct Fresh {
    path: String,
    text: String,
    taken: Taken,
}

fn files(name: &str) -> [Fresh; 5] {
    let named = |text: &str| text.replace("{name}", name);
    let fresh = |path: &str, text: String, taken| Fresh { path: named(path), text, taken };
    let settings = include_str!("init/krouted.yaml").to_owned();
    [
        fresh("pipelines/{name}.yaml", named(include_str!("init/pipeline.yaml")), Taken::Refuse),
        fresh("schemas/{name}.json", named(include_str!("init/payload.json")), Taken::Refuse),
        fresh("krouted.yaml", settings, Taken::Keep),
        fresh(
            "schemas/pipeline.v1.schema.json",
            schema::text(schema::Which::Pipeline),
            Taken::Keep,
        ),
        fresh(
            "schemas/settings.v1.schema.json",
            schema::text(schema::Which::Settings),
            Taken::Keep,
        ),
    ]
}

/// Writes the files, all of them or, where one is in the way, none.
pub(super) fn run(arguments: &Arguments) -> Outcome {
    if let Err(why) = PipelineName::new(&arguments.name) {
        return misused(&format!("the name {}: {why}", arguments.name));
    }
    let files = files(&arguments.name);
    let is_there = |file: &&Fresh| Path::new(&file.path).symlink_metadata().is_ok();
    let in_the_way = |file: &&Fresh| file.taken == Taken::Refuse && is_there(file);
    if let Some(file) = files.iter().find(in_the_way) {
        let path = &file.path;
        say(
            Stream::Errors,
            &format!(
                "error: {path} is there already: nothing was written\n  choose another name: krouted init NAME\n"
            ),
        );
        return Outcome::Failed;
    }
    let mut said = String::new();
    for file in &files {
        let path = &file.path;
        match write(path, &file.text) {
            Ok(()) => said.extend(["wrote ", path, "\n"]),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                said.extend(["kept  ", path, "\n"]);
            }
            Err(error) => {
                say(Stream::Data, &said);
                say(Stream::Errors, &format!("error: {path}: {error}\n"));
                return Outcome::Failed;
            }
        }
    }
    let name = &arguments.name;
    let next = format!(
        "\nNext: krouted check, krouted test; make the topics {name}, {name}.large, {name}.small and {name}.dlq; krouted run\n"
    );
    said.push_str(&next);
    say(Stream::Data, &said);
    Outcome::Good
}

/// A file that comes into being here, or is left alone.
fn write(path: &str, text: &str) -> io::Result<()> {
    if let Some(folder) = Path::new(path).parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::options().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).inspect_err(|_| {
        // Half a file would stand in the way of the next try. Where it cannot go, the error is said all the same.
        drop(fs::remove_file(path));
    })
}
