//! The tables of throughput: krouted beside the C loop, rule by rule, and krouted as what it is given grows.

use std::collections::BTreeMap;

use krouted::model::Guarantee;

use crate::figures::Series;
use crate::kafka::broker::Broker;
use crate::measure::{Figures, Program, Run, measure, measure_at_once};
use crate::report::Table;
use crate::workload::{Rule, Shape, Workload};
use crate::{Options, say};

const SCENARIOS: [(&str, Rule, Guarantee); 5] = [
    ("filter and two routes on checked JSON", Rule::Value, Guarantee::ExactlyOnce),
    ("the same, at_least_once", Rule::Value, Guarantee::AtLeastOnce),
    ("plain copy (`format: bytes`)", Rule::Copy, Guarantee::ExactlyOnce),
    ("two routes by key", Rule::Key, Guarantee::ExactlyOnce),
    ("two routes by header", Rule::Header, Guarantee::ExactlyOnce),
];

/// How two programs are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pairing {
    /// One after the other, the first of each pair alternating.
    InTurns,
    /// Both at the same time: of what is measured, only their CPU and memory are their own.
    AtOnce,
}

/// What scenarios are asked for: all, or those of one rule and guarantee.
pub(crate) fn scenarios(
    broker: &Broker,
    options: &Options,
    which: &[usize],
    shape: Shape,
    pairing: Pairing,
) -> bool {
    let workload = Workload::load(&broker.cluster(), shape);
    let mut all: BTreeMap<usize, Pairs> = which.iter().map(|n| (*n, Pairs::default())).collect();
    let mut good = true;
    for round in 0..options.rounds {
        for (n, pairs) in &mut all {
            let (what, rule, guarantee) = SCENARIOS[*n];
            let run = options.run(rule, guarantee);
            let both = [(Program::Krouted, &run), (Program::Loop, &run)];
            let contest =
                Contest { broker, workload: &workload, what, names: BESIDE_LOOP, pairing };
            good &= pairs.round(&contest, round, both);
        }
    }
    workload.unload(&broker.cluster());
    if !good {
        // Rounds that lack a run are no rounds any more.
        say("no table: a run was refused");
        return false;
    }
    let mut table = match pairing {
        Pairing::InTurns => in_turns(shape, &all),
        Pairing::AtOnce => at_once(&all),
    };
    table.note(&format!(
        "{} records of {} bytes in {} partitions for each run; {} round(s), medians with the lowest and the highest; krouted and the loop {}.",
        shape.records,
        shape.bytes,
        shape.partitions,
        options.rounds,
        match pairing {
            Pairing::InTurns => "in turns, the first of each pair alternating",
            Pairing::AtOnce => "at the same time",
        }
    ));
    if options.write && which.len() == SCENARIOS.len() {
        table.write(&options.data);
    }
    true
}

fn in_turns(shape: Shape, all: &BTreeMap<usize, Pairs>) -> Table {
    let name = if shape.bytes == 1_000 { "scenarios" } else { "scenarios of small records" };
    let mut table = Table::new(
        name,
        &[
            "ratios to the C loop",
            "CPU per record",
            "the same / broker's CPU",
            "records/s",
            "peak memory",
            "krouted: CPU s per million; records/s; MiB",
            "C loop",
        ],
    );
    for (n, pairs) in all {
        table.row(&pairs.row(SCENARIOS[*n].0));
    }
    if let (Some(once), Some(least)) = (all.get(&0), all.get(&1)) {
        for (who, once, least) in
            [("krouted", &once.krouted, &least.krouted), ("the loop", &once.bare, &least.bare)]
        {
            let pairs = || once.iter().zip(least);
            table.note(&format!(
                "exactly_once of {who} beside at_least_once of {who} in the same rounds: records/s {:.2}, CPU {:.2}, broker's CPU {:.2}.",
                pairs().map(|(o, l)| o.rate / l.rate).collect::<Series>(),
                pairs().map(|(o, l)| o.cpu / l.cpu).collect::<Series>(),
                pairs().map(|(o, l)| o.broker_cpu / l.broker_cpu).collect::<Series>(),
            ));
        }
    }
    table
}

