//! What the metrics count, on a real broker, while the definition changes.

use serde_json::json;

use super::{Listener, exposition, listens};
use crate::kafka::{Cluster, shared};
use crate::scene::{Scene, values};

/// Of one round: filtered, routed twice, unmatched, rejected.
const RECORDS: [&str; 5] = ["{\"a\":0}", "{\"a\":1}", "{\"a\":1}", "{\"a\":2}", "no JSON"];

struct Counting<'c> {
    scene: Scene<'c>,
    input: String,
    /// Read too, and nothing comes there.
    quiet: String,
    out: String,
    dead: String,
}

/// Its series, as long as the daemon runs.
struct Series<'s> {
    counting: &'s Counting<'s>,
    listener: Listener,
}

fn topic(name: &str) -> String {
    format!(",topic=\"{name}\"")
}

fn route(name: &str) -> String {
    format!(",route=\"{name}\"")
}

impl<'c> Counting<'c> {
    fn new(cluster: &'c Cluster) -> Self {
        Self {
            scene: Scene::new(cluster),
            input: cluster.topic("in", 2),
            quiet: cluster.topic("quiet", 1),
            out: cluster.topic("out", 1),
            dead: cluster.topic("dead", 1),
        }
    }

    /// Both routes take a record of which `a` is 1; the second one has this name, and the second sink this topic.
    fn file(&self, workers: u32, route: &str, to: &str) {
        let Self { input, quiet, out, dead, .. } = self;
        self.scene.file(
            "exactly_once",
            &[&format!("topics: [{input}, {quiet}]"), "start: earliest"],
            &[
                &format!("workers: {workers}"),
                "steps: [{filter: 'value.a != 0 || false'}]",
                "sinks:",
                &format!("  all: {{kafka: {{topic: {out}}}}}"),
                &format!("  again: {{kafka: {{topic: {to}}}}}"),
                "match: all",
                "routes:",
                "  - {name: any, when: 'has(value.a) && value.a != 2', to: [all]}",
                &format!("  - {{name: {route}, when: 'value.a == 1', to: [all, again]}}"),
                "unmatched: drop",
                &format!("dead_letter: {{topic: {dead}}}"),
            ],
        );
    }
}

impl Series<'_> {
    fn of(&self, metric: &str, labels: &str) -> String {
        format!("krouted_{metric}{{pipeline=\"{}\"{labels}}}", self.counting.scene.name)
    }

    fn wait_for(&self, metric: &str, labels: &str, value: f64) {
        self.listener.wait_for(&self.of(metric, labels), value);
    }

    /// The next records come, and after so many rounds each has been counted once.
    fn round(&self, n: f64) {
        let Counting { scene, input, quiet, out, .. } = self.counting;
        scene.cluster.produce(input, &values(&RECORDS));
        for (metric, labels, each) in [
            ("records_consumed_total", &*topic(input), 5.0),
            ("records_consumed_total", &topic(quiet), 0.0),
            ("records_filtered_total", "", 1.0),
            ("records_routed_total", &route("any"), 2.0),
            ("records_produced_total", &topic(out), 2.0),
            ("records_dead_lettered_total", ",stage=\"decode\"", 1.0),
            ("records_dropped_total", ",stage=\"unmatched\"", 1.0),
            ("records_lost_total", "", 0.0),
        ] {
            self.wait_for(metric, labels, each * n);
        }
        let committed = self.of("transactions_total", ",outcome=\"committed\"");
        assert!(self.listener.value(&committed) >= Some(n));
    }

    /// What the second route has come to by now, and the second sink, each by all names that it has had.
    fn changed(&self, routes: &[(&str, f64)], topics: &[(&str, f64)]) {
        for (name, records) in routes {
            self.wait_for("records_routed_total", &route(name), *records);
        }
        for (name, records) in topics {
            self.wait_for("records_produced_total", &topic(name), *records);
        }
    }

    /// Over all topics it is what the status document says of the pipeline.
    fn agrees_with_the_status(&self) {
        let name = &self.counting.scene.name;
        let totals = &self.counting.scene.host.status_of(name)["totals"];
        let samples = exposition::read(&self.listener.metrics()).unwrap().samples;
        for total in ["consumed", "produced"] {
            let begin = format!("krouted_records_{total}_total{{pipeline=\"{name}\",");
            let ours = samples.iter().filter(|(series, _)| series.starts_with(&begin));
            let (count, sum) = ours.fold((0, 0.0), |(n, sum), (_, value)| (n + 1, sum + value));
            assert_eq!((count, json!(sum)), (2, json!(totals[total].as_f64())), "{total}");
        }
    }

    fn reload(&self) {
        assert_eq!(self.counting.scene.host.krouted(&["reload", "--wait"]).code, 0);
    }
}

#[test]
fn records_are_counted_once_over_a_swap_a_restart_and_fewer_workers() {
    let cluster = shared();
    let counting = Counting::new(cluster);
    let [again, other] = ["again", "other"].map(|name| cluster.topic(name, 1));
    let (again, other) = (again.as_str(), other.as_str());
    counting.file(2, "one", again);
    listens(&counting.scene.host, "127.0.0.1:0");
    let mut daemon = counting.scene.run();
    let series = Series { counting: &counting, listener: Listener::of(&mut daemon) };
    let group = format!(",group=\"{}\"", counting.scene.name);

    series.round(1.0);
    series.changed(&[("one", 2.0)], &[(again, 2.0)]);
    series.wait_for("consumer_partitions", &group, 3.0);
    for name in [&counting.input, &counting.quiet] {
        series.wait_for("consumer_lag", &(group.clone() + &topic(name)), 0.0);
    }
    series.listener.wait_for_code("/readyz", 200);
    series.agrees_with_the_status();
    // Another route to another topic is a swap: the ones before count nothing more, and stay.
    counting.file(2, "two", other);
    series.reload();
    series.round(2.0);
    series.changed(&[("one", 2.0), ("two", 2.0)], &[(again, 2.0), (other, 2.0)]);
    // Fewer workers is a restart of the pipeline: what the second one did is still counted.
    counting.file(1, "two", other);
    series.reload();
    series.wait_for("pipeline_restarts_total", ",reason=\"changed\"", 1.0);
    series.round(3.0);
    series.changed(&[("one", 2.0), ("two", 4.0)], &[(again, 2.0), (other, 4.0)]);
    assert_eq!(counting.scene.host.krouted(&["restart", &counting.scene.name]).code, 0);
    series.wait_for("pipeline_restarts_total", ",reason=\"asked\"", 1.0);
    series.round(4.0);
    series.changed(&[("one", 2.0), ("two", 6.0)], &[(again, 2.0), (other, 6.0)]);
    assert_eq!(daemon.terminate(), Some(0));
}
