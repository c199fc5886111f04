//! `krouted consume`: records of topics, and nothing of them committed that was not written out.

mod form;
mod output;

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use anyhow::{Context, Result};

use super::by_hand::{self, As, Expressions, Judged, Stop, Target};
use super::{Outcome, Stream, say};
use crate::kafka::by_hand::{From, Isolation, Mark, ReadOptions, Reader};
use crate::model::{GroupId, Record, TopicName};
use crate::worker::{Clock, Fault, SystemClock};
use form::Form;
use output::{Out, Wrote};

/// What `consume` is asked for.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The topics; they must be there.
    #[arg(value_name = "TOPIC", required = true)]
    topics: Vec<String>,
    /// Reads as a member of this group, and commits what is written out: the next run goes on there. Default: alone.
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Where to begin in each partition: earliest, latest, an offset, -N for N offsets before the end, or a time such as
    /// 2026-01-01T00:00:00Z. For a group: only where it has no offsets yet.
    #[arg(long, value_name = "PLACE", default_value = "earliest", allow_hyphen_values = true, value_parser = place)]
    start: From,
    /// Ends where the topics ended when it began, instead of waiting for more.
    #[arg(long)]
    until_end: bool,
    /// Ends when so many records are written.
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,
    /// Only records for which the expression is true, as in a `filter` of a pipeline file.
    #[arg(long = "where", value_name = "EXPRESSION")]
    condition: Option<String>,
    /// What of each record is written, instead of its value, as in a `set`.
    #[arg(long, value_name = "EXPRESSION")]
    select: Option<String>,
    /// How a record is written.
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
    /// What to do with a record that an expression or the form cannot be applied to.
    #[arg(long, value_enum, default_value_t = OnError::Stop)]
    on_error: OnError,
    /// Also records of transactions that are open or were aborted.
    #[arg(long)]
    uncommitted: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum OnError {
    /// Ends with what is before it.
    Stop,
    /// Leaves it out, and says how many were.
    Skip,
}

fn place(text: &str) -> Result<From, String> {
    match text {
        "earliest" => return Ok(From::Earliest),
        "latest" => return Ok(From::Latest),
        _ => {}
    }
    match text.parse::<i64>() {
        Ok(offset @ 0..) => Ok(From::Offset(offset)),
        Ok(before) => Ok(From::Last(before.saturating_neg())),
        // Before 1970 Kafka counts in other things than time: -1 is the end.
        Err(_) => crate::case::envelope::milliseconds(text).map(|ms| From::Timestamp(ms.max(0))),
    }
}

/// A wait for records, after which a signal is seen.
const LOOK: Duration = Duration::from_millis(100);
/// Between two commits; what is read twice after a crash is at most this much.
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);

/// So long a member whose output nobody reads takes part in its group; then Kafka ends that, by `max.poll.interval.ms`.
const UNREAD_MAX: Duration = Duration::from_mins(5);

const SOCKET: &str = "--group: standard output is a socket, of which nobody can tell how much was read, so nothing could be committed\n  put a pipe before it: krouted consume … | cat";

/// Consumes.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome> {
    let options = match options(arguments) {
        Ok(options) => options,
        Err(said) => return Ok(by_hand::misused(&said)),
    };
    let (condition, select) = (arguments.condition.as_deref(), arguments.select.as_deref());
    let expressions = match Expressions::compile(("--where", condition), ("--select", select)) {
        Ok(expressions) => expressions,
        Err(said) => {
            say(Stream::Errors, &said);
            return Ok(Outcome::Usage);
        }
    };
    let out = Out::of_process().context("standard output")?;
    if arguments.group.is_some() && out.is_socket() {
        return Ok(by_hand::misused(SOCKET));
    }
    let Some((access, _)) = arguments.target.access("consume")? else {
        return Ok(Outcome::Configuration);
    };
    let stop = Stop::on_signals()?;
    let reader = match Reader::open(&access, &options) {
        Ok(reader) => reader,
        Err(fault) => return Ok(by_hand::refuse(&fault, "read")),
    };
    let clock = SystemClock::default();
    let run = Run {
        arguments,
        expressions,
        reader,
        out,
        stop,
        committed: clock.now(),
        clock,
        done: 0,
        skipped: 0,
    };
    Ok(run.run())
}

