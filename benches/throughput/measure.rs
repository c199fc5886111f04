//! One run of a program over a workload: what it cost until its last output was visible to a `read_committed` reader.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use krouted::model::Guarantee;
use serde_json::json;

use crate::daemon::{Daemon, Host};
use crate::kafka::broker::Broker;
use crate::kafka::{Cluster, unique};
use crate::verdict::{self, Claim};
use crate::workload::{Rule, Workload};
use crate::yardstick;

/// Between two looks at how far it is: short beside a run of seconds, long enough that looking costs nothing.
const LOOK: Duration = Duration::from_millis(50);
/// A run that takes longer has stopped.
const RUN_WITHIN: Duration = Duration::from_mins(3);
/// Of `/proc/PID/stat`: Linux shows 1/100 s whatever the kernel's own tick is.
const TICKS_PER_S: f64 = 100.0;

/// As many as a file may say: the interval ends a window, as it does the loop's. The 50 000 that a file has which says nothing
/// are less than what is read of small records in 100 ms, or of large ones behind a commit.
const WINDOW_RECORDS_MAX: u32 = 1_000_000;

/// Who does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Krouted,
    /// The bare C loop.
    Loop,
}

/// A client property to try, for both programs.
#[derive(Clone, Debug)]
pub(crate) struct Property {
    /// `c`, the consumer, or `p`, the producer.
    pub(crate) client: char,
    pub(crate) name: String,
    pub(crate) value: String,
}

/// How the work is done.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) rule: Rule,
    pub(crate) guarantee: Guarantee,
    pub(crate) interval_ms: u32,
    /// Most records of krouted's windows, for which the loop has no limit.
    pub(crate) window_records: u32,
    pub(crate) workers: u16,
    /// Daemons on the same group.
    pub(crate) daemons: usize,
    pub(crate) properties: Vec<Property>,
    /// Of the daemon: `LD_PRELOAD` is another allocator, for one.
    pub(crate) environment: Vec<(String, String)>,
    /// Another build of the daemon.
    pub(crate) binary: Option<String>,
}

impl Run {
    pub(crate) fn of(rule: Rule, guarantee: Guarantee) -> Self {
        Self {
            rule,
            guarantee,
            interval_ms: 100,
            window_records: WINDOW_RECORDS_MAX,
            workers: 1,
            daemons: 1,
            properties: Vec::new(),
            environment: Vec::new(),
            binary: None,
        }
    }
}

/// What it cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// User and system seconds of all its processes, per million input records.
    pub(crate) cpu: f64,
    /// Input records/s from the first commit that was seen to the end.
    pub(crate) rate: f64,
    /// The most memory that it ever had, of all its processes together.
    pub(crate) peak_mib: f64,
    /// The broker's own seconds per million: what of the machine's mood is in both.
    pub(crate) broker_cpu: f64,
}

/// Runs it with a group and topics that nobody had before; refuses the figures where the outputs are not as they must be.
pub(crate) fn measure(
    broker: &Broker,
    workload: &Workload,
    program: Program,
    run: &Run,
) -> Result<Figures, String> {
    let mut trial = Trial::prepare(broker, workload, program, run);
    let figures = trial.cost()?;
    trial.judge().map(|()| figures)
}

/// Two at the same time, each with a group and topics of its own: whatever slows the machine down for some seconds slows
/// both, but for the end, which the slower one has to itself. Neither records/s nor the broker's CPU belong to one of them.
pub(crate) fn measure_at_once(
    broker: &Broker,
    workload: &Workload,
    runs: [(Program, &Run); 2],
) -> [Result<Figures, String>; 2] {
    let mut trials = runs.map(|(program, run)| Trial::prepare(broker, workload, program, run));
    let [first, second] = &mut trials;
    let figures = std::thread::scope(|scope| {
        let first = scope.spawn(|| first.cost());
        let second = second.cost();
        [first.join().expect("the watch of the first"), second]
    });
    // Behind both: the judge takes more CPU than either of them.
    let [first, second] = trials.map(Trial::judge);
    let [first_figures, second_figures] = figures;
    [
        first_figures.and_then(|figures| first.map(|()| figures)),
        second_figures.and_then(|figures| second.map(|()| figures)),
    ]
}

/// A program, and the folder that it needs as long as it runs.
type Member = (Daemon, Option<Host>);

/// One run of one program.
struct Trial<'a> {
    broker: &'a Broker,
    cluster: Cluster,
    workload: &'a Workload,
    program: Program,
    run: &'a Run,
    groups: Vec<String>,
    outputs: [Vec<String>; 2],
}

