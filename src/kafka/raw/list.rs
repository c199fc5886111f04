//! Lists of partitions with an offset each.

use std::ffi::{CStr, CString, c_int};

use super::error::{Failed, checked_code};
use super::sys;

/// Offsets that name a place instead of a number. Source: `rdkafka.h`, `RD_KAFKA_OFFSET_*`.
pub(in crate::kafka) mod logical {
    pub(in crate::kafka) const BEGINNING: i64 = -2;
}

/// One element of a list, copied out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct PartitionOffset {
    pub(in crate::kafka) topic: String,
    pub(in crate::kafka) partition: i32,
    /// Next to read where it is not negative, else logical.
    pub(in crate::kafka) offset: i64,
    pub(in crate::kafka) err: i32,
}

/// A list that librdkafka allocated and we own.
pub(in crate::kafka) struct PartitionList(*mut sys::Tpl);

// SAFETY: a plain heap structure without any tie to a thread; only its owner reaches it.
unsafe impl Send for PartitionList {}

impl Drop for PartitionList {
    fn drop(&mut self) {
        // SAFETY: ours since it was made or copied; destroyed once.
        unsafe { sys::rd_kafka_topic_partition_list_destroy(self.0) }
    }
}

impl PartitionList {
    pub(super) fn pointer(&self) -> *mut sys::Tpl {
        self.0
    }

    /// Takes over a list that a call returned; it is not null.
    pub(super) fn owned(list: *mut sys::Tpl) -> Self {
        Self(list)
    }

    /// SAFETY: `list` is a live list.
    pub(super) unsafe fn copy_of(list: *const sys::Tpl) -> Self {
        // SAFETY: see above.
        Self(unsafe { sys::rd_kafka_topic_partition_list_copy(list) })
    }

    /// A list of these; names with a zero byte, which no broker has, are left out.
    pub(in crate::kafka) fn of<'a>(items: impl IntoIterator<Item = (&'a str, i32, i64)>) -> Self {
        // SAFETY: the size is a hint; `add` copies the name and answers with an element of the list.
        unsafe {
            let list = Self(sys::rd_kafka_topic_partition_list_new(8));
            for (topic, partition, offset) in items {
                let Ok(topic) = CString::new(topic) else { continue };
                let element =
                    sys::rd_kafka_topic_partition_list_add(list.0, topic.as_ptr(), partition);
                (*element).offset = offset;
            }
            list
        }
    }

    fn elements(&self) -> &[sys::Tp] {
        // SAFETY: a live list has `cnt` elements at `elems`; an empty one may have none allocated.
        unsafe {
            let list = &*self.0;
            let count = usize::try_from(list.cnt).unwrap_or(0);
            if count == 0 { &[] } else { std::slice::from_raw_parts(list.elems, count) }
        }
    }

    fn elements_mut(&mut self) -> &mut [sys::Tp] {
        // SAFETY: as in `elements`, and `&mut self` is the only way to it.
        unsafe {
            let list = &*self.0;
            let count = usize::try_from(list.cnt).unwrap_or(0);
            if count == 0 { &mut [] } else { std::slice::from_raw_parts_mut(list.elems, count) }
        }
    }

    pub(in crate::kafka) fn is_empty(&self) -> bool {
        self.elements().is_empty()
    }

    /// Copies all elements out.
    pub(in crate::kafka) fn to_vec(&self) -> Vec<PartitionOffset> {
        self.elements().iter().map(Self::copied).collect()
    }

    fn copied(element: &sys::Tp) -> PartitionOffset {
        // SAFETY: an element's topic is a NUL-terminated string for as long as the list lives.
        let topic = unsafe { CStr::from_ptr(element.topic) }.to_string_lossy().into_owned();
        let (partition, offset, err) = (element.partition, element.offset, element.err);
        PartitionOffset { topic, partition, offset, err }
    }

    /// Gives every element without a real offset this one.
    pub(in crate::kafka) fn default_offset(&mut self, offset: i64) {
        for element in self.elements_mut().iter_mut().filter(|e| e.offset < 0) {
            element.offset = offset;
        }
    }

    /// The first error that an element carries.
    pub(in crate::kafka) fn first_error(&self, what: &'static str) -> Result<(), Failed> {
        let err: c_int = self.elements().iter().map(|e| e.err).find(|e| *e != 0).unwrap_or(0);
        checked_code(what, err)
    }
}
