//! What a record costs, in instructions: `Program::run` on the pipelines of the `program` bench, and the worker's loop around
//! it behind a port that does nothing. Counts do not move with the machine's load, so a tenth more is a tenth more.
//!
//! valgrind runs this very binary, each case with few records and with many; the difference, divided by the records between
//! them, is what one costs. The figures are in `tests/data/instructions.txt`: `UPDATE_EXPECT=1 cargo test --test instructions`
//! writes them anew. They hold for one compiler and one kind of CPU; where another compiler built it, the tolerance is wider,
//! and where the CPU is of another kind, or valgrind is missing, nothing is compared and stderr says so. With
//! `KROUTED_REQUIRE_VALGRIND` a missing valgrind is a failure.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them; clippy knows only what stands in a test's function"
)]

#[expect(dead_code, clippy::as_conversions, reason = "the benches use all of it")]
#[path = "../benches/shared/records.rs"]
mod records;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use krouted::config::{Environment, Snapshot, check};
use krouted::kafka::Librdkafka;
use krouted::model::{InstanceId, Record, WorkerId};
use krouted::pipeline::{OutOfRange, Pipeline};
use krouted::program::Program;
use krouted::worker::{
    Batch, Clock, Control, Counters, DeadLetter, Edition, Failure, Fault, Job, Lag, LateRefusal,
    News, NextOffset, Offsets, Output, Port, Rules, Tell, run,
};

/// What a record costs is the difference of two runs; each has every one of the 256 values as often. Two runs of the same case
/// differ by some 20 000 instructions (hash seeds, the runner's threads): divided by so many records that is two of one's.
const FEW: usize = 512;
const MANY: usize = 10_752;
const BATCH: usize = 500;
/// Of the committed figure, with the compiler that it was made with; what else moves it is far below.
const TOLERANCE: f64 = 0.05;
const TOLERANCE_OTHER_COMPILER: f64 = 0.3;
/// The case that `CASE` asks for, in the process under valgrind.
const CASE: &str = "KROUTED_INSTRUCTIONS_CASE";
const CHILD: &str = "one_case_in_a_process_of_its_own";

#[test]
fn a_record_costs_as_many_instructions_as_it_did() {
    if let Err(missing) = valgrind(&["--version"]) {
        let required = env("KROUTED_REQUIRE_VALGRIND").is_some();
        assert!(!required, "valgrind is required and does not run: {missing}");
        return say(
            "NOT RUN: valgrind is missing (Debian: apt-get install valgrind): no instructions were counted",
        );
    }
    let found: BTreeMap<_, _> = cases().iter().map(|case| (case.clone(), cost(case))).collect();
    // No tool is believed before it was seen to find something: the copy done twice is not the copy.
    let twice = cost("copy twice");
    assert!(compare("copy", found["copy"], twice, TOLERANCE_OTHER_COMPILER).is_err(), "{twice}");

    let committed = std::fs::read_to_string(file()).unwrap_or_default();
    if env("UPDATE_EXPECT").is_some() {
        return std::fs::write(file(), rendered(&committed, &found)).unwrap();
    }
    let here = format!("{} ", kind());
    let expected: Vec<_> = committed.lines().filter_map(|l| l.strip_prefix(&here)).collect();
    if expected.is_empty() {
        return say(&format!(
            "NOT COMPARED: tests/data/instructions.txt has no figures for {here}; counted: {found:?}"
        ));
    }
    let same = committed.contains(&compiler());
    let tolerance = if same { TOLERANCE } else { TOLERANCE_OTHER_COMPILER };
    let mut wrong = Vec::new();
    for (case, count) in &found {
        let line = expected.iter().find_map(|line| line.strip_prefix(&format!("{case}: ")));
        let figure = line.unwrap_or_else(|| panic!("no figure for {here}{case}"));
        wrong.extend(compare(case, figure.trim().parse().unwrap(), *count, tolerance).err());
    }
    assert!(wrong.is_empty(), "{}\nUPDATE_EXPECT=1 writes the figures anew", wrong.join("\n"));
}

/// Fewer is no failure of the code, but the figure would let the next slowness pass.
fn compare(case: &str, figure: f64, found: f64, tolerance: f64) -> Result<(), String> {
    let ratio = found / figure;
    if (ratio - 1.0).abs() <= tolerance {
        return Ok(());
    }
    let word = if ratio > 1.0 { "DEARER" } else { "cheaper: commit the new figure" };
    Err(format!(
        "{case}: {found:.0} instructions per record, {figure:.0} before ({ratio:.2} x): {word}"
    ))
}

