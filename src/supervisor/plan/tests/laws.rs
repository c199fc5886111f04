//! What holds for any two sets.

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;
use crate::model::GroupId;
use crate::pipeline::{Delivery, Source, Start, WindowLimits, sample};

/// Pipelines with some of these names, each in a group of its own, that differ in some fields.
fn any_set() -> impl Strategy<Value = Set> {
    let names = subsequence(vec!["a", "b", "c", "d", "e"], 0..=5);
    let groups = Just(vec!["g1", "g2", "g3", "g4", "g5"]).prop_shuffle();
    let fields = prop::collection::vec((0..3_u8, 0..2_u8, 0..2_u8), 5);
    (names, groups, fields, 0..2_u8).prop_map(|(names, groups, fields, connection)| {
        let members = names.iter().zip(groups).zip(fields);
        let pipelines = members.map(|((name, group), (swap, restart, start))| {
            let pipeline = Arc::new(pipeline(name, group, [swap, restart, start]));
            (pipeline.name.clone(), pipeline)
        });
        let cluster = ClusterName::new("default").unwrap();
        Set {
            pipelines: pipelines.collect(),
            connections: [(cluster, connection.to_string())].into(),
            ..Set::default()
        }
    })
}

fn pipeline(name: &str, group: &str, [swap, restart, start]: [u8; 3]) -> Pipeline {
    let base = sample::pipeline(Delivery::ExactlyOnce(WindowLimits::default()));
    let start = if start == 0 { Start::Earliest } else { Start::Latest };
    let workers = if restart == 0 { base.workers } else { base.workers.saturating_add(1) };
    Pipeline {
        name: PipelineName::new(name).unwrap(),
        steps: (0..swap).map(|n| sample::filter(&format!("value.a == {n}"))).collect(),
        source: Source { group: GroupId::new(group).unwrap(), start, ..base.source },
        workers,
        ..base
    }
}

/// What a supervisor does with the sets.
fn apply(plan: &Plan, running: &Set, wanted: &Set) -> Set {
    let mut pipelines = running.pipelines.clone();
    for change in &plan.changes {
        let new = || Arc::clone(&wanted.pipelines[&change.name]);
        match &change.kind {
            Kind::Stop => drop(pipelines.remove(&change.name)),
            Kind::Rename { from } => {
                assert!(pipelines.remove(from).is_some(), "{from} did not run");
                pipelines.insert(change.name.clone(), new());
            }
            Kind::Start => assert!(pipelines.insert(change.name.clone(), new()).is_none()),
            Kind::Unchanged | Kind::Swap { .. } | Kind::Restart | Kind::Regroup => {
                assert!(pipelines.insert(change.name.clone(), new()).is_some());
            }
        }
    }
    Set { pipelines, connections: wanted.connections.clone(), ..Set::default() }
}

fn definitions(set: &Set) -> Vec<Definition> {
    set.pipelines.values().map(|p| Definition::of(p)).collect()
}

/// A text with its keys in some order, and comments between them.
fn shuffled() -> impl Strategy<Value = String> {
    let mut parts: Vec<String> = Vec::new();
    for line in FILE.lines() {
        match parts.last_mut() {
            Some(last) if line.starts_with(' ') => *last = format!("{last}\n{line}"),
            Some(_) | None => parts.push(line.to_owned()),
        }
    }
    let comments = prop::collection::vec("(# [a-z: ]{0,9})?", parts.len());
    (Just(parts).prop_shuffle(), comments).prop_map(|(parts, comments)| {
        let lines =
            parts.iter().zip(comments).map(|(part, comment)| format!("{comment}\n{part}\n"));
        lines.collect()
    })
}

proptest! {
    #[test]
    fn applying_the_plan_gives_the_wanted_set(running in any_set(), wanted in any_set()) {
        let applied = apply(&plan(&running, &wanted, Removals::Allowed), &running, &wanted);
        prop_assert_eq!(definitions(&applied), definitions(&wanted));
    }

    #[test]
    fn the_plan_of_the_applied_is_empty(running in any_set(), wanted in any_set()) {
        let applied = apply(&plan(&running, &wanted, Removals::Allowed), &running, &wanted);
        let again = plan(&applied, &wanted, Removals::Refused);
        prop_assert!(!again.has_changes() && again.held.is_none());
        prop_assert!(again.changes.iter().all(|change| change.fields.is_empty()));
    }

    #[test]
    fn a_change_stays_in_its_group_unless_it_says_otherwise(running in any_set(), wanted in any_set()) {
        for change in plan(&running, &wanted, Removals::Allowed).changes {
            let before = match &change.kind {
                Kind::Rename { from } => from,
                Kind::Unchanged | Kind::Swap { .. } | Kind::Restart => &change.name,
                Kind::Regroup | Kind::Start | Kind::Stop => continue,
            };
            prop_assert_eq!(group(&running.pipelines[before]), group(&wanted.pipelines[&change.name]));
        }
    }

    #[test]
    fn comments_and_the_order_of_keys_never_matter(text in shuffled()) {
        let plan = plan(&set(&[FILE]), &set(&[&text]), Removals::Refused);
        prop_assert!(!plan.has_changes());
        prop_assert!(plan.changes[0].fields.is_empty());
    }
}
