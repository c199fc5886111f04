//! The words of krouted as types: names, records, positions, guarantees, rejections. No I/O, no clock.
//!
//! Every other module speaks in these. A value of a type here is valid: its constructor has looked.

mod name;
mod record;
mod rejection;
#[cfg(test)]
mod tests;

pub use name::{
    ClusterName, GroupId, InstanceId, InvalidName, PipelineName, RouteName, SinkName, TopicName,
    WorkerId,
};
pub use record::{HeaderList, Headers, NoHeaders, Position, Record, VisitHeader};
pub use rejection::{Rejection, Stage};

/// What is promised about records between source and sinks, and in which order work is done for it.
///
/// Source: DESIGN.md section 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guarantee {
    /// Outputs, dead letters and input offsets become visible in one transaction.
    ExactlyOnce,
    /// Offsets are committed after all outputs are acknowledged: nothing lost, repeats possible.
    AtLeastOnce,
    /// Offsets are committed before the outputs are sent: no repeats, loss possible.
    AtMostOnce,
}

impl Guarantee {
    /// The word that stands in a pipeline file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExactlyOnce => "exactly_once",
            Self::AtLeastOnce => "at_least_once",
            Self::AtMostOnce => "at_most_once",
        }
    }
}

impl std::fmt::Display for Guarantee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
