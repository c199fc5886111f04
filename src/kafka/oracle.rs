//! What librdkafka says of a property, without any broker: `check` asks it.

use super::raw::{check_property, check_topic_property};

/// librdkafka's own table of properties.
#[derive(Clone, Copy, Debug, Default)]
pub struct Librdkafka;

impl Librdkafka {
    /// Whether a client property is known and its value taken; librdkafka's sentence where not.
    pub fn client_property(self, name: &str, value: &str) -> Result<(), String> {
        check_property(name, value)
    }

    /// Whether a topic property is known and its value taken; librdkafka's sentence where not.
    pub fn topic_property(self, name: &str, value: &str) -> Result<(), String> {
        check_topic_property(name, value)
    }
}
