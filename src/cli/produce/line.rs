//! One line, as the record that it says.

use super::Partition;
use crate::case::Envelope;
use crate::cli::by_hand::{As, Expressions, Judged, hint};
use crate::json::{Check, Paths, scan};
use crate::kafka::by_hand::{Outbound, Queued, Sender, Unsent};
use crate::model::{HeaderList, Record, TopicName};
use crate::worker::Fault;

/// How lines are read.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) envelope: bool,
    pub(super) partition: Option<Partition>,
    pub(super) expressions: Expressions,
    pub(super) topic: TopicName,
}

/// Why a line was not sent.
#[derive(Debug)]
pub(super) enum NotSent {
    /// It is wrong: a lower-case fragment, and what helps in the next line.
    Line(String),
    /// The client cannot go on.
    Fault(Fault),
}

/// What helps with a line that is no JSON.
fn help(line: &[u8]) -> &'static str {
    const UTF_8: &[u8] = b"\xef\xbb\xbf";
    const UTF_16: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];
    if line.starts_with(UTF_8) {
        "it begins with a byte order mark, which JSON does not have: save the input as UTF-8 without one"
    } else if UTF_16.iter().any(|mark| line.starts_with(mark)) {
        "it is UTF-16: save the input as UTF-8"
    } else {
        "a line is one JSON value: `jq -c .` writes JSON so, `jq -R .` makes a JSON string of each line of text"
    }
}

impl Lines {
    /// Sends one line, where the queue has room for it.
    pub(super) fn send(
        &mut self,
        number: u64,
        line: &[u8],
        sender: &mut Sender,
    ) -> Result<Queued, NotSent> {
        if self.envelope {
            let envelope = Envelope::read(line).map_err(NotSent::Line)?;
            return self.record(number, &envelope, envelope.value.as_deref(), sender);
        }
        if let Err(malformed) = scan(&Paths::default(), line, Check::Whole, &mut []) {
            return Err(NotSent::Line(format!("this is no JSON: {malformed}\n  {}", help(line))));
        }
        self.record(number, &Envelope::default(), Some(line), sender)
    }

    fn record(
        &mut self,
        number: u64,
        envelope: &Envelope,
        value: Option<&[u8]>,
        sender: &mut Sender,
    ) -> Result<Queued, NotSent> {
        let partition = match (self.partition, envelope.partition) {
            (None, _) => None,
            (Some(Partition::Number(number)), _) => Some(number),
            (Some(Partition::Preserve), Some(number @ 0..)) => Some(number),
            (Some(Partition::Preserve), _) => {
                return Err(NotSent::Line(
                    "--partition preserve, and there is no `partition` here".to_owned(),
                ));
            }
        };
        let headers: &HeaderList = &envelope.headers;
        let record = Record {
            topic: self.topic.as_str(),
            partition: partition.unwrap_or(0),
            offset: 0,
            timestamp: envelope.timestamp,
            key: envelope.key.as_deref(),
            value,
            headers,
        };
        let key = match self.expressions.judge(&record, As::Text) {
            Judged::Taken(selected) => selected.or(record.key),
            Judged::Left => record.key,
            Judged::Rejected(why) => return Err(NotSent::Line(format!("--key: {why}"))),
        };
        let out = Outbound { key, value, headers, timestamp: envelope.timestamp, partition };
        sender.send(number, &out).map_err(|unsent| match unsent {
            Unsent::Refused(kind, reason) => NotSent::Line(format!("{reason}\n{}", hint(kind))),
            Unsent::Dead(fault) => NotSent::Fault(fault),
        })
    }
}
