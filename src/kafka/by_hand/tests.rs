use super::ledger::{Account, Ack, Certainty, Ledger, LineFailure};
use crate::worker::FaultKind;

/// Sends records of these lines, and reports them in the order that is given: tag and verdict.
fn account(lines: &[u64], reports: &[(usize, Verdict)]) -> (Vec<u64>, Account) {
    let mut ledger = Ledger::default();
    for line in lines {
        ledger.sent(*line);
    }
    let mut acks = Vec::new();
    for (tag, verdict) in reports {
        let failed = |certainty| Err((FaultKind::Client, "no".to_owned(), certainty));
        match verdict {
            Yes => ledger.reported(*tag, Ok((0, 7))),
            No => ledger.reported(*tag, failed(Certainty::NotThere)),
            Maybe => ledger.reported(*tag, failed(Certainty::Unknown)),
            TakenBack => ledger.taken_back(*tag, Certainty::NotThere),
        }
        acks.extend(std::iter::from_fn(|| ledger.next_ack()).map(|ack: Ack| ack.line));
    }
    (acks, ledger.close())
}

#[derive(Clone, Copy)]
enum Verdict {
    Yes,
    No,
    Maybe,
    TakenBack,
}
use Verdict::{Maybe, No, TakenBack, Yes};

#[test]
fn acknowledgements_come_in_the_order_of_the_input() {
    let (acks, account) = account(&[1, 2, 4], &[(2, Yes), (0, Yes), (1, Yes)]);
    assert_eq!(acks, [1, 2, 4]);
    // Nothing stands on line 3.
    assert_eq!(account.acknowledged(), "lines 1-4 (3 records)");
    assert_eq!((account.failure, account.count), (None, 3));
}

#[test]
fn the_first_line_that_failed_is_named_whatever_came_first() {
    let reports = [(3, Maybe), (0, Yes), (4, TakenBack), (2, Yes), (1, No)];
    let (acks, account) = account(&[1, 2, 3, 4, 5, 6], &reports);
    assert_eq!(acks, [1, 3]);
    assert_eq!(account.acknowledged(), "lines 1, 3 (2 records)");
    // Of line 6 no report ever came.
    assert_eq!(account.unanswered(), Some("lines 4, 6".to_owned()));
    let kind = FaultKind::Client;
    let wanted = LineFailure { line: 2, kind, reason: "no".to_owned(), maybe: false };
    assert_eq!(account.failure, Some(wanted));
}

#[test]
fn nothing_and_much_are_said_shortly() {
    assert_eq!(account(&[1], &[(0, No)]).1.acknowledged(), "nothing");
    assert_eq!(account(&[9], &[(0, Yes)]).1.acknowledged(), "line 9 (1 record)");
    let lines: Vec<u64> = (1..=14).collect();
    let each_second: Vec<_> =
        (0..14).map(|tag| (tag, if tag % 2 == 0 { Yes } else { No })).collect();
    assert_eq!(
        account(&lines, &each_second).1.acknowledged(),
        "lines 1, 3, 5, 7, 9 and 2 more ranges (7 records)"
    );
}

#[test]
fn a_report_that_comes_twice_or_late_changes_nothing() {
    let mut ledger = Ledger::default();
    ledger.sent(1);
    ledger.sent(2);
    ledger.reported(0, Ok((0, 5)));
    assert_eq!(ledger.next_ack(), Some(Ack { line: 1, partition: 0, offset: 5 }));
    ledger.reported(0, Err((FaultKind::Client, "late".to_owned(), Certainty::NotThere)));
    ledger.reported(7, Ok((0, 6)));
    assert_eq!((ledger.flying(), ledger.len(), ledger.has_failed()), (1, 1, false));
}
