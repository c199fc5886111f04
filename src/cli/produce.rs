//! `krouted produce`: lines into a topic, each with its fate known.

mod input;
mod line;
mod pace;
mod report;

use std::io::{self, IsTerminal, Write};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use super::by_hand::{self, Expressions, Standard, Stop, Target};
use super::{Outcome, Stream, say};
use crate::config::Settings;
use crate::kafka::by_hand::{NotCommitted, Queued, SendOptions, Sender, Transaction};
use crate::model::TopicName;
use crate::worker::{Clock, Fault, SystemClock};
use input::{Input, Next};
use line::Lines;
use pace::Pace;
use report::Closing;

/// What `produce` is asked for.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(super) struct Arguments {
    /// The topic; it must be there.
    #[arg(value_name = "TOPIC")]
    topic: String,
    /// The lines; default, and `-`: standard input.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Each line is a whole record, as `consume -o envelope` writes it; without it, each line is a value.
    #[arg(long)]
    envelope: bool,
    /// The key of each record, by an expression as in pipeline files, such as value.id. Default: a null key, or the
    /// envelope's.
    #[arg(long, value_name = "EXPRESSION")]
    key: Option<String>,
    /// Prints topic, partition and offset of each record when it is acknowledged, in the order of the input.
    #[arg(long)]
    acks: bool,
    /// So many records a second at most.
    #[arg(long, value_name = "NUMBER")]
    rate: Option<NonZeroU32>,
    /// The whole input is one transaction: all of it becomes visible at the end, or nothing.
    #[arg(long)]
    transaction: bool,
    /// The broker ends a transaction that is open for longer.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, requires = "transaction",
          value_parser = clap::value_parser!(u32).range(1..=900))]
    transaction_timeout: u32,
    /// The partition of all records; with --envelope also `preserve`, the one that the record was read from. Default: by
    /// the key, as Java's client does it.
    #[arg(long, value_name = "NUMBER|preserve", value_parser = partition)]
    partition: Option<Partition>,
    /// How long a record may wait for its acknowledgement.
    #[arg(long, value_name = "SECONDS", default_value_t = 30,
          value_parser = clap::value_parser!(u32).range(1..=3600))]
    timeout: u32,
    #[command(flatten)]
    target: Target,
}

/// Which partition a record goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Partition {
    Number(i32),
    Preserve,
}

fn partition(text: &str) -> Result<Partition, String> {
    match (text, text.parse()) {
        ("preserve", _) => Ok(Partition::Preserve),
        (_, Ok(number @ 0..)) => Ok(Partition::Number(number)),
        _ => Err("a number from 0, or preserve".to_owned()),
    }
}

/// A wait for input or acknowledgements, after which a signal is seen.
const LOOK: Duration = Duration::from_millis(50);
/// So long after a signal what was sent is waited for: a broker that is there answers in milliseconds.
const STOPPING_MAX: Duration = Duration::from_secs(5);
/// Between two looks into the reports while lines are there.
const LINES_BETWEEN: u64 = 512;

/// Produces.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome> {
    let topic = match TopicName::new(&arguments.topic) {
        Ok(topic) => topic,
        Err(why) => return Ok(by_hand::misused(&format!("the topic {}: {why}", arguments.topic))),
    };
    let expressions =
        match Expressions::compile(("--where", None), ("--key", arguments.key.as_deref())) {
            Ok(expressions) => expressions,
            Err(said) => {
                say(Stream::Errors, &said);
                return Ok(Outcome::Usage);
            }
        };
    if arguments.partition == Some(Partition::Preserve) && !arguments.envelope {
        return Ok(by_hand::misused(
            "--partition preserve needs --envelope: a line alone was read from no partition",
        ));
    }
    let Some((access, settings)) = arguments.target.access("produce")? else {
        return Ok(Outcome::Configuration);
    };
    let stop = Stop::on_signals()?;
    let input = Input::open(arguments.file.as_deref())?;
    let options = options(arguments, topic.clone(), &settings);
    let sender = match Sender::open(&access, &options, &|| stop.requested()) {
        Ok(sender) => sender,
        Err(fault) => return Ok(by_hand::refuse(&fault, "sent")),
    };
    let lines =
        Lines { envelope: arguments.envelope, partition: arguments.partition, expressions, topic };
    let out = Standard::of_process().context("standard output")?;
    let mut run = Run {
        sender,
        lines,
        pace: Pace::new(arguments.rate),
        clock: SystemClock::default(),
        shown: arguments.acks.then(|| Shown { out, unprinted: Vec::new() }),
        progress: Progress::of_process(arguments),
        stop,
    };
    let ended = run.all(&input);
    Ok(run.finish(ended))
}

