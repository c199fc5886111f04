//! Puts the real loop on the model cluster, restarts it as the supervisor would, and judges what a reader sees.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::baton::Baton;
use super::cluster::{Blow, Call, Input, Killed, Refuses, Seen, Shared};
use super::port::{FakePort, written};
use crate::model::{InstanceId, WorkerId};
use crate::pipeline::{Delivery, Matching, OnReject, Pipeline, sample};
use crate::program::Program;
use crate::worker::{
    Breakdown, Clock, Control, Counters, Edition, Exit, Job, Rules, Shares, Tell, WorkerNews, run,
};

/// Restarts of one worker after which it counts as hopeless; the schedules hold far fewer blows.
const RUNS_MAX: usize = 500;

pub(super) struct Rig {
    pub(super) cluster: Shared,
    pub(super) pipeline: Pipeline,
    pub(super) counters: Arc<Counters>,
    pub(super) rules: Arc<Rules>,
    /// What its workers told, and when.
    pub(super) told: Arc<Mutex<Vec<(Duration, WorkerNews)>>>,
}

/// What the counters say, or should.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) consumed: u64,
    pub(super) produced: u64,
    pub(super) filtered: u64,
    pub(super) missing: u64,
    pub(super) dropped: [u64; 5],
    pub(super) dead_lettered: [u64; 5],
    /// The topics and routes of the pipeline, with zeros.
    pub(super) shares: Shares,
}

/// What becomes of one record when nothing goes wrong but itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Filtered,
    Sinks(Vec<usize>),
    Letter(&'static str),
    Dropped,
    Stops,
}

pub(super) const KEYS: [&str; 6] = ["a", "b", "both", "miss", "skip", "none"];

pub(super) fn input(key: &'static str) -> Input {
    Input { key, outputs: Refuses::Nobody, letter: Refuses::Nobody }
}

/// Records of every kind, in turn.
pub(super) fn inputs(count: usize) -> Vec<Input> {
    KEYS.iter().cycle().take(count).map(|key| input(key)).collect()
}

