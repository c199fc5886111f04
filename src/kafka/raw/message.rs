//! A batch of consumed messages: borrowed as records, destroyed when the batch is cleared.

use std::ffi::{CStr, c_int};
use std::ptr;

use super::sys;
use crate::model::{Headers, Record, VisitHeader};

/// Messages of one `consume_batch_queue`, in the order in which they came.
pub(in crate::kafka) struct Messages {
    buffer: Vec<*mut sys::Msg>,
    /// How many of `buffer` hold a message.
    len: usize,
}

impl Drop for Messages {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Messages {
    /// Room for so many.
    pub(in crate::kafka) fn with_capacity(records_max: usize) -> Self {
        Self { buffer: vec![ptr::null_mut(); records_max], len: 0 }
    }

    pub(in crate::kafka) fn len(&self) -> usize {
        self.len
    }

    /// Gives all messages back to librdkafka.
    pub(in crate::kafka) fn clear(&mut self) {
        for index in 0..self.len {
            self.give_back(index);
        }
        self.len = 0;
    }

    /// Gives one message back before the others: nobody may look at it again. What was just read is still in the processor's
    /// cache; two thousand messages later it has to be fetched anew to be freed.
    #[inline]
    pub(in crate::kafka) fn give_back(&mut self, index: usize) {
        let Some(message) = self.buffer.get_mut(..self.len).and_then(|b| b.get_mut(index)) else {
            return;
        };
        if !message.is_null() {
            // SAFETY: each of the first `len` that is not null was given to us by `consume_batch_queue`, and is destroyed once.
            unsafe { sys::rd_kafka_message_destroy(*message) };
            *message = ptr::null_mut();
        }
    }

    /// Where up to `max` further messages may be written.
    pub(super) fn room(&mut self, max: usize) -> (*mut *mut sys::Msg, usize) {
        let rest = self.buffer.get_mut(self.len..).unwrap_or(&mut []);
        let size = rest.len().min(max);
        (rest.as_mut_ptr(), size)
    }

    /// So many more messages were written.
    pub(super) fn filled(&mut self, count: usize) {
        self.len = self.len.saturating_add(count).min(self.buffer.len());
    }

    fn get(&self, index: usize) -> &sys::Msg {
        // SAFETY: not null, and such are live until they are given back.
        unsafe { &*self.pointer(index) }
    }

    /// As librdkafka gave it: it writes behind the part that we know.
    pub(super) fn pointer(&self, index: usize) -> *mut sys::Msg {
        let messages = self.buffer.get(..self.len).unwrap_or(&[]);
        #[expect(
            clippy::indexing_slicing,
            reason = "an index below `len` is the callers' contract"
        )]
        let message = messages[index];
        assert!(!message.is_null(), "a message that was given back is looked at");
        message
    }

    /// The code of a message that is an error, with its words; `None` for a record.
    #[inline]
    pub(in crate::kafka) fn error(&self, index: usize) -> Option<i32> {
        let err = self.get(index).err;
        if err == 0 { None } else { Some(err) }
    }

    /// The words of a message that is an error, and the partition that it is about, if any.
    pub(in crate::kafka) fn error_detail(&self, index: usize) -> (String, Option<(String, i32)>) {
        let message = self.get(index);
        // SAFETY: a live message; its text lives as long.
        let text = unsafe {
            let text = sys::rd_kafka_message_errstr(message);
            if text.is_null() {
                String::new()
            } else {
                CStr::from_ptr(text).to_string_lossy().into()
            }
        };
        let place =
            (!message.rkt.is_null()).then(|| (topic_of(message).to_owned(), message.partition));
        (text, place)
    }

    /// The offset that a message that is an error is about; negative where it is about none.
    pub(in crate::kafka) fn error_offset(&self, index: usize) -> i64 {
        self.get(index).offset
    }

    /// The record, borrowed from librdkafka's buffer.
    #[inline]
    pub(in crate::kafka) fn record(&self, index: usize) -> Record<'_> {
        let message = self.get(index);
        let mut kind: c_int = 0;
        // SAFETY: a live message, a place for the kind.
        let timestamp = unsafe { sys::rd_kafka_message_timestamp(message, &raw mut kind) };
        Record {
            topic: topic_of(message),
            partition: message.partition,
            offset: message.offset,
            timestamp: (timestamp >= 0).then_some(timestamp),
            key: bytes(message.key, message.key_len),
            value: bytes(message.payload, message.len),
            headers: LazyHeaders::of(message),
        }
    }

    /// Shows each header of the record, in order. Names come as C strings: one with a zero byte inside is seen up to it.
    pub(in crate::kafka) fn each_header(&self, index: usize, visit: &mut VisitHeader<'_>) {
        let mut list = ptr::null_mut();
        // SAFETY: a live message; the list and what it points to belong to the message and live as long; an index below
        // the count has a name.
        unsafe {
            sys::rd_kafka_message_headers(self.get(index), &raw mut list);
            if list.is_null() {
                return;
            }
            for header in 0..sys::rd_kafka_header_cnt(list) {
                let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
                sys::rd_kafka_header_get_all(
                    list,
                    header,
                    &raw mut name,
                    &raw mut value,
                    &raw mut size,
                );
                visit(CStr::from_ptr(name).to_bytes(), bytes(value, size));
            }
        }
    }

    /// Takes the record's headers out of the message: the record has none any more.
    pub(in crate::kafka) fn take_headers(&self, index: usize) -> TakenHeaders {
        let mut list = ptr::null_mut();
        // SAFETY: a live message that only this thread reaches; without headers the list stays null.
        unsafe { sys::rd_kafka_message_detach_headers(self.pointer(index), &raw mut list) };
        TakenHeaders(list)
    }

    /// A copy of the record's headers.
    pub(in crate::kafka) fn copy_headers(&self, index: usize) -> TakenHeaders {
        let mut list = ptr::null_mut();
        // SAFETY: a live message; the list stays the message's, the copy is ours.
        unsafe {
            sys::rd_kafka_message_headers(self.get(index), &raw mut list);
            TakenHeaders(if list.is_null() { list } else { sys::rd_kafka_headers_copy(list) })
        }
    }
}

