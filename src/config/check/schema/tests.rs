use super::{by_uri, is_legal};
use crate::config::snapshot::{SchemaFiles, Unread};
use crate::pipeline::PayloadSchema;

#[test]
fn a_schema_is_named_by_a_path_that_stays_in_its_folder() {
    for good in ["user.json", "v1/user-event_2.json", "a/b/c"] {
        assert!(is_legal(good), "{good}");
    }
    for bad in
        ["", "/etc/passwd", "../user.json", "a/../../b", "a//b", "./a", "a b", "ä.json", "a#b"]
    {
        assert!(!is_legal(bad), "{bad}");
    }
}

#[test]
fn files_are_found_by_their_place_and_by_their_own_id() {
    let mut schemas = SchemaFiles::default();
    for (file, text) in [
        ("a.json", r#"{"$id": "https://example.invalid/a.json#"}"#),
        ("old.json", r#"{"id": "urn:old"}"#),
        ("relative.json", r#"{"$id": "relative"}"#),
        ("broken.json", "{"),
    ] {
        schemas.files.insert(file.to_owned(), Ok(text.as_bytes().to_vec()));
    }
    schemas.files.insert("large.json".to_owned(), Err(Unread::TooLarge));
    let found: Vec<String> = by_uri(&schemas).into_keys().collect();
    let mut expected = vec![
        "https://example.invalid/a.json".to_owned(),
        "urn:old".to_owned(),
        PayloadSchema::uri_of("a.json"),
        PayloadSchema::uri_of("old.json"),
        PayloadSchema::uri_of("relative.json"),
    ];
    expected.sort();
    assert_eq!(found, expected);
}
