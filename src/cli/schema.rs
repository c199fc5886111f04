//! `krouted schema`: the JSON Schemas of both kinds of file, for editors and other checks.

use super::{Outcome, Stream, say};
use crate::config::schema;

/// What `schema` is asked for.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Of which kind of file.
    #[arg(value_enum, default_value_t = Which::Pipeline)]
    which: Which,
}

/// Of which kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Which {
    /// A pipeline file.
    Pipeline,
    /// The settings file.
    Settings,
}

/// Prints it.
pub(super) fn run(arguments: &Arguments) -> Outcome {
    say(Stream::Data, &text(arguments.which));
    Outcome::Good
}

/// The schema as the files in `schemas/` have it.
pub(super) fn text(which: Which) -> String {
    let schema = match which {
        Which::Pipeline => schema::pipeline(),
        Which::Settings => schema::settings(),
    };
    format!("{schema:#}\n")
}
