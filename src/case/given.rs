//! A record that a test or a person made up.

use crate::model::{HeaderList, Record};

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Where it was read.
    pub topic: String,
    /// Where it was read.
    pub partition: i32,
    /// Its own.
    pub offset: i64,
    /// In ms since 1970.
    pub timestamp: Option<i64>,
    /// `None` is a null key.
    pub key: Option<Vec<u8>>,
    /// `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// In their order.
    pub headers: HeaderList,
}

impl Given {
    /// As a worker would get it.
    pub fn record(&self) -> Record<'_> {
        Record {
            topic: &self.topic,
            partition: self.partition,
            offset: self.offset,
            timestamp: self.timestamp,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: &self.headers,
        }
    }
}
