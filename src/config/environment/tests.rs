use super::*;

fn known() -> Environment {
    let set = [("A", "1"), ("B", "two words"), ("EMPTY", "")];
    Environment::Known(set.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
}

fn text(text: &str) -> Interpolated {
    Interpolated::Text(text.to_owned())
}

#[test]
fn references_are_replaced_by_values_and_defaults() {
    for (given, expected) in [
        ("", ""),
        ("orders", "orders"),
        ("${A}", "1"),
        ("a-${A}-${B}", "a-1-two words"),
        ("${NOT_SET:-x}", "x"),
        ("${NOT_SET:-}", ""),
        ("${EMPTY:-x}", "x"),
        ("${A:-x}", "1"),
        ("$A $ {A}", "$A $ {A}"),
        ("$${A}", "${A}"),
        ("$$${A}", "$${A}"),
        ("}${A}{", "}1{"),
        ("${NOT_SET:-a:-b}", "a:-b"),
    ] {
        assert_eq!(known().interpolate(given), Ok(text(expected)), "{given}");
    }
}

#[test]
fn a_value_is_not_looked_into_again() {
    let environment = Environment::Known([("A".to_owned(), "${B}".to_owned())].into());
    assert_eq!(environment.interpolate("${A}"), Ok(text("${B}")));
}

#[test]
fn a_reference_that_cannot_be_followed_is_refused() {
    for (given, expected) in [
        ("${NOT_SET}", BadReference::NotSet("NOT_SET".to_owned())),
        ("${EMPTY}", BadReference::NotSet("EMPTY".to_owned())),
        ("${}", BadReference::Name(String::new())),
        ("${1A}", BadReference::Name("1A".to_owned())),
        ("${a b}", BadReference::Name("a b".to_owned())),
        ("x${A", BadReference::Open),
    ] {
        assert_eq!(known().interpolate(given), Err(expected), "{given}");
    }
}

#[test]
fn where_nobody_knows_the_variables_a_text_is_unknown_but_for_defaults() {
    assert_eq!(Environment::Unknown.interpolate("${A}"), Ok(Interpolated::Unknown));
    assert_eq!(Environment::Unknown.interpolate("${A:-x}"), Ok(text("x")));
    assert_eq!(Environment::Unknown.interpolate("a"), Ok(text("a")));
    assert!(Environment::Unknown.interpolate("${A b}").is_err());
}
