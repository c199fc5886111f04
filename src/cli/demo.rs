//! `krouted demo`: the pipelines of `pipelines/` on an in-process mock cluster, and what went where.
//!
//! Everything but the broker is real: the files' own text, the supervisor, the workers, the clients. Outputs are counted
//! by reading the topics, not by asking the daemon.

mod events;
mod flow;
mod sample;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::by_hand::Stop;
use super::{Misuse, Outcome, Stream, run as daemon, say};
use crate::config::{
    self, Cluster, Environment, Output, ReloadPolicy, SchemaFiles, Settings, Snapshot, SnapshotFile,
};
use crate::kafka::{Librdkafka, MockCluster, Secrets};
use crate::model::{ClusterName, InstanceId, PipelineName, Stage, TopicName, WorkerId};
use crate::pipeline::{Pipeline, Properties};
use crate::supervisor::reload::Clusters;
use crate::supervisor::{Supervisor, Work};
use crate::telemetry;
use crate::worker::{Clock, Counters, SystemClock};
use events::KINDS;
use flow::Flows;
use sample::Samples;

/// The example files, which are what runs.
const FILES: [(&str, &str); 10] = [
    ("pipelines/clicks-by-user.yaml", include_str!("../../pipelines/clicks-by-user.yaml")),
    ("pipelines/customers-no-pii.yaml", include_str!("../../pipelines/customers-no-pii.yaml")),
    ("pipelines/inventory-copy.yaml", include_str!("../../pipelines/inventory-copy.yaml")),
    ("pipelines/logs-by-level.yaml", include_str!("../../pipelines/logs-by-level.yaml")),
    ("pipelines/orders-by-amount.yaml", include_str!("../../pipelines/orders-by-amount.yaml")),
    ("pipelines/orders-by-region.yaml", include_str!("../../pipelines/orders-by-region.yaml")),
    ("pipelines/payments-merge.yaml", include_str!("../../pipelines/payments-merge.yaml")),
    ("pipelines/requests-by-tenant.yaml", include_str!("../../pipelines/requests-by-tenant.yaml")),
    ("pipelines/signups-by-schema.yaml", include_str!("../../pipelines/signups-by-schema.yaml")),
    ("pipelines/users-by-region.yaml", include_str!("../../pipelines/users-by-region.yaml")),
];
/// The schemas that they name.
const SCHEMAS: [(&str, &str); 1] = [("signup.json", include_str!("../../schemas/signup.json"))];
/// As many as make a key's partition worth showing.
const PARTITIONS: u16 = 3;
/// The mock's groups form after 3 s; then it is a matter of milliseconds, and of seconds on a machine that is busy.
const MOVING_MAX: Duration = Duration::from_mins(1);
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// What `demo` is asked for.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The mock cluster stays until SIGINT or SIGTERM, with these topics besides: for pipelines of your own.
    #[arg(long, value_name = "TOPIC", num_args = 0..)]
    stay: Option<Vec<String>>,
}

/// The counters of all workers that were ever started.
type Watched = Arc<Mutex<BTreeMap<WorkerId, Arc<Counters>>>>;

/// Runs the examples, shows what went where, and compares it with what the events say.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome> {
    let stay = arguments.stay.as_ref().map(|names| own_topics(names)).transpose()?;
    // From the beginning, so that whoever interrupts the demo ends it.
    let stop = stay.as_ref().map(|_| Stop::on_signals()).transpose()?;
    let clock = SystemClock::default();
    telemetry::init(telemetry::LogFormat::Text, None, "warn");
    let pipelines = pipelines()?;
    let cluster = MockCluster::start().map_err(|e| anyhow!("the mock cluster: {e}"))?;
    let records = events::records()?;
    let (topics, all) = create_topics(&cluster, &pipelines)?;
    cluster.write(&records).map_err(|e| anyhow!("the example events: {e}"))?;
    say(
        Stream::Data,
        &format!(
            "{} example events in {} topics of a mock cluster at {}, {} pipelines; this takes some 5 s\n\n",
            records.len(),
            KINDS.iter().map(|k| k.topic).collect::<BTreeSet<_>>().len(),
            cluster.bootstrap_servers(),
            pipelines.len(),
        ),
    );
    let expected: Flows =
        pipelines.iter().map(|p| (p.name.to_string(), flow::expected(p, KINDS))).collect();
    let watched = move_records(&cluster, &pipelines, &expected)?;
    let (found, samples) = count(&cluster, &pipelines, &topics, &watched)?;
    say(Stream::Data, &flow::table(pipelines.iter().map(AsRef::as_ref), &found));
    say(Stream::Data, &samples.text());
    let differences = flow::differences(&expected, &found);
    if !differences.is_empty() {
        let list = differences.join("\n  ");
        say(
            Stream::Errors,
            &format!("\nerror: the demo did not come out as it should:\n  {list}\n"),
        );
        return Ok(Outcome::Failed);
    }
    say(Stream::Data, &closing(clock.now()));
    if let (Some(own), Some(stop)) = (stay, stop) {
        stay_up(&cluster, &own, &all, &stop)?;
    }
    Ok(Outcome::Good)
}

