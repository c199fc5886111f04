//! Names and ids, each checked once where it is made.

use std::fmt;
use std::sync::Arc;

/// Why a text is no name of the kind that was asked for; a lower-case fragment that fits after "… : ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(String);

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Checks the text and keeps it.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                $check(text).map_err(InvalidName)?;
                Ok(Self(Arc::from(text)))
            }
            /// The text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// A pipeline's name and identity: `[a-z0-9][a-z0-9.-]{0,62}`.
    PipelineName, pipeline_name
}
name! {
    /// A sink's name inside its pipeline: `[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}`.
    SinkName, word
}
name! {
    /// A route's name inside its pipeline: `[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}`.
    RouteName, word
}
name! {
    /// A cluster's name in the settings file: `[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}`.
    ClusterName, word
}
name! {
    /// A topic that a broker would accept: 1 to 249 of `[a-zA-Z0-9._-]`, neither `.` nor `..`.
    ///
    /// Source: Kafka, `org.apache.kafka.common.internals.Topic.validate`.
    TopicName, topic_name
}
name! {
    /// A consumer group's id: 1 to 249 characters, none of them a control character.
    GroupId, group_id
}
name! {
    /// One running daemon, part of each of its transactional ids: 1 to 128 of `[A-Za-z0-9_.-]`.
    InstanceId, instance_id
}

fn pipeline_name(text: &str) -> Result<(), String> {
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    shape(text, 63, first, |c| first(c) || matches!(c, '.' | '-'), "a-z, 0-9, '.' and '-'")
}

fn word(text: &str) -> Result<(), String> {
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    shape(
        text,
        63,
        first,
        |c| first(c) || matches!(c, '.' | '-'),
        "A-Z, a-z, 0-9, '_', '.' and '-'",
    )
}

fn topic_name(text: &str) -> Result<(), String> {
    if matches!(text, "." | "..") {
        return Err(format!("'{text}' is not legal as a topic's name"));
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    shape(text, 249, legal, legal, "A-Z, a-z, 0-9, '.', '_' and '-'")
}

fn instance_id(text: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    shape(text, 128, legal, legal, "A-Z, a-z, 0-9, '.', '_' and '-'")
}

fn group_id(text: &str) -> Result<(), String> {
    shape(text, 249, |c| !c.is_control(), |c| !c.is_control(), "printable characters")
}

fn shape(
    text: &str,
    bytes_max: usize,
    first: impl Fn(char) -> bool,
    rest: impl Fn(char) -> bool,
    legal: &str,
) -> Result<(), String> {
    if text.is_empty() {
        return Err("is empty".into());
    }
    if text.len() > bytes_max {
        return Err(format!("has {} bytes, at most {bytes_max} are legal", text.len()));
    }
    match text.chars().enumerate().find(|(i, c)| !if *i == 0 { first(*c) } else { rest(*c) }) {
        Some((0, c)) if rest(c) => Err(format!("begins with {c:?}, a letter or digit is needed")),
        Some((_, c)) => Err(format!("has the character {c:?}, legal are {legal}")),
        None => Ok(()),
    }
}

/// One worker of one pipeline in one instance; its text is its client id and its transactional id.
///
/// Shape: `krouted/<pipeline>/<instance>/<worker>`; `/`, because names and hostnames hold dots.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId {
    /// The pipeline that it works for.
    pub pipeline: PipelineName,
    /// The daemon that it runs in.
    pub instance: InstanceId,
    /// Counts from 0 within the pipeline.
    pub number: u16,
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "krouted/{}/{}/{}", self.pipeline, self.instance, self.number)
    }
}
