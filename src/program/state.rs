//! What a worker keeps between records: the record as the steps have changed it, and buffers that are reused.

use std::ffi::{CStr, CString};
use std::ops::Range;
use std::sync::Arc;

use crate::json::{Paths, Scanner, Slot, Splices};
use crate::model::{Headers, Record};

/// One output of the record that was run last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputEdit {
    /// Index of the sink in [`Pipeline::sinks`](crate::pipeline::Pipeline::sinks).
    pub sink: usize,
    pub(super) key: Text,
}

/// A key, or a header's value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Text {
    /// As it was before.
    #[default]
    Keep,
    Null,
    /// Bytes of a buffer that who has this knows.
    At(Range<usize>),
}

/// Buffers that are reused, and the record that was run last as the steps changed it.
#[derive(Clone, Debug)]
pub struct State {
    pub(super) scanner: Scanner,
    /// What the last scan of the value has found.
    pub(super) slots: Vec<Slot>,
    /// Whether `slots` are those of the value as it is now.
    pub(super) is_scanned: bool,
    /// What the step under way, and then the outputs, have made.
    pub(super) scratch: Vec<u8>,
    /// What the entries of a step are set to, in `scratch`.
    pub(super) entries: Vec<Text>,
    /// The next value, until it takes the place of the current one.
    pub(super) spare: Vec<u8>,
    pub(super) splices: Splices,
    pub(super) edited: Edited,
    pub(super) outputs: Vec<OutputEdit>,
    pub(super) notes: Notes,
}

/// What was noted on the way to the outputs.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    /// Whether a predicate was missing.
    pub(super) missing: bool,
    /// The routes that took the record, in their order.
    pub(super) matched: Vec<usize>,
}

/// What the steps have changed of a record.
#[derive(Clone, Debug, Default)]
pub(super) struct Edited {
    key: Text,
    headers: Vec<HeaderNow>,
    /// Keys and header values.
    bytes: Vec<u8>,
    has_value: bool,
    value: Vec<u8>,
    names: Arc<[CString]>,
}

#[derive(Clone, Debug)]
struct HeaderNow {
    /// Index into the names.
    name: usize,
    /// `Keep` where there is none of that name any more.
    value: Text,
}

/// One change of a record's headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderEdit<'a> {
    /// All of that name go, and one of this value comes behind all others.
    Set(&'a CStr, Option<&'a [u8]>),
    /// All of that name go.
    Remove(&'a CStr),
}

/// The changes of a record's headers, in their order; no name twice.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeaderEdits<'a>(Option<&'a Edited>);

impl<'a> HeaderEdits<'a> {
    /// One by one.
    pub fn iter(self) -> impl Iterator<Item = HeaderEdit<'a>> {
        self.0.into_iter().flat_map(|edited| edited.headers.iter().map(|now| edited.edit(now)))
    }

    /// Whether the headers stay as they are.
    pub fn is_empty(self) -> bool {
        self.0.is_none_or(|edited| edited.headers.is_empty())
    }
}

impl State {
    pub(super) fn new(
        paths: &Arc<Paths>,
        [sinks, routes]: [usize; 2],
        names: Arc<[CString]>,
    ) -> Self {
        Self {
            scanner: Scanner::new(Arc::clone(paths)),
            slots: vec![Slot::Missing; paths.len()],
            is_scanned: false,
            scratch: Vec::new(),
            entries: Vec::new(),
            spare: Vec::new(),
            splices: Splices::default(),
            edited: Edited { names, ..Edited::default() },
            outputs: Vec::with_capacity(sinks),
            notes: Notes { missing: false, matched: Vec::with_capacity(routes) },
        }
    }

    /// Where the last record goes, in this order, each sink at most once.
    pub fn outputs(&self) -> &[OutputEdit] {
        &self.outputs
    }

    /// The key that the output has.
    pub fn key_of<'a>(&'a self, output: &OutputEdit, record: &Record<'a>) -> Option<&'a [u8]> {
        match &output.key {
            Text::Keep => self.edited.key(record),
            Text::Null => None,
            Text::At(range) => Some(self.scratch.get(range.clone()).unwrap_or_default()),
        }
    }

    /// The value that every output has.
    pub fn value<'a>(&'a self, record: &Record<'a>) -> Option<&'a [u8]> {
        self.edited.value(record)
    }

