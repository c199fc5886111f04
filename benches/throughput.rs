//! krouted beside a bare C loop over the same librdkafka, on an Apache Kafka of its own.
//!
//! ```text
//! cargo bench --bench throughput -- [WHAT] [OPTIONS]
//!
//! WHAT     scenarios (default) | value | at-least-once | copy | key | header      krouted and the loop in turns
//!          small        the scenarios on 250 bytes in 16 partitions
//!          workers | daemons | partitions | pipelines | sizes | windows           how the cost grows; scale: all of them
//!          latency | startup | all
//!          tune-value | tune-copy    krouted with the options beside krouted without
//!          NAME-at-once              scenarios, one of them, or a tune-: both at the same time instead of in turns, for their CPU
//!                                    alone, which is then free of most of the machine's mood
//! OPTIONS  --rounds N (3)   --records N (1000000)   --seconds N (10, of latency)
//!          --interval-ms N (100)   --workers N (1)   --partitions N (4), --bytes N (1000): of scenarios and tune-
//!          -X c.NAME=VALUE, -X p.NAME=VALUE   a client property for both programs, consumer's or producer's
//!          --env NAME=VALUE    for krouted alone: LD_PRELOAD, for one, is another allocator
//!          --binary FILE       another build of krouted
//!          --data DIR       where the broker keeps its records; else below /dev/shm, where that has 8 GiB to spare, so that no disk is
//!                           measured: a million records need about four
//!          --write          put the tables into docs/performance.md: of krouted as it is, so with none of the options that change that
//! ```
//!
//! Before anything is measured the check of outputs must refuse nine seeded damages; a run with outputs that are not exact
//! gives no figure and its table is left out, and the command fails. Needs what the tests need, JDK 17 and Maven, and 6 GiB of memory for the broker, beside
//! its records. The broker serves 21 runs of a million records before anything is measured: three minutes here, six in a slow hour.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a bench that cannot go on says so by failing"
)]

/// The tests' own harness: a broker, the daemon as its users run it, and the judge.
#[path = "../tests/it"]
#[expect(dead_code, unused_imports, clippy::wildcard_imports, reason = "the tests use all of it")]
mod harness {
    pub(crate) mod daemon;
    pub(crate) mod kafka;
    pub(crate) mod process;
    pub(crate) mod wait;
}
#[path = "throughput/figures.rs"]
mod figures;
#[path = "throughput/latency.rs"]
mod latency;
#[path = "throughput/measure.rs"]
mod measure;
#[path = "throughput/report.rs"]
mod report;
#[path = "throughput/tables.rs"]
mod tables;
#[path = "throughput/verdict.rs"]
mod verdict;
#[path = "throughput/workload.rs"]
mod workload;
#[path = "throughput/yardstick.rs"]
mod yardstick;

pub(crate) use harness::{daemon, kafka, process, wait};

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use krouted::model::Guarantee;

use crate::kafka::broker::Broker;
use crate::measure::{Property, Run};
use crate::tables::Pairing;
use crate::workload::{Rule, Shape};

/// What the command line says.
pub(crate) struct Options {
    what: Vec<String>,
    pub(crate) rounds: usize,
    pub(crate) records: u64,
    pub(crate) seconds: u32,
    interval_ms: u32,
    workers: u16,
    partitions: u32,
    bytes: usize,
    properties: Vec<Property>,
    environment: Vec<(String, String)>,
    binary: Option<String>,
    pub(crate) data: PathBuf,
    pub(crate) write: bool,
}

/// In memory, by default: a disk that is behind stops the broker for tens of milliseconds now and then.
const DATA: &str = "/dev/shm";
/// The heap and the collector that Kafka's documentation gives as typical (Operations, Java Version). Our own: the heap is touched
/// first, as that of a broker is which has served for a while, and `-Xmn4g`, which makes `MaxGCPauseMillis` idle. Each collection stops
/// all of a broker for 40 to 100 ms on two cores that have other work, two thirds of it to look through what its old objects point
/// to, however little is young (`-Xlog:gc+phases=debug`). With what the collector itself takes, 300 MB, that is about every two
/// seconds under load, and most of a client's 99th percentile.
const JVM: [&str; 13] = [
    "-Xms6g",
    "-Xmx6g",
    "-Xmn4g",
    "-XX:+AlwaysPreTouch",
    "-XX:MetaspaceSize=96m",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:G1HeapRegionSize=16M",
    "-XX:MinMetaspaceFreeRatio=50",
    "-XX:MaxMetaspaceFreeRatio=80",
    "-XX:+ExplicitGCInvokesConcurrent",
    // Each stop on a line of its log: `latency::stops` counts them.
    "-Xlog:gc",
];
/// The same in a table's words.
pub(crate) const HEAP: &str = "6 GiB of heap, 4 of it young, G1";
/// A removed topic's records go at once, not a minute later: each run writes as many anew.
const DELETE_SOON: (&str, &str) = ("log.segment.delete.delay.ms", "1000");
/// The records have timestamps of 2023, a transaction's marker has that of now: behind a week between two batches the broker begins
/// a new segment, so each run under `exactly_once` would have had one made in every partition.
const NEVER_ROLL: (&str, &str) = ("log.roll.ms", "9223372036854775807");

