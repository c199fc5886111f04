use super::*;
use crate::config::{AnyProperty, Environment, Snapshot, SnapshotFile, Unread, check};

/// A definition of that name, in that group, with that topic.
fn file(name: &str, group: &str, topic: &str) -> String {
    format!(
        "version: 1\nname: {name}\nsource: {{topics: ['{topic}'], group: {group}, start: latest}}\n\
         delivery: at_most_once\nsinks: {{out: {{kafka: {{topic: out-{topic}}}}}}}\n"
    )
}

fn checked(files: &[(&str, &str)]) -> Checked {
    let file = |(path, text): &(&str, &str)| SnapshotFile {
        path: (*path).to_owned(),
        content: if *text == UNREADABLE {
            Err(Unread::Refused("no".to_owned()))
        } else {
            Ok(text.as_bytes().to_vec())
        },
    };
    let snapshot = Snapshot { files: files.iter().map(file).collect(), ..Snapshot::default() };
    check(&snapshot, None, &Environment::Known(BTreeMap::new()), &AnyProperty)
}

const UNREADABLE: &str = "UNREADABLE";
const NAMELESS: &str = "version: 1\nname: [";

/// What shall run after the files were as `before` and are as `after`: `name topic origin`.
fn after(before: &[(&str, &str)], after: &[(&str, &str)]) -> (Vec<String>, Wanted) {
    let was = wanted(&LastGood::new(), &checked(before), ReloadPolicy::PerPipeline);
    assert!(!was.is_rejected(), "{:?}", was.findings);
    let is = wanted(&was.last_good(), &checked(after), ReloadPolicy::PerPipeline);
    (shown(&is), is)
}

fn shown(wanted: &Wanted) -> Vec<String> {
    let line = |(name, d): (&PipelineName, &Defined)| {
        let sink = d.good.pipeline.sinks[0].topic.as_str().trim_start_matches("out-").to_owned();
        let origin = match d.origin {
            Origin::Fresh => "fresh",
            Origin::LastGood => "last",
        };
        format!("{name} {sink} {origin}")
    };
    wanted.definitions.iter().map(line).collect()
}

#[test]
fn a_bad_file_keeps_its_last_good_definition_and_all_others_apply() {
    let (a, b) = (file("a", "ga", "old"), file("b", "gb", "older"));
    let bad = file("a", "ga", "new").replace("latest", "lastest");
    let new = file("b", "gb", "newer");
    let (shown, wanted) =
        after(&[("a.yaml", &a), ("b.yaml", &b)], &[("a.yaml", &bad), ("b.yaml", &new)]);
    assert_eq!(shown, ["a old last", "b newer fresh"]);
    assert!(wanted.is_rejected());
    assert_eq!(wanted.removals_held_back, None);
}

#[test]
fn a_definition_whose_own_test_fails_is_refused_as_one_with_findings() {
    let cases = |topic: &str, sink: &str| {
        let tests = "tests:\n  - {name: one goes out, given: {value: {}}, expect: [{sink: ";
        format!("{}{tests}{sink}}}]}}\n", file("a", "ga", topic))
    };
    let made = |text: &str, topic: &str| {
        let mut checked = checked(&[("a.yaml", text), ("b.yaml", &file("b", "gb", topic))]);
        checked.refuse_failing();
        checked
    };
    let was =
        wanted(&LastGood::new(), &made(&cases("old", "out"), "old"), ReloadPolicy::PerPipeline);
    assert_eq!(shown(&was), ["a old fresh", "b old fresh"], "{:?}", was.findings);
    // Never good: not there. Good before: as it was. The neighbour applies.
    let bad = made(&cases("new", "out").replace("[{sink: out}]", "[]"), "new");
    let finding = bad.findings.iter().find(|f| f.code == "K0907").unwrap();
    assert!(finding.message.contains("one goes out"), "{}", finding.message);
    assert_eq!(bad.pipelines.len(), bad.cases.len());
    let first = wanted(&LastGood::new(), &bad, ReloadPolicy::PerPipeline);
    assert_eq!(shown(&first), ["b new fresh"]);
    assert!(first.is_rejected());
    let is = wanted(&was.last_good(), &bad, ReloadPolicy::PerPipeline);
    assert_eq!(shown(&is), ["a old last", "b new fresh"]);
    let is = wanted(&was.last_good(), &bad, ReloadPolicy::AllOrNothing);
    assert_eq!(shown(&is), ["a old last", "b old last"]);
}