    /// What every output's headers differ in from the record's.
    pub fn headers(&self) -> HeaderEdits<'_> {
        HeaderEdits(Some(&self.edited))
    }

    /// Whether a predicate over the last record was missing, and counted as not true.
    pub fn missing(&self) -> bool {
        self.notes.missing
    }

    /// The routes that took the last record, where it was sent: indices into the file's routes, in their order. Without routes
    /// none.
    pub fn matched(&self) -> &[usize] {
        &self.notes.matched
    }

    pub(super) fn begin(&mut self) {
        self.notes.missing = false;
        self.notes.matched.clear();
        self.is_scanned = false;
        self.outputs.clear();
        self.scratch.clear();
        self.edited.clear();
    }
}

impl Edited {
    fn clear(&mut self) {
        self.key = Text::Keep;
        self.has_value = false;
        self.headers.clear();
        self.bytes.clear();
    }

    fn is_untouched(&self) -> bool {
        !self.has_value && self.key == Text::Keep && self.headers.is_empty()
    }

    /// Shows the record as it is now.
    #[inline]
    pub(super) fn show<'a, T>(
        &'a self,
        record: &'a Record<'a>,
        look: impl FnOnce(&Record<'_>) -> T,
    ) -> T {
        if self.is_untouched() {
            return look(record);
        }
        let headers = HeadersNow { own: record.headers, edited: self };
        look(&Record {
            key: self.key(record),
            value: self.value(record),
            headers: &headers,
            ..*record
        })
    }

    fn key<'a>(&'a self, record: &Record<'a>) -> Option<&'a [u8]> {
        match &self.key {
            Text::Keep => record.key,
            Text::Null => None,
            Text::At(range) => Some(self.bytes.get(range.clone()).unwrap_or_default()),
        }
    }

    /// A tombstone stays one.
    pub(super) fn value<'a>(&'a self, record: &Record<'a>) -> Option<&'a [u8]> {
        if self.has_value { Some(&self.value) } else { record.value }
    }

    fn edit<'a>(&'a self, now: &'a HeaderNow) -> HeaderEdit<'a> {
        let name = self.names.get(now.name).map_or(c"", AsRef::as_ref);
        match &now.value {
            Text::Keep => HeaderEdit::Remove(name),
            Text::Null => HeaderEdit::Set(name, None),
            Text::At(range) => {
                HeaderEdit::Set(name, Some(self.bytes.get(range.clone()).unwrap_or_default()))
            }
        }
    }

    /// Makes what stands in the buffer the value; the buffer gets the old one.
    pub(super) fn take_value(&mut self, next: &mut Vec<u8>) {
        std::mem::swap(&mut self.value, next);
        self.has_value = true;
    }

    pub(super) fn set_key(&mut self, text: &Text, scratch: &[u8]) {
        self.key = self.kept(text, scratch);
    }

    /// The last change of a name counts, and gives its place.
    pub(super) fn set_header(&mut self, name: usize, text: &Text, scratch: &[u8]) {
        let value = self.kept(text, scratch);
        self.headers.retain(|own| own.name != name);
        self.headers.push(HeaderNow { name, value });
    }

    pub(super) fn remove_header(&mut self, name: usize) {
        self.headers.retain(|own| own.name != name);
        self.headers.push(HeaderNow { name, value: Text::Keep });
    }

    fn kept(&mut self, text: &Text, scratch: &[u8]) -> Text {
        let Text::At(range) = text else { return text.clone() };
        let start = self.bytes.len();
        self.bytes.extend_from_slice(scratch.get(range.clone()).unwrap_or_default());
        Text::At(start..self.bytes.len())
    }
}

/// A record's headers with the changes.
struct HeadersNow<'a> {
    own: &'a dyn Headers,
    edited: &'a Edited,
}

impl Headers for HeadersNow<'_> {
    fn last(&self, name: &[u8]) -> Option<Option<&[u8]>> {
        for now in &self.edited.headers {
            match self.edited.edit(now) {
                HeaderEdit::Set(own, value) if own.to_bytes() == name => return Some(value),
                HeaderEdit::Remove(own) if own.to_bytes() == name => return None,
                HeaderEdit::Set(..) | HeaderEdit::Remove(_) => {}
            }
        }
        self.own.last(name)
    }
}
