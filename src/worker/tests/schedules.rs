//! Random schedules of blows, refusals and moves of partitions.

use proptest::prelude::*;

use super::cluster::{Blow, How, Input, Refuses};
use super::rig::{KEYS, Rig};
use crate::pipeline::{Delivery, sample};
use crate::worker::Exit;

fn how() -> impl Strategy<Value = How> {
    prop::sample::select(vec![How::Abort, How::Rebuild, How::Fault])
}

fn blow() -> impl Strategy<Value = Blow> {
    prop_oneof![
        3 => how().prop_map(Blow::Fails),
        2 => how().prop_map(Blow::FailsLate),
        1 => Just(Blow::Kill),
        1 => Just(Blow::KillLate),
        4 => (1_u8..8).prop_map(Blow::Revoke),
        4 => (1_u8..8).prop_map(Blow::Lose),
    ]
}

fn script() -> impl Strategy<Value = Vec<(usize, Blow)>> {
    prop::collection::vec((0_usize..300, blow()), 0..25)
}

fn record() -> impl Strategy<Value = Input> {
    let outputs = prop_oneof![
        12 => Just(Refuses::Nobody),
        1 => Just(Refuses::Broker),
        1 => Just(Refuses::Client),
    ];
    (prop::sample::select(KEYS.to_vec()), outputs).prop_map(|(key, outputs)| Input {
        key,
        outputs,
        letter: Refuses::Nobody,
    })
}

fn partitions() -> impl Strategy<Value = Vec<Vec<Input>>> {
    prop::collection::vec(prop::collection::vec(record(), 0..25), 1..4)
}

fn rig(
    delivery: Delivery,
    partitions: &[Vec<Input>],
    fetch: usize,
    script: &[(usize, Blow)],
) -> Rig {
    let rig = Rig::new(delivery, partitions.to_vec());
    rig.cluster.lock().fetch = fetch;
    rig.scripted(script.iter().copied())
}

fn all_done(rig: &Rig) -> bool {
    rig.cluster.lock().is_done()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn exactly_once_holds_under_any_schedule(
        partitions in partitions(), script in script(), max in 1_u32..12, fetch in 1_usize..6,
    ) {
        let rig = rig(Delivery::ExactlyOnce(sample::limits(max)), &partitions, fetch, &script);
        prop_assert_eq!(rig.run(), Exit::Drained);
        prop_assert!(all_done(&rig));
        rig.check_exactly_once();
        if script.iter().all(|(_, b)| !matches!(b, Blow::FailsLate(_) | Blow::KillLate)) {
            rig.check_counters();
        }
    }

    #[test]
    fn at_least_once_holds_under_any_schedule(
        partitions in partitions(), script in script(), max in 1_u32..12, fetch in 1_usize..6,
    ) {
        let rig = rig(Delivery::AtLeastOnce(sample::limits(max)), &partitions, fetch, &script);
        prop_assert_eq!(rig.run(), Exit::Drained);
        prop_assert!(all_done(&rig));
        rig.check_at_least_once();
    }

    #[test]
    fn at_most_once_holds_under_any_schedule(
        partitions in partitions(), script in script(), fetch in 1_usize..6,
    ) {
        let rig = rig(Delivery::AtMostOnce, &partitions, fetch, &script);
        prop_assert_eq!(rig.run(), Exit::Drained);
        prop_assert!(all_done(&rig));
        rig.check_at_most_once();
    }
}

proptest! {
    // Each case starts threads.
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn exactly_once_holds_while_partitions_move_between_workers(
        partitions in partitions(),
        script in script(),
        order in prop::collection::vec(0_u8..3, 1..40),
        max in 1_u32..12,
    ) {
        let rig = rig(Delivery::ExactlyOnce(sample::limits(max)), &partitions, 3, &script);
        for exit in rig.run_group(3, order) {
            prop_assert_eq!(exit, Exit::Drained);
        }
        prop_assert!(all_done(&rig));
        rig.check_exactly_once();
    }

    #[test]
    fn at_least_once_holds_while_partitions_move_between_workers(
        partitions in partitions(),
        script in script(),
        order in prop::collection::vec(0_u8..2, 1..40),
    ) {
        let rig = rig(Delivery::AtLeastOnce(sample::limits(7)), &partitions, 3, &script);
        for exit in rig.run_group(2, order) {
            prop_assert_eq!(exit, Exit::Drained);
        }
        rig.check_at_least_once();
    }

    #[test]
    fn no_partition_goes_back_to_older_rules_while_partitions_move_between_workers(
        partitions in partitions(),
        script in script(),
        offers in prop::collection::btree_set(0_usize..300, 1..6),
        order in prop::collection::vec(0_u8..3, 1..40),
        max in 1_u32..12,
    ) {
        let rig = rig(Delivery::ExactlyOnce(sample::limits(max)), &partitions, 3, &script);
        let rig = rig.offering(offers);
        for exit in rig.run_group(3, order) {
            prop_assert_eq!(exit, Exit::Drained);
        }
        prop_assert!(all_done(&rig));
        rig.check_exactly_once();
        rig.check_rules();
    }
}
