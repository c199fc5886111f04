//! Lookups find what the predicates would, one by one.

use proptest::prelude::*;

use super::{Predicate, Verdict, predicate, scanned, with_record};
use crate::expression::{Found, Lookup, Scope};
use crate::json::Paths;

fn lookup_of(texts: &[&str]) -> Option<Lookup> {
    let predicates: Vec<_> = texts.iter().map(|t| Predicate::parse(t).unwrap().value).collect();
    Lookup::of(&predicates.iter().map(Some).collect::<Vec<_>>())
}

/// What each predicate in turn says.
fn one_by_one(texts: &[&str], value: &str) -> Found {
    let mut found = Found::NoMatch;
    for (index, text) in texts.iter().enumerate() {
        match super::eval(text, Some(value)) {
            Verdict::True => return Found::Matched(index),
            Verdict::False => {}
            Verdict::Missing => found = Found::Missing,
            Verdict::Error(error) => panic!("{text}: {error}"),
        }
    }
    found
}

fn looked_up(texts: &[&str], value: &str) -> Found {
    let mut paths = Paths::default();
    let lookup = lookup_of(texts).unwrap().bind(&mut paths);
    with_record(Some(value), |record| {
        let slots = scanned(&paths, record);
        lookup.eval(&Scope { record, slots: &slots })
    })
}

#[test]
fn only_one_field_strings_and_integers_are_looked_up() {
    for (texts, is) in [
        (vec![r#"value.a == "x""#, r#"value.a in ["y"]"#], true),
        (vec![r#""x" == value.a"#, r#"value.a == "y""#], true),
        (vec![r#"headers["a"] == "x""#, r#"headers["a"] == "y""#], true),
        (vec![r#"value.a == "x""#], false),
        (vec![r#"value.a == "x""#, r#"value.b == "x""#], false),
        (vec![r#"value.a == "x""#, "value.a == 1"], true),
        (vec!["value.a in [1, 2]", r#"value.a in [-3, "x"]"#], true),
        (vec!["partition == 0", "partition == 1"], true),
        (vec!["value.a == 1", "value.a == 1.5"], false),
        (vec!["value.a == 1", "value.a == true"], false),
        (vec!["value.a == 1", "value.a == 18446744073709551615u"], false),
        (vec![r#"value.a == "x""#, r#"value.a != "y""#], false),
        (vec![r#"value.a == "x""#, r#"value.a in ["y", null]"#], false),
        (vec![r#"value.a == "x""#, r#"value.a == "y" && true"#], false),
    ] {
        assert_eq!(lookup_of(&texts).is_some(), is, "{texts:?}");
    }
    let (one, _) = (Predicate::parse(r#"key == "a""#).unwrap().value, predicate("true"));
    assert!(Lookup::of(&[None, Some(&one), Some(&one)]).is_none());
    assert!(Lookup::of(&[]).is_none());
}

proptest! {
    #[test]
    fn lookups_find_what_comparisons_find(
        routes in proptest::collection::vec(proptest::collection::vec("[a-cé]{1,2}", 1..4), 2..6),
        value in prop_oneof![
            "[a-cé]{1,2}".prop_map(|text| format!("{{\"f\":\"{text}\"}}")),
            "[a-c]{1}".prop_map(|text| format!("{{\"f\":\"\\u00{:02x}\"}}", text.as_bytes()[0])),
            Just("{\"f\":null}".to_owned()),
            Just("{\"f\":1}".to_owned()),
            Just("{}".to_owned()),
        ],
    ) {
        let texts: Vec<_> = routes.iter().map(|list| format!("value.f in {list:?}")).collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        prop_assert_eq!(looked_up(&texts, &value), one_by_one(&texts, &value));
    }

    #[test]
    fn lookups_find_the_integers_that_comparisons_find(
        routes in proptest::collection::vec(proptest::collection::vec(-3_i64..4, 1..4), 2..6),
        value in prop_oneof![
            (-4_i64..5).prop_map(|number| number.to_string()),
            (-4_i64..5).prop_map(|number| format!("{number}.0")),
            (1_i64..5).prop_map(|number| format!("{number}0e-1")),
            (-4_i64..5).prop_map(|number| format!("{number}.5")),
            Just("-0.0".to_owned()),
            Just("1e400".to_owned()),
            Just("18446744073709551615".to_owned()),
            Just("\"1\"".to_owned()),
            Just("true".to_owned()),
            Just("null".to_owned()),
        ],
    ) {
        let texts: Vec<_> = routes.iter().map(|list| format!("value.f in {list:?}")).collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let value = format!("{{\"f\":{value}}}");
        prop_assert_eq!(looked_up(&texts, &value), one_by_one(&texts, &value));
    }

    #[test]
    fn lookups_find_the_greatest_integers(number in prop_oneof![
        Just(i64::MIN), Just(i64::MAX), Just(1_i64 << 53), Just((1_i64 << 53) + 1),
    ], value in prop_oneof![
        Just("-9223372036854775808"), Just("9223372036854775807"), Just("9223372036854775808.0"),
        Just("-9223372036854775808.0"), Just("9007199254740993"), Just("9007199254740993.0"),
    ]) {
        let texts = [format!("value.f == {number}"), "value.f == 0".to_owned()];
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let value = format!("{{\"f\":{value}}}");
        prop_assert_eq!(looked_up(&texts, &value), one_by_one(&texts, &value));
    }
}