fn at_once(all: &BTreeMap<usize, Pairs>) -> Table {
    let columns = [
        "ratios to the C loop",
        "CPU per record",
        "peak memory",
        "krouted: CPU s per million; MiB",
        "C loop",
    ];
    let mut table = Table::new("scenarios at once", &columns);
    for (n, pairs) in all {
        let [cpu, memory, krouted, bare] = pairs.row_at_once();
        table.row(&[SCENARIOS[*n].0.to_owned(), cpu, memory, krouted, bare]);
    }
    table
}

/// Runs that nobody counts. A broker that has just started compiles while it serves: its first runs cost it twice as much, and
/// what it does once for each transaction it compiles only after thousands of them. A broker that serves anybody has that behind it.
pub(crate) fn warm(broker: &Broker) {
    let shape = Shape { bytes: 1_000, partitions: 4, topics: 1, records: WARM_RECORDS };
    let workload = Workload::load(&broker.cluster(), shape);
    let run = |program, run: &Run| {
        measure(broker, &workload, program, run).expect("a run to warm the broker is right too");
    };
    let window_records = u32::try_from(WARM_RECORDS / WARM_TRANSACTIONS).unwrap();
    let of_small_windows = Run { window_records, ..Run::of(Rule::Value, Guarantee::ExactlyOnce) };
    run(Program::Krouted, &of_small_windows);
    for _ in 0..WARM_ROUNDS {
        for (_, rule, guarantee) in SCENARIOS {
            for program in [Program::Krouted, Program::Loop] {
                run(program, &Run::of(rule, guarantee));
            }
        }
    }
    workload.unload(&broker.cluster());
}

/// krouted as the options say beside krouted as it is, to choose a default by: ratios below 1.0 speak for the options.
pub(crate) fn tune(
    broker: &Broker,
    options: &Options,
    rule: Rule,
    shape: Shape,
    pairing: Pairing,
) -> bool {
    let workload = Workload::load(&broker.cluster(), shape);
    let runs = [options.run(rule, Guarantee::ExactlyOnce), Run::of(rule, Guarantee::ExactlyOnce)];
    let both = runs.each_ref().map(|run| (Program::Krouted, run));
    let mut pairs = Pairs::default();
    let mut good = true;
    let names = ["tried", "as it is"];
    let contest = Contest { broker, workload: &workload, what: rule.name(), names, pairing };
    for round in 0..options.rounds {
        good &= pairs.round(&contest, round, both);
    }
    workload.unload(&broker.cluster());
    say(&match pairing {
        Pairing::InTurns => pairs.row("tried / as it is").join(" | "),
        Pairing::AtOnce => pairs.row_at_once().join(" | "),
    });
    good
}

/// What two programs do, and how they are compared.
struct Contest<'a> {
    broker: &'a Broker,
    workload: &'a Workload,
    what: &'a str,
    names: [&'static str; 2],
    pairing: Pairing,
}

const BESIDE_LOOP: [&str; 2] = ["krouted", "the loop"];

impl Contest<'_> {
    fn run(&self, round: usize, both: [(Program, &Run); 2]) -> [Result<Figures, String>; 2] {
        let one = |(program, run)| measure(self.broker, self.workload, program, run);
        let [first, second] = both;
        match self.pairing {
            Pairing::AtOnce => measure_at_once(self.broker, self.workload, both),
            Pairing::InTurns if round.is_multiple_of(2) => [one(first), one(second)],
            Pairing::InTurns => {
                let second = one(second);
                [one(first), second]
            }
        }
    }
}

/// The runs of both programs in the same rounds.
#[derive(Default)]
struct Pairs {
    krouted: Vec<Figures>,
    bare: Vec<Figures>,
}

impl Pairs {
    /// One run of each; a pair counts only where both are right.
    fn round(&mut self, contest: &Contest<'_>, round: usize, both: [(Program, &Run); 2]) -> bool {
        let [krouted, bare] = contest.run(round, both);
        for (name, figures) in contest.names.iter().zip([&krouted, &bare]) {
            let what = contest.what;
            match figures {
                Ok(f) if contest.pairing == Pairing::AtOnce => {
                    say(&format!("{what}: {name}: CPU {:.2} s per million", f.cpu));
                }
                Ok(f) => say(&format!("{what}: {name}: {}", plain(f))),
                Err(why) => say(&format!("{what}: {name}: REFUSED: {why}")),
            }
        }
        let (Ok(krouted), Ok(bare)) = (krouted, bare) else { return false };
        self.krouted.push(krouted);
        self.bare.push(bare);
        true
    }

