use serde_json::json;

use super::*;

#[test]
fn who_was_left_behind_is_said_above_all_and_at_the_pipeline() {
    let all_well = json!({"pipelines": [{"name": "a", "left_behind": 0}], "left_behind": []});
    assert!(!table(&all_well).contains("left behind"));
    let document = json!({
        "pipelines": [{"name": "a", "left_behind": 2}, {"name": "b", "left_behind": 0}],
        "left_behind": ["krouted/a/host/0", "krouted/a/host/0", "krouted/gone/host/1"],
    });
    let table = table(&document);
    let lines: Vec<_> = table.lines().filter(|line| line.contains("left behind")).collect();
    assert_eq!(
        lines,
        [
            "3 workers did not end when they were told to and are left behind until they end: \
             krouted/a/host/0, krouted/a/host/0, krouted/gone/host/1",
            "          2 of its workers are left behind; where a worker has 4, none is started in its place until one of them has ended",
        ]
    );
}

#[test]
fn a_daemon_that_has_read_nothing_yet_has_no_generation() {
    let table = table(&json!({"generation": null, "state_unwritten": "the disk is full"}));
    let lines: Vec<_> = table.lines().take(3).collect();
    assert_eq!(lines, ["the daemon has not read its folder yet", "the disk is full", ""]);
}

#[test]
fn who_paused_a_pipeline_is_said_by_name() {
    let remark = |by: &[&str]| {
        let table = table(&json!({"pipelines": [{"name": "a", "paused_by": by}]}));
        table.lines().last().unwrap().trim().to_owned()
    };
    assert_eq!(remark(&["file"]), "paused by its file");
    assert_eq!(remark(&["operator"]), "paused by an operator, unlike the file: `krouted resume`");
    assert_eq!(
        remark(&["file", "operator"]),
        "paused by its file, and by an operator (`krouted resume`)"
    );
}