impl<'a> Trial<'a> {
    fn prepare(broker: &'a Broker, workload: &'a Workload, program: Program, run: &'a Run) -> Self {
        let cluster = broker.cluster();
        let make = |name: &str| -> Vec<String> {
            workload.topics.iter().map(|_| cluster.topic(name, workload.shape.partitions)).collect()
        };
        let outputs = [make("speed-a"), make("speed-b")];
        let groups = workload.topics.iter().map(|_| unique("speed")).collect();
        Self { broker, cluster, workload, program, run, groups, outputs }
    }

    /// Runs it until all is visible, and ends it.
    fn cost(&mut self) -> Result<Figures, String> {
        let broker_before = cpu_s(self.broker.pid());
        let mut team = match self.program {
            Program::Krouted => self.daemons(),
            Program::Loop => self.loops(),
        };
        let rate = self.watch(&mut team)?;
        let pids: Vec<_> = team.iter().map(|(daemon, _)| daemon.pid()).collect();
        let million = self.workload.shape.records as f64 / 1e6;
        let figures = Figures {
            cpu: pids.iter().map(|pid| cpu_s(*pid)).sum::<f64>() / million,
            rate,
            peak_mib: pids.iter().map(|pid| status_mib(*pid, "VmHWM:")).sum(),
            broker_cpu: (cpu_s(self.broker.pid()) - broker_before) / million,
        };
        for (daemon, _) in &mut team {
            let code = daemon.terminate();
            if self.program == Program::Krouted && code != Some(0) {
                return Err(format!("the daemon ended with {code:?}"));
            }
        }
        Ok(figures)
    }

    /// Whether what it wrote is what it should have; removes it.
    fn judge(self) -> Result<(), String> {
        let expected = self.workload.expected[&self.run.rule];
        let outputs = [&self.outputs[0][..], &self.outputs[1][..]];
        let verdict = verdict::judge(&self.cluster, &Claim { outputs, expected });
        for topic in self.outputs.iter().flatten() {
            self.cluster.ask("delete_topic", json!({"topic": topic}));
        }
        verdict
    }

    fn daemons(&self) -> Vec<Member> {
        let run = self.run;
        let hosts: Vec<_> = (0..run.daemons).map(|_| self.host()).collect();
        let binary = run.binary.as_deref().unwrap_or(env!("CARGO_BIN_EXE_krouted"));
        let environment: Vec<_> =
            run.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let start = |host: Host| (host.run_by(binary, &[], &environment), Some(host));
        hosts.into_iter().map(start).collect()
    }

    fn host(&self) -> Host {
        let run = self.run;
        let host = Host::new(&unique("speed"), &self.cluster.bootstrap);
        if run.properties.iter().any(|p| p.client == 'p') {
            let settings = host.path().join("krouted.yaml");
            let mut text = fs::read_to_string(&settings).unwrap();
            text.push_str("    properties:\n");
            for p in run.properties.iter().filter(|p| p.client == 'p') {
                writeln!(text, "      {}: \"{}\"", p.name, p.value).unwrap();
            }
            host.settings(&text);
        }
        let topics = self.workload.topics.iter().zip(&self.groups);
        for (n, (topic, group)) in topics.enumerate() {
            let sinks = [&self.outputs[0][n], &self.outputs[1][n]];
            host.pipeline(&format!("speed-{n}.yaml"), &pipeline(run, n, topic, group, sinks));
        }
        host
    }

    fn loops(&self) -> Vec<Member> {
        let run = self.run;
        assert_eq!((run.workers, run.daemons), (1, 1), "the loop is one thread in one process");
        let topics = self.workload.topics.iter().zip(&self.groups).enumerate();
        let partitions = self.workload.shape.partitions;
        let commands = topics.map(|(n, (topic, group))| {
            let topics = [topic.as_str(), &self.outputs[0][n], &self.outputs[1][n]];
            let mut command =
                yardstick::command(run, &self.cluster.bootstrap, group, topics, partitions);
            let records = self.cluster.offsets(topic).iter().map(|o| o.high).sum::<i64>();
            command.args(["--records", &records.to_string()]);
            command
        });
        let commands: Vec<_> = commands.collect();
        commands.iter().map(|command| (Daemon::start(command), None)).collect()
    }

