//! Every metric, in one place: its name, its labels, what it means, and where its value is from.
//!
//! Workers count in plain atomics; what is rendered is made anew of a copy of them each time. So the series of a pipeline are
//! there exactly as long as the pipeline is, whatever the clock does: none has to expire.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use metrics::{Label, counter, describe_counter, describe_gauge, gauge, with_local_recorder};
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::model::Stage;
use crate::supervisor::PipelineStatus;
use crate::supervisor::lifecycle::State;
use crate::supervisor::reload::{Outcome, ReloadMeasures};

/// What a value does over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows while its series is there.
    Counter,
    /// It goes up and down.
    Gauge,
}

impl Kind {
    /// The word of the exposition format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

/// One metric; all of it is public interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// With prefix and unit.
    pub name: &'static str,
    /// What it does over time.
    pub kind: Kind,
    /// In the order of the document; each from a bounded set.
    pub labels: &'static [&'static str],
    /// One sentence.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($id:ident = $name:literal, $kind:ident, $labels:expr, $help:literal;)+) => {
        $(const $id: Metric =
            Metric { name: $name, kind: Kind::$kind, labels: &$labels, help: $help };)+
        /// All metrics, in the order of the document.
        pub const ALL: &[Metric] = &[$($id),+];
    };
}

metrics! {
    BUILD_INFO = "krouted_build_info", Gauge, ["version", "revision"],
        "The running krouted; always 1.";
    CONFIG_INFO = "krouted_config_info", Gauge, ["digest", "revision"],
        "The files that were read last: their digest, and the commit where the folder is in a checkout; always 1.";
    CONFIG_HASH = "krouted_config_hash", Gauge, [],
        "The first 48 bits of that digest as a number: instances have the same one only where all that it covers is the same.";
    CONFIG_GENERATION = "krouted_config_generation", Gauge, [],
        "The number of the last generation.";
    RELOAD_SUCCESSFUL = "krouted_config_last_reload_successful", Gauge, [],
        "Whether the folder is what runs: 1, or 0 where the last reading was rejected, refused, held, impossible, or has a swap that is still open.";
    RELOAD_SUCCESS_TIME = "krouted_config_last_reload_success_timestamp_seconds", Gauge, [],
        "When the folder was last found to be what runs, in seconds since 1970; 0 before the first time.";
    RELOADS = "krouted_config_reloads_total", Counter, ["result"],
        "Readings of the folder by how they came out; a swap that is tried again is no reading.";
    LEFT_BEHIND = "krouted_workers_left_behind", Gauge, [],
        "Workers that did not end when they were told to and are still in the process, of pipelines that are gone too.";
    PIPELINE_INFO = "krouted_pipeline_info", Gauge, ["pipeline", "cluster", "group", "delivery"],
        "A pipeline with its cluster, consumer group, guarantee, and its own labels as label_NAME; always 1.";
    PIPELINE_STATE = "krouted_pipeline_state", Gauge, ["pipeline", "state"],
        "1 for the state that a pipeline is in, 0 for the others; of its workers the one that needs most attention counts.";
    PIPELINE_DESIRED_STATE = "krouted_pipeline_desired_state", Gauge, ["pipeline", "state"],
        "1 for the state that a pipeline shall be in, 0 for the other: running, or paused by its file or an operator.";
    RESTARTS = "krouted_pipeline_restarts_total", Counter, ["pipeline", "reason"],
        "How often a worker, or all of a pipeline where its definition changed or an operator asked, began anew.";
    LEFT_BEHIND_OF = "krouted_pipeline_workers_left_behind", Gauge, ["pipeline"],
        "Workers of a pipeline that did not end when they were told to and are still in the process; where one has 4, none is started in its place until one of them has ended.";
    CONSUMED = "krouted_records_consumed_total", Counter, ["pipeline", "topic"],
        "Input records of committed windows, by the topic that they came from.";
    FILTERED = "krouted_records_filtered_total", Counter, ["pipeline"],
        "Records that a filter did not let pass.";
    MISSING_FIELD = "krouted_records_missing_field_total", Counter, ["pipeline"],
        "Records for which a field that a predicate compares was missing, so that it was not true.";
    ROUTED = "krouted_records_routed_total", Counter, ["pipeline", "route"],
        "Records that went on to their sinks, by route; with `match: all` one counts for each route that took it.";
    PRODUCED = "krouted_records_produced_total", Counter, ["pipeline", "topic"],
        "Output records by the topic that they went to, dead letters not included.";
    DEAD_LETTERED = "krouted_records_dead_lettered_total", Counter, ["pipeline", "stage"],
        "Dead letters by the stage that rejected the record.";
    DROPPED = "krouted_records_dropped_total", Counter, ["pipeline", "stage"],
        "Records that a policy dropped, by the stage that rejected them.";
    LOST = "krouted_records_lost_total", Counter, ["pipeline"],
        "Records that at_most_once lost: committed, then refused or not sent.";
    TRANSACTIONS = "krouted_transactions_total", Counter, ["pipeline", "outcome"],
        "Windows by their outcome, committed or aborted and done again; each is one transaction under exactly_once.";
    LAG = "krouted_consumer_lag", Gauge, ["pipeline", "group", "topic"],
        "Records that are there and not read, by topic, in the partitions that this daemon has, as measured last.";
    PARTITIONS = "krouted_consumer_partitions", Gauge, ["pipeline", "group"],
        "Partitions that this daemon has of the pipeline's topics.";
}

