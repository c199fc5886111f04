//! Every pair of state and event, and what holds for any sequence of outcomes.

use proptest::prelude::*;

use crate::worker::machine::{Action, Event, Exit, Rewind, State, Then, step};
use crate::worker::{Failure, Fault, FaultKind};

fn fault() -> Fault {
    Fault::new(FaultKind::Client, "f")
}

fn then(word: &str) -> Then {
    match word {
        "on" => Then::GoOn,
        "release" => Then::Release,
        "drained" => Then::Leave(Exit::Drained),
        "halted" => Then::Leave(Exit::Halted("h".into())),
        "fault" => Then::Leave(Exit::Fault(fault())),
        other => panic!("{other}: no such continuation"),
    }
}

/// `committing:release`, `ended:drained`, `releasing:rewind`, `idle`.
fn state(text: &str) -> State {
    let (word, rest) = text.split_once(':').unwrap_or((text, ""));
    match word {
        "idle" => State::Idle,
        "open" => State::Open,
        "committing" => State::Committing(then(rest)),
        "aborting" => State::Aborting(then(rest)),
        "rebuilding" => State::Rebuilding(then(rest)),
        "releasing" if rest == "rewind" => State::Releasing(Rewind::Needed),
        "releasing" => State::Releasing(Rewind::NotNeeded),
        "rewinding" => State::Rewinding,
        "ended" => match then(rest) {
            Then::Leave(exit) => State::Ended(exit),
            Then::GoOn | Then::Release => panic!("{text}: no such end"),
        },
        other => panic!("{other}: no such state"),
    }
}

/// The events as the columns of the tables name them.
fn event(word: &str) -> Event {
    match word {
        "opened" => Event::Opened,
        "close" => Event::Close,
        "revoked" => Event::Revoked,
        "lost" => Event::Lost,
        "stop" => Event::Stop,
        "halt" => Event::Halt("h".into()),
        "done" => Event::Done,
        "abort" => Event::Failed(Failure::Abort("f".into())),
        "refused" => Event::Failed(Failure::Refused { reason: "f".into(), position: None }),
        "rebuild" => Event::Failed(Failure::Rebuild("f".into())),
        "fault" => Event::Failed(Failure::Fault(fault())),
        other => panic!("{other}: no such event"),
    }
}

fn action(state: &State) -> Action {
    match state {
        State::Idle => Action::ReadOn,
        State::Open => Action::Begin,
        State::Committing(_) => Action::Commit,
        State::Aborting(_) => Action::Abort,
        State::Rebuilding(_) => Action::Rebuild,
        State::Releasing(_) => Action::Release,
        State::Rewinding => Action::Rewind,
        State::Ended(_) => Action::Leave,
    }
}

/// One row for each state: what each event makes of it. The action is the one that the new state stands for.
fn check(columns: &str, rows: &[&str]) {
    let columns: Vec<&str> = columns.split_whitespace().collect();
    for row in rows {
        let cells: Vec<&str> = row.split_whitespace().collect();
        let (from, cells) = cells.split_first().unwrap();
        assert_eq!(cells.len(), columns.len(), "{row}");
        for (column, cell) in columns.iter().zip(cells) {
            let expected = state(cell);
            let (next, act) = step(state(from), event(column));
            assert_eq!((&next, act), (&expected, action(&expected)), "{from} x {column}");
        }
    }
}

#[test]
fn between_windows_every_event_has_its_answer() {
    check(
        "opened close revoked   lost             stop          halt         done",
        &["idle open idle releasing: releasing:rewind ended:drained ended:halted idle"],
    );
    check(
        "abort     refused   rebuild       fault",
        &["idle rewinding rewinding rebuilding:on ended:fault"],
    );
}

#[test]
fn an_open_window_ends_before_anything_else_happens() {
    check(
        "     close         revoked            lost             stop               halt",
        &[
            "open committing:on committing:release aborting:release committing:drained committing:halted",
        ],
    );
    check(
        "     abort       refused     rebuild       fault",
        &["open aborting:on aborting:on rebuilding:on aborting:fault"],
    );
    for word in ["opened", "done"] {
        assert_eq!(step(State::Open, event(word)), (State::Open, Action::ReadOn), "{word}");
    }
}

#[test]
fn every_outcome_of_a_commit_has_its_answer() {
    check(
        "                    done             abort              refused            rebuild             fault",
        &[
            "committing:on      idle             aborting:on        aborting:on        rebuilding:on       aborting:fault",
            "committing:release releasing:       aborting:release   aborting:release   rebuilding:release  aborting:fault",
            "committing:drained ended:drained    aborting:drained   aborting:drained   ended:drained       aborting:fault",
            // What stands before the record of a halt is done again first.
            "committing:halted  ended:halted     aborting:on        aborting:on        rebuilding:on       aborting:fault",
            "committing:fault   ended:fault      aborting:fault     aborting:fault     ended:fault         aborting:fault",
        ],
    );
}

#[test]
fn every_outcome_of_an_abort_has_its_answer() {
    check(
        "                  done             abort              refused            rebuild            fault",
        &[
            "aborting:on      rewinding        rebuilding:on      rebuilding:on      rebuilding:on      ended:fault",
            "aborting:release releasing:rewind rebuilding:release rebuilding:release rebuilding:release ended:fault",
            "aborting:drained ended:drained    ended:drained      ended:drained      ended:drained      ended:fault",
            "aborting:halted  ended:halted     ended:halted       ended:halted       ended:halted       ended:fault",
            "aborting:fault   ended:fault      ended:fault        ended:fault        ended:fault        ended:fault",
        ],
    );
}

