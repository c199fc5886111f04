//! What librdkafka says of a property, without any broker: `check` asks it.

use super::raw::{check_property, check_topic_property};
use crate::config::{ClientProperties, PropertyScope};

/// librdkafka's own table of properties.
#[derive(Clone, Copy, Debug, Default)]
pub struct Librdkafka;

impl ClientProperties for Librdkafka {
    fn check(&self, scope: PropertyScope, name: &str, value: &str) -> Result<(), String> {
        match scope {
            PropertyScope::Cluster | PropertyScope::Consumer => check_property(name, value),
            PropertyScope::Topic => check_topic_property(name, value),
        }
    }
}