/// What holds where the command line says nothing.
const INTERVAL_MS: u32 = 100;
const WORKERS: u16 = 1;
const PARTITIONS: u32 = 4;
const BYTES: usize = 1_000;
const RECORDS: u64 = 1_000_000;
const SECONDS: u32 = 10;

/// What docs/performance.md has a table of, beside how the cost grows.
const DOCUMENTED: [&str; 5] = ["scenarios", "scenarios-at-once", "small", "latency", "startup"];
/// What can be asked for by itself.
const SINGLE: [&str; 7] =
    ["value", "at-least-once", "copy", "key", "header", "tune-value", "tune-copy"];
const AT_ONCE: &str = "-at-once";

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            what: Vec::new(),
            rounds: 3,
            records: RECORDS,
            seconds: SECONDS,
            interval_ms: INTERVAL_MS,
            workers: WORKERS,
            partitions: PARTITIONS,
            bytes: BYTES,
            properties: Vec::new(),
            environment: Vec::new(),
            binary: None,
            data: if is_roomy(DATA) { PathBuf::from(DATA) } else { kafka::folder() },
            write: false,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--rounds" => options.rounds = number(&value()?)?,
                "--records" => options.records = number(&value()?)?,
                "--seconds" => options.seconds = number(&value()?)?,
                "--interval-ms" => options.interval_ms = number(&value()?)?,
                "--workers" => options.workers = number(&value()?)?,
                "--partitions" => options.partitions = number(&value()?)?,
                "--bytes" => options.bytes = number(&value()?)?,
                "-X" => options.properties.push(property(&value()?)?),
                "--env" => {
                    let text = value()?;
                    let (name, value) = text.split_once('=').ok_or("--env NAME=VALUE")?;
                    options.environment.push((name.to_owned(), value.to_owned()));
                }
                "--binary" => options.binary = Some(value()?),
                "--data" => options.data = PathBuf::from(value()?),
                "--write" => options.write = true,
                // cargo's own word for a bench.
                "--bench" => {}
                option if option.starts_with('-') => {
                    return Err(format!("unknown option {option}"));
                }
                what => options.what.push(what.to_owned()),
            }
        }
        if options.rounds == 0 || options.records == 0 {
            return Err("--rounds and --records are 1 and more".to_owned());
        }
        Ok(options)
    }

    /// Why something cannot be measured with these options, which it would pass over or tell nobody of.
    fn refusal(&self, what: &str) -> Option<&'static str> {
        let is_growth = tables::GROWTH.contains(&what);
        let is_documented = is_growth || DOCUMENTED.contains(&what);
        let is_single = SINGLE.contains(&what.strip_suffix(AT_ONCE).unwrap_or(what));
        if !(is_documented || is_single) {
            return Some("unknown; see benches/throughput.rs");
        }
        let has_runs_of_its_own = matches!(what, "latency" | "startup");
        let is_shaped = (self.partitions, self.bytes) != (PARTITIONS, BYTES);
        let is_tuned = (self.interval_ms, self.workers) != (INTERVAL_MS, WORKERS)
            || !(self.properties.is_empty() && self.environment.is_empty())
            || self.binary.is_some();
        if self.write && (is_shaped || is_tuned) {
            Some(
                "--write is for krouted and records as they are: without --interval-ms, --workers, --partitions, --bytes, -X, --env, --binary",
            )
        } else if self.write && !is_documented {
            Some("--write is for what docs/performance.md has, which this is not")
        } else if self.interval_ms != INTERVAL_MS && what == "windows" {
            Some("has intervals of its own: without --interval-ms")
        } else if is_shaped && (is_growth || has_runs_of_its_own || what == "small") {
            Some("has records of its own: without --partitions and --bytes")
        } else if is_tuned && has_runs_of_its_own {
            Some("is of krouted as it is: without --interval-ms, --workers, -X, --env, --binary")
        } else if self.records != RECORDS && has_runs_of_its_own {
            Some("has records of its own: without --records")
        } else if self.seconds != SECONDS && what != "latency" {
            Some("is measured by records: without --seconds")
        } else if self.workers != WORKERS && !what.starts_with("tune-") {
            Some("--workers is for tune-: the loop has one")
        } else {
            None
        }
    }

    pub(crate) fn run(&self, rule: Rule, guarantee: Guarantee) -> Run {
        Run {
            interval_ms: self.interval_ms,
            workers: self.workers,
            properties: self.properties.clone(),
            environment: self.environment.clone(),
            binary: self.binary.clone(),
            ..Run::of(rule, guarantee)
        }
    }
}

