//! What is said at the end: what went wrong first, then what was done until then.

use std::fmt::Write as _;

use super::Ended;
use crate::cli::by_hand::{self, hint};
use crate::cli::{Outcome, Stream, say};
use crate::kafka::by_hand::{Account, NotCommitted, Unwound};
use crate::model::TopicName;

/// What the last lines need to know.
pub(super) struct Closing {
    pub(super) topic: TopicName,
    pub(super) is_transaction: bool,
    /// What became of a transaction, where something went wrong.
    pub(super) unwound: Option<Unwound>,
}

/// Says how it came out.
pub(super) fn say_all(ended: &Ended, account: &Account, closing: &Closing) -> Outcome {
    let (topic, count) = (&closing.topic, by_hand::records(account.count));
    let has_outlived = matches!(closing.unwound, Some(Unwound::Outlived(_)));
    let (what, outcome) = match ended {
        // Whatever call or record met it first.
        Ended::Refused | Ended::Fault(_) | Ended::NotCommitted(_) if has_outlived => {
            ("the transaction outlived its --transaction-timeout".to_owned(), Outcome::Failed)
        }
        Ended::Well => {
            let done = if closing.is_transaction {
                "in the topic, in one transaction"
            } else {
                "acknowledged"
            };
            let verb = if account.count == 1 { "is" } else { "are" };
            say(Stream::Errors, &format!("{topic}: {count} {verb} {done}\n"));
            return Outcome::Good;
        }
        Ended::Cut => {
            ("stopped by a signal before the end of the input".to_owned(), Outcome::Later)
        }
        Ended::Input(why) => (why.clone(), Outcome::Failed),
        Ended::Refused => match &account.failure {
            Some(failed) => (
                format!("line {}: {}\n{}", failed.line, failed.reason, hint(failed.kind)),
                by_hand::outcome(failed.kind),
            ),
            None => ("a record was refused".to_owned(), Outcome::Failed),
        },
        Ended::Stopped => (
            "stopped by a signal before all that was sent is acknowledged".to_owned(),
            Outcome::Later,
        ),
        Ended::Fault(fault) => {
            (format!("{fault}\n{}", hint(fault.kind)), by_hand::outcome(fault.kind))
        }
        Ended::NotCommitted(NotCommitted { fault, transaction }) => {
            // Trying again is no advice where it may be there.
            let hint = if *transaction == Unwound::Unknown { "" } else { hint(fault.kind) };
            (format!("{fault}\n{hint}"), by_hand::outcome(fault.kind))
        }
        Ended::Output(error) => {
            (format!("acknowledgements cannot be printed: {error}"), Outcome::Failed)
        }
        Ended::Unread => (
            "acknowledgements cannot be printed: stopped by a signal while nobody reads them"
                .to_owned(),
            Outcome::Later,
        ),
    };
    say(Stream::Errors, &format!("error: {}\n{}", what.trim_end(), so_far(account, closing)));
    outcome
}

fn so_far(account: &Account, closing: &Closing) -> String {
    let topic = &closing.topic;
    match &closing.unwound {
        Some(Unwound::Aborted) => {
            "  the transaction is aborted: nothing of the input is visible\n".to_owned()
        }
        Some(Unwound::Outlived(timeout)) => format!(
            "  the broker has aborted the transaction, which was open for longer than {} s: nothing of the input is visible\n  raise --transaction-timeout, or have all of the input there when it begins\n",
            timeout.as_secs()
        ),
        Some(Unwound::Open(fault)) => format!(
            "  the transaction is not committed, and cannot be aborted either ({fault}): the broker ends it by its timeout\n"
        ),
        Some(Unwound::Unknown) => format!(
            "  whether the transaction is committed is unknown: read {topic} before feeding it again\n"
        ),
        None => {
            let mut text = format!("  acknowledged by {topic}: {}\n", account.acknowledged());
            if let Some(lines) = account.unanswered() {
                let _infallible =
                    writeln!(text, "  sent without an answer, so perhaps there: {lines}");
            }
            text.push_str("  all other lines are not there\n");
            text
        }
    }
}