fn options(arguments: &Arguments) -> Result<ReadOptions, String> {
    let topic =
        |name: &String| TopicName::new(name).map_err(|why| format!("the topic {name}: {why}"));
    let group = arguments.group.as_ref();
    let group =
        group.map(|name| GroupId::new(name).map_err(|why| format!("--group {name}: {why}")));
    if arguments.select.is_some() && arguments.output == Form::Envelope {
        return Err("an envelope is the whole record: --select does not go with it".to_owned());
    }
    if arguments.count == Some(0) {
        return Err("--count 0 reads nothing".to_owned());
    }
    Ok(ReadOptions {
        // librdkafka refuses a topic that is named twice.
        topics: arguments
            .topics
            .iter()
            .map(topic)
            .collect::<Result<BTreeSet<_>, _>>()?
            .into_iter()
            .collect(),
        group: group.transpose()?,
        from: arguments.start,
        isolation: if arguments.uncommitted {
            Isolation::Uncommitted
        } else {
            Isolation::Committed
        },
        to_end: arguments.until_end,
    })
}

struct Run<'a> {
    arguments: &'a Arguments,
    expressions: Expressions,
    reader: Reader,
    out: Out<Mark>,
    stop: Stop,
    clock: SystemClock,
    /// When offsets were committed last.
    committed: Duration,
    done: u64,
    skipped: u64,
}

/// Why no more is read.
enum Ended {
    /// What was asked for is written; where no end was asked for, somebody stopped it.
    Well,
    /// A signal came before the end that was asked for.
    Cut,
    /// A record that has no line.
    Record(String),
    /// The output takes no more.
    Output(io::Error),
    /// A signal came while nobody took the output.
    Untaken,
    /// The client cannot go on.
    Fault(Fault),
}