/// Profile, architecture and what the vector code picks: each has its own figures.
fn kind() -> String {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    #[cfg(target_arch = "x86_64")]
    let cpu = if std::arch::is_x86_feature_detected!("avx2") { "x86_64+avx2" } else { "x86_64" };
    #[cfg(not(target_arch = "x86_64"))]
    let cpu = std::env::consts::ARCH;
    format!("{profile} {cpu}")
}

/// As in `rustc 1.95.0`.
fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output();
    let text = output.map_or_else(|_| String::new(), |o| String::from_utf8_lossy(&o.stdout).into());
    text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/instructions.txt")
}

/// The old text with the figures of this kind replaced.
fn rendered(old: &str, found: &BTreeMap<String, f64>) -> String {
    let here = format!("{} ", kind());
    let mut text = format!(
        "# Instructions per record of about 900 bytes; see tests/instructions.rs. Made with {}.\n",
        compiler()
    );
    for line in old.lines().filter(|line| !line.starts_with('#') && !line.starts_with(&here)) {
        writeln!(text, "{line}").unwrap();
    }
    for (case, count) in found {
        writeln!(text, "{here}{case}: {count:.0}").unwrap();
    }
    text
}

/// What one record of a case costs.
fn cost(case: &str) -> f64 {
    let of = |records: usize| -> f64 {
        let exe = std::env::current_exe().unwrap();
        let mut command = Command::new("valgrind");
        command.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
        command.arg(exe).args(["--exact", CHILD, "--nocapture", "--test-threads=1"]);
        let output = command.env(CASE, format!("{records} {case}")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{case}: {said}");
        let count = said
            .lines()
            .find_map(|line| line.split_once("I   refs:").or(line.split_once("I refs:")));
        let (_, count) = count.unwrap_or_else(|| panic!("valgrind says no count: {said}"));
        count.trim().replace(',', "").parse().unwrap()
    };
    let records = f64::from(u32::try_from(MANY - FEW).unwrap());
    (of(MANY) - of(FEW)) / records
}

fn valgrind(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("valgrind").args(arguments).output().map_err(|e| e.to_string())?;
    if output.status.success() { Ok(()) } else { Err(format!("{output:?}")) }
}

fn cases() -> Vec<String> {
    let pipelines = pipelines();
    let programs = pipelines.iter().map(|p| p.name.to_string());
    let with_loop = ["copy", "filter-and-two-routes-checked"]
        .map(|name| format!("{name} in the worker's loop"));
    let others = ["built anew", "built anew, every fourth"]
        .map(|how| format!("filter-and-two-routes-checked {how}"));
    programs.chain(with_loop).chain(others).collect()
}

fn pipelines() -> Vec<Arc<Pipeline>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/data");
    let snapshot =
        Snapshot::read_with(&[data.join("pipelines")], Some(&data.join("schemas"))).unwrap();
    let checked = check(&snapshot, None, &Environment::Unknown, &Librdkafka);
    assert!(checked.findings.is_empty(), "{:?}", checked.findings);
    checked.pipelines
}

/// Run by `cost`, under valgrind; among other tests there is nothing to do.
#[test]
fn one_case_in_a_process_of_its_own() {
    let Some(case) = env(CASE) else { return };
    let (records, case) = case.split_once(' ').unwrap();
    let records = records.parse().unwrap();
    let (name, how) = case.split_once(' ').unwrap_or((case, ""));
    let pipeline = pipelines().into_iter().find(|p| p.name.as_str() == name).unwrap();
    let values = records::large_values();
    match how {
        "" => run_program(&pipeline, &values, records),
        "twice" => run_program(&pipeline, &values, records * 2),
        "in the worker's loop" => run_loop(&pipeline, values, records),
        // With a last member of its own: what was remembered of the others is of little use (a few are known again in each round
        // of the 256), and that is seen late.
        "built anew" => run_program(&pipeline, &with_ends(values, 1), records),
        "built anew, every fourth" => run_program(&pipeline, &with_ends(values, 4), records),
        other => panic!("no case {other}"),
    }
}