/// Whether 8 GiB are free in that folder; a container's `/dev/shm` often has 64 MiB.
fn is_roomy(folder: &str) -> bool {
    let df = Command::new("df").args(["--output=avail", "-k", folder]).output();
    let text = df.map_or_else(|_| String::new(), |df| String::from_utf8_lossy(&df.stdout).into());
    let kib = text.split_whitespace().last().and_then(|kib| kib.parse::<u64>().ok());
    kib.is_some_and(|kib| kib >= 8 << 20)
}

fn number<T: std::str::FromStr<Err = std::num::ParseIntError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|e| format!("{text}: {e}"))
}

fn property(text: &str) -> Result<Property, String> {
    let parts =
        text.split_once('.').and_then(|(client, rest)| Some((client, rest.split_once('=')?)));
    let Some((client @ ("c" | "p"), (name, value))) = parts else {
        return Err(format!("-X {text}: expected c.NAME=VALUE or p.NAME=VALUE"));
    };
    let client = if client == "c" { 'c' } else { 'p' };
    Ok(Property { client, name: name.to_owned(), value: value.to_owned() })
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => {
            say(&format!("{why}; see benches/throughput.rs"));
            return ExitCode::from(64);
        }
    };
    let mut what: Vec<_> = options.what.iter().map(String::as_str).collect();
    if what.is_empty() {
        what.push("scenarios");
    }
    let scale: Vec<_> = tables::GROWTH.to_vec();
    let what: Vec<_> = what
        .into_iter()
        .flat_map(|what| match what {
            "all" => {
                let beside = ["scenarios", "scenarios-at-once", "small"];
                // The latency first: what the others' load leaves behind is not to be in it.
                [&["latency", "startup"], &beside[..], &scale[..]].concat()
            }
            "scale" => scale.clone(),
            other => vec![other],
        })
        .collect();
    for what in &what {
        if let Some(why) = options.refusal(what) {
            say(&format!("{what}: {why}"));
            return ExitCode::from(64);
        }
    }
    say(&format!(
        "krouted {}, librdkafka {}, the broker's records below {}",
        report::commit(),
        yardstick::yardstick().version,
        options.data.display()
    ));
    let broker = Broker::start_below(&options.data, &JVM, &[DELETE_SOON, NEVER_ROLL]);
    verdict::prove(&broker.cluster());
    tables::warm(&broker);
    let mut good = true;
    for what in what {
        good &= measure_one(&broker, &options, what);
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn measure_one(broker: &Broker, options: &Options, what: &str) -> bool {
    let large = Shape {
        bytes: options.bytes,
        partitions: options.partitions,
        topics: 1,
        records: options.records,
    };
    let (name, pairing) = match what.strip_suffix(AT_ONCE) {
        Some(name) => (name, Pairing::AtOnce),
        None => (what, Pairing::InTurns),
    };
    let scenarios =
        |which: &[usize], shape| tables::scenarios(broker, options, which, shape, pairing);
    let tune = |rule| tables::tune(broker, options, rule, large, pairing);
    match name {
        "scenarios" => scenarios(&[0, 1, 2, 3, 4], large),
        "value" => scenarios(&[0], large),
        "at-least-once" => scenarios(&[0, 1], large),
        "copy" => scenarios(&[2], large),
        "key" => scenarios(&[3], large),
        "header" => scenarios(&[4], large),
        "tune-value" => tune(Rule::Value),
        "tune-copy" => tune(Rule::Copy),
        "small" => scenarios(&[0, 1, 2, 3, 4], Shape { bytes: 250, partitions: 16, ..large }),
        "latency" => latency::latency(broker, options),
        "startup" => latency::startup(broker, options),
        growth if tables::GROWTH.contains(&growth) => tables::growth(broker, options, growth),
        _ => panic!("{what} was not refused"),
    }
}

#[expect(clippy::print_stdout, reason = "it is what a bench is for")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
