//! Two members of a group: partitions go from one to the other while both run, and what is committed was written out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{PipeReader, Read};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use serde_json::Value;

use super::{Hand, ended, is_full};
use crate::kafka::record::Record;
use crate::kafka::{Cluster, shared, unique};
use crate::process;
use crate::wait::{SOON, eventually};

const PARTITIONS: i32 = 4;
/// A member that was killed keeps its partitions for a session of 30 s.
const SESSION_MAX: Duration = Duration::from_mins(2);

/// Partition and offset of a record.
type Place = (i32, i64);

/// The places of whole lines of envelopes.
fn places(text: &[u8]) -> Vec<Place> {
    let end = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let whole = std::str::from_utf8(&text[..end]).unwrap();
    let place = |line: &str| {
        let envelope: Value = serde_json::from_str(line).unwrap();
        let partition = i32::try_from(envelope["partition"].as_i64().unwrap()).unwrap();
        (partition, envelope["offset"].as_i64().unwrap())
    };
    whole.lines().map(place).collect()
}

fn in_file(path: &Path) -> Vec<Place> {
    places(&std::fs::read(path).unwrap())
}

/// How often each place was written.
fn counted(places: impl IntoIterator<Item = Place>) -> BTreeMap<Place, u32> {
    let mut counts = BTreeMap::new();
    for place in places {
        *counts.entry(place).or_default() += 1;
    }
    counts
}

/// All places of a topic whose partitions begin at 0.
fn all_of(cluster: &Cluster, topic: &str) -> Vec<Place> {
    let ends = cluster.offsets(topic);
    (0..)
        .zip(ends)
        .flat_map(|(partition, end)| (0..end.high).map(move |at| (partition, at)))
        .collect()
}

/// A group on a topic, its members' files, and what it had committed when it was last looked at.
struct Group {
    cluster: &'static Cluster,
    hand: Hand,
    topic: String,
    name: String,
    files: Vec<PathBuf>,
    committed: BTreeMap<i32, i64>,
}

impl Group {
    fn new(name: &str, partitions: u32) -> Self {
        let cluster = shared();
        let topic = cluster.topic(name, partitions);
        let hand = Hand::at(&cluster.bootstrap);
        let (files, committed) = (Vec::new(), BTreeMap::new());
        Self { cluster, hand, topic, name: unique("group"), files, committed }
    }

    fn arguments(&self) -> [&str; 6] {
        ["consume", &self.topic, "--group", &self.name, "-o", "envelope"]
    }

    /// Starts a member that writes to a file of its own; the file's number.
    fn member(&mut self) -> (Child, usize) {
        let number = self.files.len();
        let path = self.hand.path().join(format!("member-{number}"));
        let file = File::create(&path).unwrap();
        self.files.push(path);
        (self.hand.command(&self.arguments()).stdout(file).spawn().unwrap(), number)
    }

    fn of(&self, number: usize) -> Vec<Place> {
        in_file(&self.files[number])
    }

    fn in_files(&self) -> Vec<Place> {
        self.files.iter().flat_map(|path| in_file(path)).collect()
    }

    /// Offsets never go back, and what they say is done stands in `written`, which is asked for afterwards.
    fn look_at(&mut self, written: impl FnOnce(&Self) -> Vec<Place>) {
        let now = self.cluster.committed(&self.name, &self.topic);
        for (partition, before) in &self.committed {
            let next = now.get(partition);
            assert!(next >= Some(before), "[{partition}] went back from {before} to {next:?}");
        }
        let before = |partition: i32| self.committed.get(&partition).copied().unwrap_or(0);
        // What was committed before was looked for then.
        let written = written(self).into_iter().filter(|(p, offset)| *offset >= before(*p));
        let written = counted(written);
        for (partition, next) in &now {
            for offset in before(*partition)..*next {
                let is_written = written.contains_key(&(*partition, offset));
                assert!(is_written, "[{partition}]@{offset} is committed, and nobody has it");
            }
        }
        self.committed = now;
    }