/// The commit that the binary was built from, where whoever built it said so.
const BUILT_FROM: &str = match option_env!("KROUTED_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};
/// Hexadecimal digits of a digest that a double holds exactly.
const HASH_DIGITS: usize = 12;

/// All metrics in Prometheus' text format.
pub fn render(reloads: &ReloadMeasures, pipelines: &[PipelineStatus]) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    with_local_recorder(&recorder, || {
        for metric in ALL {
            match metric.kind {
                Kind::Counter => describe_counter!(metric.name, metric.help),
                Kind::Gauge => describe_gauge!(metric.name, metric.help),
            }
        }
        set(BUILD_INFO, &[env!("CARGO_PKG_VERSION"), BUILT_FROM], 1.0);
        of_reloads(reloads);
        pipelines.iter().for_each(of_pipeline);
    });
    recorder.handle().render()
}

fn of_reloads(reloads: &ReloadMeasures) {
    if reloads.has_begun() {
        let revision = reloads.revision.as_deref().unwrap_or_default();
        set(CONFIG_INFO, &[&reloads.digest, revision], 1.0);
        let digits = reloads.digest.get(..HASH_DIGITS).unwrap_or_default();
        set(CONFIG_HASH, &[], double(u64::from_str_radix(digits, 16).unwrap_or_default()));
    }
    set(CONFIG_GENERATION, &[], double(reloads.generation));
    set(RELOAD_SUCCESSFUL, &[], f64::from(u8::from(reloads.last_successful)));
    set(RELOAD_SUCCESS_TIME, &[], reloads.last_success_seconds.unwrap_or_default());
    set(LEFT_BEHIND, &[], double(reloads.left_behind));
    for &word in Outcome::WORDS {
        count(RELOADS, &[word], reloads.by_outcome.get(word).copied().unwrap_or_default());
    }
}

fn of_pipeline(pipeline: &PipelineStatus) {
    let name = pipeline.name.as_str();
    info(pipeline);
    one_of(PIPELINE_STATE, name, &State::WORDS, pipeline.state);
    let desired = if pipeline.paused_by.is_empty() { "running" } else { "paused" };
    one_of(PIPELINE_DESIRED_STATE, name, &["running", "paused"], desired);
    let measures = &pipeline.measures;
    for (why, times) in &measures.restarts {
        count(RESTARTS, &[name, why.as_str()], *times);
    }
    let left_behind = u64::try_from(pipeline.left_behind).unwrap_or(u64::MAX);
    set(LEFT_BEHIND_OF, &[name], double(left_behind));
    for (topic, records) in measures.consumed.iter() {
        count(CONSUMED, &[name, topic], records);
    }
    count(FILTERED, &[name], measures.filtered);
    count(MISSING_FIELD, &[name], measures.missing);
    for (route, records) in measures.routed.iter() {
        count(ROUTED, &[name, route], records);
    }
    for (topic, records) in measures.produced.iter() {
        count(PRODUCED, &[name, topic], records);
    }
    for (stage, letters) in Stage::ALL.into_iter().zip(measures.dead_lettered) {
        count(DEAD_LETTERED, &[name, stage.as_str()], letters);
    }
    for (stage, dropped) in Stage::ALL.into_iter().zip(measures.dropped) {
        count(DROPPED, &[name, stage.as_str()], dropped);
    }
    count(LOST, &[name], measures.lost);
    count(TRANSACTIONS, &[name, "committed"], measures.committed);
    count(TRANSACTIONS, &[name, "aborted"], measures.aborted);
    let group = pipeline.group.as_str();
    for (topic, records) in measures.lag.iter() {
        set(LAG, &[name, group, topic], double(records));
    }
    set(PARTITIONS, &[name, group], double(measures.partitions));
}

/// Two of an operator's labels may become one name here: the last one counts.
fn info(pipeline: &PipelineStatus) {
    let legal = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let label = |name: &str| format!("label_{}", name.chars().map(legal).collect::<String>());
    let free: BTreeMap<String, &String> =
        pipeline.labels.iter().map(|(name, text)| (label(name), text)).collect();
    let fixed = [&pipeline.name, &pipeline.cluster, &pipeline.group].map(String::as_str);
    let fixed = fixed.into_iter().chain([pipeline.delivery]).map(str::to_owned);
    let mut all: Vec<Label> =
        PIPELINE_INFO.labels.iter().zip(fixed).map(|(name, v)| Label::new(*name, v)).collect();
    all.extend(free.into_iter().map(|(name, text)| Label::new(name, text.clone())));
    gauge!(PIPELINE_INFO.name, all).set(1.0);
}

fn set(metric: Metric, values: &[&str], value: f64) {
    gauge!(metric.name, labels(metric, values)).set(value);
}

fn count(metric: Metric, values: &[&str], value: u64) {
    counter!(metric.name, labels(metric, values)).absolute(value);
}

fn labels(metric: Metric, values: &[&str]) -> Vec<Label> {
    let pairs = metric.labels.iter().zip(values);
    pairs.map(|(name, value)| Label::new(*name, (*value).to_owned())).collect()
}

/// One of a set of states.
fn one_of(metric: Metric, name: &str, all: &[&'static str], now: &str) {
    for state in all {
        set(metric, &[name, state], f64::from(u8::from(*state == now)));
    }
}

#[expect(clippy::as_conversions, reason = "Prometheus has doubles only")]
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 records")]
fn double(value: u64) -> f64 {
    value as f64
}