/// Each value of so many gets a last member that no other one has.
fn with_ends(mut values: Vec<Vec<u8>>, of: usize) -> Vec<Vec<u8>> {
    for (n, value) in values.iter_mut().enumerate().filter(|(n, _)| n % of == 0) {
        value.pop();
        write!(value, r#","way{n:03}":1}}"#).unwrap();
    }
    values
}

fn run_program(pipeline: &Pipeline, values: &[Vec<u8>], records: usize) {
    let program = Program::new(pipeline);
    let mut state = program.state();
    for value in values.iter().cycle().take(records) {
        black_box(program.run(&mut state, &records::record(black_box(value))));
        black_box(state.outputs().len());
    }
}

fn run_loop(pipeline: &Arc<Pipeline>, values: Vec<Vec<u8>>, records: usize) {
    let control = Arc::new(Control::default());
    let counters = Arc::new(Counters::default());
    let edition = Edition::new(1, Arc::clone(pipeline));
    let job = Job {
        id: WorkerId {
            pipeline: pipeline.name.clone(),
            instance: InstanceId::new("host").unwrap(),
            number: 0,
        },
        edition: edition.clone(),
        rules: Arc::new(Rules::new(edition)),
        counters: Arc::clone(&counters),
        gauges: Arc::default(),
        control: Arc::clone(&control),
        tell: Tell::default(),
    };
    let mut port = Endless { values: Arc::new(values), left: records, sent: 0, control };
    run(&mut port, &job, &Ticks::default());
    assert_eq!(
        usize::try_from(counters.consumed.load(std::sync::atomic::Ordering::Relaxed)).unwrap(),
        records
    );
    assert!(port.sent > records / 5, "{}", port.sent);
}

/// A millisecond for each look at it: windows close as they do, and in each run at the same records.
#[derive(Default)]
struct Ticks(std::cell::Cell<u32>);

impl Clock for Ticks {
    fn now(&self) -> Duration {
        self.0.set(self.0.get() + 1);
        Duration::from_millis(self.0.get().into())
    }
}

/// A source that has so many records, and sinks that count.
struct Endless {
    values: Arc<Vec<Vec<u8>>>,
    left: usize,
    sent: usize,
    control: Arc<Control>,
}

struct Slice {
    values: Arc<Vec<Vec<u8>>>,
    len: usize,
}

impl Batch for Slice {
    fn len(&self) -> usize {
        self.len
    }
    fn record(&self, index: usize) -> Option<Record<'_>> {
        let value = self.values.get(index % self.values.len())?;
        let offset = i64::try_from(index).unwrap_or_default();
        Some(Record { offset, ..records::record(value) })
    }
    fn done(&mut self, _: usize) {}
    fn clear(&mut self) {
        self.len = 0;
    }
}

impl Port for Endless {
    type Batch = Slice;
    fn batch(&self, _: usize) -> Slice {
        Slice { values: Arc::clone(&self.values), len: 0 }
    }
    fn poll(&mut self, batch: &mut Slice, max: usize, _: Duration) {
        batch.len = self.left.min(max).min(BATCH);
        self.left -= batch.len;
        if batch.len == 0 {
            self.control.request_stop();
        }
    }
    fn send(&mut self, output: &Output<'_, Slice>) -> Result<(), Failure> {
        black_box((output.key, output.value, output.headers.iter().count()));
        self.sent += 1;
        Ok(())
    }
    fn news(&mut self) -> Option<News> {
        None
    }
    fn assign(&mut self) -> Result<Vec<NextOffset>, Failure> {
        Ok(Vec::new())
    }
    fn release(&mut self) -> Result<(), Failure> {
        Ok(())
    }
    fn begin(&mut self) -> Result<(), Failure> {
        Ok(())
    }
    fn dead_letter(&mut self, letter: &DeadLetter<'_, Slice>) -> Result<(), Failure> {
        panic!("{}", letter.rejection)
    }
    fn commit(&mut self, offsets: &Offsets) -> Result<(), Failure> {
        black_box(offsets.touched().count());
        Ok(())
    }
    fn settle(&mut self) -> Result<Vec<LateRefusal>, Failure> {
        Ok(Vec::new())
    }
    fn abort(&mut self) -> Result<(), Failure> {
        panic!("nothing fails here")
    }
    fn rebuild(&mut self) -> Result<(), Failure> {
        panic!("nothing fails here")
    }
    fn rewind(&mut self) -> Result<(), Failure> {
        panic!("nothing fails here")
    }
    fn reset(&mut self, _: &str, _: i32, _: OutOfRange) -> Result<(), Failure> {
        panic!("nothing is out of range here")
    }
    fn prepare(&mut self, _: &Arc<Pipeline>, _: &dyn Fn() -> bool) -> Result<(), Fault> {
        panic!("nothing is offered here")
    }
    fn pause(&mut self) -> Result<(), Failure> {
        panic!("nobody pauses this")
    }
    fn resume(&mut self) -> Result<(), Failure> {
        panic!("nobody pauses this")
    }
    fn lag(&mut self) -> Lag {
        Lag { partitions: 1, ..Lag::default() }
    }
    fn close(&mut self) {}
}

/// Not by `eprintln!`: the test runner would keep it for itself, and a test that compared nothing would look like one that did.
#[expect(clippy::explicit_write, reason = "see above")]
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").unwrap();
}

fn env(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "how a test is run, read here")]
    std::env::var(name).ok()
}
