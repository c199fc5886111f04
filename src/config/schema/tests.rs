use super::*;

fn every_value(value: &Value, look: &mut dyn FnMut(&Value)) {
    look(value);
    match value {
        Value::Array(items) => items.iter().for_each(|v| every_value(v, look)),
        Value::Object(fields) => fields.values().for_each(|v| every_value(v, look)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_schemas_are_legal_and_compile() {
    for schema in [pipeline(), settings()] {
        assert!(jsonschema::meta::is_valid(&schema));
        assert!(jsonschema::validator_for(&schema).is_ok());
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    }
}

#[test]
fn no_field_may_be_null_or_unknown_and_no_path_leads_through_a_reference() {
    let mut pipeline = pipeline();
    // In tests a null key and a null header are what they are in Kafka.
    let tests = pipeline["properties"].as_object_mut().unwrap().shift_remove("tests").unwrap();
    every_value(&tests, &mut |value| assert!(value.get("$ref").is_none(), "{value}"));
    for schema in [pipeline, settings()] {
        every_value(&schema, &mut |value| {
            assert!(value.get("$ref").is_none(), "{value}");
            assert_ne!(value.get("type"), Some(&Value::from("null")), "{value}");
            let is_null_among =
                |v: &Value| v.as_array().is_some_and(|a| a.contains(&"null".into()));
            assert!(!value.get("type").is_some_and(is_null_among), "{value}");
            if value.get("type") == Some(&"object".into()) {
                assert!(value.get("additionalProperties").is_some(), "{value}");
            }
        });
    }
}

#[test]
fn every_field_says_what_it_is() {
    for schema in [pipeline(), settings()] {
        every_value(&schema, &mut |value| {
            let is_object = value.get("type") == Some(&"object".into());
            let fields = value.get("properties").and_then(Value::as_object).filter(|_| is_object);
            let is_variant = value.get("description").is_some() && value.get("required").is_some();
            for (name, field) in fields.into_iter().flatten().filter(|_| !is_variant) {
                // The only field of a variant is its tag, and the variant has the description.
                let is_tag = fields.is_some_and(|f| f.len() == 1);
                assert!(is_tag || field.get("description").is_some(), "{name}: {field}");
            }
        });
    }
}