#[test]
fn a_file_that_does_not_say_its_name_is_known_by_its_path_and_holds_back_removals() {
    let (a, b) = (file("a", "ga", "x"), file("b", "gb", "y"));
    for broken in [NAMELESS, UNREADABLE, ""] {
        let (shown, wanted) = after(&[("a.yaml", &a), ("b.yaml", &b)], &[("a.yaml", broken)]);
        assert_eq!(shown, ["a x last", "b y last"]);
        let why = wanted.removals_held_back.unwrap();
        assert_eq!(why, "a.yaml does not say its name, so b may be in it");
    }
}

#[test]
fn a_file_that_is_gone_is_removed_beside_a_bad_one_that_says_its_name() {
    let (a, b) = (file("a", "ga", "x"), file("b", "gb", "y"));
    let bad = a.replace("latest", "lastest");
    let (shown, _) = after(&[("a.yaml", &a), ("b.yaml", &b)], &[("a.yaml", &bad)]);
    assert_eq!(shown, ["a x last"]);
}

#[test]
fn a_bad_file_under_a_new_name_keeps_what_it_said_under_the_old_one() {
    let a = file("a", "ga", "x");
    let bad = file("b", "ga", "x").replace("latest", "lastest");
    assert_eq!(after(&[("a.yaml", &a)], &[("a.yaml", &bad)]).0, ["a x last"]);
}

#[test]
fn a_name_used_twice_keeps_the_one_that_runs() {
    let (old, new) = (file("a", "ga", "x"), file("a", "gb", "y"));
    let (shown, _) = after(&[("a.yaml", &old)], &[("a.yaml", &old), ("b.yaml", &new)]);
    assert_eq!(shown, ["a x last"]);
}

#[test]
fn a_renamed_file_is_no_change() {
    let a = file("a", "ga", "x");
    assert_eq!(after(&[("a.yaml", &a)], &[("z.yaml", &a)]).0, ["a x fresh"]);
}

#[test]
fn a_rename_goes_through_while_removals_are_held_back() {
    let (a, b) = (file("a", "ga", "x"), file("b", "gb", "y"));
    let renamed = file("c", "gb", "y");
    let before = [("a.yaml", a.as_str()), ("b.yaml", b.as_str())];
    let (shown, wanted) = after(&before, &[("a.yaml", NAMELESS), ("b.yaml", &renamed)]);
    assert_eq!(shown, ["a x last", "c y fresh"]);
    assert_eq!(wanted.removals_held_back, None);
}

#[test]
fn a_group_that_a_last_good_definition_has_is_not_given_away() {
    let (a, b, c) = (file("a", "ga", "x"), file("b", "gb", "y"), file("c", "gc", "z"));
    let before = [("a.yaml", a.as_str()), ("b.yaml", b.as_str()), ("c.yaml", c.as_str())];
    // `b` takes the group of the broken `a`, and `c` that of `b`: neither can.
    let (b, c) = (file("b", "ga", "y"), file("c", "gb", "z"));
    let bad = "version: 1\nname: a\n";
    let (shown, wanted) = after(&before, &[("a.yaml", bad), ("b.yaml", &b), ("c.yaml", &c)]);
    assert_eq!(shown, ["a x last", "b y last", "c z last"]);
    let said: Vec<_> = wanted.findings.iter().filter(|f| f.code == "K0507").collect();
    assert_eq!(said.len(), 2);
    assert_eq!(said[0].place.text(), "ga");
}

#[test]
fn under_all_or_nothing_one_error_keeps_everything() {
    let (a, b) = (file("a", "ga", "x"), file("b", "gb", "y"));
    let was = wanted(
        &LastGood::new(),
        &checked(&[("a.yaml", &a), ("b.yaml", &b)]),
        ReloadPolicy::AllOrNothing,
    );
    let new = file("b", "gb", "new");
    let is = wanted(
        &was.last_good(),
        &checked(&[("a.yaml", NAMELESS), ("b.yaml", &new)]),
        ReloadPolicy::AllOrNothing,
    );
    assert_eq!(shown(&is), ["a x last", "b y last"]);
    assert!(is.is_rejected());
    let is = wanted(&was.last_good(), &checked(&[("b.yaml", &new)]), ReloadPolicy::AllOrNothing);
    assert_eq!(shown(&is), ["b new fresh"]);
}

#[test]
fn several_documents_of_a_file_are_each_their_own() {
    let (a, b) = (file("a", "ga", "x"), file("b", "gb", "y"));
    let both = format!("{a}---\n{b}");
    let bad = format!("{}---\n{}", a.replace("latest", "lastest"), file("b", "gb", "new"));
    assert_eq!(after(&[("f.yaml", &both)], &[("f.yaml", &bad)]).0, ["a x last", "b new fresh"]);
}
