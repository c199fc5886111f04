//! A model of a cluster: partitions in memory, a group, transactions that show on commit, and a script of blows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::worker::{Clock, Edition};

/// One input record.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// Decides its way: see `rig::expected`.
    pub(super) key: &'static str,
    pub(super) outputs: Refuses,
    pub(super) letter: Refuses,
}

/// Who refuses something for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refuses {
    Nobody,
    /// The broker, which refuses the whole window.
    Broker,
    /// The client, when it is sent.
    Client,
}

/// One output record as a reader sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seen {
    /// `None`: a dead letter.
    pub(super) sink: Option<usize>,
    pub(super) partition: usize,
    pub(super) offset: usize,
    /// The stage of a dead letter.
    pub(super) stage: &'static str,
    /// The number of the edition by which it was made.
    pub(super) rules: u64,
}

/// The calls of a port, as a script counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Poll,
    Assign,
    Release,
    Begin,
    Send,
    Commit,
    Settle,
    Abort,
    Rebuild,
    Rewind,
}

/// What happens at one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blow {
    /// The call fails and has done nothing.
    Fails(How),
    /// The call has done its work and fails.
    FailsLate(How),
    /// A producer call says that the broker has refused some record of the window.
    Refused,
    /// The process is killed before the call, or right after it.
    Kill,
    KillLate,
    /// The group takes these partitions, by bits, and waits for their release.
    Revoke(u8),
    /// The group has taken these partitions.
    Lose(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Abort,
    Rebuild,
    Fenced,
    Fault,
}

/// What is thrown where the process is killed.
pub(super) struct Killed;

#[derive(Debug, Default)]
pub(super) struct Cluster {
    pub(super) partitions: Vec<Vec<Input>>,
    pub(super) committed: Vec<usize>,
    /// Which member owns a partition; members are never reused.
    pub(super) owners: Vec<Option<u64>>,
    /// Which worker is to have it, where several share the group.
    pub(super) wanted: Vec<usize>,
    pub(super) outputs: Vec<Seen>,
    pub(super) now: Duration,
    pub(super) calls: Vec<Call>,
    pub(super) script: BTreeMap<usize, Blow>,
    /// By the count of calls: what is offered to whoever polls next.
    pub(super) offers: BTreeMap<usize, Edition>,
    /// Records of one partition that a poll gives.
    pub(super) fetch: usize,
    members: u64,
    /// Members that are gone with their process; a real group needs a session timeout to notice.
    pub(super) dead: BTreeSet<u64>,
}

/// The cluster as its clients share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared(Arc<Mutex<Cluster>>);

impl Shared {
    pub(super) fn of(partitions: Vec<Vec<Input>>) -> Self {
        let count = partitions.len();
        Self(Arc::new(Mutex::new(Cluster {
            partitions,
            committed: vec![0; count],
            owners: vec![None; count],
            wanted: vec![0; count],
            fetch: 3,
            ..Cluster::default()
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Cluster> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for Shared {
    fn now(&self) -> Duration {
        self.lock().now
    }
}

impl Cluster {
    pub(super) fn join(&mut self) -> u64 {
        self.members += 1;
        self.members
    }

    /// The member is gone; what it had is nobody's.
    pub(super) fn leave(&mut self, member: u64) {
        self.dead.insert(member);
        for owner in &mut self.owners {
            if *owner == Some(member) {
                *owner = None;
            }
        }
    }

    /// Counts the call and says what happens at it.
    pub(super) fn blow(&mut self, call: Call) -> Option<Blow> {
        let blow = self.script.remove(&self.calls.len());
        self.calls.push(call);
        assert!(self.calls.len() < CALLS_MAX, "it does not come to an end");
        blow
    }

    pub(super) fn is_done(&self) -> bool {
        self.partitions.iter().zip(&self.committed).all(|(p, c)| *c == p.len())
    }

    pub(super) fn input(&self, seen: &Seen) -> &Input {
        &self.partitions[seen.partition][seen.offset]
    }

    pub(super) fn refuses(&self, seen: &Seen) -> Refuses {
        let input = self.input(seen);
        if seen.sink.is_some() { input.outputs } else { input.letter }
    }
}

/// Far beyond what any of the schedules needs.
const CALLS_MAX: usize = 50_000;
