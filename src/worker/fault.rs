//! Why a window, or a worker, cannot go on; named by what may be done next.

use crate::model::Position;

/// Why an attempt failed, and what it leaves to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Abort the window, rewind, go on.
    Abort(String),
    /// A sink refuses a record for good: as [`Failure::Abort`], and find the record, or it is known already.
    Refused {
        /// The broker's words.
        reason: String,
        /// The record, where the client itself refused it.
        position: Option<Position>,
    },
    /// The producer is dead: make a new one, rewind, go on.
    Rebuild(String),
    /// The same, because another producer has its transactional id: the broker's timeout makes one now and then, a daemon with
    /// the same instance id again and again.
    Fenced(String),
    /// The worker cannot go on.
    Fault(Fault),
}

impl Failure {
    /// What happened, for a log line.
    pub fn cause(&self) -> &str {
        match self {
            Self::Abort(cause)
            | Self::Rebuild(cause)
            | Self::Fenced(cause)
            | Self::Refused { reason: cause, .. } => cause,
            Self::Fault(fault) => &fault.cause,
        }
    }

    /// The same as a reason to end the worker.
    pub fn into_fault(self) -> Fault {
        match self {
            Self::Fault(fault) => fault,
            Self::Fenced(cause) => Fault { kind: FaultKind::Fenced, cause },
            Self::Abort(cause) | Self::Rebuild(cause) | Self::Refused { reason: cause, .. } => {
                Fault { kind: FaultKind::Client, cause }
            }
        }
    }
}

/// Why a worker cannot go on; the supervisor decides when it tries again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Decides the pace of new attempts.
    pub kind: FaultKind,
    /// What happened, in librdkafka's or the broker's words.
    pub cause: String,
}

impl Fault {
    /// A fault of that kind.
    pub fn new(kind: FaultKind, cause: impl Into<String>) -> Self {
        Self { kind, cause: cause.into() }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.cause)
    }
}

/// What kind of help a fault needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// No broker answers.
    BrokerAway,
    /// User, password, certificate or ACL.
    Authorization,
    /// A topic is not there.
    UnknownTopic,
    /// The broker cannot do what the guarantee needs.
    Unsupported,
    /// Another instance has this one's id.
    Fenced,
    /// A property that librdkafka does not take, a secret that cannot be read.
    Configuration,
    /// Whatever else: the client is made anew.
    Client,
}

impl FaultKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::BrokerAway,
        Self::Authorization,
        Self::UnknownTopic,
        Self::Unsupported,
        Self::Fenced,
        Self::Configuration,
        Self::Client,
    ];

    /// Whether only somebody's change of cluster or settings helps, so that trying often is useless.
    pub fn is_permanent(self) -> bool {
        match self {
            Self::BrokerAway | Self::Client => false,
            Self::Authorization
            | Self::UnknownTopic
            | Self::Unsupported
            | Self::Fenced
            | Self::Configuration => true,
        }
    }

    /// The word for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BrokerAway => "broker_away",
            Self::Authorization => "authorization",
            Self::UnknownTopic => "unknown_topic",
            Self::Unsupported => "unsupported",
            Self::Fenced => "fenced",
            Self::Configuration => "configuration",
            Self::Client => "client",
        }
    }

    /// What an operator can do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::BrokerAway => {
                "check bootstrap_servers and the network; it goes on by itself once a broker answers"
            }
            Self::Authorization => {
                "check user, password, certificate and ACLs; it goes on by itself once they are right"
            }
            Self::UnknownTopic => {
                "create the topic or correct its name in the file; it goes on by itself once it is there"
            }
            Self::Unsupported => "the brokers must be Apache Kafka 2.5 or newer, with transactions",
            Self::Fenced => "is another daemon running with this instance_id? each needs its own",
            Self::Configuration => "correct the settings file or the secret",
            Self::Client => "it starts again by itself",
        }
    }
}
