//! What the cluster says of its topics.

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
    let mut found: *const sys::Meta = ptr::null();
    let all = i32::from(only.is_null());
    // SAFETY: see above; on success `found` is a structure of ours until it is destroyed, its arrays as long as they say.
    unsafe {
        let answer = sys::rd_kafka_metadata(rk, all, only, &raw mut found, millis(limit));
        checked_code("metadata", answer)?;
        let topics = array((*found).topics, size((*found).topic_cnt)).iter().map(copied).collect();
        sys::rd_kafka_metadata_destroy(found);
        Ok(topics)
    }
}

/// How many brokers the cluster has now; asks for no topic.
///
/// SAFETY: `rk` is a live client that knows no topic yet.
pub(super) unsafe fn brokers(rk: *mut sys::Rk, limit: Duration) -> Result<usize, Failed> {
    let mut found: *const sys::Meta = ptr::null();
    // SAFETY: see above; as in `fetch`.
    unsafe {
        let answer = sys::rd_kafka_metadata(rk, 0, ptr::null_mut(), &raw mut found, millis(limit));
        checked_code("metadata", answer)?;
        let count = (*found).broker_cnt;
        sys::rd_kafka_metadata_destroy(found);
        Ok(usize::try_from(count).unwrap_or(0))
    }
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
