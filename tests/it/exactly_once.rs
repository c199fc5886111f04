//! The promise: a million records, a daemon that is killed, and nothing lost, doubled, reordered or changed. The weaker guarantee,
//! put to the same kills, does double: these tests can fail.
//!
//! The records are loaded in slices, each while the daemon runs, so that every kill meets work that is not done.

use std::ops::Range;
use std::time::Duration;

use serde_json::json;

use crate::checker::{Checker, Kind, Report};
use crate::daemon::{Daemon, Host};
use crate::events::{Events, Keys};
use crate::kafka::{Cluster, Isolation, shared, unique};
use crate::wait::{SOON, eventually};

const MILLION: u64 = 1_000_000;
const KILLS: u64 = 5;
/// Of each kill, one to be committed before and one to be at work on; the last is for the daemon that survives.
const SLICES: u64 = 2 * KILLS + 1;
/// Windows are small, so that there are many.
const EXACTLY_ONCE: &str = "{exactly_once: {commit_interval: 100ms, max_records: 5000}}";
/// As a file has it that says no more, whose windows hold what the interval lets in.
const BY_DEFAULT: &str = "exactly_once";
/// So many events of a kilobyte that a build for tests is busy with two slices for some windows.
const HEAVY: u64 = 300_000;
/// So many heavy events are no end of the work: a kill that leaves more came in the midst of it.
const FAR_BEHIND: u64 = 10_000;
/// Partitions of each sink of heavy events: so many of two sinks linger for 50 ms, and more than 16 together for 10.
const FEW: u32 = 7;
const MANY: u32 = 9;
/// Long enough that a kill meets records that are sent and not committed: the time from seeing them to the kill is a small part.
const AT_LEAST_ONCE: &str = "{at_least_once: {commit_interval: 2s}}";
/// A killed member that is not static is missed after its session; a rebalance, a start and a busy machine come on top.
const PROGRESS_WITHIN: Duration = Duration::from_mins(2);
const ALL_WITHIN: Duration = Duration::from_mins(5);

/// One pipeline on the shared cluster; its name is its group.
struct Run {
    cluster: &'static Cluster,
    events: Events,
    name: String,
    delivery: &'static str,
}

impl Run {
    fn new(name: &str, count: u64, delivery: &'static str) -> Self {
        let cluster = shared();
        let events = Events::new(cluster, count, count);
        Self { cluster, events, name: unique(name), delivery }
    }

    /// Of heavy events and with the limits that a file has by default.
    fn heavy(name: &str, partitions_out: u32) -> Self {
        let cluster = shared();
        let events = Events::heavy(cluster, HEAVY, partitions_out);
        Self { cluster, events, name: unique(name), delivery: BY_DEFAULT }
    }

    fn host(&self, instance: &str, membership: &str, workers: u32) -> Host {
        let host = Host::new(instance, &self.cluster.bootstrap);
        host.pipeline("events.yaml", &self.pipeline(membership, workers));
        host
    }

    /// The records are loaded in [`SLICES`] of one size.
    fn load(&self, slice: u64) {
        let bound = |slice| self.events.count * slice / SLICES;
        let range: Range<u64> = bound(slice)..bound(slice + 1);
        self.events.load(self.cluster, range);
    }

    /// How many records are done, as the group's committed offsets say: the input holds records only, no markers.
    fn done(&self) -> u64 {
        let committed = self.cluster.committed(&self.name, &self.events.input);
        u64::try_from(committed.values().sum::<i64>()).unwrap()
    }

    fn wait_for_more_than(&self, done: u64, daemon: &mut Daemon) {
        eventually(PROGRESS_WITHIN, "new commits", || {
            daemon.assert_runs();
            (self.done() > done).then_some(())
        });
    }

    /// How many records and markers the outputs have.
    fn written(&self) -> i64 {
        let ends = |topic| self.cluster.offsets(topic).into_iter().map(|offsets| offsets.high);
        self.events.outputs().into_iter().flat_map(ends).sum()
    }

    /// Waits until work is seen that is not committed, so that a kill meets it. Where all that is loaded was committed unseen, there
    /// is none any more: the caller counts how often there was.
    fn wait_for_work_in_flight(&self, loaded: u64, written: i64, daemon: &mut Daemon) {
        eventually(PROGRESS_WITHIN, "work in flight", || {
            daemon.assert_runs();
            let seen = match self.delivery {
                AT_LEAST_ONCE => self.written() > written,
                _ => self.open_transactions() > 0,
            };
            (seen || self.done() >= loaded).then_some(())
        });
    }

