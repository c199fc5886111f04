//! What the loop needs from the outside: `kafka` implements it on librdkafka, tests script one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::fault::{Failure, Fault};
use super::offsets::{NextOffset, Offsets};
use crate::model::{Record, Rejection};
use crate::pipeline::{OutOfRange, Pipeline};
use crate::program::HeaderEdits;

/// One worker's consumer and producer.
///
/// Every call is bounded in time by its implementation. After [`Failure::Fault`] the port is only aborted and closed.
pub trait Port {
    /// Records that were read together.
    type Batch: Batch;

    /// An empty batch with room for so many records.
    fn batch(&self, records_max: usize) -> Self::Batch;

    /// Waits up to `wait` for the first record, then takes what is there, at most `max`; replaces the batch's content. It
    /// may use `wait`, or a part of it, to let the broker take what was sent, though records are there. Behind a commit it
    /// may wait some milliseconds more, until the next window can be begun.
    fn poll(&mut self, batch: &mut Self::Batch, max: usize, wait: Duration);

    /// What else came up in the last poll, one at a time, until there is nothing.
    fn news(&mut self) -> Option<News>;

    /// Takes the partitions that the group gives, at their committed offsets or, where there is none, at their
    /// beginning. Returns the next offsets of these partitions; fails with a fault only.
    fn assign(&mut self) -> Result<Vec<NextOffset>, Failure>;

    /// Gives back the partitions that the group takes away; fails with a fault only.
    fn release(&mut self) -> Result<(), Failure>;

    /// Begins a window.
    fn begin(&mut self) -> Result<(), Failure>;

    /// Puts one output on its way.
    fn send(&mut self, output: &Output<'_, Self::Batch>) -> Result<(), Failure>;

    /// Puts a dead letter on its way.
    fn dead_letter(&mut self, letter: &DeadLetter<'_, Self::Batch>) -> Result<(), Failure>;

    /// Makes the window's outputs and these offsets stand, as the guarantee says.
    fn commit(&mut self, offsets: &Offsets) -> Result<(), Failure>;

    /// Waits for all acknowledgements (`at_most_once`); returns what was refused.
    fn settle(&mut self) -> Result<Vec<LateRefusal>, Failure>;

    /// Takes the window's outputs back, as far as the guarantee can.
    fn abort(&mut self) -> Result<(), Failure>;

    /// Makes a new producer in place of the old one, whose open transaction ends with that; fails with a fault only.
    fn rebuild(&mut self) -> Result<(), Failure>;

    /// Puts all partitions that it has back to their committed offsets; fails with a fault only.
    fn rewind(&mut self) -> Result<(), Failure>;

    /// Goes on where the policy says in a partition whose offset is out of range.
    fn reset(&mut self, topic: &str, partition: i32, policy: OutOfRange) -> Result<(), Failure>;

    /// Gets ready to serve another definition of the same pipeline, between two windows: looks its new topics up, and makes
    /// a new producer where the properties of a topic have changed. On a fault all goes on as before. `stopping` ends the
    /// waits between.
    fn prepare(
        &mut self,
        pipeline: &Arc<Pipeline>,
        stopping: &dyn Fn() -> bool,
    ) -> Result<(), Fault>;

    /// Reads nothing from now on, partitions that come later included, and keeps them; fails with a fault only.
    fn pause(&mut self) -> Result<(), Failure>;

    /// Reads again where it was; fails with a fault only.
    fn resume(&mut self) -> Result<(), Failure>;

    /// How far it is behind.
    fn lag(&mut self) -> Lag;

    /// Leaves the group.
    fn close(&mut self);
}

/// Records that were read together, in the order in which they came.
pub trait Batch {
    /// How many entries it has.
    fn len(&self) -> usize;
    /// Whether it has none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The record at that index; `None` where the entry was no record (it came up in [`Port::news`]).
    fn record(&self, index: usize) -> Option<Record<'_>>;
    /// Gives one record back: nobody looks at it again.
    fn done(&mut self, index: usize);
    /// Gives all records back.
    fn clear(&mut self);
}

/// One output of one record.
pub struct Output<'a, B> {
    /// Where the record lies.
    pub batch: &'a B,
    /// Its index there.
    pub index: usize,
    /// The record itself.
    pub record: Record<'a>,
    /// Index of the sink in the program's pipeline.
    pub sink: usize,
    /// The key to write.
    pub key: Option<&'a [u8]>,
    /// The value to write.
    pub value: Option<&'a [u8]>,
    /// What the headers to write differ in from the record's.
    pub headers: HeaderEdits<'a>,
    /// Whether the record's headers may be moved: it has no further output.
    pub last: bool,
}

/// One record on its way to the dead letters.
pub struct DeadLetter<'a, B> {
    /// Where the record lies.
    pub batch: &'a B,
    /// Its index there.
    pub index: usize,
    /// The record itself.
    pub record: Record<'a>,
    /// Why.
    pub rejection: &'a Rejection,
}

/// An output or a dead letter that was refused after its record was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateRefusal {
    /// The record's index in the batch.
    pub index: usize,
    /// Who refused it.
    pub topic: String,
    /// In librdkafka's words.
    pub reason: String,
}

/// How far a worker is behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Partitions that it has.
    pub partitions: u64,
    /// Of their topics, the records between its positions and the partitions' ends; a topic with none is there too.
    pub by_topic: BTreeMap<String, u64>,
}

/// What came up besides records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The group gives partitions: call [`Port::assign`].
    Assigned,
    /// The group takes partitions away and waits for [`Port::release`].
    Revoked,
    /// The group took partitions away; somebody else may have them already.
    Lost,
    /// The offset that we want to read is not in the partition.
    OutOfRange {
        /// The topic.
        topic: String,
        /// The partition in it.
        partition: i32,
        /// librdkafka's words, with the offsets.
        reason: String,
    },
    /// The consumer cannot go on as it is.
    Failed(Failure),
}