fn own_topics(names: &[String]) -> Result<Vec<TopicName>> {
    let one = |name: &String| {
        TopicName::new(name).or_else(|why| Misuse::of(format!("the topic {name:?} {why}")))
    };
    names.iter().map(one).collect()
}

/// Makes topics of somebody's own where the examples have not, and waits until it is told to end.
fn stay_up(
    cluster: &MockCluster,
    own: &[TopicName],
    there: &[TopicName],
    stop: &Stop,
) -> Result<()> {
    let missing: BTreeSet<_> = own.iter().filter(|topic| !there.contains(topic)).collect();
    for topic in missing {
        cluster.create_topic(topic, PARTITIONS).map_err(|e| anyhow!("the mock cluster: {e}"))?;
    }
    let at = cluster.bootstrap_servers();
    let topics = own.iter().map(TopicName::as_str).collect::<Vec<_>>().join(", ");
    let made = if own.is_empty() { String::new() } else { format!(" with the topics {topics}") };
    say(
        Stream::Data,
        &format!(
            "\nThe mock cluster stays until Ctrl-C{made}. In another terminal:\n\n    export KAFKA={at}\n"
        ),
    );
    while !stop.requested() {
        pause();
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "there is nothing to do until somebody ends it")]
fn pause() {
    std::thread::sleep(LOOK_INTERVAL);
}

fn closing(took: Duration) -> String {
    format!(
        "\nAll counts are what the events say ({:.1} s).\n\
         The mock cluster keeps no transactions: what exactly_once promises is proven on Apache Kafka by `cargo test`, not here.\n\
         The files are in pipelines/; README.md says how to write your own and run it with `krouted run`.\n",
        took.as_secs_f32()
    )
}

/// The example files, checked as `krouted check` does it.
fn pipelines() -> Result<Vec<Arc<Pipeline>>> {
    let file = |(path, text): (&str, &str)| SnapshotFile {
        path: path.to_owned(),
        content: Ok(text.as_bytes().to_vec()),
    };
    let schema = |(name, text): (&str, &str)| (name.to_owned(), Ok(text.as_bytes().to_vec()));
    let schemas = SchemaFiles {
        folder: "schemas".to_owned(),
        files: SCHEMAS.into_iter().map(schema).collect(),
    };
    let snapshot = Snapshot { files: FILES.into_iter().map(file).collect(), schemas };
    let environment = Environment::Known(BTreeMap::new());
    let checked = config::check(&snapshot, None, &environment, &Librdkafka);
    if !checked.findings.is_empty() {
        bail!("{}", config::render(&checked.findings, checked.counts, Output::Text));
    }
    Ok(checked.pipelines)
}

/// All topics that the pipelines read and write; returns those that they write, and all.
fn create_topics(
    cluster: &MockCluster,
    pipelines: &[Arc<Pipeline>],
) -> Result<(Vec<TopicName>, Vec<TopicName>)> {
    let mut written: Vec<TopicName> =
        pipelines.iter().flat_map(|p| p.topics_written()).cloned().collect();
    written.sort();
    written.dedup();
    let mut all = written.clone();
    for topic in pipelines.iter().flat_map(|p| flow::sources(p)) {
        all.push(TopicName::new(&topic)?);
    }
    all.sort();
    all.dedup();
    for topic in &all {
        cluster.create_topic(topic, PARTITIONS).map_err(|e| anyhow!("the mock cluster: {e}"))?;
    }
    Ok((written, all))
}