    fn ratio(&self, of: fn(&Figures) -> f64) -> String {
        let ratios = self.krouted.iter().zip(&self.bare).map(|(k, b)| of(k) / of(b));
        format!("{:.2}", ratios.collect::<Series>())
    }

    fn row(&self, what: &str) -> [String; 7] {
        [
            what.to_owned(),
            self.ratio(|f| f.cpu),
            self.ratio(|f| f.cpu / f.broker_cpu),
            self.ratio(|f| f.rate),
            self.ratio(|f| f.peak_mib),
            medians(&self.krouted),
            medians(&self.bare),
        ]
    }

    /// What is each one's own of two that ran at the same time.
    fn row_at_once(&self) -> [String; 4] {
        let own = |runs: &[Figures]| {
            let of = |of: fn(&Figures) -> f64| runs.iter().map(of).collect::<Series>();
            format!("{:.2}; {:.0}", of(|f| f.cpu), of(|f| f.peak_mib).median())
        };
        [self.ratio(|f| f.cpu), self.ratio(|f| f.peak_mib), own(&self.krouted), own(&self.bare)]
    }
}

fn plain(f: &Figures) -> String {
    format!(
        "CPU {:.2} s per million, {:.0} records/s, {:.0} MiB, broker {:.2} s per million",
        f.cpu, f.rate, f.peak_mib, f.broker_cpu
    )
}

fn medians(runs: &[Figures]) -> String {
    let of = |of: fn(&Figures) -> f64| runs.iter().map(of).collect::<Series>();
    let (cpu, rate, peak) = (of(|f| f.cpu), of(|f| f.rate), of(|f| f.peak_mib));
    if cpu.is_empty() {
        return "refused".to_owned();
    }
    format!("{:.2}; {:.0}; {:.0}", cpu.median(), rate.median(), peak.median())
}

/// One line of a table of growth.
struct Step {
    label: String,
    shape: Shape,
    run: Run,
    with_loop: bool,
}

/// A table of how the cost grows with one thing.
struct Growth {
    name: &'static str,
    first_column: &'static str,
    steps: Vec<Step>,
    note: &'static str,
}

const WARM_RECORDS: u64 = 1_000_000;
/// In the first the broker's compiler has 4 to 13 % of what a run costs the broker, behind the second 1 to 6 %, as a rule.
const WARM_ROUNDS: usize = 2;
const WARM_TRANSACTIONS: u64 = 3_000;

pub(crate) const GROWTH: [&str; 6] =
    ["workers", "daemons", "partitions", "pipelines", "sizes", "windows"];

pub(crate) fn growth(broker: &Broker, options: &Options, what: &str) -> bool {
    let records = options.records;
    let base = Shape { bytes: 1_000, partitions: 4, topics: 1, records };
    let run = || options.run(Rule::Value, Guarantee::ExactlyOnce);
    let step = |label: String, shape, run, with_loop| Step { label, shape, run, with_loop };
    let growth = match what {
        "workers" => Growth {
            name: "workers",
            first_column: "workers",
            steps: [1, 2, 4]
                .map(|workers| step(workers.to_string(), base, Run { workers, ..run() }, false))
                .into(),
            note: "One daemon, 4 partitions. A worker is a thread with its own consumer and producer, and librdkafka's threads behind them.",
        },
        "daemons" => Growth {
            name: "daemons",
            first_column: "daemons",
            steps: [1, 2, 3]
                .map(|daemons| step(daemons.to_string(), base, Run { daemons, ..run() }, false))
                .into(),
            note: "On one machine and one group, one worker each: what more hosts cost, not what they bring, since they share two cores with the broker. Memory is that of all together.",
        },
        "partitions" => Growth {
            name: "partitions",
            first_column: "partitions of each topic",
            steps: [1, 16, 64]
                .map(|partitions| {
                    step(partitions.to_string(), Shape { partitions, ..base }, run(), true)
                })
                .into(),
            note: "Input and both outputs have so many each.",
        },
        "pipelines" => Growth {
            name: "pipelines",
            first_column: "pipelines in one daemon",
            steps: [1, 10, 100]
                .map(|topics| step(topics.to_string(), Shape { topics, ..base }, run(), false))
                .into(),
            note: "The same records, dealt out to as many topics of 4 partitions, each with a pipeline, a group, and two output topics of its own.",
        },
        "sizes" => Growth {
            name: "sizes",
            first_column: "bytes of each value",
            steps: [
                (100, records),
                (1_000, records),
                (10_000, records / 8),
                (100_000, records / 80),
            ]
            .map(|(bytes, records)| {
                step(bytes.to_string(), Shape { bytes, records, ..base }, run(), true)
            })
            .into(),
            note: "All values are checked whole. Of 10 000 bytes an eighth as many records, of 100 000 an eightieth:",
        },
        "windows" => Growth {
            name: "windows",
            first_column: "commit_interval",
            steps: [10, 100, 1_000]
                .map(|interval_ms| {
                    step(format!("{interval_ms} ms"), base, Run { interval_ms, ..run() }, true)
                })
                .into(),
            note: "A window also closes at 64 MiB, so at this rate one of a second is not a second long.",
        },
        other => panic!("no table {other}"),
    };
    grow(broker, options, growth)
}

