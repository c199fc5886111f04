//! What each error leaves to do.

use crate::kafka::raw::{ClientError, Failed, Undelivered, code};
use crate::kafka::verdict;
use crate::worker::{Failure, FaultKind};

/// Codes of `rdkafka.h` that no decision names, as they were seen with these flags.
const FENCED: i32 = -144;
const TIMED_OUT: i32 = -185;
const UNKNOWN_PRODUCER_ID: i32 = 59;
const TRANSACTION_ABORTABLE: i32 = 120;

/// `f`atal, `r`etriable, requires `a`bort.
fn failed(code: i32, flags: &str) -> Failed {
    Failed {
        fatal: flags.contains('f'),
        retriable: flags.contains('r'),
        abort: flags.contains('a'),
        ..Failed::from_code("call", code)
    }
}

fn record(code: Option<i32>) -> Option<Undelivered> {
    code.map(|code| Undelivered { tag: 0, code, topic: "out".into() })
}

fn short(failure: &Failure) -> &'static str {
    match failure {
        Failure::Abort(_) => "abort",
        Failure::Refused { position, .. } => {
            assert_eq!(*position, None, "the broker names no record");
            "refused"
        }
        Failure::Rebuild(_) => "rebuild",
        Failure::Fenced(_) => "another's",
        Failure::Fault(fault) => fault.kind.as_str(),
    }
}

#[test]
fn a_failed_call_of_the_producer_is_judged_by_its_flags() {
    for (err, flags, undelivered, expected) in [
        (UNKNOWN_PRODUCER_ID, "a", None, "abort"),
        (TRANSACTION_ABORTABLE, "a", None, "abort"),
        (code::ILLEGAL_GENERATION, "a", None, "abort"),
        (TIMED_OUT, "a", None, "abort"),
        // A connection that breaks is for the flags to judge.
        (code::TRANSPORT, "a", None, "abort"),
        (code::TRANSPORT, "", None, "rebuild"),
        // Fatal wins over all else.
        (FENCED, "f", None, "another's"),
        (FENCED, "fa", None, "another's"),
        (code::FATAL, "f", None, "rebuild"),
        // Retriable beyond its time, and no flag at all: as fatal.
        (TIMED_OUT, "r", None, "rebuild"),
        (TIMED_OUT, "", None, "rebuild"),
        // The record that failed tells more than the call.
        (TIMED_OUT, "a", Some(code::MSG_SIZE_TOO_LARGE), "refused"),
        (code::RECORD_LIST_TOO_LARGE, "a", None, "refused"),
        (code::INVALID_TIMESTAMP, "a", None, "refused"),
        (code::INVALID_RECORD, "a", None, "refused"),
        (TIMED_OUT, "a", Some(TIMED_OUT), "abort"),
        (TIMED_OUT, "a", Some(code::TOPIC_AUTHORIZATION_FAILED), "authorization"),
        // Only somebody's change helps.
        (code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "f", None, "authorization"),
        (code::GROUP_AUTHORIZATION_FAILED, "a", None, "authorization"),
        (code::UNKNOWN_TOPIC_OR_PART, "a", None, "unknown_topic"),
        (code::UNSUPPORTED_VERSION, "f", None, "unsupported"),
        (code::FENCED_INSTANCE_ID, "a", None, "fenced"),
        (code::INVALID_TRANSACTION_TIMEOUT, "f", None, "unsupported"),
    ] {
        let failure = verdict::of_producer(&failed(err, flags), record(undelivered).as_ref());
        assert_eq!(short(&failure), expected, "{err} {flags:?} {undelivered:?}: {failure:?}");
    }
}

#[test]
fn a_record_that_cannot_be_queued_ends_the_window_and_the_abort_says_the_rest() {
    for (err, flags, undelivered, expected) in [
        (TIMED_OUT, "", None, "abort"),
        (code::QUEUE_FULL, "", None, "abort"),
        (code::FATAL, "f", None, "rebuild"),
        (code::UNKNOWN_TOPIC_LOCAL, "", None, "unknown_topic"),
        (TIMED_OUT, "", Some(code::MSG_SIZE_TOO_LARGE), "refused"),
    ] {
        let failure = verdict::of_send(&failed(err, flags), record(undelivered).as_ref());
        assert_eq!(short(&failure), expected, "{err} {flags:?}");
    }
}

#[test]
fn a_failed_offset_commit_is_done_again_unless_somebody_must_help() {
    for (err, expected) in [
        (code::ILLEGAL_GENERATION, "abort"),
        (code::UNKNOWN_MEMBER_ID, "abort"),
        (code::REBALANCE_IN_PROGRESS, "abort"),
        (code::TRANSPORT, "abort"),
        (TIMED_OUT, "abort"),
        (code::GROUP_AUTHORIZATION_FAILED, "authorization"),
        (code::TOPIC_AUTHORIZATION_FAILED, "authorization"),
        (code::FENCED_INSTANCE_ID, "fenced"),
    ] {
        assert_eq!(short(&verdict::of_offset_commit(&failed(err, ""))), expected, "{err}");
    }
}

