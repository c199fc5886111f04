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
