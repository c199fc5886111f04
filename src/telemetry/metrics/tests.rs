//! What is rendered of a copy of the counts.

use std::collections::BTreeSet;

use super::*;
use crate::supervisor::{Measures, Totals};
use crate::worker::ByName;

fn pipeline(name: &str, measures: Measures) -> PipelineStatus {
    PipelineStatus {
        name: name.to_owned(),
        state: "running",
        paused_by: vec![],
        refused: None,
        swapping: false,
        left_behind: 3,
        untaken: false,
        description: None,
        labels: BTreeMap::from([("cost-centre".to_owned(), "7 \"north\"\n".to_owned())]),
        cluster: "default".to_owned(),
        group: format!("krouted.{name}"),
        delivery: "exactly_once",
        totals: Totals::default(),
        workers: vec![],
        measures,
    }
}

fn by_name(counts: &[(&str, u64)]) -> ByName {
    let mut all = ByName::default();
    for (name, count) in counts {
        all.add(name, *count);
    }
    all
}

/// The names of the series, without values, in which a pipeline stands.
fn series_of(text: &str, name: &str) -> BTreeSet<String> {
    let mark = format!("pipeline=\"{name}\"");
    let of = text.lines().filter(|line| line.contains(&mark));
    of.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

#[test]
fn the_series_of_a_removed_pipeline_vanish_and_those_of_a_live_one_never_do() {
    let reloads = ReloadMeasures::default();
    let [idle, other] = ["idle", "other"].map(|name| pipeline(name, Measures::default()));
    let both = render(&reloads, &[idle.clone(), other]);
    let before = series_of(&both, "idle");
    assert!(before.len() > 25, "{both}");
    assert_eq!(series_of(&both, "other").len(), before.len());
    // Nothing has happened to it since: it has no clock to be forgotten by.
    for _ in 0..3 {
        let text = render(&reloads, std::slice::from_ref(&idle));
        assert_eq!(series_of(&text, "idle"), before);
        assert_eq!(series_of(&text, "other"), BTreeSet::new());
    }
}

#[test]
fn every_count_is_in_its_own_series() {
    let mut restarts: BTreeMap<_, _> = Measures::default().restarts;
    for (n, why) in crate::supervisor::Restart::all().enumerate() {
        restarts.insert(why, 100 + u64::try_from(n).unwrap());
    }
    let measures = Measures {
        consumed: by_name(&[("in", 1), ("more", 31)]),
        filtered: 2,
        missing: 3,
        routed: by_name(&[("eu", 4), ("rest", 34)]),
        produced: by_name(&[("out", 5), ("again", 35)]),
        dead_lettered: [11, 12, 13, 14, 15],
        dropped: [21, 22, 23, 24, 25],
        lost: 6,
        committed: 7,
        aborted: 8,
        lag: by_name(&[("in", 9), ("more", 39)]),
        partitions: 10,
        restarts,
    };
    let text = render(&ReloadMeasures::default(), &[pipeline("a", measures)]);
    for line in [
        "krouted_records_consumed_total{pipeline=\"a\",topic=\"in\"} 1",
        "krouted_records_consumed_total{pipeline=\"a\",topic=\"more\"} 31",
        "krouted_records_filtered_total{pipeline=\"a\"} 2",
        "krouted_records_missing_field_total{pipeline=\"a\"} 3",
        "krouted_records_routed_total{pipeline=\"a\",route=\"eu\"} 4",
        "krouted_records_routed_total{pipeline=\"a\",route=\"rest\"} 34",
        "krouted_records_produced_total{pipeline=\"a\",topic=\"out\"} 5",
        "krouted_records_produced_total{pipeline=\"a\",topic=\"again\"} 35",
        "krouted_records_dead_lettered_total{pipeline=\"a\",stage=\"decode\"} 11",
        "krouted_records_dead_lettered_total{pipeline=\"a\",stage=\"unmatched\"} 15",
        "krouted_records_dropped_total{pipeline=\"a\",stage=\"expression\"} 23",
        "krouted_records_lost_total{pipeline=\"a\"} 6",
        "krouted_transactions_total{pipeline=\"a\",outcome=\"committed\"} 7",
        "krouted_transactions_total{pipeline=\"a\",outcome=\"aborted\"} 8",
        "krouted_consumer_lag{pipeline=\"a\",group=\"krouted.a\",topic=\"in\"} 9",
        "krouted_consumer_lag{pipeline=\"a\",group=\"krouted.a\",topic=\"more\"} 39",
        "krouted_consumer_partitions{pipeline=\"a\",group=\"krouted.a\"} 10",
        "krouted_pipeline_restarts_total{pipeline=\"a\",reason=\"broker_away\"} 100",
        "krouted_pipeline_restarts_total{pipeline=\"a\",reason=\"asked\"} 111",
        "krouted_pipeline_workers_left_behind{pipeline=\"a\"} 3",
        "krouted_pipeline_state{pipeline=\"a\",state=\"running\"} 1",
        "krouted_pipeline_state{pipeline=\"a\",state=\"halted\"} 0",
        "krouted_pipeline_desired_state{pipeline=\"a\",state=\"paused\"} 0",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    let info = text.lines().find(|l| l.starts_with("krouted_pipeline_info{")).unwrap();
    assert!(info.contains(r#"label_cost_centre="7 \"north\"\n""#), "{info}");
}

#[test]
fn the_bound_that_a_help_names_is_the_bound() {
    let most = format!("where one has {}, none", crate::supervisor::LEFT_OF_WORKER_MAX);
    assert!(LEFT_BEHIND_OF.help.contains(&most), "{}", LEFT_BEHIND_OF.help);
}

#[test]
fn a_digest_is_a_number_that_a_double_holds() {
    let reloads = ReloadMeasures {
        by_outcome: BTreeMap::from([("applied", 3), ("rejected", 1), ("open", 2)]),
        last_successful: true,
        last_success_seconds: Some(1_700_000_000.5),
        generation: 4,
        digest: "ffffffffffff00".to_owned(),
        revision: Some("abc".to_owned()),
        left_behind: 5,
    };
    let text = render(&reloads, &[]);
    for line in [
        "krouted_config_hash 281474976710655",
        "krouted_config_info{digest=\"ffffffffffff00\",revision=\"abc\"} 1",
        "krouted_config_generation 4",
        "krouted_workers_left_behind 5",
        "krouted_config_last_reload_successful 1",
        "krouted_config_last_reload_success_timestamp_seconds 1700000000.5",
        "krouted_config_reloads_total{result=\"applied\"} 3",
        "krouted_config_reloads_total{result=\"held\"} 0",
        "krouted_config_reloads_total{result=\"open\"} 2",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
}
