//! The command line: one file per subcommand, each putting together what it needs, and the exit codes.
//!
//! `main` calls [`run()`] and turns the [`Outcome`] into an exit code. Everything that is printed goes through [`say`].

mod act;
mod by_hand;
mod check;
mod client;
mod consume;
mod demo;
mod explain;
mod init;
mod plan;
mod produce;
mod reload;
mod run;
mod schema;
mod sources;
mod status;
mod test;

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use clap::{Parser, Subcommand};

/// Moves records between Kafka topics as YAML files say.
#[derive(Debug, Parser)]
#[command(
    name = "krouted",
    version,
    arg_required_else_help = true,
    after_long_help = include_str!("cli/help/krouted.txt")
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Says what is wrong with pipeline files; --online asks their clusters too.
    #[command(after_long_help = include_str!("cli/help/check.txt"))]
    Check(check::Arguments),
    /// Reads records of topics, and writes them to standard output.
    #[command(after_long_help = include_str!("cli/help/consume.txt"))]
    Consume(consume::Arguments),
    /// Runs the example pipelines on a mock cluster inside this process, and shows what went where.
    #[command(after_long_help = include_str!("cli/help/demo.txt"))]
    Demo(demo::Arguments),
    /// Shows one record's way through a pipeline, or says what the code of a finding means.
    #[command(after_long_help = include_str!("cli/help/explain.txt"))]
    Explain(explain::Arguments),
    /// Writes files to begin with: a pipeline with tests, settings, a schema.
    #[command(after_long_help = include_str!("cli/help/init.txt"))]
    Init(init::Arguments),
    /// Writes lines into a topic, each as a record.
    #[command(after_long_help = include_str!("cli/help/produce.txt"))]
    Produce(produce::Arguments),
    /// Runs the tests in pipeline files, without a broker.
    #[command(after_long_help = include_str!("cli/help/test.txt"))]
    Test(test::Arguments),
    /// Prints the JSON Schema of pipeline files or of the settings file.
    #[command(after_long_help = include_str!("cli/help/schema.txt"))]
    Schema(schema::Arguments),
    /// Says what a folder of pipelines would change, pipeline by pipeline, before it does: 0 nothing, 2 changes, 1 findings.
    #[command(after_long_help = include_str!("cli/help/plan.txt"))]
    Plan(plan::Arguments),
    /// The daemon: runs the pipelines of a folder until SIGTERM or SIGINT.
    #[command(after_long_help = include_str!("cli/help/run.txt"))]
    Run(run::Arguments),
    /// Where each pipeline of the daemon is, and what is wrong with the files.
    #[command(after_long_help = include_str!("cli/help/status.txt"))]
    Status(status::Arguments),
    /// The daemon reads its folder now.
    #[command(after_long_help = include_str!("cli/help/reload.txt"))]
    Reload(reload::Arguments),
    /// A pipeline reads nothing more and stays in its group, until it is resumed.
    #[command(after_long_help = include_str!("cli/help/pause.txt"))]
    Pause(act::Arguments),
    /// A paused pipeline goes on.
    #[command(after_long_help = include_str!("cli/help/resume.txt"))]
    Resume(act::Arguments),
    /// A pipeline's workers end and start again; a halted one goes on so.
    #[command(after_long_help = include_str!("cli/help/restart.txt"))]
    Restart(act::Arguments),
}

/// How a command ended. The codes are public interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is well.
    Good,
    /// There are findings.
    Findings,
    /// The plan has changes.
    Changes,
    /// What was tried did not come out as it should.
    Failed,
    /// The command line cannot be understood, or names what is not there.
    Usage,
    /// The daemon cannot be reached.
    Unreachable,
    /// It is not done yet, or no broker answers: to be asked again.
    Later,
    /// The daemon's own configuration is broken: settings file, folders.
    Configuration,
}

impl Outcome {
    /// The exit code.
    ///
    /// Source: DESIGN.md section 8; `sysexits.h`.
    pub fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Findings | Self::Failed => 1,
            Self::Changes => 2,
            Self::Usage => 64,
            Self::Unreachable => 69,
            Self::Later => 75,
            Self::Configuration => 78,
        }
    }
}

