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
        "additionalProperties": {"type": "number"},
    }));
    assert_eq!(user.check(br#"{"id": 7, "mail": "a@b", "roles": ["guest"]}"#, "r"), Ok(()));
    for (value, pointer, rule) in [
        (r#"{"id": "secret"}"#, "/id", "type"),
        (r#"{"id": 0}"#, "/id", "minimum"),
        (r#"{"id": 1, "mail": "secret"}"#, "/mail", "pattern"),
        (r#"{"id": 1, "roles": ["guest", "secret"]}"#, "/roles/1", "enum"),
        (r#"{"id": 1, "5100": "secret"}"#, "/*", "type"),
        (r#"{"mail": "secret@x"}"#, "", "required"),
        (r#"["secret"]"#, "", "type"),
    ] {
        let rejection = rejected(&user, value);
        assert_eq!((rejection.stage, &*rejection.rule), (Stage::Validate, "steps[0]"), "{value}");
        let reason = &rejection.reason;
        assert!(reason.contains(pointer) && reason.contains(rule), "{value}: {reason}");
        let is_shown = reason.contains("secret") || reason.contains("5100");
        assert!(!is_shown, "the payload is in it: {reason}");
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

/// Each level asks both branches, which are the schema itself: 2 to the power of the depth.
#[test]
fn a_schema_that_branches_back_to_itself_takes_bounded_time() {
    let nested = |leaf: &str| format!("{}{leaf}{}", r#"{"a":"#.repeat(100), "}".repeat(100));
    for (keyword, both_fit) in [("anyOf", true), ("oneOf", false), ("allOf", true)] {
        let schema = compiled(json!({
            "if": {"type": "object"},
            "then": {"properties": {"a": {keyword: [{"$ref": "#"}, {"$ref": "#"}]}}},
            "else": {"const": 1},
        }));
        let fits = |leaf| schema.check(nested(leaf).as_bytes(), "r").is_ok();
        assert_eq!(fits("1"), both_fit, "{keyword}");
        assert!(!fits("2"), "{keyword}");
        if !both_fit {
            assert_eq!(rejected(&schema, &nested("1")).reason, super::UNSAID);
        }
    }
}

#[test]
fn a_schema_that_asks_too_much_of_a_value_refuses_it() {
    let all: Vec<_> =
        (0..1000).map(|limit| json!({"additionalProperties": {"maximum": limit}})).collect();
    let schema = compiled(json!({"allOf": all}));
    let object = |members| {
        let members: Vec<_> = (0..members).map(|i| format!(r#""m{i}":0"#)).collect();
        format!("{{{}}}", members.join(","))
    };
    assert_eq!(schema.check(object(50).as_bytes(), "r"), Ok(()));
    assert_eq!(rejected(&schema, &object(500)).reason, super::UNANSWERED);
}

#[test]
fn what_a_record_may_cost_does_not_grow_with_it_without_end() {
    use super::node::{VISITS_MAX, Visits};
    let left = |visits: Visits| visits.left();
    assert!(left(Visits::of(1_000)) < left(Visits::of(10_000)));
    assert_eq!(left(Visits::of(1 << 30)), VISITS_MAX);
    assert_eq!(left(Visits::of(usize::MAX)), VISITS_MAX);
    assert!(left(Visits::for_reason(usize::MAX)) < VISITS_MAX);
}

/// `$defs` of so many schemas, each of which leads to the next one; the last is the root, deeper in the value.
fn chain(keyword: &str, links: usize) -> Value {
    let lead = |to: String| match keyword {
        "$ref" => json!({"$ref": to}),
        several => json!({several: [{"$ref": to}]}),
    };
    let link = |n| (format!("d{n}"), lead(format!("#/$defs/d{}", n + 1)));
    let mut defs: serde_json::Map<_, _> = (0..links).map(link).collect();
    defs.insert(
        format!("d{links}"),
        json!({"properties": {"a": {"$ref": "#"}}, "not": {"const": 2}}),
    );
    json!({"$ref": "#/$defs/d0", "$defs": defs})
}

#[test]
fn a_long_chain_of_rules_is_refused_and_one_below_never_exhausts_the_stack() {
    let nested = format!("{}1{}", r#"{"a":"#.repeat(126), "}".repeat(126));
    for keyword in ["$ref", "anyOf", "allOf", "oneOf"] {
        let per_link = if keyword == "$ref" { 1 } else { 2 };
        let error = CompiledSchema::new(&schema(chain(keyword, 300 / per_link), &[])).unwrap_err();
        assert!(matches!(error, SchemaError::TooLong { .. }), "{keyword}: {error:?}");
        let error = CompiledSchema::new(&schema(chain(keyword, 20_000), &[])).unwrap_err();
        assert!(matches!(error, SchemaError::TooLong { .. }), "{keyword}: {error:?}");
        let just_legal = compiled(chain(keyword, 240 / per_link));
        assert_eq!(just_legal.check(nested.as_bytes(), "r"), Ok(()), "{keyword}");
        // To say why takes more of the stack than to say no.
        let reason = rejected(&just_legal, &nested.replace('1', "2")).reason;
        assert_eq!(reason, super::UNSAID, "{keyword}");
        let reason = rejected(&just_legal, r#"{"a": {"a": {"a": 2}}}"#).reason;
        assert!(reason.contains(" breaks the rule `"), "{keyword}: {reason}");
    }
}

#[test]
fn a_circle_is_found_whatever_its_references_are() {
    let id = "https://example.invalid/x";
    for root in [
        json!({"$ref": "#"}),
        json!({"$id": id, "$ref": id}),
        json!({"$id": id, "allOf": [{"$ref": "x"}]}),
        json!({"$anchor": "r", "allOf": [{"$ref": "#r"}]}),
        json!({"$dynamicAnchor": "r", "allOf": [{"$dynamicRef": "#r"}]}),
        json!({"$schema": "https://json-schema.org/draft/2019-09/schema", "anyOf": [{"$recursiveRef": "#"}]}),
        json!({"dependentSchemas": {"a": {"$ref": "#"}}}),
        json!({"$ref": "#/%24defs/x", "$defs": {"x": {"$ref": "#/$defs/x"}}}),
        json!({"properties": {"a": {"not": {"$ref": "#/properties/a"}}}}),
    ] {
        let found = CompiledSchema::new(&schema(root.clone(), &[]));
        assert!(matches!(found, Err(SchemaError::Circle { .. })), "{root}: {found:?}");
    }
    for root in [
        json!({"properties": {"a": {"$ref": "#"}}}),
        json!({"examples": [{"$ref": "#/examples/0"}]}),
        json!({"properties": {"a": {"const": {"$ref": "#/properties/a/const"}}}}),
        json!({"$schema": "http://json-schema.org/draft-07/schema#",
            "properties": {"a": {"$ref": "#/definitions/x", "allOf": [{"$ref": "#/properties/a"}]}},
            "definitions": {"x": {"type": "string"}}}),
    ] {
        let found = CompiledSchema::new(&schema(root.clone(), &[]));
        assert!(found.is_ok(), "{root}: {found:?}");
    }
}
