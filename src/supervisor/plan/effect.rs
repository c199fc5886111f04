//! What a change does to the group and to records, in words.

use std::collections::BTreeSet;

use super::{Change, Kind};
use crate::model::{PipelineName, TopicName};
use crate::pipeline::{Membership, Pipeline, Start, Topics};

/// A change with its words. One of the two sides is there.
pub(super) fn change(
    kind: Kind,
    fields: Vec<String>,
    old: Option<&Pipeline>,
    new: Option<&Pipeline>,
) -> Option<Change> {
    let name = new.or(old)?.name.clone();
    let effect = words(&kind, &fields, old, new);
    let rebalances = match kind {
        Kind::Unchanged | Kind::Swap { .. } => false,
        Kind::Restart | Kind::Rename { .. } | Kind::Regroup | Kind::Start | Kind::Stop => true,
    };
    let reprocesses = kind == Kind::Regroup;
    Some(Change { name, kind, fields, effect, rebalances, reprocesses, drift: None })
}

/// What an operator did and no file says. A rename takes it along, a stop leaves it to whoever comes back by that name.
pub(super) fn drift(change: &Change, held: &BTreeSet<PipelineName>) -> Option<String> {
    let name = match &change.kind {
        Kind::Rename { from } => from,
        Kind::Unchanged
        | Kind::Swap { .. }
        | Kind::Restart
        | Kind::Regroup
        | Kind::Start
        | Kind::Stop => &change.name,
    };
    let says = || {
        format!(
            "paused by an operator, whatever its file says, until `krouted resume {}`",
            change.name
        )
    };
    held.contains(name).then(says)
}

fn words(kind: &Kind, fields: &[String], old: Option<&Pipeline>, new: Option<&Pipeline>) -> String {
    let topics = || topics(old, new);
    match kind {
        Kind::Unchanged if fields.is_empty() => "nothing".to_owned(),
        Kind::Unchanged => {
            "nothing now: `start` counts only for a group without offsets".to_owned()
        }
        Kind::Swap { .. } if fields.iter().all(|f| f == "labels" || f == "description") => {
            "shown only: no record is treated differently".to_owned()
        }
        Kind::Swap { .. } if fields.iter().all(|f| f == "paused") => {
            format!("the open window closes{}: no rebalance, nothing is read again", turn(old, new))
        }
        Kind::Swap { new_producer } => {
            let anew = if *new_producer { "; its producer is made anew" } else { "" };
            format!("{SWAP}{anew}{}", turn(old, new))
        }
        Kind::Restart => format!(
            "drains, commits and starts again in its group: the group rebalances, and it goes on where it was{}{}{}",
            topics(),
            standstill(kind, old, new),
            turn(old, new)
        ),
        Kind::Rename { from } => format!(
            "`{from}` drains, commits and stops, then this one starts in the same group: the group rebalances, and it goes on where `{from}` was{}{}{}",
            topics(),
            standstill(kind, old, new),
            turn(old, new)
        ),
        Kind::Regroup => format!(
            "drains, commits and leaves {}, then starts in {}: {}; {}{}",
            old.map(group).unwrap_or_default(),
            new.map(group).unwrap_or_default(),
            new.map(begins).unwrap_or_default(),
            new.map(unlike_the_old).unwrap_or_default(),
            turn(old, new)
        ),
        Kind::Start => format!(
            "starts in {}: {}{}",
            new.map(group).unwrap_or_default(),
            new.map(begins).unwrap_or_default(),
            turn(old, new)
        ),
        Kind::Stop => format!(
            "drains, commits and stops; the offsets of {} stay on the broker{}",
            old.map(group).unwrap_or_default(),
            standstill(kind, old, new)
        ),
    }
}

const SWAP: &str = "the open window closes, the new rules take the next record: no rebalance, nothing is read again";

/// What `paused` of the file does.
fn turn(old: Option<&Pipeline>, new: Option<&Pipeline>) -> &'static str {
    let is_paused = |p: Option<&Pipeline>| p.is_some_and(|p| p.paused);
    match (is_paused(old), is_paused(new)) {
        (false, true) => {
            "; `paused: true`: it reads nothing then, and keeps its place in the group"
        }
        (true, true) => "; it stays paused by its file",
        (true, false) => "; no longer `paused: true`: it reads on then",
        (false, false) => "",
    }
}

/// A static member says nothing when it goes: the broker waits for it until its session is over. One that comes back under
/// its name has its partitions at once.
fn standstill(kind: &Kind, old: Option<&Pipeline>, new: Option<&Pipeline>) -> &'static str {
    let is_static =
        |p: Option<&Pipeline>| p.is_some_and(|p| p.source.membership == Membership::Static);
    let has_fewer = || old.zip(new).is_some_and(|(old, new)| new.workers < old.workers);
    let some_stay_away = match kind {
        // The member's name has the pipeline's name and the worker's number in it.
        Kind::Rename { .. } => true,
        Kind::Restart => !is_static(new) || has_fewer(),
        Kind::Stop => {
            return if is_static(old) {
                "; static members do not say that they leave: the group's other instances have their partitions when the session is over (`session.timeout.ms`, 30 s unless set)"
            } else {
                ""
            };
        }
        Kind::Unchanged | Kind::Swap { .. } | Kind::Regroup | Kind::Start => false,
    };
    if is_static(old) && some_stay_away {
        "; static members do not say that they leave: partitions of those that do not come back stand still until the session is over (`session.timeout.ms`, 30 s unless set)"
    } else {
        ""
    }
}

fn group(pipeline: &Pipeline) -> String {
    format!("the group `{}` on `{}`", pipeline.source.group, pipeline.cluster)
}

fn begins(pipeline: &Pipeline) -> String {
    let begin = match pipeline.source.start {
        Start::Earliest => "at the earliest record that is there".to_owned(),
        Start::Latest => "behind the latest record".to_owned(),
        Start::Timestamp(ms) => format!("at the records of {}", time(ms)),
    };
    format!("a group without offsets begins {begin}, one that has them goes on there")
}

fn unlike_the_old(pipeline: &Pipeline) -> &'static str {
    match pipeline.source.start {
        Start::Earliest => "what the old group has done is read again",
        Start::Latest => "what the old group has not done yet is skipped",
        Start::Timestamp(_) => {
            "what the old group has done may be read again, and what it has not may be skipped"
        }
    }
}

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms"), |t| t.to_string())
}

/// What comes and goes of the topics that are read.
fn topics(old: Option<&Pipeline>, new: Option<&Pipeline>) -> String {
    let (Some(old), Some(new)) = (old, new) else { return String::new() };
    match (&old.source.topics, &new.source.topics) {
        (Topics::Names(was), Topics::Names(is)) => {
            let added = missing(is, was);
            let removed = missing(was, is);
            let mut text = String::new();
            if !added.is_empty() {
                text = format!("; {added} is read from its beginning");
            }
            if !removed.is_empty() {
                text = format!("{text}; {removed} is read no more, its offsets stay");
            }
            text
        }
        (Topics::Pattern(was), Topics::Pattern(is)) if was.0.as_str() == is.0.as_str() => {
            String::new()
        }
        (Topics::Pattern(_) | Topics::Names(_), Topics::Pattern(_))
        | (Topics::Pattern(_), Topics::Names(_)) => {
            "; a topic that the group has not read is read from its beginning".to_owned()
        }
    }
}

fn missing(of: &[TopicName], from: &[TopicName]) -> String {
    let names = of.iter().filter(|topic| !from.contains(topic)).map(|t| format!("`{t}`"));
    names.collect::<Vec<_>>().join(", ")
}