/// Runs the command that the arguments ask for.
pub fn run(arguments: impl Iterator<Item = std::ffi::OsString>) -> Outcome {
    let outcome = command(arguments);
    match outcome {
        // Half a document is not what was asked for, whatever it would have said.
        Outcome::Good | Outcome::Changes if UNPRINTED.load(Relaxed) => Outcome::Failed,
        Outcome::Good
        | Outcome::Changes
        | Outcome::Findings
        | Outcome::Failed
        | Outcome::Usage
        | Outcome::Unreachable
        | Outcome::Later
        | Outcome::Configuration => outcome,
    }
}

fn command(arguments: impl Iterator<Item = std::ffi::OsString>) -> Outcome {
    let parsed = match Arguments::try_parse_from(arguments) {
        Ok(parsed) => parsed,
        Err(error) => return usage(&error),
    };
    let outcome = match &parsed.command {
        Command::Check(arguments) => check::run(arguments),
        Command::Consume(arguments) => consume::run(arguments),
        Command::Demo(arguments) => demo::run(arguments),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Init(arguments) => Ok(init::run(arguments)),
        Command::Schema(arguments) => Ok(schema::run(arguments)),
        Command::Produce(arguments) => produce::run(arguments),
        Command::Plan(arguments) => plan::run(arguments),
        Command::Run(arguments) => run::run(arguments),
        Command::Test(arguments) => test::run(arguments),
        Command::Status(arguments) => Ok(status::run(arguments)),
        Command::Reload(arguments) => Ok(reload::run(arguments)),
        Command::Pause(arguments) => Ok(act::run(arguments, "pause")),
        Command::Resume(arguments) => Ok(act::run(arguments, "resume")),
        Command::Restart(arguments) => Ok(act::run(arguments, "restart")),
    };
    outcome.unwrap_or_else(|error| {
        say(Stream::Errors, &format!("error: {error:#}\n"));
        if error.is::<Misuse>() { Outcome::Usage } else { Outcome::Configuration }
    })
}

/// An argument that can be understood and names nothing: a file that is not there, an unknown code. All other errors of
/// commands are about the daemon's own configuration.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Misuse(String);

impl Misuse {
    fn of<T>(what: String) -> anyhow::Result<T> {
        Err(Self(what).into())
    }
}

/// Help and version were asked for; everything else is a mistake.
fn usage(error: &clap::Error) -> Outcome {
    let text = error.render().to_string();
    if error.use_stderr() {
        say(Stream::Errors, &text);
        Outcome::Usage
    } else {
        say(Stream::Data, &text);
        Outcome::Good
    }
}

/// A time such as `60s`, for arguments.
fn duration(text: &str) -> Result<std::time::Duration, String> {
    let parsed: jiff::SignedDuration = text.parse().map_err(|e: jiff::Error| e.to_string())?;
    std::time::Duration::try_from(parsed).map_err(|e| e.to_string())
}

/// Where a text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    /// Standard output: what was asked for.
    Data,
    /// Standard error: what people read.
    Errors,
}

/// Standard output took less than it was given. Of the process, as standard output is.
static UNPRINTED: AtomicBool = AtomicBool::new(false);

/// The same, or its reader went away: what goes on for ever has nobody to go on for.
static UNREAD: AtomicBool = AtomicBool::new(false);

/// Prints a text. A reader that went away (`| head`) has seen enough; where standard output takes no more for another reason, as on
/// a full disk, the command has failed.
fn say(stream: Stream, text: &str) {
    let write = |out: &mut dyn Write| out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match stream {
        // Nobody is left who could be told.
        Stream::Errors => drop(write(&mut io::stderr().lock())),
        Stream::Data => {
            let Err(error) = write(&mut io::stdout().lock()) else { return };
            UNREAD.store(true, Relaxed);
            if error.kind() != io::ErrorKind::BrokenPipe && !UNPRINTED.swap(true, Relaxed) {
                say(Stream::Errors, &format!("error: standard output: {error}\n"));
            }
        }
    }
}