#[test]
fn every_outcome_of_recovery_has_its_answer() {
    check(
        "                    done             abort        refused      rebuild      fault",
        &[
            "rebuilding:on      rewinding        ended:fault  ended:fault  ended:fault  ended:fault",
            "rebuilding:release releasing:rewind ended:fault  ended:fault  ended:fault  ended:fault",
            "rebuilding:drained ended:drained    ended:fault  ended:fault  ended:fault  ended:fault",
            "releasing:         idle             ended:fault  ended:fault  ended:fault  ended:fault",
            "releasing:rewind   rewinding        ended:fault  ended:fault  ended:fault  ended:fault",
            "rewinding          idle             ended:fault  ended:fault  ended:fault  ended:fault",
        ],
    );
}

#[test]
fn an_ended_worker_stays_as_it_ended() {
    let words = ["opened", "close", "revoked", "lost", "stop", "halt", "done", "abort", "fault"];
    for word in words {
        for end in ["ended:drained", "ended:halted", "ended:fault"] {
            assert_eq!(step(state(end), event(word)), (state(end), Action::Leave), "{end} {word}");
        }
    }
}

/// While an action is under way the shell brings nothing but its outcome; the debug assertion says so where it did.
#[test]
#[cfg(debug_assertions)]
fn news_in_the_midst_of_an_action_are_a_bug_of_the_shell() {
    for from in ["committing:on", "aborting:on", "rebuilding:on", "releasing:", "rewinding"] {
        for word in ["opened", "close", "revoked", "lost", "stop", "halt"] {
            let caught = std::panic::catch_unwind(|| step(state(from), event(word)));
            assert!(caught.is_err(), "{from} x {word}");
        }
    }
}

/// Driving the machine as the shell does: `outcomes` answers its actions, `Done` when there are no more.
struct Driver {
    state: State,
    outcomes: std::vec::IntoIter<Option<&'static str>>,
    trace: Vec<Action>,
}

impl Driver {
    /// The actions of this event until the machine rests.
    fn drive(&mut self, first: Event) -> Vec<Action> {
        let (mut event, mut actions) = (first, Vec::new());
        loop {
            let (next, act) = step(std::mem::replace(&mut self.state, State::Idle), event);
            self.state = next;
            let rests = matches!(act, Action::ReadOn | Action::Leave);
            actions.push(act);
            if rests {
                break;
            }
            assert!(actions.len() <= ACTIONS_MAX, "{actions:?}: does not come to rest");
            event = self.outcomes.next().flatten().map_or(Event::Done, self::event);
        }
        self.trace.extend(actions.iter().cloned());
        actions
    }
}

/// Begin, commit, abort, rebuild, release, rewind, and the rest: nothing is done twice for one event.
const ACTIONS_MAX: usize = 8;

fn outcome() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![
        4 => Just(None),
        1 => prop::sample::select(vec!["abort", "refused", "rebuild", "fault"]).prop_map(Some),
    ]
}

fn news() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "opened", "opened", "opened", "close", "close", "revoked", "lost", "halt", "stop", "abort",
        "rebuild",
    ])
}

proptest! {
    #[test]
    fn whatever_the_outcomes_it_comes_to_rest_and_keeps_the_laws(
        events in prop::collection::vec(news(), 1..40),
        outcomes in prop::collection::vec(outcome(), 0..80),
    ) {
        let mut driver =
            Driver { state: State::Idle, outcomes: outcomes.into_iter(), trace: vec![] };
        for word in events {
            // The shell opens a window where none is open, and only there.
            if word == "opened" && driver.state != State::Idle {
                continue;
            }
            let actions = driver.drive(event(word));
            let ended = matches!(driver.state, State::Ended(_));
            prop_assert!(ended || matches!(driver.state, State::Idle | State::Open));
            let releases = actions.iter().filter(|a| **a == Action::Release).count();
            let wanted = usize::from(matches!(word, "revoked" | "lost"));
            prop_assert!(releases == wanted || (ended && releases <= wanted), "{word}: {actions:?}");
            if word == "lost" {
                prop_assert!(!actions.contains(&Action::Commit), "{actions:?}");
                let last = actions.iter().rev().nth(1);
                prop_assert!(ended || last == Some(&Action::Rewind), "{actions:?}");
            }
            if ended {
                break;
            }
        }
        // After an abort or a new producer, no window begins before the rewind.
        let mut dirty = false;
        for action in &driver.trace {
            match action {
                Action::Abort | Action::Rebuild => dirty = true,
                Action::Rewind => dirty = false,
                Action::Begin | Action::Commit => prop_assert!(!dirty, "{:?}", driver.trace),
                Action::ReadOn => prop_assert!(!dirty, "{:?}", driver.trace),
                Action::Release | Action::Leave => {}
            }
        }
    }

    #[test]
    fn a_stop_always_ends_it(
        open in any::<bool>(),
        outcomes in prop::collection::vec(outcome(), 0..20),
    ) {
        let from = if open { State::Open } else { State::Idle };
        let mut driver = Driver { state: from, outcomes: outcomes.into_iter(), trace: vec![] };
        driver.drive(Event::Stop);
        prop_assert!(matches!(driver.state, State::Ended(Exit::Drained | Exit::Fault(_))));
    }
}
