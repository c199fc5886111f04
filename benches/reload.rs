//! How long a file's change takes to count: `cargo bench --bench reload [ROUNDS]`. A daemon of its own, librdkafka's mock
//! cluster in this process, a record a millisecond; set `KROUTED_TEST_BOOTSTRAP` to use a running cluster, and
//! `KROUTED_BENCH_PIPELINES` to have so many idle pipelines beside the one that is measured (default: 20).
//!
//! - `swap`: from the rename of a file to the first record that its new rules have handled, as a reader of the output sees it.
//! - `start`: from the rename of a new file to its first record; its group joins in that time.
//! - `stop`: from the removal of that file to the moment when `status` does not show it any more.
//!
//! 200 ms of each are settling, and the mock cluster holds each first join back for 3 s. The goal is in DESIGN.md section 12: a swap within 1 s.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench that panics is seen at once; it measures time and prints it"
)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

/// Far beyond any figure: a bench that hangs says so.
const LIMIT: Duration = Duration::from_mins(2);
const SECOND: Duration = Duration::from_secs(1);
const PARTITIONS: i32 = 2;

fn main() {
    // `cargo bench` adds `--bench`.
    let rounds = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(30);
    let mock =
        std::env::var("KROUTED_TEST_BOOTSTRAP").is_err().then(|| MockCluster::new(1).unwrap());
    let bootstrap = match &mock {
        Some(mock) => mock.bootstrap_servers(),
        None => std::env::var("KROUTED_TEST_BOOTSTRAP").unwrap(),
    };
    let beside = std::env::var("KROUTED_BENCH_PIPELINES").map_or(20, |n| n.parse().unwrap());
    let run = format!("bench-{}", std::process::id());
    let topics = Topics {
        input: format!("{run}-in"),
        swap: format!("{run}-swap"),
        start: format!("{run}-start"),
        idle: format!("{run}-idle"),
    };
    for topic in [&topics.input, &topics.swap, &topics.start, &topics.idle] {
        match &mock {
            Some(mock) => mock.create_topic(topic, PARTITIONS, 1).unwrap(),
            None => create(&bootstrap, topic),
        }
    }
    let host = Host::new(&bootstrap, &run, &topics.input);
    for n in 0..beside {
        let name = format!("beside-{n}");
        let text = host.text(&name, "latest", &topics.start, "no");
        host.file(&name, &text.replace(&topics.input, &topics.idle));
    }
    let swapped =
        |version: usize| host.text("swapped", "earliest", &topics.swap, &version.to_string());
    host.file("swapped", &swapped(0));
    let daemon = host.run();
    let writer = Writer::new(&bootstrap, &topics.input);
    let swap = Reader::new(&bootstrap, &topics.swap);
    swap.first_of("0");

    let mut swaps = Vec::new();
    for version in 1..=rounds {
        let text = swapped(version);
        let began = host.file("swapped", &text);
        swap.first_of(&version.to_string());
        swaps.push(began.elapsed());
    }
    report(&format!("swap, {beside} pipelines beside"), swaps);

    let (mut starts, mut stops) = (Vec::new(), Vec::new());
    for round in 0..rounds.div_ceil(3) {
        let name = format!("started-{round}");
        let reader = Reader::new(&bootstrap, &topics.start);
        let text = host.text(&name, "latest", &topics.start, &name);
        let began = host.file(&name, &text);
        reader.first_of(&name);
        starts.push(began.elapsed());
        let began = Instant::now();
        fs::remove_file(host.folder.path().join(format!("pipelines/{name}.yaml"))).unwrap();
        while host.status().contains(&name) {
            assert!(began.elapsed() < LIMIT, "{name} does not go");
        }
        stops.push(began.elapsed());
    }
    report("start, the group's first join included", starts);
    report("stop, with the last commit", stops);
    writer.stop();
    drop(daemon);
}

struct Topics {
    input: String,
    swap: String,
    start: String,
    /// What the pipelines beside read: nothing.
    idle: String,
}

/// The smallest, the median, the worst but one in a hundred, the worst.
fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at =
        |percent: usize| times.get((times.len() - 1) * percent / 100).copied().unwrap_or_default();
    println!(
        "{what}: {} rounds, min {:?}, p50 {:?}, p99 {:?}, max {:?}",
        times.len(),
        at(0),
        at(50),
        at(99),
        at(100)
    );
}