fn options(arguments: &Arguments, topic: TopicName, settings: &Settings) -> SendOptions {
    let seconds = |count: u32| Duration::from_secs(count.into());
    let transaction = arguments.transaction.then(|| Transaction {
        // No pipeline has such a name. A process of another container may have the same number.
        id: format!(
            "krouted/~produce/{}/{}-{:08x}",
            settings.instance_id,
            std::process::id(),
            fastrand::u32(..)
        ),
        timeout: seconds(arguments.transaction_timeout),
    });
    SendOptions { topic, patience: seconds(arguments.timeout), transaction }
}

/// One run over the input.
struct Run {
    sender: Sender,
    lines: Lines,
    pace: Pace,
    clock: SystemClock,
    /// Where acknowledgements go, where they are asked for and can be printed.
    shown: Option<Shown>,
    /// What was said of it, where somebody looks on.
    progress: Option<Progress>,
    stop: Stop,
}

/// What was said last of how far it is, and when.
#[derive(Debug, Default)]
struct Progress {
    at: Duration,
    text: String,
}

impl Progress {
    /// Of a terminal that shows nothing else: neither what is typed nor acknowledgements.
    fn of_process(arguments: &Arguments) -> Option<Self> {
        let is_typed = arguments.file.is_none() && io::stdin().is_terminal();
        let shows_acks = arguments.acks && io::stdout().is_terminal();
        let is_shown = io::stderr().is_terminal() && !is_typed && !shows_acks;
        is_shown.then(Self::default)
    }
}

/// Acknowledgements on standard output.
struct Shown {
    out: Standard,
    unprinted: Vec<u8>,
}

/// Why no more is sent.
enum Ended {
    /// The input is at its end.
    Well,
    /// A signal came before that.
    Cut,
    /// A line, or the input, is wrong; nothing of it was sent.
    Input(String),
    /// A record was refused, by its line.
    Refused,
    /// A signal came, and what was sent is not acknowledged in the time that is left.
    Stopped,
    /// The client cannot go on.
    Fault(Fault),
    /// All is sent, and the transaction is not known to stand.
    NotCommitted(NotCommitted),
    /// Acknowledgements cannot be printed.
    Output(io::Error),
    /// A signal came while nobody reads the acknowledgements.
    Unread,
}

impl Run {
    fn all(&mut self, input: &Input) -> Ended {
        while !self.stop.requested() {
            let next = input.next(self.idle());
            let ended = match next {
                Next::Lines(chunk) => self.chunk(&chunk),
                Next::Nothing => self.look(),
                Next::End => return Ended::Well,
                Next::Broken(why) => return Ended::Input(why),
            };
            if let Some(ended) = ended {
                return ended;
            }
        }
        Ended::Cut
    }

    /// While records are in flight their reports are looked at often.
    fn idle(&self) -> Duration {
        if self.sender.in_flight() > 0 { Duration::from_millis(1) } else { LOOK }
    }

    fn chunk(&mut self, chunk: &input::Chunk) -> Option<Ended> {
        for (number, line) in chunk.lines() {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            if let Some(ended) = self.wait_for_turn() {
                return Some(ended);
            }
            if self.stop.requested() {
                return None;
            }
            if let Some(ended) = self.line(number, line) {
                return Some(ended);
            }
            if number.is_multiple_of(LINES_BETWEEN)
                && let Some(ended) = self.look()
            {
                return Some(ended);
            }
            if self.stop.requested() {
                return None;
            }
        }
        self.look()
    }

    /// Until the next record may go, or somebody stops it.
    fn wait_for_turn(&mut self) -> Option<Ended> {
        loop {
            let has_room = self.sender.has_room();
            // A turn is only asked for where it can be taken.
            let wait = if has_room { self.pace.wait(&self.clock) } else { LOOK };
            if wait.is_zero() {
                return None;
            }
            let ended = self.serve(wait.min(LOOK));
            if ended.is_some() || self.stop.requested() {
                return ended;
            }
        }
    }

    /// Sends one line, or leaves it where somebody stops it while the queue is full.
    fn line(&mut self, number: u64, line: &[u8]) -> Option<Ended> {
        loop {
            match self.lines.send(number, line, &mut self.sender) {
                Ok(Queued::Done) => return None,
                Ok(Queued::Full) => {
                    let ended = self.serve(LOOK);
                    if ended.is_some() || self.stop.requested() {
                        return ended;
                    }
                }
                Err(line::NotSent::Line(why)) => {
                    return Some(Ended::Input(format!("line {number}: {why}")));
                }
                Err(line::NotSent::Fault(fault)) => return Some(Ended::Fault(fault)),
            }
        }
    }

