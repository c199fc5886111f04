//! What became of each line, by the reports that come in any order. Pure.

use std::collections::VecDeque;
use std::fmt::Write as _;

use crate::worker::FaultKind;

/// One acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The line of the input, from 1.
    pub line: u64,
    /// Where it is.
    pub partition: i32,
    /// Its own offset.
    pub offset: i64,
}

/// A line that is not acknowledged, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFailure {
    /// The line of the input, from 1.
    pub line: u64,
    /// Who can help.
    pub kind: FaultKind,
    /// In the broker's or librdkafka's words.
    pub reason: String,
    /// It may be in the topic all the same: it was sent, and no answer came.
    pub maybe: bool,
}

/// First and last line of records that follow each other in the input.
type Lines = (u64, u64);

/// Ranges that are told one by one; more are told by their number.
const RANGES_TOLD_MAX: usize = 5;

/// What is known at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    acknowledged: Vec<Lines>,
    maybe: Vec<Lines>,
    /// How many records are acknowledged.
    pub count: u64,
    /// The record that failed first, by its line.
    pub failure: Option<LineFailure>,
}

impl Account {
    /// What of the input is in the topic, for people: `lines 1-6, 8 (7 records)`.
    pub fn acknowledged(&self) -> String {
        let records = if self.count == 1 { "record" } else { "records" };
        match self.count {
            0 => "nothing".to_owned(),
            count => format!("{} ({count} {records})", told(&self.acknowledged)),
        }
    }

    /// What was sent and never answered, where there is some.
    pub fn unanswered(&self) -> Option<String> {
        (!self.maybe.is_empty()).then(|| told(&self.maybe))
    }
}

fn told(ranges: &[Lines]) -> String {
    let each = ranges.iter().take(RANGES_TOLD_MAX);
    let each = each.map(
        |(first, last)| {
            if first == last { first.to_string() } else { format!("{first}-{last}") }
        },
    );
    let mut text = each.collect::<Vec<_>>().join(", ");
    if let Some(more @ 1..) = ranges.len().checked_sub(RANGES_TOLD_MAX) {
        let _infallible = write!(text, " and {more} more ranges");
    }
    let is_one = matches!(ranges, [(first, last)] if first == last);
    format!("{} {text}", if is_one { "line" } else { "lines" })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Flying,
    Acknowledged {
        partition: i32,
        offset: i64,
    },
    /// It was never sent, or refused.
    Failed,
    /// It was sent, and no answer came.
    Maybe,
}

/// The records that are in flight, in the order of the input, and what became of those before.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The tag of the first of `window`.
    first: usize,
    window: VecDeque<(u64, State)>,
    flying: usize,
    account: Account,
    /// Which of the account's lists the record before belongs to.
    last: Option<State>,
}

impl Ledger {
    /// What the next record is sent with.
    pub(super) fn next_tag(&self) -> usize {
        self.first.wrapping_add(self.window.len())
    }

    /// Records that are kept: those in flight, and those behind the first of them.
    pub(super) fn len(&self) -> usize {
        self.window.len()
    }

    /// Records without a report.
    pub(super) fn flying(&self) -> usize {
        self.flying
    }

    /// A record is on its way, with the next tag.
    pub(super) fn sent(&mut self, line: u64) {
        self.window.push_back((line, State::Flying));
        self.flying += 1;
    }

    /// A report came: acknowledged, or why not.
    pub(super) fn reported(
        &mut self,
        tag: usize,
        result: Result<(i32, i64), (FaultKind, String, Certainty)>,
    ) {
        let at = tag.wrapping_sub(self.first);
        let Some((line, state)) = self.window.get_mut(at) else { return };
        if *state != State::Flying {
            return;
        }
        self.flying -= 1;
        match result {
            Ok((partition, offset)) => *state = State::Acknowledged { partition, offset },
            Err((kind, reason, certainty)) => {
                let maybe = certainty == Certainty::Unknown;
                *state = if maybe { State::Maybe } else { State::Failed };
                let failure = LineFailure { line: *line, kind, reason, maybe };
                self.note(failure);
            }
        }
    }

    /// A record that was taken out of the queue by ourselves: no failure of its own.
    pub(super) fn taken_back(&mut self, tag: usize, certainty: Certainty) {
        let at = tag.wrapping_sub(self.first);
        if let Some((_, state)) = self.window.get_mut(at)
            && *state == State::Flying
        {
            self.flying -= 1;
            *state = match certainty {
                Certainty::Unknown => State::Maybe,
                Certainty::NotThere => State::Failed,
            };
        }
    }

    fn note(&mut self, failure: LineFailure) {
        if self.account.failure.as_ref().is_none_or(|first| failure.line < first.line) {
            self.account.failure = Some(failure);
        }
    }

    /// Whether a record has failed.
    pub(super) fn has_failed(&self) -> bool {
        self.account.failure.is_some()
    }

    /// The next acknowledgement in the order of the input, as soon as all before it are settled.
    pub(super) fn next_ack(&mut self) -> Option<Ack> {
        loop {
            let (line, state) = *self.window.front()?;
            if state == State::Flying {
                return None;
            }
            self.window.pop_front();
            self.first = self.first.wrapping_add(1);
            self.settle(line, state);
            if let State::Acknowledged { partition, offset } = state {
                return Some(Ack { line, partition, offset });
            }
        }
    }

    fn settle(&mut self, line: u64, state: State) {
        let list = match state {
            State::Acknowledged { .. } => {
                self.account.count += 1;
                Some(&mut self.account.acknowledged)
            }
            State::Maybe => Some(&mut self.account.maybe),
            State::Failed | State::Flying => None,
        };
        let same =
            |before: State| std::mem::discriminant(&before) == std::mem::discriminant(&state);
        let goes_on = self.last.is_some_and(same);
        if let Some(list) = list {
            match list.last_mut() {
                Some((_, end)) if goes_on => *end = line,
                _ => list.push((line, line)),
            }
        }
        self.last = Some(state);
    }

    /// How many are acknowledged now, among those that [`next_ack`](Self::next_ack) gave.
    pub(super) fn count(&self) -> u64 {
        self.account.count
    }

    /// All that is known; what has no report may or may not be there.
    pub(super) fn close(mut self) -> Account {
        for (_, state) in self.window.iter_mut().filter(|(_, state)| *state == State::Flying) {
            *state = State::Maybe;
        }
        while self.next_ack().is_some() {}
        self.account
    }
}

/// Whether a record that failed can be in the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certainty {
    NotThere,
    Unknown,
}