impl Rig {
    /// Filter, three routes of which all count, dead letters.
    pub(super) fn new(delivery: Delivery, partitions: Vec<Vec<Input>>) -> Self {
        let mut pipeline = sample::pipeline(delivery);
        pipeline.steps = vec![sample::filter(r#"key != "skip""#)];
        pipeline.routing = sample::routes(
            Matching::All,
            vec![
                sample::route("to-a", Some(r#"key in ["a", "both", "miss"]"#), &[0]),
                sample::route("to-b", Some(r#"key in ["b", "both"]"#), &[1]),
                sample::route("by-header", Some(r#"key == "miss" && headers["x"] == "1""#), &[1]),
            ],
            OnReject::DeadLetter,
        );
        let rules = Arc::new(Rules::new(Edition::new(0, Arc::new(pipeline.clone()))));
        let counters = Arc::<Counters>::default();
        // As the supervisor does.
        counters.breakdown.expect(&pipeline);
        let cluster = Shared::of(partitions);
        Self { cluster, pipeline, counters, rules, told: Arc::default() }
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Pipeline)) -> Self {
        change(&mut self.pipeline);
        self
    }

    /// So many editions are offered, each to whoever polls when so many calls were made.
    pub(super) fn offering(self, at: impl IntoIterator<Item = usize>) -> Self {
        for (number, at) in (1..).zip(at) {
            let mut pipeline = self.pipeline.clone();
            pipeline.description = Some(format!("{number}"));
            let edition = Edition::new(number, Arc::new(pipeline));
            self.cluster.lock().offers.insert(at, edition);
        }
        self
    }

    pub(super) fn scripted(self, script: impl IntoIterator<Item = (usize, Blow)>) -> Self {
        self.cluster.lock().script.extend(script);
        self
    }

    /// One worker, started again after each fault and each kill, until it ends for another reason.
    pub(super) fn run(&self) -> Exit {
        self.work(0, &Baton::new(1, vec![]))
    }

    /// Several workers of one group, each in a thread of its own, one at a time.
    pub(super) fn run_group(&self, workers: usize, schedule: Vec<u8>) -> Vec<Exit> {
        let baton = Baton::new(workers, schedule);
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..workers)
                .map(|place| {
                    let baton = &baton;
                    scope.spawn(move || {
                        // A failed assertion must not leave the others waiting for their turn.
                        let exit = catch_unwind(AssertUnwindSafe(|| self.work(place, baton)));
                        baton.leave(place);
                        exit.unwrap()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    fn work(&self, place: usize, baton: &Baton) -> Exit {
        for _ in 0..RUNS_MAX {
            match self.run_once(place, baton) {
                Some(Exit::Fault(_)) | None => {}
                Some(exit) => return exit,
            }
        }
        panic!("it does not come to an end");
    }

    /// `None`: it was killed.
    pub(super) fn run_once(&self, place: usize, baton: &Baton) -> Option<Exit> {
        let control = Arc::new(Control::default());
        let (told, clock) = (Arc::clone(&self.told), self.cluster.clone());
        let job = Job {
            id: WorkerId {
                pipeline: self.pipeline.name.clone(),
                instance: InstanceId::new("test").unwrap(),
                number: u16::try_from(place).unwrap(),
            },
            // Always the first: a supervisor that has not heard yet of a newer one gives that.
            edition: Edition::new(0, Arc::new(self.pipeline.clone())),
            rules: Arc::clone(&self.rules),
            counters: Arc::clone(&self.counters),
            gauges: Arc::default(),
            control: Arc::clone(&control),
            tell: Tell::new(move |news| told.lock().unwrap().push((clock.now(), news))),
        };
        let guarantee = self.pipeline.delivery.guarantee();
        let mut port = FakePort::new(&self.cluster, guarantee, &control, (place, baton));
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&mut port, &job, &self.cluster)));
        match outcome {
            Ok(exit) => Some(exit),
            Err(panic) if panic.is::<Killed>() => {
                let member = port.member();
                self.cluster.lock().leave(member);
                None
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.cluster.lock().calls.clone()
    }

    pub(super) fn committed(&self) -> Vec<usize> {
        self.cluster.lock().committed.clone()
    }

    pub(super) fn way(&self, input: &Input) -> Way {
        let way = match input.key {
            "a" | "miss" => Way::Sinks(vec![0]),
            "b" => Way::Sinks(vec![1]),
            "both" => Way::Sinks(vec![0, 1]),
            "skip" => Way::Filtered,
            _ => by_policy(
                Program::new(&self.pipeline).policy(crate::model::Stage::Unmatched),
                "unmatched",
            ),
        };
        let refused = input.outputs != Refuses::Nobody && matches!(way, Way::Sinks(_));
        let way = if refused { by_policy(self.pipeline.on_error.sink, "sink") } else { way };
        let hopeless = input.letter != Refuses::Nobody && matches!(way, Way::Letter(_));
        if hopeless { Way::Stops } else { way }
    }

    /// What a reader must see of the committed records, by sink (`None`: the dead letters) and input partition, in order.
    fn expected(&self) -> Lists {
        let cluster = self.cluster.lock();
        let mut lists = Lists::new();
        for (partition, inputs) in cluster.partitions.iter().enumerate() {
            for (offset, input) in inputs.iter().enumerate().take(cluster.committed[partition]) {
                match self.way(input) {
                    Way::Sinks(sinks) => {
                        for sink in sinks {
                            lists.entry((Some(sink), partition)).or_default().push(offset);
                        }
                    }
                    Way::Letter(_) => lists.entry((None, partition)).or_default().push(offset),
                    Way::Filtered | Way::Dropped => {}
                    Way::Stops => panic!("in[{partition}]@{offset} is committed and was to stop"),
                }
            }
        }
        lists
    }

    fn seen(&self) -> Lists {
        let mut lists = Lists::new();
        for seen in &self.cluster.lock().outputs {
            lists.entry((seen.sink, seen.partition)).or_default().push(seen.offset);
        }
        lists
    }

    fn is_refused(&self, partition: usize, offset: usize) -> bool {
        let input = self.cluster.lock().partitions[partition][offset].clone();
        self.way(&input) == Way::Letter("sink")
    }

    /// The stage of every dead letter is right.
    pub(super) fn check_letters(&self) {
        let cluster = self.cluster.lock();
        for seen in cluster.outputs.iter().filter(|s| s.sink.is_none()) {
            assert_eq!(self.way(cluster.input(seen)), Way::Letter(seen.stage), "{seen:?}");
        }
    }

    /// Every output of a committed record once and in order, of others none.
    pub(super) fn check_exactly_once(&self) {
        assert_eq!(self.seen(), self.expected());
        self.check_letters();
    }

    /// Every output of a committed record at least once, the first ones in order. The dead letter of a record that a sink
    /// refuses comes when it is found, behind letters of the same window that were acknowledged before.
    pub(super) fn check_at_least_once(&self) {
        let mut seen = self.seen();
        for (place, list) in &mut seen {
            let mut first: Vec<usize> = Vec::new();
            list.retain(|offset| {
                !first.contains(offset) && {
                    first.push(*offset);
                    true
                }
            });
            let late = |offset: &usize| place.0.is_none() && self.is_refused(place.1, *offset);
            let in_order = list.iter().filter(|offset| !late(offset)).is_sorted();
            assert!(in_order, "{place:?}: {list:?}");
        }
        for (place, expected) in self.expected() {
            let list = seen.remove(&place).unwrap_or_default();
            for offset in expected {
                assert!(list.contains(&offset), "{place:?}: {offset} is lost; {list:?}");
            }
        }
        self.check_letters();
    }

    /// No output twice, and none that the pipeline does not make.
    pub(super) fn check_at_most_once(&self) {
        let (mut seen, expected) = (self.seen(), self.expected());
        for (place, list) in &mut seen {
            list.sort_unstable();
            assert!(list.windows(2).all(|pair| pair[0] != pair[1]), "{place:?}: {list:?}");
            let all = expected.get(place).cloned().unwrap_or_default();
            assert!(list.iter().all(|offset| all.contains(offset)), "{place:?}: {list:?}");
        }
        self.check_letters();
    }

    /// No record of a partition is handled by older rules than the one before it.
    pub(super) fn check_rules(&self) {
        let mut newest = BTreeMap::new();
        for seen in &self.cluster.lock().outputs {
            let newest = newest.entry(seen.partition).or_insert(0);
            assert!(seen.rules >= *newest, "{seen:?} behind rules {newest}");
            *newest = seen.rules;
        }
    }

    /// The counters say what the committed records make.
    pub(super) fn check_counters(&self) {
        assert_eq!(self.counted(), self.tally_of_committed());
    }

    pub(super) fn tally_of_committed(&self) -> Counted {
        let cluster = self.cluster.lock();
        let mut tally = Counted { shares: self.zeros(), ..Counted::default() };
        let shares = &mut tally.shares;
        for (inputs, committed) in cluster.partitions.iter().zip(&cluster.committed) {
            for input in inputs.iter().take(*committed) {
                tally.consumed += 1;
                shares.consumed.add("in", 1);
                // A record that a sink refuses is not run through the program once more.
                let refused = matches!(self.way(input), Way::Letter("sink"))
                    || input.outputs != Refuses::Nobody;
                tally.missing += u64::from(input.key == "miss" && !refused);
                match self.way(input) {
                    Way::Filtered => tally.filtered += 1,
                    Way::Sinks(sinks) => {
                        for route in routes_of(input.key) {
                            shares.routed.add(route, 1);
                        }
                        for sink in sinks {
                            tally.produced += 1;
                            shares.produced.add(written(Some(sink)), 1);
                        }
                    }
                    Way::Letter("sink") => tally.dead_lettered[3] += 1,
                    Way::Letter(_) => tally.dead_lettered[4] += 1,
                    Way::Dropped if input.key == "none" => tally.dropped[4] += 1,
                    Way::Dropped => tally.dropped[3] += 1,
                    Way::Stops => {}
                }
            }
        }
        tally
    }

    fn zeros(&self) -> Shares {
        let nothing = Breakdown::default();
        nothing.expect(&self.pipeline);
        nothing.shares()
    }

    pub(super) fn counted(&self) -> Counted {
        let counters = &self.counters;
        let each = |counts: &[AtomicU64; 5]| counts.each_ref().map(|n| n.load(Relaxed));
        Counted {
            consumed: counters.consumed.load(Relaxed),
            produced: counters.produced.load(Relaxed),
            filtered: counters.filtered.load(Relaxed),
            missing: counters.missing.load(Relaxed),
            dropped: each(&counters.dropped),
            dead_lettered: each(&counters.dead_lettered),
            shares: counters.breakdown.shares(),
        }
    }
}

/// Those of [`Rig::new`] that take the record.
fn routes_of(key: &str) -> &'static [&'static str] {
    match key {
        "a" | "miss" => &["to-a"],
        "b" => &["to-b"],
        "both" => &["to-a", "to-b"],
        _ => &[],
    }
}

fn by_policy(policy: OnReject, stage: &'static str) -> Way {
    match policy {
        OnReject::DeadLetter => Way::Letter(stage),
        OnReject::Drop => Way::Dropped,
        OnReject::Stop => Way::Stops,
    }
}

/// Offsets by sink and input partition.
type Lists = BTreeMap<(Option<usize>, usize), Vec<usize>>;

/// A rig whose records are all committed, with these outputs of sink a: what the judges are judged by.
fn judged(outputs: &[usize]) -> Rig {
    let rig = Rig::new(Delivery::ExactlyOnce(sample::limits(10)), vec![vec![input("a"); 4]]);
    let mut cluster = rig.cluster.lock();
    cluster.committed = vec![4];
    let seen =
        |offset: &usize| Seen { sink: Some(0), partition: 0, offset: *offset, stage: "", rules: 0 };
    cluster.outputs = outputs.iter().map(seen).collect();
    drop(cluster);
    rig
}

fn fails(judge: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(judge)).is_err()
}

#[test]
fn the_judges_see_a_loss_a_double_and_a_swap() {
    for (outputs, exactly, at_least, at_most) in [
        (&[0, 1, 2, 3][..], true, true, true),
        (&[0, 1, 3], false, false, true),
        (&[0, 1, 1, 2, 3], false, true, false),
        (&[0, 1, 2, 1, 2, 3], false, true, false),
        (&[0, 2, 1, 3], false, false, true),
        (&[0, 2, 3, 0, 1, 2, 3], false, false, false),
    ] {
        let rig = judged(outputs);
        assert_eq!(!fails(|| rig.check_exactly_once()), exactly, "{outputs:?}");
        assert_eq!(!fails(|| rig.check_at_least_once()), at_least, "{outputs:?}");
        assert_eq!(!fails(|| rig.check_at_most_once()), at_most, "{outputs:?}");
    }
}

#[test]
fn the_judge_of_rules_sees_an_older_one_behind_a_newer() {
    for (rules, is_fine) in [([0, 0, 1, 2], true), ([0, 1, 0, 1], false), ([1, 1, 1, 0], false)] {
        let rig = judged(&[0, 1, 2, 3]);
        for (seen, number) in rig.cluster.lock().outputs.iter_mut().zip(rules) {
            seen.rules = number;
        }
        assert_eq!(!fails(|| rig.check_rules()), is_fine, "{rules:?}");
    }
}
