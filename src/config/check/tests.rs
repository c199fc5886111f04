use crate::config::check::{cores, workers_for};
use crate::config::{AnyProperty, Environment, Snapshot, SnapshotFile, check};

#[test]
fn auto_is_half_of_the_cores_from_one_to_four() {
    let workers = [1, 2, 3, 4, 7, 8, 9, 64].map(|cores| workers_for(cores).get());
    assert_eq!(workers, [1, 1, 1, 2, 3, 4, 4, 4]);
}

#[test]
fn a_file_may_leave_the_number_of_workers_to_the_machine() {
    let text = "version: 1\nname: p\nsource: {topics: [a], start: latest}\ndelivery: exactly_once\n\
                workers: auto\nsinks: {out: {kafka: {topic: b}}}\n";
    let file = SnapshotFile { path: "p.yaml".to_owned(), content: Ok(text.into()) };
    let snapshot = Snapshot { files: vec![file], ..Snapshot::default() };
    let checked = check(&snapshot, None, &Environment::Unknown, &AnyProperty);
    let workers: Vec<_> = checked.pipelines.iter().map(|p| p.workers).collect();
    assert_eq!(workers, [workers_for(cores())]);
}
