use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{CompiledSchema, SchemaError};
use crate::model::{Rejection, Stage};
use crate::pipeline::PayloadSchema;

fn schema(root: Value, others: &[(&str, Value)]) -> PayloadSchema {
    let uri = |(file, value): &(&str, Value)| (PayloadSchema::uri_of(file), value.clone());
    PayloadSchema {
        file: "s.json".into(),
        root: Arc::new(root),
        others: Arc::new(others.iter().map(uri).collect::<BTreeMap<_, _>>()),
    }
}

fn compiled(root: Value) -> CompiledSchema {
    CompiledSchema::new(&schema(root, &[])).unwrap().0
}

fn rejected(schema: &CompiledSchema, value: &str) -> Rejection {
    schema.check(value.as_bytes(), "steps[0]").unwrap_err()
}

#[test]
fn a_value_that_fits_passes_and_another_is_told_by_pointer_and_rule() {
    let user = compiled(json!({
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "integer", "minimum": 1},
            "mail": {"type": "string", "pattern": "^[a-z]+@"},
            "roles": {"type": "array", "items": {"enum": ["admin", "guest"]}},
        },
    }));
    assert_eq!(user.check(br#"{"id": 7, "mail": "a@b", "roles": ["guest"]}"#, "r"), Ok(()));
    for (value, pointer, rule) in [
        (r#"{"id": "secret"}"#, "/id", "type"),
        (r#"{"id": 0}"#, "/id", "minimum"),
        (r#"{"id": 1, "mail": "secret"}"#, "/mail", "pattern"),
        (r#"{"id": 1, "roles": ["guest", "secret"]}"#, "/roles/1", "enum"),
        (r#"{"mail": "secret@x"}"#, "", "required"),
        (r#"["secret"]"#, "", "type"),
    ] {
        let rejection = rejected(&user, value);
        assert_eq!((rejection.stage, &*rejection.rule), (Stage::Validate, "steps[0]"), "{value}");
        let reason = &rejection.reason;
        assert!(reason.contains(pointer) && reason.contains(rule), "{value}: {reason}");
        assert!(!reason.contains("secret"), "the payload is in it: {reason}");
    }
}

#[test]
fn what_is_no_json_is_a_matter_of_the_format() {
    let any = compiled(json!(true));
    assert_eq!(any.check(b"[1, {}]", "r"), Ok(()));
    for value in ["", "{", "{\"a\":1,}", "nul", "1 2"] {
        assert_eq!(rejected(&any, value).stage, Stage::Decode, "{value}");
    }
    let twice = rejected(&any, r#"{"a": {"b": 1, "b": 2}}"#);
    assert_eq!(twice.stage, Stage::Decode);
    assert!(twice.reason.contains("twice"), "{}", twice.reason);
}

#[test]
fn deep_values_are_refused_and_never_a_crash() {
    let any = compiled(json!({"items": {"$ref": "#"}}));
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(any.check(nested(100).as_bytes(), "r"), Ok(()));
    assert_eq!(rejected(&any, &nested(128)).stage, Stage::Validate);
    assert_eq!(rejected(&any, &nested(100_000)).stage, Stage::Decode);
}

#[test]
fn references_lead_to_files_of_the_folder_and_nowhere_else() {
    let other = ("parts/id.json", json!({"type": "integer"}));
    let root = json!({"properties": {"id": {"$ref": "parts/id.json"}}});
    let (found, used) = CompiledSchema::new(&schema(root.clone(), &[other])).unwrap();
    assert_eq!(used.into_iter().collect::<Vec<_>>(), [PayloadSchema::uri_of("parts/id.json")]);
    assert_eq!(rejected(&found, r#"{"id": "x"}"#).stage, Stage::Validate);

    let missing = CompiledSchema::new(&schema(root, &[])).unwrap_err();
    assert_eq!(missing, SchemaError::Unknown { uri: PayloadSchema::uri_of("parts/id.json") });
    let remote = json!({"$ref": "https://example.invalid/s.json"});
    let remote = CompiledSchema::new(&schema(remote, &[])).unwrap_err();
    assert_eq!(remote, SchemaError::Unknown { uri: "https://example.invalid/s.json".into() });
}

#[test]
fn what_is_no_schema_does_not_compile() {
    for root in [json!({"type": "strin"}), json!({"pattern": 1}), json!({"minimum": "1"})] {
        let error = CompiledSchema::new(&schema(root.clone(), &[])).unwrap_err();
        assert!(matches!(error, SchemaError::Invalid { .. }), "{root}: {error:?}");
    }
}

#[test]
fn why_a_schema_does_not_compile_is_told_apart() {
    let large = "(a{1000}){1000}";
    let pattern = |pattern: &str, at: &str| SchemaError::Pattern {
        pattern: pattern.to_owned(),
        at: at.to_owned(),
    };
    for (root, expected) in [
        (json!({"pattern": "("}), pattern("(", "/pattern")),
        (json!({"properties": {"a": {"pattern": large}}}), pattern(large, "/properties/a/pattern")),
        (
            json!({"patternProperties": {large: {"type": "null"}}}),
            pattern(large, "/patternProperties/(a{1000}){1000}"),
        ),
        (
            json!({"$ref": "#/nope"}),
            SchemaError::NoSuchPart { what: "Pointer '/nope' does not exist".to_owned() },
        ),
        (
            json!({"$schema": "http://json-schema.org/draft-03/schema#"}),
            SchemaError::NoDraft { draft: "http://json-schema.org/draft-03/schema#".to_owned() },
        ),
    ] {
        let error = CompiledSchema::new(&schema(root.clone(), &[])).unwrap_err();
        assert_eq!(error, expected, "{root}");
    }
}