/// Runs the daemon's own supervisor until all events are committed, or the time is over.
fn move_records(
    cluster: &MockCluster,
    pipelines: &[Arc<Pipeline>],
    expected: &Flows,
) -> Result<Watched> {
    let watched = Watched::default();
    let instance = InstanceId::new("demo")?;
    let settings = settings(cluster, instance.clone())?;
    let work =
        watching(daemon::work(Clusters::new(settings.clusters), Secrets::default()), &watched);
    let (mut supervisor, _handle) =
        Supervisor::new(&instance, BTreeSet::new(), work, Box::new(|| {}));
    supervisor.add(pipelines.iter().cloned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let until = all_consumed(Arc::clone(&watched), expected);
    let left = runtime.block_on(supervisor.run(until));
    if let Some(worker) = left.first() {
        bail!("the worker {worker} did not end");
    }
    Ok(watched)
}

fn settings(cluster: &MockCluster, instance_id: InstanceId) -> Result<Settings> {
    let default = ClusterName::new("default")?;
    let cluster = Cluster {
        bootstrap_servers: cluster.bootstrap_servers(),
        tls: None,
        sasl: None,
        properties: Properties::new(),
    };
    Ok(Settings {
        instance_id,
        pipelines: "pipelines".into(),
        schemas: "schemas".into(),
        state: "state".into(),
        socket: None,
        listen: None,
        clusters: BTreeMap::from([(default, cluster)]),
        reload: ReloadPolicy::default(),
    })
}

/// The daemon's work, with an eye on its counters.
fn watching(work: Work, watched: &Watched) -> Work {
    let watched = Arc::clone(watched);
    Arc::new(move |job| {
        let counters = Arc::clone(&job.counters);
        locked(&watched).insert(job.id.clone(), counters);
        work(job)
    })
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn all_consumed(watched: Watched, expected: &Flows) {
    let wanted: u64 = expected.values().map(|flow| flow.consumed).sum();
    let clock = SystemClock::default();
    while clock.now() < MOVING_MAX {
        let consumed: u64 = locked(&watched).values().map(|c| c.consumed.load(Relaxed)).sum();
        if consumed >= wanted {
            return;
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// What the daemon says it did with its input, and what stands in the topics.
fn count(
    cluster: &MockCluster,
    pipelines: &[Arc<Pipeline>],
    topics: &[TopicName],
    watched: &Watched,
) -> Result<(Flows, Samples)> {
    let mut flows: Flows =
        pipelines.iter().map(|p| (p.name.to_string(), flow::nothing(p))).collect();
    for (worker, counters) in &*locked(watched) {
        let Some(flow) = flows.get_mut(worker.pipeline.as_str()) else { continue };
        flow.consumed += counters.consumed.load(Relaxed);
        flow.filtered += counters.filtered.load(Relaxed);
        flow.dropped += counters.dropped.iter().map(|n| n.load(Relaxed)).sum::<u64>();
    }
    let writer = |topic: &str| -> Option<(&PipelineName, bool)> {
        pipelines.iter().find_map(|p| {
            let letters = p.dead_letter.as_ref().is_some_and(|t| t.as_str() == topic);
            let writes = letters || p.sinks.iter().any(|s| s.topic.as_str() == topic);
            writes.then_some((&p.name, letters))
        })
    };
    let mut samples = Samples::default();
    let mut visit = |record: &crate::model::Record<'_>| {
        let Some((name, is_letter)) = writer(record.topic) else { return };
        let Some(flow) = flows.get_mut(name.as_str()) else { return };
        if is_letter {
            let told = record.headers.last(b"krouted.error.stage").flatten().unwrap_or_default();
            let stage = Stage::ALL.into_iter().find(|s| s.as_str().as_bytes() == told);
            // A letter without a stage is counted nowhere, and so told as a difference.
            if let Some(stage) = stage {
                *flow.dead_letters.entry(stage).or_default() += 1;
            }
        } else {
            *flow.sinks.entry(record.topic.to_owned()).or_default() += 1;
        }
        samples.offer(record);
    };
    cluster
        .read(topics, &mut visit)
        .map_err(|e| anyhow!(e))
        .context("reading what the pipelines wrote")?;
    Ok((flows, samples))
}
