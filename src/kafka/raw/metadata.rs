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
        let topics = array((*found).topics, (*found).topic_cnt).iter().map(copied).collect();
        sys::rd_kafka_metadata_destroy(found);
        Ok(topics)
    }
}

/// SAFETY: `pointer` is null or begins `count` elements.
unsafe fn array<'a, T>(pointer: *const T, count: i32) -> &'a [T] {
    let count = usize::try_from(count).unwrap_or(0);
    if pointer.is_null() || count == 0 {
        return &[];
    }
    // SAFETY: see above.
    unsafe { std::slice::from_raw_parts(pointer, count) }
}

fn copied(topic: &sys::MetaTopic) -> TopicMetadata {
    // SAFETY: an element of a live metadata structure.
    let (name, partitions) =
        unsafe { (CStr::from_ptr(topic.topic), array(topic.partitions, topic.partition_cnt)) };
    TopicMetadata {
        name: name.to_string_lossy().into_owned(),
        partitions: partitions.iter().map(|p| p.id).collect(),
        err: topic.err,
    }
}