    /// Waits, and looks at the offsets all the while.
    fn until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        // Each look reads all that was written until then, while more and more is.
        eventually(SESSION_MAX, what, || {
            self.look_at(Self::in_files);
            is_so(self).then_some(())
        });
    }
}

/// Whether there are records of all partitions.
fn has_all_partitions(places: &[Place]) -> bool {
    (0..PARTITIONS).all(|partition| places.iter().any(|place| place.0 == partition))
}

#[test]
fn members_that_come_and_go_lose_nothing_and_double_nothing() {
    let mut group = Group::new("members", PARTITIONS.unsigned_abs());
    let (cluster, topic) = (group.cluster, group.topic.clone());
    let is_over = AtomicBool::new(false);
    let one = |n: i32| Record::new(None, Some("{}")).to(n % PARTITIONS);
    let records: Vec<Record> = (0..200).map(one).collect();
    std::thread::scope(|threads| {
        let fed = threads.spawn(|| {
            while !is_over.load(Relaxed) {
                cluster.produce(&topic, &records);
            }
        });
        let told = Told(&is_over);
        let (mut first, a) = group.member();
        group.until("the first member has all", |g| has_all_partitions(&g.of(a)));
        let (mut second, b) = group.member();
        group.until("the second member has some", |g| !g.of(b).is_empty());
        process::signal(first.id(), "INT");
        let said = ended(&mut first);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
        group.until("the second member has all", |g| has_all_partitions(&g.of(b)));
        let (mut third, c) = group.member();
        group.until("the third member has some", |g| !g.of(c).is_empty());
        drop(told);
        fed.join().unwrap();
        let ends: BTreeMap<i32, i64> =
            (0..).zip(cluster.offsets(&topic)).map(|(p, end)| (p, end.high)).collect();
        group.until("all is committed", |g| g.committed == ends);
        for member in [&mut second, &mut third] {
            process::signal(member.id(), "TERM");
            let said = ended(member);
            assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
        }
        assert_eq!(cluster.committed(&group.name, &topic), ends);
    });
    let written = counted(group.in_files());
    assert!(written.keys().copied().eq(all_of(cluster, &topic)), "something is lost");
    let doubled: Vec<_> = written.iter().filter(|(_, count)| **count > 1).collect();
    assert!(doubled.is_empty(), "{doubled:?}");
    for number in 0..group.files.len() {
        let mut last = BTreeMap::new();
        for (partition, offset) in group.of(number) {
            assert!(last.insert(partition, offset) < Some(offset), "[{partition}]@{offset}");
        }
    }
}

/// Ends the feeding, also where a test fails.
struct Told<'a>(&'a AtomicBool);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// So many lines, and no byte more.
fn read_lines(pipe: &mut PipeReader, count: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..count {
        let mut byte = [0];
        while byte != *b"\n" {
            pipe.read_exact(&mut byte).unwrap();
            text.extend(byte);
        }
    }
    text
}

