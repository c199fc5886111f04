//! Every pair of state and event, and the waits between attempts.

use std::time::Duration;

use proptest::prelude::*;

use crate::supervisor::backoff;
use crate::supervisor::lifecycle::{Effect, Event, Rest, State, step};
use crate::worker::{Exit, Fault, FaultKind};

fn exited(exit: Exit, committed: &str) -> Event {
    Event::Exited { exit, committed: committed == "committed" }
}

fn fault(kind: FaultKind) -> Exit {
    Exit::Fault(Fault::new(kind, "f"))
}

fn event(word: &str) -> Event {
    let (word, committed) = word.split_once('+').unwrap_or((word, ""));
    match word {
        "start" => Event::Start,
        "timer" => Event::TimerFired,
        "halt" => Event::Halt,
        "stop" => Event::Stop,
        "drained" => exited(Exit::Drained, committed),
        "halted" => exited(Exit::Halted("h".into()), committed),
        "transient" => exited(fault(FaultKind::BrokerAway), committed),
        "permanent" => exited(fault(FaultKind::Authorization), committed),
        other => panic!("{other}: no such event"),
    }
}

fn state(text: &str) -> State {
    let (word, rest) = text.split_once(':').unwrap_or((text, "0"));
    match word {
        "stopped" => State::Stopped,
        "halted" => State::Halted,
        "running" => State::Running { failures: rest.parse().unwrap() },
        "waiting" => State::BackingOff { failures: rest.parse().unwrap() },
        "draining" if rest == "halted" => State::Draining { then: Rest::Halted },
        "draining" => State::Draining { then: Rest::Stopped },
        other => panic!("{other}: no such state"),
    }
}

fn effect(text: &str) -> Effect {
    match text {
        "-" => Effect::None,
        "spawn" => Effect::Spawn,
        "disarm" => Effect::Disarm,
        "ask" => Effect::RequestStop,
        "siblings" => Effect::HaltPipeline,
        ms => Effect::Arm(Duration::from_millis(ms.parse().unwrap())),
    }
}

/// Rows of state, event, next state, effect; `*` is each event that has no row of its own, and changes nothing.
const TABLE: &str = "
    stopped          start               running:0        spawn

    running:0        transient           waiting:1        500
    running:3        transient           waiting:4        4000
    running:3        transient+committed waiting:1        500
    running:99       transient           waiting:100      30000
    running:3        permanent           waiting:4        30000
    running:0        permanent+committed waiting:1        30000
    running:0        drained             waiting:1        500
    running:3        halted              halted           siblings
    running:3        halted+committed    halted           siblings
    running:3        halt                draining:halted  ask
    running:3        stop                draining:stopped ask

    waiting:3        timer               running:3        spawn
    waiting:3        halt                halted           disarm
    waiting:3        stop                stopped          disarm

    draining:halted  drained             halted           -
    draining:halted  halted              halted           -
    draining:halted  transient           halted           -
    draining:halted  permanent           halted           -
    draining:halted  stop                draining:stopped -
    draining:stopped drained             stopped          -
    draining:stopped halted              stopped          -
    draining:stopped transient           stopped          -
    draining:stopped permanent           stopped          -

    halted           stop                stopped          -
";

const EVENTS: [&str; 8] =
    ["start", "timer", "halt", "stop", "drained", "halted", "transient", "permanent"];

#[test]
fn every_pair_has_its_answer() {
    let rows: Vec<Vec<&str>> = TABLE
        .lines()
        .map(|line| line.split_whitespace().collect())
        .filter(|row: &Vec<&str>| !row.is_empty())
        .collect();
    for row in &rows {
        let [from, on, to, act] = row[..] else { panic!("{row:?}") };
        assert_eq!(step(state(from), &event(on)), (state(to), effect(act)), "{from} x {on}");
    }
    // What is in no row changes nothing.
    let states =
        ["stopped", "running:3", "waiting:3", "draining:halted", "draining:stopped", "halted"];
    for from in states {
        for on in EVENTS {
            let exits = from == "running:3" && on == "drained";
            if !exits && !rows.iter().any(|row| row[0] == from && row[1] == on) {
                let unchanged = (state(from), Effect::None);
                assert_eq!(step(state(from), &event(on)), unchanged, "{from} x {on}");
            }
        }
    }
}

#[test]
fn waits_double_from_half_a_second_to_half_a_minute() {
    let waits: Vec<u128> = (0..10).map(|n| backoff::after(n).as_millis()).collect();
    assert_eq!(waits, [500, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    assert_eq!(backoff::after(u32::MAX), Duration::from_secs(30));
}

#[test]
fn a_wait_is_a_fifth_more_or_less() {
    for base in [Duration::from_millis(500), backoff::SLOW] {
        let waits: Vec<Duration> = (0..1_000).map(|_| backoff::jittered(base)).collect();
        assert!(waits.iter().all(|w| *w >= base.mul_f64(0.8) && *w <= base.mul_f64(1.2)));
        assert!(waits.iter().any(|w| *w != waits[0]), "they are all the same");
    }
}

proptest! {
    /// A thread is there exactly in Running and Draining, and a stop ends every history in Stopped.
    #[test]
    fn no_history_starts_a_second_thread_and_a_stop_ends_each(
        words in prop::collection::vec(prop::sample::select(EVENTS.to_vec()), 0..40),
    ) {
        let (mut at, mut threads) = (State::Stopped, 0);
        let words = words.into_iter().chain(["stop"]);
        for word in words {
            let exits = ["drained", "halted", "transient", "permanent"].contains(&word);
            if exits && threads == 0 {
                continue;
            }
            threads -= i32::from(exits);
            let (next, effect) = step(at, &event(word));
            threads += i32::from(effect == Effect::Spawn);
            let there = matches!(next, State::Running { .. } | State::Draining { .. });
            prop_assert_eq!(threads, i32::from(there), "{:?} {} {:?}", at, word, next);
            at = next;
        }
        if threads == 1 {
            at = step(at, &event("drained")).0;
        }
        prop_assert_eq!(at, State::Stopped);
    }
}
