//! What an error leaves to do. Pure; decided by librdkafka's flags first where it has them, by the code where only the code
//! tells who can help.

use super::raw::{ClientError, Failed, TopicMetadata, Undelivered, code, error_text};
use crate::worker::{Failure, Fault, FaultKind};

/// Codes with which a broker or the client refuses a record for good.
pub(super) fn is_refusal(err: i32) -> bool {
    // POLICY_VIOLATION is not among them: some services throttle with it.
    matches!(
        err,
        code::MSG_SIZE_TOO_LARGE
            | code::RECORD_LIST_TOO_LARGE
            | code::INVALID_TIMESTAMP
            | code::UNSUPPORTED_FOR_MESSAGE_FORMAT
            | code::INVALID_RECORD
    )
}

/// Whether librdkafka's words for `_AUTO_OFFSET_RESET` say that the offset is not in the partition; it gives the same code
/// where a look for a partition's beginning failed. Source: `rdkafka_fetcher.c`, `rdkafka_offset.c`.
pub(super) fn is_out_of_range(text: &str) -> bool {
    let out_of_range = error_text(code::OFFSET_OUT_OF_RANGE);
    text.contains(&out_of_range) || text.to_ascii_lowercase().contains("truncat")
}

/// A newer epoch exists: the broker's timeout makes one, and so does a twin.
pub(super) fn is_fence(err: i32) -> bool {
    matches!(err, code::FENCED | code::INVALID_PRODUCER_EPOCH | code::PRODUCER_FENCED)
}

/// The words for a transaction's timeout that a broker does not take.
pub(super) fn too_long(timeout: &str) -> String {
    format!(
        "the brokers take no transaction timeout of {timeout}: their transaction.max.timeout.ms is lower"
    )
}

/// Who can help with that code, where it is not the client itself.
pub(super) fn help(err: i32) -> Option<FaultKind> {
    match err {
        code::TOPIC_AUTHORIZATION_FAILED
        | code::GROUP_AUTHORIZATION_FAILED
        | code::CLUSTER_AUTHORIZATION_FAILED
        | code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        | code::SASL_AUTHENTICATION_FAILED
        | code::AUTHENTICATION
        | code::SSL => Some(FaultKind::Authorization),
        code::UNKNOWN_TOPIC_OR_PART
        | code::UNKNOWN_TOPIC_LOCAL
        | code::UNKNOWN_PARTITION
        | code::TOPIC_EXCEPTION => Some(FaultKind::UnknownTopic),
        // The timeout is ours, and the brokers' limit is lower: no setting of ours helps.
        code::UNSUPPORTED_VERSION
        | code::UNSUPPORTED_FEATURE
        | code::INVALID_TRANSACTION_TIMEOUT => Some(FaultKind::Unsupported),
        code::FENCED_INSTANCE_ID => Some(FaultKind::Fenced),
        code::INVALID_ARG => Some(FaultKind::Configuration),
        code::TRANSPORT | code::ALL_BROKERS_DOWN | code::RESOLVE => Some(FaultKind::BrokerAway),
        _ => None,
    }
}

/// A failed call of the producer. `undelivered`: a record that failed for good in this window, if one did; the call may only
/// say that the transaction is in a wrong state.
pub(super) fn of_producer(failed: &Failed, undelivered: Option<&Undelivered>) -> Failure {
    let cause = match undelivered {
        Some(record) => format!("{failed}; a record failed: {}", record.text()),
        None if is_fence(failed.code) => format!(
            "{failed}: the broker ended this producer's epoch, since it was silent for longer than its transaction timeout, or another daemon has this instance_id"
        ),
        None => failed.to_string(),
    };
    let codes = [undelivered.map_or(0, |record| record.code), failed.code];
    if let Some(record) = undelivered.filter(|record| is_refusal(record.code)) {
        return Failure::Refused { reason: record.text(), position: None };
    }
    if is_refusal(failed.code) {
        return Failure::Refused { reason: error_text(failed.code), position: None };
    }
    match codes.into_iter().find_map(help) {
        // A connection that breaks in a transaction is for librdkafka's flags to judge.
        None | Some(FaultKind::BrokerAway) => {}
        Some(kind) => return Failure::Fault(Fault::new(kind, cause)),
    }
    if failed.abort && !failed.fatal {
        return Failure::Abort(cause);
    }
    if codes.into_iter().any(is_fence) {
        return Failure::Fenced(cause);
    }
    // Fatal; retriable beyond its time; or without any flag, which librdkafka asks to treat as fatal.
    Failure::Rebuild(cause)
}

/// A record that could not even be queued: everything but a full queue ends the transaction.
pub(super) fn of_send(failed: &Failed, undelivered: Option<&Undelivered>) -> Failure {
    match of_producer(failed, undelivered) {
        // The abort's own answer says whether the client is dead.
        Failure::Rebuild(cause) | Failure::Fenced(cause) if !failed.fatal => Failure::Abort(cause),
        failure @ (Failure::Rebuild(_)
        | Failure::Fenced(_)
        | Failure::Abort(_)
        | Failure::Refused { .. }
        | Failure::Fault(_)) => failure,
    }
}