    /// Waits until all is committed and visible; gives the records/s from the first commit on.
    fn watch(&self, team: &mut [Member]) -> Result<f64, String> {
        let ends: Vec<i64> = self.workload.topics.iter().map(|t| self.end_of(t)).collect();
        let total = self.workload.shape.records as f64;
        let begin = now();
        let mut first: Option<(Instant, f64)> = None;
        let mut at = 0;
        while at < ends.len() {
            let committed = self.cluster.committed(&self.groups[at], &self.workload.topics[at]);
            let committed = committed.values().sum::<i64>();
            if committed > 0 && first.is_none() {
                // Of several pipelines the others are as far, more or less: what is done until now counts as none.
                first = Some((now(), if ends.len() == 1 { committed as f64 } else { 0.0 }));
            }
            if committed >= ends[at] {
                at += 1;
                continue;
            }
            if begin.elapsed() > RUN_WITHIN {
                return Err(format!("{committed} of {} are committed after 3 min", ends[at]));
            }
            for (daemon, _) in &mut *team {
                daemon.assert_runs();
            }
            pause(LOOK);
        }
        for topic in self.outputs.iter().flatten() {
            while self.cluster.offsets(topic).iter().any(|o| o.stable < o.high) {
                if begin.elapsed() > RUN_WITHIN {
                    return Err(format!("{topic} has an open transaction"));
                }
                pause(LOOK);
            }
        }
        let end = now();
        // All at the first look: too short a run to tell its rate, but the whole of it is a bound.
        let (first, done) = first.filter(|(_, done)| *done < total).unwrap_or((begin, 0.0));
        Ok((total - done) / (end - first).as_secs_f64())
    }

    fn end_of(&self, topic: &str) -> i64 {
        self.cluster.offsets(topic).iter().map(|o| o.high).sum()
    }
}

/// A pipeline file that says what the loop's mode does.
pub(crate) fn pipeline(
    run: &Run,
    n: usize,
    topic: &str,
    group: &str,
    [first, second]: [&String; 2],
) -> String {
    let guarantee = match run.guarantee {
        Guarantee::ExactlyOnce => "exactly_once",
        Guarantee::AtLeastOnce => "at_least_once",
        Guarantee::AtMostOnce => unreachable!("it has no windows to compare"),
    };
    let consumer = run.properties.iter().filter(|p| p.client == 'c');
    let consumer: Vec<_> = consumer.map(|p| format!("{}: \"{}\"", p.name, p.value)).collect();
    let format = if run.rule == Rule::Value { "json" } else { "bytes" };
    let rules = match run.rule {
        Rule::Copy => format!("sinks: {{a: {{kafka: {{topic: {first}}}}}}}\n"),
        rule @ (Rule::Value | Rule::Key | Rule::Header) => {
            let (filter, [a, b]) = conditions(rule);
            format!(
                "{filter}sinks:\n  a: {{kafka: {{topic: {first}}}}}\n  b: {{kafka: {{topic: {second}}}}}\n\
                 routes:\n  - {{name: a, when: '{a}', to: [a]}}\n  - {{name: b, when: '{b}', to: [b]}}\nunmatched: drop\n"
            )
        }
    };
    format!(
        "version: 1\nname: speed-{n}\nsource:\n  topics: [{topic}]\n  group: {group}\n  start: earliest\n  format: {format}\n  \
         properties: {{{}}}\ndelivery: {{{guarantee}: {{commit_interval: {}ms, max_records: {}}}}}\nworkers: {}\n{rules}",
        consumer.join(", "),
        run.interval_ms,
        run.window_records,
        run.workers,
    )
}

fn conditions(rule: Rule) -> (&'static str, [&'static str; 2]) {
    match rule {
        Rule::Value => (
            "steps:\n  - filter: value.event_type in [\"user.created\", \"user.deleted\", \"user.updated\"]\n",
            [r#"value.country in ["DE", "FR"]"#, "has(value.country)"],
        ),
        Rule::Key => ("", [r#"key.startsWith("eu-")"#, r#"key.startsWith("us-")"#]),
        Rule::Header => ("", [r#"headers["region"] == "eu""#, r#"headers["region"] == "us""#]),
        Rule::Copy => unreachable!("a copy has no routes"),
    }
}

/// User and system time of a process until now.
pub(crate) fn cpu_s(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name stands in brackets and may hold anything; utime and stime are the 12th and 13th field behind it.
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let ticks = rest.split_whitespace().skip(11).take(2).map(|t| t.parse::<f64>().unwrap());
    ticks.sum::<f64>() / TICKS_PER_S
}

/// `VmHWM:`, the peak, or `VmRSS:`, what it has now.
pub(crate) fn status_mib(pid: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "between two looks at a process, and to let one settle"
)]
pub(crate) fn pause(wait: Duration) {
    std::thread::sleep(wait);
}
