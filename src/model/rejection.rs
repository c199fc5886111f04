//! Why one record cannot go on.

use std::borrow::Cow;
use std::fmt;

/// Where in its walk a record was rejected; the text stands in `krouted.error.stage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The value is not what `format` says.
    Decode,
    /// The value breaks a rule of its schema.
    Validate,
    /// An expression could not be evaluated on it.
    Expression,
    /// The sink refuses it for good.
    Sink,
    /// No route matched and `unmatched` asks for a dead letter or a stop.
    Unmatched,
}

impl Stage {
    /// All stages, in the order of a record's walk; the index of a counter.
    pub const ALL: [Self; 5] =
        [Self::Decode, Self::Validate, Self::Expression, Self::Sink, Self::Unmatched];
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The word that stands in headers, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Validate => "validate",
            Self::Expression => "expression",
            Self::Sink => "sink",
            Self::Unmatched => "unmatched",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why one record cannot go on; `on_error` and `unmatched` say what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Where it happened.
    pub stage: Stage,
    /// What is wrong, a lower-case fragment that holds nothing of the record's payload.
    pub reason: Cow<'static, str>,
    /// The step, route or sink that found it, as the file names it; empty where none did.
    pub rule: Cow<'static, str>,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.reason)?;
        if self.rule.is_empty() { Ok(()) } else { write!(f, " ({})", self.rule) }
    }
}