    fn wait_for_all(&self, daemon: &mut Daemon) {
        let what = format!("all records of {} are committed", self.events.input);
        eventually(ALL_WITHIN, &what, || {
            daemon.assert_runs();
            (self.done() >= self.events.count).then_some(())
        });
    }

    /// How many of the pipeline's transactions are open now.
    fn open_transactions(&self) -> usize {
        self.open_transactions_of("")
    }

    /// The same of those of one daemon.
    fn open_transactions_of(&self, instance: &str) -> usize {
        let all = self.cluster.ask("transactions", json!({}));
        let prefix = format!("krouted/{}/{instance}", self.name);
        let ours = all.as_object().unwrap().iter().filter(|(id, _)| id.starts_with(&prefix));
        ours.filter(|(_, state)| *state == "Ongoing").count()
    }

    fn check(&self) -> Report {
        let topics = self.events.outputs();
        let mut checker = Checker::new(&self.events, &topics);
        checker.transactions(self.cluster, SOON);
        checker.read(self.cluster.read_all(&topics, Isolation::Committed));
        checker.offsets(self.cluster, &self.name, &self.events.input);
        checker.finish()
    }

    /// Kills the daemon again and again, each time after new commits, lets the last one end its work, and gives how often a
    /// kill met an open transaction.
    fn survive_kills(&self) -> usize {
        let host = self.host("host-a", "static", 2);
        let mut in_flight = 0;
        for kill in 0..KILLS {
            let before = self.done();
            let mut daemon = host.run();
            std::thread::scope(|threads| {
                threads.spawn(|| self.load(2 * kill));
                self.wait_for_more_than(before, &mut daemon);
            });
            let written = self.written();
            std::thread::scope(|threads| {
                threads.spawn(|| self.load(2 * kill + 1));
                let loaded = self.events.count * (2 * kill + 2) / SLICES;
                self.wait_for_work_in_flight(loaded, written, &mut daemon);
                daemon.kill9();
                in_flight += self.open_transactions();
            });
        }
        self.end(&host);
        in_flight
    }

    /// Both slices of a kill, before any daemon runs; gives how much is loaded then.
    fn load_both(&self, kill: u64) -> u64 {
        self.load(2 * kill);
        self.load(2 * kill + 1);
        self.events.count * (2 * kill + 2) / SLICES
    }

    /// As [`Self::survive_kills`], of a daemon that finds all of it loaded; counts the open transactions that kills met while much
    /// was left.
    fn survive_kills_at_full_load(&self) -> usize {
        let host = self.host("host-a", "static", 2);
        let mut in_flight = 0;
        for kill in 0..KILLS {
            let before = self.done();
            let loaded = self.load_both(kill);
            let mut daemon = host.run();
            self.wait_for_more_than(before, &mut daemon);
            self.wait_for_work_in_flight(loaded, 0, &mut daemon);
            daemon.kill9();
            in_flight += self.met_at_full_load("host-a", loaded);
        }
        self.end(&host);
        in_flight
    }

    /// How many transactions of a killed daemon are open, where much is left.
    fn met_at_full_load(&self, instance: &str, loaded: u64) -> usize {
        let (open, left) = (self.open_transactions_of(instance), loaded - self.done());
        if left > FAR_BEHIND { open } else { 0 }
    }

    /// The last slice, by a daemon that is not killed.
    fn end(&self, host: &Host) {
        let mut daemon = host.run();
        self.load(SLICES - 1);
        self.wait_for_all(&mut daemon);
        assert_eq!(daemon.terminate(), Some(0));
    }

    /// Two daemons, one of which is killed and comes again, and a third that comes and goes all the while.
    fn survive_rebalances(&self) {
        let [one, two, guest] =
            ["host-a", "host-b", "host-c"].map(|instance| self.host(instance, "dynamic", 1));
        let (mut first, mut second) = (one.run(), two.run());
        for slice in 0..KILLS {
            let before = self.done();
            std::thread::scope(|threads| {
                threads.spawn(|| {
                    self.load(2 * slice);
                    self.load(2 * slice + 1);
                });
                let mut guest = guest.run();
                guest.wait_for_line("partitions assigned", PROGRESS_WITHIN);
                self.wait_for_more_than(before, &mut first);
                match slice {
                    1 => second.kill9(),
                    3 => second = two.run(),
                    _ => {}
                }
                assert_eq!(guest.terminate(), Some(0));
            });
        }
        self.load(SLICES - 1);
        self.wait_for_all(&mut first);
        assert_eq!(first.terminate(), Some(0));
        assert_eq!(second.terminate(), Some(0));
    }

