use crate::config::{AnyProperty, Checked, Environment, Snapshot, SnapshotFile, check};

struct Pipe<'a> {
    name: &'a str,
    cluster: &'a str,
    reads: &'a str,
    writes: &'a str,
    group: &'a str,
}

fn checked(pipes: &[Pipe<'_>]) -> Checked {
    let file = |p: &Pipe<'_>| {
        let Pipe { name, cluster, reads, writes, group } = p;
        let text = format!(
            "version: 1\nname: {name}\ncluster: {cluster}\ndelivery: at_most_once\n\
             source: {{{reads}, group: {group}, start: latest}}\nsinks: {{out: {{kafka: {{topic: {writes}}}}}}}\n"
        );
        SnapshotFile { path: format!("{name}.yaml"), content: Ok(text.into_bytes()) }
    };
    let files = pipes.iter().map(file).collect();
    check(&Snapshot { files, ..Snapshot::default() }, None, &Environment::Unknown, &AnyProperty)
}

fn codes(checked: &Checked) -> Vec<&'static str> {
    checked.findings.iter().map(|f| f.code).collect()
}

const A: Pipe<'_> =
    Pipe { name: "a", cluster: "one", reads: "topics: [x]", writes: "y-y", group: "g" };

#[test]
fn on_two_clusters_the_same_names_of_groups_and_topics_are_two_things() {
    let b = Pipe { name: "b", cluster: "two", reads: "topics: [y-y]", writes: "x", group: "g" };
    let c = Pipe { name: "c", cluster: "two", reads: "pattern: 'y.*'", writes: "z", group: "h" };
    let checked = checked(&[A, b, c]);
    assert!(checked.findings.is_empty(), "{:?}", codes(&checked));
    assert_eq!(checked.pipelines.len(), 3);
}

#[test]
fn of_two_pipelines_with_one_group_none_runs_and_a_third_does() {
    let b = Pipe { name: "b", reads: "topics: [v]", writes: "w", ..A };
    let c = Pipe { name: "c", reads: "topics: [v]", writes: "w", group: "h", ..A };
    let checked = checked(&[A, b, c]);
    assert_eq!(codes(&checked), ["K0502", "K0502"]);
    let names: Vec<_> = checked.pipelines.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["c"]);
}

#[test]
fn a_pattern_over_an_unknown_topic_is_no_finding() {
    let b = Pipe { name: "b", reads: "pattern: 'y.*'", writes: "\"${TOPIC}\"", group: "h", ..A };
    let c = Pipe { writes: "\"${TOPIC}\"", ..A };
    let checked = checked(&[b, c]);
    assert!(checked.findings.is_empty(), "{:?}", codes(&checked));
    assert!(checked.pipelines.is_empty());
}

#[test]
fn each_circle_is_said_once_and_its_pipelines_run() {
    let pipe = |name, reads, writes, group| Pipe { name, reads, writes, group, ..A };
    let checked = checked(&[
        pipe("a", "topics: [1-a]", "1-b", "ga"),
        pipe("b", "topics: [1-b]", "1-c", "gb"),
        pipe("c", "topics: [1-c]", "1-a", "gc"),
        pipe("d", "topics: [2-a]", "2-b", "gd"),
        pipe("e", "topics: [2-b]", "2-a", "ge"),
        pipe("f", "topics: [1-a, 2-a]", "3-a", "gf"),
    ]);
    assert_eq!(codes(&checked), ["K0505", "K0505"]);
    assert_eq!(checked.pipelines.len(), 6);
}
