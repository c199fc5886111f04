//! Laws of one worker's life, over all sequences that proptest finds.

use proptest::prelude::*;

use crate::supervisor::lifecycle::{Effect, Event, State, Then, step};
use crate::worker::{Exit, Fault, FaultKind};

fn fault(kind: FaultKind) -> Event {
    Event::Exited(Exit::Fault(Fault::new(kind, "x")))
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Start),
        Just(Event::Ready),
        Just(Event::Committed),
        Just(Event::Paused),
        Just(Event::Resumed),
        Just(Event::Exited(Exit::Drained)),
        Just(Event::Exited(Exit::Halted("a record".into()))),
        Just(fault(FaultKind::BrokerAway)),
        Just(fault(FaultKind::Authorization)),
        Just(Event::TimerFired),
        Just(Event::Stalled),
        Just(Event::Halt),
        Just(Event::Replaced),
        Just(Event::Removed),
    ]
}

fn after(events: &[Event]) -> (State, Vec<Effect>) {
    let mut state = State::Stopped;
    let mut effects = Vec::new();
    for event in events {
        let (next, effect) = step(state, event);
        state = next;
        effects.push(effect);
    }
    (state, effects)
}

fn has_thread(state: State) -> bool {
    state.takes_offers() || matches!(state, State::Draining { .. })
}

proptest! {
    #[test]
    fn whatever_happened_it_ends_stopped_after_removed_and_exited(
        events in proptest::collection::vec(any_event(), 0..40),
    ) {
        let mut events = events;
        events.push(Event::Removed);
        events.push(Event::Exited(Exit::Drained));
        prop_assert_eq!(after(&events).0, State::Stopped);
    }

    #[test]
    fn a_replacement_is_never_lost(events in proptest::collection::vec(any_event(), 0..40)) {
        let mut events = events;
        let (before, _) = after(&events);
        events.push(Event::Replaced);
        let (state, effects) = after(&events);
        match state {
            // A new thread comes at once, or as soon as the old one has ended.
            State::Starting { .. } => prop_assert_eq!(effects.last(), Some(&Effect::Spawn)),
            State::Draining { then } => {
                prop_assert_eq!(then, Then::Restart);
                events.push(Event::Exited(Exit::Drained));
                let (state, effects) = after(&events);
                prop_assert_eq!(state, State::Starting { failures: 0 });
                prop_assert_eq!(effects.last(), Some(&Effect::Spawn));
            }
            other @ (State::Running { .. }
            | State::Paused { .. }
            | State::BackingOff { .. }
            | State::Halted
            | State::Stopped) => prop_assert!(false, "{:?} by Replaced in {:?}", other, before),
        }
    }

    #[test]
    fn a_thread_is_spawned_only_where_none_is(
        events in proptest::collection::vec(any_event(), 0..40),
    ) {
        let mut state = State::Stopped;
        for event in &events {
            let (next, effect) = step(state, event);
            let ended = matches!(event, Event::Exited(_));
            match effect {
                Effect::Spawn => prop_assert!(!has_thread(state) || ended, "{:?}", state),
                Effect::RequestStop => prop_assert!(has_thread(state) && !ended),
                Effect::Abandon | Effect::AbandonAndSpawn => {
                    let drains = matches!(state, State::Draining { .. });
                    prop_assert!(drains, "{:?}", state);
                }
                Effect::None | Effect::Arm(_) | Effect::Disarm | Effect::HaltPipeline => {}
            }
            state = next;
        }
    }

    #[test]
    fn failures_are_forgotten_by_a_committed_window_only(failures in 1_u32..50) {
        let mut events = vec![Event::Start];
        for _ in 0..failures {
            events.extend([Event::Ready, fault(FaultKind::Client), Event::TimerFired]);
        }
        events.push(Event::Ready);
        prop_assert_eq!(after(&events).0, State::Running { failures });
        events.push(Event::Committed);
        prop_assert_eq!(after(&events).0, State::Running { failures: 0 });
    }
}
