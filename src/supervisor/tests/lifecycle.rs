//! Every pair of state and event, and the waits between attempts.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::supervisor::backoff;
use crate::supervisor::lifecycle::{Effect, Event, State, Then, step};
use crate::worker::{Exit, Fault, FaultKind};

fn fault(kind: FaultKind) -> Event {
    Event::Exited(Exit::Fault(Fault::new(kind, "f")))
}

fn event(word: &str) -> Event {
    match word {
        "start" => Event::Start,
        "ready" => Event::Ready,
        "committed" => Event::Committed,
        "paused" => Event::Paused,
        "resumed" => Event::Resumed,
        "drained" => Event::Exited(Exit::Drained),
        "halted" => Event::Exited(Exit::Halted("h".into())),
        "transient" => fault(FaultKind::BrokerAway),
        "permanent" => fault(FaultKind::Authorization),
        "timer" => Event::TimerFired,
        "stalled" => Event::Stalled,
        "halt" => Event::Halt,
        "replaced" => Event::Replaced,
        "removed" => Event::Removed,
        other => panic!("{other}: no such event"),
    }
}

fn state(text: &str) -> State {
    let (word, rest) = text.split_once(':').unwrap_or((text, ""));
    let failures = || rest.parse().unwrap();
    match word {
        "stopped" => State::Stopped,
        "halted" => State::Halted,
        "starting" => State::Starting { failures: failures() },
        "running" => State::Running { failures: failures() },
        "paused" => State::Paused { failures: failures() },
        "waiting" => State::BackingOff { failures: failures() },
        "draining" => State::Draining {
            then: match rest {
                "stop" => Then::Stop,
                "restart" => Then::Restart,
                "halt" => Then::Halt,
                other => panic!("{other}: nothing to become"),
            },
        },
        other => panic!("{other}: no such state"),
    }
}

fn effect(text: &str) -> Effect {
    match text {
        "-" => Effect::None,
        "spawn" => Effect::Spawn,
        "disarm" => Effect::Disarm,
        "ask" => Effect::RequestStop,
        "abandon" => Effect::Abandon,
        "abandon+spawn" => Effect::AbandonAndSpawn,
        "siblings" => Effect::HaltPipeline,
        ms => Effect::Arm(Duration::from_millis(ms.parse().unwrap())),
    }
}

/// Rows of state, event, next state, effect; each event that has no row of its own changes nothing.
const TABLE: &str = "
    stopped          start      starting:0       spawn
    stopped          replaced   starting:0       spawn

    starting:3       ready      running:3        -
    starting:0       transient  waiting:1        500
    starting:3       drained    waiting:4        4000
    starting:3       transient  waiting:4        4000
    starting:3       permanent  waiting:4        30000
    starting:3       halted     halted           siblings
    starting:3       halt       draining:halt    ask
    starting:3       replaced   draining:restart ask
    starting:3       removed    draining:stop    ask

    running:3        committed  running:0        -
    running:3        paused     paused:3         -
    running:0        transient  waiting:1        500
    running:3        transient  waiting:4        4000
    running:99       transient  waiting:100      30000
    running:3        permanent  waiting:4        30000
    running:0        permanent  waiting:1        30000
    running:0        drained    waiting:1        500
    running:3        drained    waiting:4        4000
    running:3        halted     halted           siblings
    running:3        stalled    draining:restart ask
    running:3        halt       draining:halt    ask
    running:3        replaced   draining:restart ask
    running:3        removed    draining:stop    ask

    paused:3         resumed    running:3        -
    paused:3         drained    waiting:4        4000
    paused:3         transient  waiting:4        4000
    paused:3         permanent  waiting:4        30000
    paused:3         halted     halted           siblings
    paused:3         halt       draining:halt    ask
    paused:3         replaced   draining:restart ask
    paused:3         removed    draining:stop    ask

    waiting:3        timer      starting:3       spawn
    waiting:3        replaced   starting:3       spawn
    waiting:3        halt       halted           disarm
    waiting:3        removed    stopped          disarm

    draining:stop    drained    stopped          disarm
    draining:stop    halted     stopped          disarm
    draining:stop    transient  stopped          disarm
    draining:stop    permanent  stopped          disarm
    draining:stop    timer      stopped          abandon
    draining:stop    replaced   draining:restart -

    draining:restart drained    starting:0       spawn
    draining:restart halted     starting:0       spawn
    draining:restart transient  starting:0       spawn
    draining:restart permanent  starting:0       spawn
    draining:restart timer      starting:0       abandon+spawn
    draining:restart halt       draining:halt    -
    draining:restart removed    draining:stop    -

    draining:halt    drained    halted           disarm
    draining:halt    halted     halted           disarm
    draining:halt    transient  halted           disarm
    draining:halt    permanent  halted           disarm
    draining:halt    timer      halted           abandon
    draining:halt    replaced   draining:restart -
    draining:halt    removed    draining:stop    -

    halted           replaced   starting:0       spawn
    halted           removed    stopped          -
";

const STATES: [&str; 9] = [
    "stopped",
    "starting:3",
    "running:3",
    "paused:3",
    "waiting:3",
    "draining:stop",
    "draining:restart",
    "draining:halt",
    "halted",
];

const EVENTS: [&str; 14] = [
    "start",
    "ready",
    "committed",
    "paused",
    "resumed",
    "drained",
    "halted",
    "transient",
    "permanent",
    "timer",
    "stalled",
    "halt",
    "replaced",
    "removed",
];

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
    for from in STATES {
        for on in EVENTS {
            if !rows.iter().any(|row| row[0] == from && row[1] == on) {
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

#[test]
fn readme_explains_every_state_and_no_other() {
    let readme = include_str!("../../../README.md");
    let (_, table) = readme.split_once("| state | |\n|---|---|\n").unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let explained: BTreeSet<_> = rows.map(|row| row.split('`').nth(1).unwrap()).collect();
    assert_eq!(explained, BTreeSet::from(State::WORDS));
}