fn grow(broker: &Broker, options: &Options, growth: Growth) -> bool {
    let mut good = true;
    let mut kept: Option<Workload> = None;
    let mut rows = Vec::new();
    for step in growth.steps {
        if kept.as_ref().is_none_or(|w| w.shape != step.shape) {
            if let Some(old) = kept.take() {
                old.unload(&broker.cluster());
            }
            kept = Some(Workload::load(&broker.cluster(), step.shape));
        }
        let workload = kept.as_ref().unwrap();
        let mut pairs = Pairs::default();
        for round in 0..options.rounds {
            let what = format!("{} {}", growth.first_column, step.label);
            if step.with_loop {
                let both = [(Program::Krouted, &step.run), (Program::Loop, &step.run)];
                let (names, pairing) = (BESIDE_LOOP, Pairing::InTurns);
                let contest = Contest { broker, workload, what: &what, names, pairing };
                good &= pairs.round(&contest, round, both);
                continue;
            }
            match measure(broker, workload, Program::Krouted, &step.run) {
                Ok(figures) => {
                    say(&format!("{what}: {}", plain(&figures)));
                    pairs.krouted.push(figures);
                }
                Err(why) => {
                    say(&format!("{what}: REFUSED: {why}"));
                    good = false;
                }
            }
        }
        rows.push((step.label, pairs));
    }
    if let Some(old) = kept {
        old.unload(&broker.cluster());
    }
    if good {
        write_growth(options, growth.name, growth.first_column, growth.note, &rows);
    } else {
        say("no table: a run was refused");
    }
    good
}

fn write_growth(
    options: &Options,
    name: &'static str,
    first_column: &str,
    note: &str,
    rows: &[(String, Pairs)],
) {
    let of =
        |pairs: &Pairs, of: fn(&Figures) -> f64| pairs.krouted.iter().map(of).collect::<Series>();
    let columns = [
        first_column,
        "CPU s per million",
        "to the first line",
        "records/s",
        "to the first line",
        "MiB",
        "ratios to the C loop: CPU; records/s",
    ];
    let mut table = Table::new(name, &columns);
    let first = rows
        .first()
        .map(|(_, pairs)| (of(pairs, |f| f.cpu).median(), of(pairs, |f| f.rate).median()));
    let (first_cpu, first_rate) = first.unwrap_or((f64::NAN, f64::NAN));
    for (label, pairs) in rows {
        let (cpu, rate) = (of(pairs, |f| f.cpu), of(pairs, |f| f.rate));
        let ratio = if pairs.bare.is_empty() {
            "-".to_owned()
        } else {
            format!("{}; {}", pairs.ratio(|f| f.cpu), pairs.ratio(|f| f.rate))
        };
        table.row(&[
            label.clone(),
            format!("{cpu:.2}"),
            format!("{:.2}", cpu.median() / first_cpu),
            format!("{rate:.0}"),
            format!("{:.2}", rate.median() / first_rate),
            format!("{:.0}", of(pairs, |f| f.peak_mib)),
            ratio,
        ]);
    }
    table.note(&format!("{note} {} records, {} round(s).", options.records, options.rounds));
    if options.write {
        table.write(&options.data);
    }
}
