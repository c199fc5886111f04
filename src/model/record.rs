//! A record as it lies in the client's buffer, and where it came from.

use super::TopicName;

/// One input record, borrowed from whoever received it.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// The topic that it was read from.
    pub topic: &'a str,
    /// The partition that it was read from.
    pub partition: i32,
    /// Its own offset, not the next one.
    pub offset: i64,
    /// Milliseconds since 1970; absent in records of message format 0.
    pub timestamp: Option<i64>,
    /// `None` is a null key, an empty slice an empty key.
    pub key: Option<&'a [u8]>,
    /// `None` is a tombstone, an empty slice an empty value.
    pub value: Option<&'a [u8]>,
    /// Looked into only where a rule names a header.
    pub headers: &'a dyn Headers,
}

impl std::fmt::Debug for Record<'_> {
    /// Says where the record is, never what is in it: records are personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}[{}]@{}", self.topic, self.partition, self.offset)
    }
}

/// Read access to a record's headers: an ordered list with repeats and null values.
pub trait Headers {
    /// The last occurrence of the header: `None` where there is none, `Some(None)` where its value is null.
    fn last(&self, name: &[u8]) -> Option<Option<&[u8]>>;
}

/// Is shown each header of a record, in order: its name, and its value, where it is not null.
pub type VisitHeader<'v> = dyn FnMut(&[u8], Option<&[u8]>) + 'v;

/// A record without any header.
#[derive(Clone, Copy, Debug)]
pub struct NoHeaders;

impl Headers for NoHeaders {
    fn last(&self, _name: &[u8]) -> Option<Option<&[u8]>> {
        None
    }
}

/// Headers in memory, for records that come from a file or a test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderList(pub Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl Headers for HeaderList {
    fn last(&self, name: &[u8]) -> Option<Option<&[u8]>> {
        self.0.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_deref())
    }
}

/// The place of one record: what a message names when it speaks of a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The topic.
    pub topic: TopicName,
    /// The partition in it.
    pub partition: i32,
    /// The record's own offset.
    pub offset: i64,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}[{}]@{}", self.topic, self.partition, self.offset)
    }
}
