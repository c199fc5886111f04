//! How long a record is on its way, at a steady rate, for windows of several lengths.

use std::process::Command;
use std::time::Duration;

use krouted::model::Guarantee;
use regex::Regex;
use serde_json::json;

use crate::Options;
use crate::daemon::{Daemon, Host};
use crate::figures::Series;
use crate::kafka::broker::Broker;
use crate::kafka::unique;
use crate::measure::{Program, Run, pipeline};
use crate::report::Table;
use crate::wait::{SOON, eventually};
use crate::workload::Rule;
use crate::yardstick::{self, yardstick};
use krouted::model::Guarantee::{AtLeastOnce, ExactlyOnce};

const PARTITIONS: u32 = 4;
const WARM_S: u32 = 2;
/// What the budget of DESIGN.md section 12 adds to a window at p99.
const MAY_ADD_MS: [(Guarantee, u32); 2] = [(ExactlyOnce, 20), (AtLeastOnce, 10)];

/// What a record goes through between the probe's producer and its reader.
#[derive(Clone, Copy)]
enum Way<'a> {
    /// Nothing: the reader reads the input.
    Direct,
    Through(Program, &'a Run),
}

/// Milliseconds, and ticks of the sender that came late; how often the broker's collector stopped it, and for how long at most.
#[derive(Clone, Copy)]
struct Found {
    p50: f64,
    p99: f64,
    p999: f64,
    most: f64,
    late_ticks: f64,
    stops: f64,
    longest_stop: f64,
}

/// What was found of one way, a round after the other.
#[derive(Default)]
struct Rounds(Vec<Found>);

impl Rounds {
    fn of(&self, figure: impl Fn(&Found) -> f64) -> Series {
        let mut series = Series::default();
        self.0.iter().for_each(|found| series.push(figure(found)));
        series
    }

    /// To the p99, beside what the direct way took in the same round.
    fn added(&self, direct: &Self) -> Series {
        let mut series = Series::default();
        self.0.iter().zip(&direct.0).for_each(|(way, direct)| series.push(way.p99 - direct.p99));
        series
    }
}

pub(crate) fn latency(broker: &Broker, options: &Options) -> bool {
    let columns = [
        "guarantee",
        "commit_interval",
        "records/s",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "most ms",
        "p99 added",
        "p99 may be added",
        "the C loop adds",
        "late ticks",
        "stops of the broker; longest ms",
    ];
    assert!(
        !stops(&broker.log_text()).is_empty(),
        "the broker's log tells of no collection, though it is warm"
    );
    let mut table = Table::new("latency", &columns);
    let mut good = true;
    for rate in [1_000, 20_000] {
        match rows_of(broker, rate, options) {
            Ok(rows) => rows.iter().for_each(|row| table.row(row)),
            Err(why) => {
                crate::say(&format!("{rate} records/s: REFUSED: {why}"));
                good = false;
            }
        }
    }
    table.note(&format!(
        "Records of 1 000 bytes, one filter and two routes on checked JSON, for {} s after {WARM_S} s, {} round(s), medians with the lowest and the highest. From the call that hands a \
         record to a producer (linger 0.5 ms) to its arrival at a `read_committed` reader, both in one process. What is added is the \
         difference to the line without a guarantee of the same round, where the reader reads the input itself. The C loop does the same work with the \
         same client properties and the same window. A late tick is a millisecond of the sender that the machine began 5 ms late or \
         more: with many of them the machine is what was measured. Last, how often the broker's collector stopped it in the run of krouted, \
         from the start of the probe on, the first {WARM_S} s included, and the longest stop; those of the loop are not counted.",
        options.seconds, options.rounds
    ));
    if options.write && good {
        table.write(&options.data);
    }
    good
}