    /// As [`Self::survive_rebalances`], of three daemons that find all of it loaded: one is killed, the others end as they are told to, and
    /// those of the next round take all over. Counts as [`Self::survive_kills_at_full_load`] does.
    fn survive_rebalances_at_full_load(&self) -> usize {
        let instances = ["host-a", "host-b", "host-c"];
        let hosts = instances.map(|instance| self.host(instance, "dynamic", 1));
        let mut in_flight = 0;
        for kill in 0..KILLS {
            let loaded = self.load_both(kill);
            let [mut first, mut second, mut guest] = hosts.each_ref().map(Host::run);
            guest.wait_for_line("partitions assigned", PROGRESS_WITHIN);
            eventually(PROGRESS_WITHIN, "work in flight", || {
                second.assert_runs();
                let seen = self.open_transactions_of("host-b") > 0;
                (seen || self.done() >= loaded).then_some(())
            });
            second.kill9();
            in_flight += self.met_at_full_load("host-b", loaded);
            assert_eq!(guest.terminate(), Some(0));
            assert_eq!(first.terminate(), Some(0));
        }
        self.end(&hosts[0]);
        in_flight
    }

    /// A pipeline with a filter, two routes and dead letters.
    fn pipeline(&self, membership: &str, workers: u32) -> String {
        let Self { name, delivery, events: Events { input, eu, rest, dead, .. }, .. } = self;
        format!(
            r#"version: 1
name: {name}
source:
  topics: [{input}]
  group: {name}
  start: earliest
  membership: {membership}
  properties: {{session.timeout.ms: "6000"}}
delivery: {delivery}
workers: {workers}
steps:
  - filter: value.event_type in ["user.created", "user.deleted"]
sinks:
  eu: {{kafka: {{topic: {eu}}}}}
  rest: {{kafka: {{topic: {rest}}}}}
routes:
  - {{name: eu, when: 'value.country in ["DE", "FR"]', to: [eu]}}
  - {{name: rest, when: 'has(value.country)', to: [rest]}}
unmatched: dead_letter
dead_letter: {{topic: {dead}}}
on_error: {{decode: dead_letter}}
"#
        )
    }
}

#[test]
fn a_million_records_survive_five_kills() {
    let run = Run::new("killed", MILLION, EXACTLY_ONCE);
    let in_flight = run.survive_kills();
    assert!(in_flight > 0, "no kill met an open transaction: the test proves nothing");
    run.check().assert_clean();
}

#[test]
fn at_least_once_doubles_under_kills_and_loses_nothing() {
    let mut run = Run::new("doubled", MILLION / 5, AT_LEAST_ONCE);
    // What has no key and is sent twice has no place, and so no order.
    run.events.keys = Keys::All;
    run.survive_kills();
    let report = run.check();
    report.assert_only(&[Kind::Duplicate]);
    assert!(report.count(Kind::Duplicate) > 0, "no kill doubled a record: the test proves nothing");
}

#[test]
fn a_million_records_survive_two_daemons_a_kill_and_rebalances_all_the_while() {
    let run = Run::new("side-by-side", MILLION, EXACTLY_ONCE);
    run.survive_rebalances();
    run.check().assert_clean();
}

#[test]
fn much_that_waits_for_the_broker_survives_five_kills() {
    let run = Run::heavy("heavy-killed", FEW);
    let in_flight = run.survive_kills_at_full_load();
    assert!(in_flight > 0, "no kill met an open transaction at full load: the test proves nothing");
    run.check().assert_clean();
}

#[test]
fn much_that_waits_for_the_broker_survives_kills_while_members_come_and_go() {
    let run = Run::heavy("heavy-side-by-side", MANY);
    let in_flight = run.survive_rebalances_at_full_load();
    assert!(in_flight > 0, "no kill met an open transaction at full load: the test proves nothing");
    run.check().assert_clean();
}