impl Run<'_> {
    fn run(mut self) -> Outcome {
        let ended = match self.all() {
            Ok(()) => Ended::Well,
            Err(ended) => ended,
        };
        let ended = self.settle(ended);
        self.say_notes();
        let outcome = self.report(&ended);
        self.reader.close();
        outcome
    }

    fn all(&mut self) -> Result<(), Ended> {
        while !self.stop.requested() {
            self.reader.poll(LOOK, &mut settle(&mut self.out)).map_err(Ended::Fault)?;
            self.say_notes();
            let is_enough = self.batch()?;
            self.flush()?;
            if is_enough || (self.arguments.until_end && self.reader.is_at_end()) {
                return Ok(());
            }
            if self.clock.now().saturating_sub(self.committed) >= COMMIT_INTERVAL {
                self.commit()?;
            }
            if !self.out.has_reader_now() {
                return Err(Ended::Output(io::ErrorKind::BrokenPipe.into()));
            }
        }
        if self.has_end() { Err(Ended::Cut) } else { Ok(()) }
    }

    /// Writes the records of the batch; whether it is enough.
    fn batch(&mut self) -> Result<bool, Ended> {
        while let Some(index) = self.reader.advance() {
            let Some(record) = self.reader.record(index) else { continue };
            let Some(mark) = self.reader.mark(&record) else { continue };
            let form = self.arguments.output;
            let kind = if form == Form::Json { As::Json } else { As::Text };
            let appended = match self.expressions.judge(&record, kind) {
                Judged::Left => Ok(false),
                Judged::Rejected(why) => Err(why),
                Judged::Taken(selected) => {
                    let source = (&self.reader, index);
                    form::append(form, &record, selected, source, self.out.buffer()).map(|()| true)
                }
            };
            match (appended, self.arguments.on_error) {
                (Ok(true), _) => {
                    self.done += 1;
                    self.out.count();
                }
                (Ok(false), _) => {}
                (Err(_), OnError::Skip) => self.skipped += 1,
                (Err(why), OnError::Stop) => {
                    let Record { topic, partition, offset, .. } = record;
                    return Err(Ended::Record(format!("{topic}[{partition}]@{offset}: {why}")));
                }
            }
            if self.arguments.group.is_some() {
                self.out.mark(mark, Mark::follows);
            }
            if self.out.is_full() {
                self.flush()?;
            }
            if self.arguments.count.is_some_and(|count| self.done >= count) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes the buffer. While nobody reads, the group is served: another member gets its partitions.
    fn flush(&mut self) -> Result<(), Ended> {
        let mut taken = self.clock.now();
        loop {
            match self.out.write_on().map_err(Ended::Output)? {
                Wrote::All => return Ok(()),
                Wrote::Some => taken = self.clock.now(),
                Wrote::Nothing if self.stop.requested() => return Err(Ended::Untaken),
                Wrote::Nothing => self.hold(taken)?,
            }
        }
    }

    /// Serves the group while nobody has read anything `since` then; not for ever.
    fn hold(&mut self, since: Duration) -> Result<(), Ended> {
        if self.clock.now().saturating_sub(since) >= UNREAD_MAX {
            return Ok(());
        }
        self.reader.hold(&mut settle(&mut self.out)).map_err(Ended::Fault)
    }

    /// Commits what somebody has.
    fn commit(&mut self) -> Result<(), Ended> {
        self.committed = self.clock.now();
        if self.arguments.group.is_none() {
            return Ok(());
        }
        let reader = &mut self.reader;
        self.out.taken(&mut |mark| reader.written(mark)).map_err(Ended::Output)?;
        self.reader.commit().map_err(Ended::Fault)
    }

    /// The last of it: what is in the buffer goes out, a pipe's reader gets its time, and what it has is committed.
    fn settle(&mut self, ended: Ended) -> Ended {
        let written = match &ended {
            // What came before the end is good.
            Ended::Well | Ended::Cut | Ended::Record(_) | Ended::Fault(_) => self.flush(),
            Ended::Output(_) | Ended::Untaken => Ok(()),
        };
        let committed = written.and_then(|()| self.commit_all());
        match (ended, committed) {
            (Ended::Well | Ended::Cut, Err(failed)) => failed,
            // It is the same, and is said.
            (ended @ Ended::Output(_), _) => ended,
            (ended, Err(Ended::Output(error))) if error.kind() != io::ErrorKind::BrokenPipe => {
                say(Stream::Errors, &format!("error: standard output: {error}\n"));
                ended
            }
            (ended, _) => ended,
        }
    }

    /// A reader that is slow is waited for as a write would wait for it; one that is gone is not.
    fn commit_all(&mut self) -> Result<(), Ended> {
        if self.arguments.group.is_none() {
            // Nothing is committed; that a file is not whole is said all the same.
            return self.out.taken(&mut drop).map_err(Ended::Output);
        }
        self.commit()?;
        let since = self.clock.now();
        while !self.out.is_taken() && self.out.has_reader_yet() && !self.stop.requested() {
            self.commit()?;
            self.hold(since)?;
        }
        self.commit()?;
        if self.out.is_taken() || self.stop.requested() {
            return Ok(());
        }
        Err(Ended::Output(io::ErrorKind::BrokenPipe.into()))
    }

    fn say_notes(&mut self) {
        while let Some(note) = self.reader.note() {
            say(Stream::Errors, &format!("{note}\n"));
        }
    }

    /// Whether something that is written is not committed.
    fn is_behind(&self) -> bool {
        self.reader.is_behind() || !self.out.is_taken()
    }

    fn has_end(&self) -> bool {
        self.arguments.until_end || self.arguments.count.is_some()
    }

    /// A reader that went away has seen enough; a group wants to know, and is not where it was to be.
    fn report_unread(&self) -> Outcome {
        let Some(group) = &self.arguments.group else { return Outcome::Good };
        say(
            Stream::Errors,
            &format!(
                "nobody reads any more: what was not read stays for the next run of the group {group}\n"
            ),
        );
        if self.has_end() { Outcome::Later } else { Outcome::Good }
    }

    fn report(&self, ended: &Ended) -> Outcome {
        if self.skipped > 0 {
            let skipped = by_hand::records(self.skipped);
            say(Stream::Errors, &format!("left out by --on-error skip: {skipped}\n"));
        }
        let so_far = match &self.arguments.group {
            None => format!("  {} written before it\n", by_hand::records(self.out.records())),
            Some(group) if self.is_behind() => behind(group),
            Some(group) => format!(
                "  what is written before it is committed for the group {group}: its next run goes on there\n"
            ),
        };
        match ended {
            Ended::Well => {
                if let Some(group) = self.arguments.group.as_ref().filter(|_| self.is_behind()) {
                    say(Stream::Errors, &behind(group));
                }
                Outcome::Good
            }
            Ended::Cut | Ended::Untaken if self.has_end() => {
                let what = "stopped by a signal before the end that was asked for";
                say(Stream::Errors, &format!("error: {what}\n{so_far}"));
                Outcome::Later
            }
            Ended::Record(why) => {
                say(Stream::Errors, &format!("error: {why}\n{so_far}"));
                Outcome::Failed
            }
            Ended::Cut | Ended::Untaken => self.report_unread(),
            Ended::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.report_unread()
            }
            Ended::Output(error) => {
                say(Stream::Errors, &format!("error: standard output: {error}\n{so_far}"));
                Outcome::Failed
            }
            Ended::Fault(fault) => {
                say(
                    Stream::Errors,
                    &format!("error: {fault}\n{}{so_far}", by_hand::hint(fault.kind)),
                );
                by_hand::outcome(fault.kind)
            }
        }
    }
}

/// What somebody has by now is written.
fn settle(out: &mut Out<Mark>) -> impl FnMut(&mut Reader) {
    // Where the output cannot be asked, nothing is written; the next commit meets the same.
    move |reader| drop(out.taken(&mut |mark| reader.written(mark)))
}

fn behind(group: &str) -> String {
    format!(
        "  not all that is written is committed for the group {group}: its next run writes the rest again\n"
    )
}