/// All lines of one rate, the direct way first.
fn rows_of(broker: &Broker, rate: u32, options: &Options) -> Result<Vec<[String; 12]>, String> {
    let mut runs = Vec::new();
    for (guarantee, may) in MAY_ADD_MS {
        // The outputs of at_least_once are visible before the window ends: the interval does not count.
        let intervals = if guarantee == ExactlyOnce { &[10, 50, 100][..] } else { &[100] };
        for &interval_ms in intervals {
            let may = if guarantee == ExactlyOnce { interval_ms + may } else { may };
            runs.push((Run { interval_ms, ..options.run(Rule::Value, guarantee) }, may));
        }
    }
    let mut direct = Rounds::default();
    let mut found: Vec<[Rounds; 2]> = runs.iter().map(|_| <[Rounds; 2]>::default()).collect();
    for _ in 0..options.rounds {
        direct.0.push(one(broker, Way::Direct, rate, options.seconds)?);
        for ((run, _), found) in runs.iter().zip(&mut found) {
            for (program, found) in [Program::Krouted, Program::Loop].into_iter().zip(found) {
                found.0.push(one(broker, Way::Through(program, run), rate, options.seconds)?);
            }
        }
    }
    let row = |what: [String; 2], rounds: &Rounds, budget: [String; 3]| {
        let [guarantee, interval] = what;
        let [added, may, loop_added] = budget;
        let times = [rounds.of(|f| f.p50), rounds.of(|f| f.p99), rounds.of(|f| f.p999)];
        let [p50, p99, p999] = times.map(|times| format!("{times:.1}"));
        let most = format!("{:.1}", rounds.of(|f| f.most));
        let late = format!("{:.0}", rounds.of(|f| f.late_ticks));
        let stops = format!("{:.0}; {:.0}", rounds.of(|f| f.stops), rounds.of(|f| f.longest_stop));
        let rate = rate.to_string();
        [guarantee, interval, rate, p50, p99, p999, most, added, may, loop_added, late, stops]
    };
    let nothing = || "-".to_owned();
    let mut rows =
        vec![row(["none".to_owned(), nothing()], &direct, [nothing(), nothing(), nothing()])];
    for ((run, may), [ours, loops]) in runs.iter().zip(&found) {
        let guarantee = match run.guarantee {
            ExactlyOnce => "exactly_once",
            AtLeastOnce => "at_least_once",
            Guarantee::AtMostOnce => unreachable!("it has no windows"),
        };
        let added = [ours.added(&direct), loops.added(&direct)];
        let [added, loop_added] = added.map(|added| format!("{added:.1}"));
        let what = [guarantee.to_owned(), format!("{} ms", run.interval_ms)];
        rows.push(row(what, ours, [added, may.to_string(), loop_added]));
    }
    Ok(rows)
}

fn one(broker: &Broker, way: Way<'_>, rate: u32, seconds: u32) -> Result<Found, String> {
    let cluster = broker.cluster();
    let topics =
        ["latency-in", "latency-a", "latency-b"].map(|name| cluster.topic(name, PARTITIONS));
    let [input, first, second] = &topics;
    let group = unique("latency");
    let host = Host::new(&unique("speed"), &cluster.bootstrap);
    let mut probe = Command::new(&yardstick().probe);
    probe.args(["--bootstrap", &cluster.bootstrap, "--in", input]);
    probe.args(["--rate", &rate.to_string(), "--warm-s", &WARM_S.to_string()]);
    probe.args(["--seconds", &seconds.to_string()]);
    let program = match way {
        Way::Direct => {
            probe.args(["--out", input]);
            None
        }
        Way::Through(program, run) => {
            probe.args(["--out", first, "--out", second]);
            Some(match program {
                Program::Krouted => {
                    let file = pipeline(run, 0, input, &group, [first, second]);
                    host.pipeline("latency.yaml", &file);
                    let mut daemon = host.run();
                    daemon.wait_for_line("partitions assigned", SOON);
                    (daemon, Some(0))
                }
                Program::Loop => {
                    let topics = [input, first, second].map(String::as_str);
                    let mut command =
                        yardstick::command(run, &cluster.bootstrap, &group, topics, PARTITIONS);
                    // One that never comes: it goes on until it is ended.
                    command.args(["--records", &u32::MAX.to_string()]);
                    let daemon = Daemon::start(&command);
                    eventually(SOON, "the loop has its partitions", || {
                        let group = cluster.try_ask("describe_group", json!({"group": group}));
                        let group = group.ok()?;
                        (group.to_string().contains(input.as_str())).then_some(())
                    });
                    // It has no end of its own: SIGTERM is one.
                    (daemon, None)
                }
            })
        }
    };
    let logged = broker.log_text().len();
    let output = probe.output().unwrap();
    let stops = stops(broker.log_text().split_at(logged).1);
    if let Some((mut daemon, expected)) = program {
        daemon.assert_runs();
        let code = daemon.terminate();
        if code != expected {
            return Err(format!("the program ended with {code:?}"));
        }
    }
    for topic in &topics {
        cluster.ask("delete_topic", json!({"topic": topic}));
    }
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let line = String::from_utf8(output.stdout).unwrap();
    let fields: Vec<f64> = line.split_whitespace().map(|f| f.parse().unwrap()).collect();
    let [_, p50, p99, p999, most, late_ticks] = fields[..] else { return Err(line) };
    let [p50, p99, p999, most] = [p50, p99, p999, most].map(|us| us / 1e3);
    let longest_stop = stops.iter().copied().fold(0.0, f64::max);
    Ok(Found { p50, p99, p999, most, late_ticks, stops: stops.len() as f64, longest_stop })
}