#[test]
fn what_stood_unread_in_the_pipe_of_a_member_goes_to_the_other_and_nothing_else_comes_twice() {
    let mut group = Group::new("unread-member", 2);
    let (cluster, topic) = (group.cluster, group.topic.clone());
    // All of it fits into a pipe, twice.
    let one = |n: i32| Record::new(None, Some("{}")).to(n % 2);
    cluster.produce(&topic, &(0..200).map(one).collect::<Vec<_>>());
    let (mut pipe, end) = std::io::pipe().unwrap();
    let mut first = group.hand.command(&group.arguments()).stdout(end).spawn().unwrap();
    let read = places(&read_lines(&mut pipe, 50));
    let sum = |offsets: &BTreeMap<i32, i64>| offsets.values().sum::<i64>();
    eventually(SOON, "what is read is committed", || {
        group.look_at(|g| [read.clone(), g.in_files()].concat());
        (sum(&group.committed) == 50).then_some(())
    });
    let (mut second, b) = group.member();
    eventually(SOON, "the second member has a partition", || {
        group.look_at(|g| [read.clone(), g.in_files()].concat());
        (!group.of(b).is_empty()).then_some(())
    });
    first.kill().unwrap();
    first.wait().unwrap();
    // The first one commits no more, the second nothing of the other's partition.
    let at_death = cluster.committed(&group.name, &topic);
    eventually(SESSION_MAX, "the second member has all the rest", || {
        group.look_at(|g| [read.clone(), g.in_files()].concat());
        (sum(&group.committed) == 200).then_some(())
    });
    process::signal(second.id(), "INT");
    ended(&mut second).said(0, &[]);

    let had = counted([read, group.of(b)].concat());
    assert!(had.keys().copied().eq(all_of(cluster, &topic)), "something is lost");
    assert!(had.values().all(|count| *count == 1), "{had:?}");
    // Whoever reads on in the dead one's pipe has only what was never committed by it a second time.
    let mut rest = Vec::new();
    pipe.read_to_end(&mut rest).unwrap();
    let rest = places(&rest);
    assert!(!rest.is_empty(), "it held something");
    let of_second = group.of(b)[0].0;
    for (partition, offset) in rest {
        let is_after = at_death.get(&partition).is_none_or(|next| offset >= *next);
        assert!(partition == of_second || is_after, "[{partition}]@{offset}: {at_death:?}");
    }
}

/// What a pipe and the member's buffer hold together, and a record more.
const UNREAD_BYTES_MAX: usize = 130 << 10;

#[test]
fn a_member_whose_full_pipe_nobody_reads_makes_room_for_another_and_nothing_is_lost() {
    let mut group = Group::new("never-read", 2);
    let (cluster, topic) = (group.cluster, group.topic.clone());
    // In each partition more than the pipe and all buffers before it hold.
    let large = format!("\"{}\"", "x".repeat(1000));
    let one = |n: i32| Record::new(None, Some(&large)).to(n % 2);
    cluster.produce(&topic, &(0..4000).map(one).collect::<Vec<_>>());
    let (mut pipe, end) = std::io::pipe().unwrap();
    let seen = end.try_clone().unwrap();
    let mut first = group.hand.command(&group.arguments()).stdout(end).spawn().unwrap();
    eventually(SOON, "the pipe is full", || is_full(&seen).then_some(()));
    drop(seen);
    let (mut second, b) = group.member();
    // Kafka by itself would wait for the first one for 5 minutes.
    eventually(SESSION_MAX, "the second member has all of a partition", || {
        group.look_at(Group::in_files);
        (group.of(b).len() == 2000).then_some(())
    });
    let of_second = group.of(b)[0].0;
    assert!(group.of(b).iter().all(|place| place.0 == of_second));

    // Somebody reads on: the first goes on with what it still has.
    let read = std::thread::spawn(move || {
        let mut text = Vec::new();
        pipe.read_to_end(&mut text).unwrap();
        text
    });
    let all_is_committed = |to: i64| {
        let ends = BTreeMap::from([(0, to), (1, to)]);
        eventually(SESSION_MAX, "all is committed", || {
            (cluster.committed(&group.name, &topic) == ends).then_some(())
        });
    };
    all_is_committed(2000);
    process::signal(second.id(), "INT");
    ended(&mut second).said(0, &[]);
    // The partition that it gave away while nobody read its output comes back, and is read.
    cluster.produce(&topic, &[one(0), one(1)]);
    all_is_committed(2001);
    process::signal(first.id(), "INT");
    // What stood in its pipe and its buffer when partitions went to the other one.
    ended(&mut first).said(0, &["not all that is written is committed"]);
    let text = read.join().unwrap();
    let had = counted([places(&text), group.of(b)].concat());
    assert!(had.keys().copied().eq(all_of(cluster, &topic)), "something is lost");
    let line = text.iter().position(|byte| *byte == b'\n').unwrap();
    let twice = had.values().filter(|count| **count > 1).count();
    assert!(twice * line <= UNREAD_BYTES_MAX, "{twice} records of {line} bytes came twice");
    assert!(had.values().all(|count| *count <= 2), "{had:?}");
}