/// A failed call of the consumer, its time being over.
pub(super) fn of_consumer(failed: &Failed) -> Failure {
    let kind = match help(failed.code) {
        // An argument that librdkafka does not take here is a state of ours, not of the settings.
        Some(FaultKind::Configuration) | None => FaultKind::Client,
        Some(kind) => kind,
    };
    Failure::Fault(Fault::new(kind, failed.to_string()))
}

/// A failed plain offset commit: the group has moved on, or the broker could not.
pub(super) fn of_offset_commit(failed: &Failed) -> Failure {
    match help(failed.code) {
        Some(kind @ (FaultKind::Authorization | FaultKind::Fenced)) => {
            Failure::Fault(Fault::new(kind, failed.to_string()))
        }
        Some(
            FaultKind::BrokerAway
            | FaultKind::UnknownTopic
            | FaultKind::Unsupported
            | FaultKind::Configuration
            | FaultKind::Client,
        )
        | None => Failure::Abort(failed.to_string()),
    }
}

/// An error that came to the consumer beside its records; `None` where it helps itself.
pub(super) fn of_event(err: i32, text: &str) -> Option<Failure> {
    let fault = |kind| Some(Failure::Fault(Fault::new(kind, text)));
    match help(err) {
        // A handshake that a broker's restart cut; where the certificate is wrong, the next start of the worker says so.
        _ if err == code::SSL => None,
        Some(kind @ (FaultKind::Authorization | FaultKind::Fenced | FaultKind::Unsupported)) => {
            fault(kind)
        }
        // Connections come back, topics appear; what is waited for is said where it is noticed.
        Some(
            FaultKind::BrokerAway
            | FaultKind::UnknownTopic
            | FaultKind::Configuration
            | FaultKind::Client,
        ) => None,
        None => (err == code::FATAL).then(|| fault(FaultKind::Client)).flatten(),
    }
}

/// A topic that is there and may be seen.
pub(super) fn known(topic: &TopicMetadata) -> Result<(), Fault> {
    let (name, err) = (&topic.name, topic.err);
    match help(err) {
        None if err == 0 && !topic.partitions.is_empty() => Ok(()),
        None | Some(FaultKind::UnknownTopic) => {
            Err(Fault::new(FaultKind::UnknownTopic, format!("the topic {name} does not exist")))
        }
        Some(kind) => Err(Fault::new(kind, format!("topic {name}: {}", error_text(err)))),
    }
}

/// The fault behind a first question that was not answered at these addresses: what the client's threads met tells more than
/// "timed out".
pub(super) fn unanswered(servers: &str, failed: &Failed, mut met: Vec<ClientError>) -> Fault {
    met.retain(|e| e.code != code::ALL_BROKERS_DOWN);
    let told = |kind| met.iter().find(|e| help(e.code) == Some(kind));
    if let Some(error) = told(FaultKind::Authorization) {
        return Fault::new(FaultKind::Authorization, error.text.clone());
    }
    match help(failed.code) {
        Some(FaultKind::BrokerAway) | None => {
            let why = told(FaultKind::BrokerAway).map_or(failed.text.as_str(), |e| e.text.as_str());
            Fault::new(FaultKind::BrokerAway, format!("no broker answers at {servers}: {why}"))
        }
        Some(kind) => Fault::new(kind, failed.to_string()),
    }
}

/// Codes of a question to one broker that it does not answer, or nobody who could: it is away, or its part is nobody's now.
pub(super) fn is_silence(err: i32) -> bool {
    matches!(
        err,
        code::TIMED_OUT
            | code::WAIT_COORDINATOR
            | code::TRANSPORT
            | code::RESOLVE
            | code::ALL_BROKERS_DOWN
            | code::LEADER_NOT_AVAILABLE
            | code::NOT_LEADER
            | code::REQUEST_TIMED_OUT
            | code::COORDINATOR_LOADS
            | code::COORDINATOR_NOT_AVAILABLE
            | code::NOT_COORDINATOR
    )
}

/// The fault behind a question to one broker, while others answer: `whom` it was for is all that is known to be away.
pub(super) fn untold(whom: &str, failed: &Failed, met: &[ClientError]) -> Fault {
    let told = |kind| met.iter().find(|e| help(e.code) == Some(kind));
    if let Some(error) = told(FaultKind::Authorization) {
        return Fault::new(FaultKind::Authorization, error.text.clone());
    }
    if !is_silence(failed.code) {
        let kind = help(failed.code).unwrap_or(FaultKind::Client);
        return Fault::new(kind, failed.to_string());
    }
    let broken = met.iter().find(|e| e.code != code::ALL_BROKERS_DOWN && is_silence(e.code));
    let why = broken.map_or_else(|| failed.to_string(), |e| e.text.clone());
    Fault::new(FaultKind::BrokerAway, format!("{whom} does not answer: {why}"))
}