/// Milliseconds of each, from what the JVM says with `-Xlog:gc`: `[2.5s][info][gc] GC(3) Pause Young (Normal) … 612M->205M(6144M) 12.345ms`.
fn stops(log: &str) -> Vec<f64> {
    let stop = Regex::new(r"(?m)\] GC\([0-9]+\) Pause .* ([0-9]+[.,][0-9]+)ms$").unwrap();
    stop.captures_iter(log).map(|stop| stop[1].replace(',', ".").parse().unwrap()).collect()
}

/// What 100 pipelines need that have nothing to do, and how soon they and the first record are there.
pub(crate) fn startup(broker: &Broker, options: &Options) -> bool {
    use crate::measure::{now, pause, status_mib};
    use crate::workload::{Shape, Workload};
    const PIPELINES: usize = 100;
    let cluster = broker.cluster();
    let run = options.run(Rule::Value, ExactlyOnce);
    let mut table = Table::new("startup and memory", &["what", "figure", "budget"]);

    let shape = Shape { bytes: 1_000, partitions: 4, topics: 1, records: 1_000 };
    let workload = Workload::load(&cluster, shape);
    let mut first_record = Series::default();
    for _ in 0..options.rounds {
        let outputs = ["first-a", "first-b"].map(|name| cluster.topic(name, 4));
        let host = Host::new(&unique("speed"), &cluster.bootstrap);
        let file =
            pipeline(&run, 0, &workload.topics[0], &unique("first"), [&outputs[0], &outputs[1]]);
        host.pipeline("first.yaml", &file);
        let begin = now();
        let mut daemon = host.run();
        while cluster.offsets(&outputs[1]).iter().all(|o| o.stable == 0) {
            assert!(begin.elapsed() < SOON, "no record came out");
            pause(Duration::from_millis(5));
        }
        first_record.push(begin.elapsed().as_secs_f64());
        assert_eq!(daemon.terminate(), Some(0));
    }
    table.row(&[
        "from the start of the binary to its first record visible, s",
        &format!("{first_record:.2}"),
        "5",
    ]);
    workload.unload(&cluster);

    let host = Host::new(&unique("speed"), &cluster.bootstrap);
    for n in 0..PIPELINES {
        let [input, a, b] = ["idle-in", "idle-a", "idle-b"].map(|name| cluster.topic(name, 4));
        host.pipeline(
            &format!("idle-{n}.yaml"),
            &pipeline(&run, n, &input, &unique("idle"), [&a, &b]),
        );
    }
    let begin = now();
    let mut daemon = host.run();
    let assigned = Regex::new("partitions assigned").unwrap();
    let count =
        |daemon: &Daemon| daemon.lines().iter().filter(|line| assigned.is_match(line)).count();
    while count(&daemon) < PIPELINES {
        daemon.assert_runs();
        assert!(begin.elapsed() < Duration::from_mins(2), "{} are assigned", count(&daemon));
        pause(Duration::from_millis(10));
    }
    let all = begin.elapsed().as_secs_f64();
    table.row(&[
        "from the start of the binary to 100 pipelines with their partitions, s",
        &format!("{all:.2}"),
        "-",
    ]);
    pause(Duration::from_secs(10));
    let (now_mib, peak) = (status_mib(daemon.pid(), "VmRSS:"), status_mib(daemon.pid(), "VmHWM:"));
    table.row(&["memory of 100 idle pipelines, MiB, peak", &format!("{peak:.0}"), "512"]);
    table.row(&["the same, 10 s later", &format!("{now_mib:.0}"), "512"]);
    let before = crate::measure::cpu_s(daemon.pid());
    pause(Duration::from_secs(5));
    let idle = (crate::measure::cpu_s(daemon.pid()) - before) / 5.0;
    table.row(&["CPU of 100 idle pipelines, of one core", &format!("{:.1} %", idle * 100.0), "-"]);
    assert_eq!(daemon.terminate(), Some(0));
    if options.write {
        table.write(&options.data);
    }
    peak <= 512.0
}