#[inline]
pub(super) fn topic_of(message: &sys::Msg) -> &str {
    // SAFETY: a record's topic handle lives as long as the message, and its name is NUL-terminated.
    let name = unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(message.rkt)) };
    // Kafka's topic names are ASCII.
    name.to_str().unwrap_or_default()
}

#[inline]
fn bytes<'a>(pointer: *const std::ffi::c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: a message's key and value are null, or `len` bytes that live as long as the message; the caller ties the
    // lifetime to it.
    (!pointer.is_null()).then(|| unsafe { std::slice::from_raw_parts(pointer.cast(), len) })
}

/// A message seen as its headers: parsed by librdkafka when the first rule asks.
#[repr(transparent)]
struct LazyHeaders(sys::Msg);

impl LazyHeaders {
    fn of(message: &sys::Msg) -> &Self {
        // SAFETY: the same layout, by `repr(transparent)`.
        unsafe { &*ptr::from_ref(message).cast() }
    }
}

impl Headers for LazyHeaders {
    fn last(&self, name: &[u8]) -> Option<Option<&[u8]>> {
        let mut list = ptr::null_mut();
        // SAFETY: a live message; the list belongs to it and lives as long.
        unsafe {
            sys::rd_kafka_message_headers(&raw const self.0, &raw mut list);
            if list.is_null() {
                return None;
            }
            (0..sys::rd_kafka_header_cnt(list)).rev().find_map(|index| {
                let (mut found, mut value, mut size) = (ptr::null(), ptr::null(), 0);
                sys::rd_kafka_header_get_all(
                    list,
                    index,
                    &raw mut found,
                    &raw mut value,
                    &raw mut size,
                );
                // Header names come as C strings: one with a zero byte inside is seen up to it.
                let found = CStr::from_ptr(found).to_bytes();
                (found == name).then(|| bytes(value, size))
            })
        }
    }
}

/// A header list that is ours until a produce call takes it.
pub(in crate::kafka) struct TakenHeaders(*mut sys::HeadersT);

impl Drop for TakenHeaders {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: ours, and no produce call has taken it (that nulls it).
            unsafe { sys::rd_kafka_headers_destroy(self.0) }
        }
    }
}

impl TakenHeaders {
    /// A list without any header.
    pub(in crate::kafka) fn none() -> Self {
        Self(ptr::null_mut())
    }

    /// Removes all headers of that name.
    pub(in crate::kafka) fn remove(&mut self, name: &CStr) {
        if !self.0.is_null() {
            // SAFETY: ours; the name is NUL-terminated and only read. That there is none of it is no failure.
            unsafe { sys::rd_kafka_header_remove(self.0, name.as_ptr()) };
        }
    }

    /// Replaces all headers of that name by one behind all others.
    pub(in crate::kafka) fn set(&mut self, name: &CStr, value: Option<&[u8]>) {
        self.remove(name);
        self.add(name.to_bytes(), value);
    }

    /// Appends one header with a text.
    pub(in crate::kafka) fn push(&mut self, name: &str, value: &[u8]) {
        self.add(name.as_bytes(), Some(value));
    }

    /// Appends one header behind those that are there.
    pub(in crate::kafka) fn add(&mut self, name: &[u8], value: Option<&[u8]>) {
        let size = |len: usize| isize::try_from(len).unwrap_or(0);
        let (pointer, length) = value.map_or((ptr::null(), 0), |v| (v.as_ptr(), v.len()));
        // SAFETY: name and value are copied by the call, with their sizes given.
        unsafe {
            if self.0.is_null() {
                self.0 = sys::rd_kafka_headers_new(8);
            }
            sys::rd_kafka_header_add(
                self.0,
                name.as_ptr().cast(),
                size(name.len()),
                pointer.cast(),
                size(length),
            );
        }
    }

    pub(super) fn pointer(&self) -> *mut sys::HeadersT {
        self.0
    }

    /// A produce call has taken the list over.
    pub(super) fn taken(&mut self) {
        self.0 = ptr::null_mut();
    }
}
