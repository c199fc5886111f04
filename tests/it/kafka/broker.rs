//! One Kafka broker in its own process, which ends when the test process ends, whatever ends that.
//!
//! A small shell guards each broker: it is the broker's parent and waits for the end of a pipe that only the test process
//! holds. A panic, Ctrl-C and `kill -9` all close that pipe; then the shell kills the broker and removes its folder.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::kafka::{Cluster, install, ports, unique};
use crate::process;
use crate::wait::eventually;

/// Three seconds as a rule; more where two test processes and a compiler share the machine.
const START_WITHIN: Duration = Duration::from_secs(90);
const STOP_WITHIN: Duration = Duration::from_mins(1);

/// $1 folder, $2 log, then the broker's command. `keep` leaves the folder, for a start on the same data.
const GUARD: &str = r#"folder=$1 log=$2; shift 2
"$@" </dev/null >>"$log" 2>&1 & pid=$!
echo $pid
read -r word
kill -KILL $pid 2>/dev/null
wait $pid 2>/dev/null
[ "$word" = keep ] || rm -rf "$folder""#;

/// JVM options of a broker whose speed nobody looks at: many of them share a machine.
const SMALL: [&str; 3] = ["-Xms256m", "-Xmx1g", "-XX:+UseSerialGC"];

/// A broker of one's own; dropping it ends it and removes its data.
pub(crate) struct Broker {
    folder: PathBuf,
    port: u16,
    jvm: &'static [&'static str],
    running: Option<Running>,
}

struct Running {
    guard: Child,
    pid: u32,
}

impl Broker {
    /// Starts a broker with further properties; a property given here replaces the harness's own.
    ///
    /// `{port}` in a value is the port of the plain listener. Another listener needs `listeners`, `advertised.listeners` and
    /// `listener.security.protocol.map` as a whole: see `with_listener`.
    pub(crate) fn start(properties: &[(&str, &str)]) -> Self {
        Self::start_below(&super::folder(), &SMALL, properties)
    }

