//! What the cluster says of its topics.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::ptr;
use std::time::Duration;

use super::error::{Failed, checked_code, millis};
use super::sys;

/// One topic as the cluster describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct TopicMetadata {
    pub(in crate::kafka) name: String,
    pub(in crate::kafka) partitions: Vec<i32>,
    /// 0, or why the broker says nothing of it.
    pub(in crate::kafka) err: i32,
}

/// Asks for one topic by its handle, or for all.
///
/// SAFETY: `rk` is a live client, `only` null or a live topic handle of it.
pub(super) unsafe fn fetch(
    rk: *mut sys::Rk,
    only: *mut sys::TopicT,
    limit: Duration,
) -> Result<Vec<TopicMetadata>, Failed> {
    let what = if only.is_null() { ALL } else { LOCAL };
    // SAFETY: see above.
    unsafe { asked(rk, (what, only), limit, |found| topics(found).iter().map(copied).collect()) }
}

/// How many brokers the cluster has now; asks for no topic.
///
/// SAFETY: `rk` is a live client that knows no topic yet.
pub(super) unsafe fn brokers(rk: *mut sys::Rk, limit: Duration) -> Result<usize, Failed> {
    // SAFETY: see above.
    unsafe { asked(rk, (LOCAL, ptr::null_mut()), limit, |found| size(found.broker_cnt)) }
}

/// The broker that answers, and those with a replica of any topic, wherever they are now.
///
/// SAFETY: `rk` is a live client.
pub(super) unsafe fn holders(rk: *mut sys::Rk, limit: Duration) -> Result<BTreeSet<i32>, Failed> {
    let of_partition = |partition: &sys::MetaPartition| {
        // SAFETY: an element of a live metadata structure.
        unsafe { array(partition.replicas.cast_const(), size(partition.replica_cnt)) }.to_vec()
    };
    let of_topic = |topic: &sys::MetaTopic| {
        // SAFETY: the same.
        let partitions = unsafe { array(topic.partitions, size(topic.partition_cnt)) };
        partitions.iter().flat_map(of_partition).collect::<Vec<_>>()
    };
    // SAFETY: see above.
    unsafe {
        asked(rk, (ALL, ptr::null_mut()), limit, |found| {
            topics(found).iter().flat_map(of_topic).chain([found.orig_broker_id]).collect()
        })
    }
}

/// What `rd_kafka_metadata` is to tell of: all topics, or the given one; without one, those that the client knows.
const ALL: i32 = 1;
const LOCAL: i32 = 0;

/// SAFETY: `rk` is a live client, the topic null or a live handle of it.
unsafe fn asked<T>(
    rk: *mut sys::Rk,
    (what, only): (i32, *mut sys::TopicT),
    limit: Duration,
    read: impl FnOnce(&sys::Meta) -> T,
) -> Result<T, Failed> {
    let mut found: *const sys::Meta = ptr::null();
    // SAFETY: see above; on success `found` is a structure of ours until it is destroyed.
    unsafe {
        let answer = sys::rd_kafka_metadata(rk, what, only, &raw mut found, millis(limit));
        checked_code("metadata", answer)?;
        let told = read(&*found);
        sys::rd_kafka_metadata_destroy(found);
        Ok(told)
    }
}

fn topics(found: &sys::Meta) -> &[sys::MetaTopic] {
    // SAFETY: a live structure, its array as long as it says.
    unsafe { array(found.topics, size(found.topic_cnt)) }
}

/// SAFETY: `pointer` is null or begins `count` elements.
pub(super) unsafe fn array<'a, T>(pointer: *const T, count: usize) -> &'a [T] {
    if pointer.is_null() || count == 0 {
        return &[];
    }
    // SAFETY: see above.
    unsafe { std::slice::from_raw_parts(pointer, count) }
}

fn copied(topic: &sys::MetaTopic) -> TopicMetadata {
    // SAFETY: an element of a live metadata structure.
    let (name, partitions) = unsafe {
        (CStr::from_ptr(topic.topic), array(topic.partitions, size(topic.partition_cnt)))
    };
    TopicMetadata {
        name: name.to_string_lossy().into_owned(),
        partitions: partitions.iter().map(|p| p.id).collect(),
        err: topic.err,
    }
}

fn size(count: i32) -> usize {
    usize::try_from(count).unwrap_or(0)
}