    /// Waits up to `wait` for reports, and looks.
    fn serve(&mut self, wait: Duration) -> Option<Ended> {
        match self.sender.serve(wait) {
            Ok(()) => self.look(),
            Err(fault) => Some(Ended::Fault(fault)),
        }
    }

    /// Takes reports, prints acknowledgements and progress.
    fn look(&mut self) -> Option<Ended> {
        if let Err(fault) = self.sender.serve(Duration::ZERO) {
            return Some(Ended::Fault(fault));
        }
        if let Err(ended) = self.show_acks() {
            return Some(ended);
        }
        self.show_progress();
        self.sender.has_failed().then_some(Ended::Refused)
    }

    /// Where that fails, nothing more is printed: nobody knows how much of it is.
    fn show_acks(&mut self) -> Result<(), Ended> {
        while let Some(ack) = self.sender.next_ack() {
            if let Some(Shown { unprinted, .. }) = &mut self.shown {
                writeln!(unprinted, "{}\t{}\t{}", self.lines.topic, ack.partition, ack.offset)
                    .map_err(Ended::Output)?;
            }
        }
        let Some(Shown { out, unprinted }) = &mut self.shown else { return Ok(()) };
        let stop = &self.stop;
        let printed = out.write_all(unprinted, &|| stop.requested());
        unprinted.clear();
        if printed.is_err() {
            self.shown = None;
        }
        printed.map_err(|error| {
            if error.kind() == io::ErrorKind::BrokenPipe && self.stop.requested() {
                Ended::Unread
            } else {
                Ended::Output(error)
            }
        })
    }

    fn show_progress(&mut self) {
        let now = self.clock.now();
        let Some(said) = self.progress.as_mut() else { return };
        if now.saturating_sub(said.at) < PROGRESS {
            return;
        }
        said.at = now;
        let (done, flying) = (self.sender.acknowledged(), self.sender.in_flight());
        // The next text, whatever it is, begins over it.
        let text = format!("{} acknowledged, {flying} in flight\x1b[K\r", by_hand::records(done));
        if text != said.text {
            say(Stream::Errors, &text);
            said.text = text;
        }
    }

    /// Flushes, closes, and says how it came out.
    fn finish(mut self, ended: Ended) -> Outcome {
        let mut ended = self.closed(ended);
        let unwound = match &ended {
            Ended::Well => None,
            Ended::Cut if !self.sender.is_transaction() => None,
            Ended::NotCommitted(NotCommitted { transaction, .. }) => Some(transaction.clone()),
            // Half an input is not the whole.
            Ended::Cut
            | Ended::Input(_)
            | Ended::Refused
            | Ended::Stopped
            | Ended::Fault(_)
            | Ended::Output(_)
            | Ended::Unread => self.sender.give_up(&|| self.stop.requested()),
        };
        // Acknowledgements of what was on its way.
        let printed = self.show_acks();
        if let (Ended::Well | Ended::Cut, Err(unprinted)) = (&ended, printed) {
            ended = unprinted;
        }
        if self.progress.is_some() {
            say(Stream::Errors, "\r\x1b[K");
        }
        let topic = self.lines.topic.clone();
        let is_transaction = self.sender.is_transaction();
        let closing = Closing { topic, is_transaction, unwound };
        report::say_all(&ended, &self.sender.account(), &closing)
    }

    /// What was sent comes to its end; all is well only where every record is acknowledged, and the transaction stands.
    fn closed(&mut self, ended: Ended) -> Ended {
        // The lines before a bad one are good; in a transaction nothing is.
        let is_to_flush = match &ended {
            Ended::Well => true,
            Ended::Cut | Ended::Input(_) => !self.sender.is_transaction(),
            Ended::Refused
            | Ended::Stopped
            | Ended::Fault(_)
            | Ended::NotCommitted(_)
            | Ended::Output(_)
            | Ended::Unread => false,
        };
        if is_to_flush && let Some(failed) = self.flush() {
            return failed;
        }
        if let Ended::Well = ended
            && let Err(failed) = self.sender.commit(&|| self.stop.requested())
        {
            return Ended::NotCommitted(failed);
        }
        ended
    }

    /// Until every record has its report: within the patience, librdkafka gives one for each. After a signal only so long
    /// as a broker that is there takes.
    fn flush(&mut self) -> Option<Ended> {
        let mut stopped = None;
        while self.sender.in_flight() > 0 {
            if let Some(ended) = self.serve(LOOK) {
                return Some(ended);
            }
            if self.stop.requested() {
                let now = self.clock.now();
                if now.saturating_sub(*stopped.get_or_insert(now)) >= STOPPING_MAX {
                    return Some(Ended::Stopped);
                }
            }
        }
        self.look()
    }
}

const PROGRESS: Duration = Duration::from_millis(200);