/// The daemon's files, and the daemon.
struct Host {
    folder: tempfile::TempDir,
    run: String,
    input: String,
}

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let pid = self.0.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        self.0.wait().unwrap();
    }
}

impl Host {
    fn new(bootstrap: &str, run: &str, input: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("pipelines")).unwrap();
        let settings = format!(
            "version: 1\ninstance_id: {run}\nstate: state\nadmin: {{socket: admin.sock}}\nclusters:\n  default: {{bootstrap_servers: '{bootstrap}'}}\n"
        );
        fs::write(folder.path().join("krouted.yaml"), settings).unwrap();
        Self { folder, run: run.to_owned(), input: input.to_owned() }
    }

    /// A pipeline that copies, and says in a header by which rules.
    fn text(&self, name: &str, start: &str, out: &str, rules: &str) -> String {
        let Self { run, input, .. } = self;
        format!(
            "version: 1\nname: {name}\ndelivery: exactly_once\nsource: {{topics: [{input}], group: {run}.{name}, start: {start}, format: bytes}}\nsteps: [{{set: {{headers.rules: '\"{rules}\"'}}}}]\nsinks: {{all: {{kafka: {{topic: {out}}}}}}}\n"
        )
    }

    /// Writes a file as a careful operator does; when it was renamed.
    fn file(&self, name: &str, text: &str) -> Instant {
        let fresh = self.folder.path().join("fresh");
        fs::write(&fresh, text).unwrap();
        let began = Instant::now();
        fs::rename(fresh, self.folder.path().join(format!("pipelines/{name}.yaml"))).unwrap();
        began
    }

    fn command(&self, command: &str) -> Command {
        let mut krouted = Command::new(Path::new(env!("CARGO_BIN_EXE_krouted")));
        krouted.arg(command).arg("--config").arg(self.folder.path().join("krouted.yaml"));
        krouted
    }

    fn run(&self) -> Daemon {
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        Daemon(self.command("run").stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    fn status(&self) -> String {
        String::from_utf8(self.command("status").output().unwrap().stdout).unwrap()
    }
}

/// Sends a record a millisecond until it is told to stop.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Writer {
    fn new(bootstrap: &str, topic: &str) -> Self {
        let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("linger.ms", "1")
            .create()
            .unwrap();
        let (stop, topic) = (Arc::new(AtomicBool::new(false)), topic.to_owned());
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut n = 0_u64;
            while !stopped.load(Relaxed) {
                let key = n.to_string();
                producer.send(BaseRecord::to(&topic).key(&key).payload("{}")).unwrap();
                n += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
            // What is not sent yet is nobody's: it was measured.
            drop(producer);
        });
        Self { stop, thread }
    }

    fn stop(self) {
        self.stop.store(true, Relaxed);
        self.thread.join().unwrap();
    }
}

/// Reads a topic from its end on.
struct Reader(BaseConsumer);

impl Reader {
    fn new(bootstrap: &str, topic: &str) -> Self {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("group.id", "bench")
            .set("fetch.wait.max.ms", "5")
            .create()
            .unwrap();
        let mut all = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            // The end as it is now: what is written before the first poll counts.
            let (_, end) = consumer.fetch_watermarks(topic, partition, LIMIT).unwrap();
            all.add_partition_offset(topic, partition, Offset::Offset(end)).unwrap();
        }
        consumer.assign(&all).unwrap();
        Self(consumer)
    }

    /// Waits for the first record of these rules.
    fn first_of(&self, rules: &str) {
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < LIMIT, "no record by the rules {rules}");
            let Some(Ok(message)) = self.0.poll(SECOND) else { continue };
            let headers = message.headers().and_then(|headers| headers.try_get(0));
            let value = headers.and_then(|header| header.value);
            if value == Some(rules.as_bytes()) {
                return;
            }
        }
    }
}

fn create(bootstrap: &str, topic: &str) {
    use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
    let admin: AdminClient<_> =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create().unwrap();
    let new = NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let results = runtime.block_on(admin.create_topics([&new], &AdminOptions::new())).unwrap();
    for result in results {
        result.unwrap();
    }
}
