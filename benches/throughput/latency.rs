//! How long a record is on its way, at a steady rate, for windows of several lengths.

use std::time::Duration;

use krouted::model::Guarantee;
use regex::Regex;

use crate::Options;
use crate::daemon::Host;
use crate::kafka::broker::Broker;
use crate::kafka::unique;
use crate::measure::{Run, pipeline};
use crate::report::Table;
use crate::wait::SOON;
use crate::workload::Rule;
use crate::yardstick::yardstick;
use krouted::model::Guarantee::{AtLeastOnce, ExactlyOnce};

const PARTITIONS: u32 = 4;
const WARM_S: u32 = 2;
/// What the budget of DESIGN.md section 12 adds to a window at p99.
const ADDED_MS: [(Guarantee, u32); 2] = [(ExactlyOnce, 20), (AtLeastOnce, 10)];

pub(crate) fn latency(broker: &Broker, options: &Options) -> bool {
    let columns = [
        "guarantee",
        "commit_interval",
        "records/s",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "most ms",
        "p99 may be",
        "late ticks",
    ];
    let mut table = Table::new("latency", &columns);
    let mut good = true;
    for rate in [1_000, 20_000] {
        for (guarantee, added) in ADDED_MS {
            for interval_ms in [10, 50, 100] {
                if guarantee == AtLeastOnce && interval_ms != 100 {
                    // Its outputs are visible before the window ends: the interval does not count.
                    continue;
                }
                let run = Run { interval_ms, ..options.run(Rule::Value, guarantee) };
                let name = if guarantee == ExactlyOnce { "exactly_once" } else { "at_least_once" };
                let budget = if guarantee == ExactlyOnce { interval_ms + added } else { added };
                let what = [name.to_owned(), format!("{interval_ms} ms"), rate.to_string()];
                match one(broker, &run, rate, options.seconds) {
                    Ok(found) => table.row(
                        &[&what[..], &found[..4], &[format!("{budget} ms"), found[4].clone()]]
                            .concat(),
                    ),
                    Err(why) => {
                        crate::say(&format!("{what:?}: REFUSED: {why}"));
                        good = false;
                    }
                }
            }
        }
    }
    table.note(&format!(
        "Records of 1 000 bytes, one filter and two routes on checked JSON, for {} s after {WARM_S} s. From the call that hands a \
         record to a producer (linger 0.5 ms) to its arrival at a `read_committed` reader, both in one process. A late tick is a \
         millisecond of the sender that the machine began 5 ms late or more: with many of them the machine is what was measured.",
        options.seconds
    ));
    if options.write {
        table.write();
    }
    good
}

fn one(broker: &Broker, run: &Run, rate: u32, seconds: u32) -> Result<[String; 5], String> {
    let cluster = broker.cluster();
    let topics =
        ["latency-in", "latency-a", "latency-b"].map(|name| cluster.topic(name, PARTITIONS));
    let [input, first, second] = &topics;
    let host = Host::new(&unique("speed"), &cluster.bootstrap);
    host.pipeline("latency.yaml", &pipeline(run, 0, input, &unique("latency"), [first, second]));
    let mut daemon = host.run();
    daemon.wait_for_line("partitions assigned", SOON);
    let mut probe = std::process::Command::new(&yardstick().probe);
    probe.args(["--bootstrap", &cluster.bootstrap, "--in", input, "--out", first, "--out", second]);
    probe.args(["--rate", &rate.to_string(), "--warm-s", &WARM_S.to_string()]);
    let output = probe.args(["--seconds", &seconds.to_string()]).output().unwrap();
    daemon.assert_runs();
    let code = daemon.terminate();
    for topic in &topics {
        cluster.ask("delete_topic", serde_json::json!({"topic": topic}));
    }
    if !output.status.success() || code != Some(0) {
        return Err(format!("{}, daemon {code:?}", String::from_utf8_lossy(&output.stderr)));
    }
    let line = String::from_utf8(output.stdout).unwrap();
    let fields: Vec<f64> = line.split_whitespace().map(|f| f.parse().unwrap()).collect();
    let [_, p50, p99, p999, most, late] = fields[..] else { return Err(line) };
    let ms = |us: f64| format!("{:.1}", us / 1e3);
    Ok([ms(p50), ms(p99), ms(p999), ms(most), format!("{late}")])
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
    let mut first_record = crate::figures::Series::default();
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
    let count = |daemon: &crate::daemon::Daemon| {
        daemon.lines().iter().filter(|line| assigned.is_match(line)).count()
    };
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
        table.write();
    }
    peak <= 512.0
}