    /// The same, with its data below another folder and its JVM run as these options say.
    pub(crate) fn start_below(
        folder: &Path,
        jvm: &'static [&'static str],
        properties: &[(&str, &str)],
    ) -> Self {
        let [port, controller] = Self::free_ports();
        let folder = folder.join(unique("broker"));
        fs::create_dir_all(&folder).unwrap();
        let mut broker = Self { folder, port, jvm, running: None };
        broker.write_properties(controller, properties);
        broker.format();
        broker.run();
        broker
    }

    /// Starts a broker that has one more listener: its own port, what it tells clients to connect to, and its protocol
    /// (`PLAINTEXT`, `SASL_PLAINTEXT`, `SSL`, `SASL_SSL`). The listener's name is EXTRA.
    pub(crate) fn with_listener(
        port: u16,
        advertised: u16,
        protocol: &str,
        properties: &[(&str, &str)],
    ) -> Self {
        let listeners = format!(
            "PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller}},EXTRA://127.0.0.1:{port}"
        );
        let told = format!("PLAINTEXT://127.0.0.1:{{port}},EXTRA://127.0.0.1:{advertised}");
        let map = format!("PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,EXTRA:{protocol}");
        let mut all = vec![
            ("listeners", listeners.as_str()),
            ("advertised.listeners", told.as_str()),
            ("listener.security.protocol.map", map.as_str()),
        ];
        all.extend_from_slice(properties);
        Self::start(&all)
    }

    /// Two brokers, as one cluster: the second, whose number is 2, only carries partitions.
    pub(crate) fn two() -> [Self; 2] {
        let [controller] = Self::free_ports();
        let quorum = format!("1@127.0.0.1:{controller}");
        let listeners =
            format!("PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{controller}");
        let one = Self::start(&[
            ("controller.quorum.voters", quorum.as_str()),
            ("listeners", listeners.as_str()),
        ]);
        let two = Self::start(&[
            ("process.roles", "broker"),
            ("node.id", "2"),
            ("controller.quorum.voters", quorum.as_str()),
            ("listeners", "PLAINTEXT://127.0.0.1:{port}"),
        ]);
        [one, two]
    }

    /// Ports that nobody else is given: see `ports`.
    pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
        std::array::from_fn(|_| ports::free())
    }

    fn write_properties(&self, controller: u16, given: &[(&str, &str)]) {
        let data = self.folder.join("data");
        let quorum = format!("1@127.0.0.1:{controller}");
        let own = [
            ("process.roles", "broker,controller"),
            ("node.id", "1"),
            ("controller.quorum.voters", &quorum),
            ("listeners", "PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"),
            ("controller.listener.names", "CONTROLLER"),
            ("log.dirs", data.to_str().unwrap()),
            ("offsets.topic.replication.factor", "1"),
            ("offsets.topic.num.partitions", "10"),
            ("transaction.state.log.replication.factor", "1"),
            ("transaction.state.log.min.isr", "1"),
            ("transaction.state.log.num.partitions", "10"),
            ("share.coordinator.state.topic.replication.factor", "1"),
            ("share.coordinator.state.topic.min.isr", "1"),
            ("group.initial.rebalance.delay.ms", "0"),
            ("group.min.session.timeout.ms", "1000"),
            ("transaction.abort.timed.out.transaction.cleanup.interval.ms", "1000"),
            ("auto.create.topics.enable", "false"),
            // Records of tests carry old timestamps: retention would remove them while they are read.
            ("log.retention.ms", "-1"),
        ];
        let replaced = |name: &str| given.iter().any(|(other, _)| *other == name);
        let mut text = String::new();
        for (name, value) in own.iter().filter(|(name, _)| !replaced(name)).chain(given) {
            let value = value
                .replace("{port}", &self.port.to_string())
                .replace("{controller}", &controller.to_string());
            writeln!(text, "{name}={value}").unwrap();
        }
        fs::write(self.folder.join("server.properties"), text).unwrap();
    }

    fn format(&self) {
        let output = java("64m")
            .args(["kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c"])
            .arg(self.folder.join("server.properties"))
            .output()
            .unwrap_or_else(|error| panic!("{}", java_missing(&error)));
        assert!(output.status.success(), "the broker's folder: {output:?}");
    }

    /// Starts the broker on the data that it has, and waits until it answers.
    pub(crate) fn run(&mut self) {
        assert!(self.running.is_none(), "the broker runs already");
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "guard"]).arg(&self.folder).arg(self.log());
        let java = java_with(self.jvm);
        command.arg(java.get_program()).args(java.get_args()).arg("kafka.Kafka");
        command.arg(self.folder.join("server.properties"));
        // Its own group: Ctrl-C ends the tests, and the end of the pipe then ends the broker, with its folder.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut guard = command.spawn().unwrap();
        let mut pid = String::new();
        BufReader::new(guard.stdout.take().unwrap()).read_line(&mut pid).unwrap();
        self.running = Some(Running { guard, pid: pid.trim().parse().unwrap() });
        let cluster = self.cluster();
        eventually(START_WITHIN, "the broker answers", || {
            assert!(self.is_alive(), "the broker ended:\n{}", self.log_text());
            cluster.answers().then_some(())
        });
    }

    /// The broker by its plain listener, for the judge and for clients that no one disturbs.
    pub(crate) fn cluster(&self) -> Cluster {
        Cluster::at(&format!("127.0.0.1:{}", self.port))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.running.as_ref().expect("the broker was stopped").pid
    }

    fn is_alive(&self) -> bool {
        process::is_alive(self.pid())
    }

    fn log(&self) -> PathBuf {
        self.folder.join("broker.log")
    }

    pub(crate) fn log_text(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// SIGTERM, and waits for the end; `run` starts it again.
    pub(crate) fn stop(&mut self) {
        process::signal(self.pid(), "TERM");
        self.ended();
    }

    /// SIGKILL; `run` starts it again.
    pub(crate) fn kill9(&mut self) {
        process::signal(self.pid(), "KILL");
        self.ended();
    }

    /// SIGSTOP: the broker keeps its connections and answers nothing until `resume`.
    pub(crate) fn pause(&self) {
        process::signal(self.pid(), "STOP");
    }

    pub(crate) fn resume(&self) {
        process::signal(self.pid(), "CONT");
    }

    fn ended(&mut self) {
        eventually(STOP_WITHIN, "the broker ends", || (!self.is_alive()).then_some(()));
        let mut guard = self.running.take().unwrap().guard;
        guard.stdin.take().unwrap().write_all(b"keep\n").unwrap();
        assert!(guard.wait().unwrap().success());
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            drop(running.guard.stdin.take());
            let ended = running.guard.wait();
            assert!(std::thread::panicking() || ended.is_ok(), "{ended:?}");
            if !std::thread::panicking() {
                self.cluster().ask("forget", json!({}));
            }
        } else if self.folder.exists() {
            let removed = fs::remove_dir_all(&self.folder);
            assert!(std::thread::panicking() || removed.is_ok(), "{removed:?}");
        }
    }
}

/// A JVM with the class path of broker, tools and judge, for a tool or the judge; the main class comes next.
pub(crate) fn java(heap_max: &str) -> Command {
    java_with(&["-Xms32m", &format!("-Xmx{heap_max}"), "-XX:+UseSerialGC"])
}

fn java_with(options: &[&str]) -> Command {
    let mut java = Command::new("java");
    java.args(options);
    let logging = install::sources().join("log4j2.properties");
    java.arg(format!("-Dlog4j2.configurationFile={}", logging.display()));
    java.args(["-cp", install::class_path()]);
    java
}

pub(crate) fn java_missing(error: &std::io::Error) -> String {
    install::missing("java", "openjdk-17-jdk-headless", error)
}