#[test]
fn a_failed_call_of_the_consumer_ends_the_worker() {
    for (err, expected) in [
        (TIMED_OUT, "client"),
        (code::TRANSPORT, "broker_away"),
        (code::GROUP_AUTHORIZATION_FAILED, "authorization"),
        (code::UNSUPPORTED_FEATURE, "unsupported"),
    ] {
        assert_eq!(short(&verdict::of_consumer(&failed(err, ""))), expected, "{err}");
    }
}

#[test]
fn an_event_matters_where_it_does_not_help_itself() {
    for (err, expected) in [
        (code::TRANSPORT, None),
        (code::ALL_BROKERS_DOWN, None),
        (code::UNKNOWN_TOPIC_OR_PART, None),
        (code::MAX_POLL_EXCEEDED, None),
        (TIMED_OUT, None),
        (code::FATAL, Some("client")),
        (code::FENCED_INSTANCE_ID, Some("fenced")),
        (code::AUTHENTICATION, Some("authorization")),
        (code::TOPIC_AUTHORIZATION_FAILED, Some("authorization")),
        (code::UNSUPPORTED_FEATURE, Some("unsupported")),
    ] {
        let failure = verdict::of_event(err, "text");
        assert_eq!(failure.as_ref().map(short), expected, "{err}");
    }
}

#[test]
fn a_refusal_is_a_broker_s_last_word_on_a_record() {
    const POLICY_VIOLATION: i32 = 44;
    for (err, refused) in [
        (code::MSG_SIZE_TOO_LARGE, true),
        (code::RECORD_LIST_TOO_LARGE, true),
        (code::INVALID_TIMESTAMP, true),
        (code::INVALID_RECORD, true),
        // Some services throttle with it.
        (POLICY_VIOLATION, false),
        (code::UNKNOWN_TOPIC_OR_PART, false),
        (0, false),
    ] {
        assert_eq!(verdict::is_refusal(err), refused, "{err}");
    }
}

#[test]
fn what_helps_decides_the_pace() {
    for (err, kind) in [
        (code::SASL_AUTHENTICATION_FAILED, FaultKind::Authorization),
        (code::SSL, FaultKind::Authorization),
        (code::CLUSTER_AUTHORIZATION_FAILED, FaultKind::Authorization),
        (code::UNKNOWN_PARTITION, FaultKind::UnknownTopic),
        (code::TOPIC_EXCEPTION, FaultKind::UnknownTopic),
        (code::INVALID_ARG, FaultKind::Configuration),
        (code::RESOLVE, FaultKind::BrokerAway),
    ] {
        assert_eq!(verdict::help(err), Some(kind), "{err}");
        assert_eq!(kind.is_permanent(), kind != FaultKind::BrokerAway);
    }
    assert_eq!(verdict::help(TIMED_OUT), None);
}

#[test]
fn whoever_does_not_answer_is_named_with_what_the_client_met() {
    let met = |code: i32, text: &str| ClientError { code, text: text.to_owned() };
    let refused = met(code::TRANSPORT, "b:1/2: connection refused");
    let all = met(code::ALL_BROKERS_DOWN, "1/1 brokers are down");
    let denied = met(code::GROUP_AUTHORIZATION_FAILED, "no right to g");
    let untold = |code: i32, met: &[ClientError]| {
        let fault = verdict::untold("the leader of t[0]", &failed(code, ""), met);
        (fault.kind, fault.cause)
    };
    let away =
        |why: &str| (FaultKind::BrokerAway, format!("the leader of t[0] does not answer: {why}"));
    assert_eq!(untold(TIMED_OUT, &[]), away("call: Local: Timed out"));
    assert_eq!(
        untold(TIMED_OUT, &[all.clone(), refused.clone()]),
        away("b:1/2: connection refused")
    );
    assert_eq!(
        untold(code::LEADER_NOT_AVAILABLE, &[all]),
        away("call: Broker: Leader not available")
    );
    let no_right = (FaultKind::Authorization, "no right to g".to_owned());
    assert_eq!(untold(TIMED_OUT, &[refused, denied]), no_right);
    // An answer is one, whatever it says.
    let answers = [(code::TOPIC_EXCEPTION, FaultKind::UnknownTopic), (-1, FaultKind::Client)];
    for (code, kind) in answers {
        assert!(!verdict::is_silence(code));
        assert_eq!(untold(code, &[]).0, kind);
    }
}
