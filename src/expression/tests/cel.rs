//! The same expression on the same record, here and in the crate `cel`: what is true or false there is so here, and what is an
//! error there is missing or an error here. The deliberate differences have a table.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value as Json;

use super::{Verdict, eval, short};

fn of_json(value: &Json) -> cel::Value {
    match value {
        Json::Null => cel::Value::Null,
        Json::Bool(value) => (*value).into(),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => int.into(),
            (None, Some(uint)) => uint.into(),
            (None, None) => number.as_f64().unwrap().into(),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(elements) => cel::Value::List(Arc::new(elements.iter().map(of_json).collect())),
        Json::Object(members) => {
            let member = |(key, value): (&String, &Json)| (key.clone().into(), of_json(value));
            let map = Arc::new(members.iter().map(member).collect());
            cel::Value::Map(cel::objects::Map { map })
        }
    }
}

/// `T`, `F`, or `-` for an error.
fn in_cel(expression: &str, value: &str) -> &'static str {
    let env = Arc::new(cel::Env::stdlib());
    let program = env.compile(expression).unwrap_or_else(|e| panic!("{expression}: {e}"));
    let mut context = cel::Context::with_env(env);
    context.add_variable_from_value("value", of_json(&serde_json::from_str(value).unwrap()));
    match program.execute(&context) {
        Ok(cel::Value::Bool(true)) => "T",
        Ok(cel::Value::Bool(false)) => "F",
        _ => "-",
    }
}

fn here(expression: &str, value: &str) -> &'static str {
    match eval(expression, Some(value)) {
        Verdict::True => "T",
        Verdict::False => "F",
        Verdict::Missing | Verdict::Error(_) => "-",
    }
}

const VALUE: &str = r#"{"i": 7, "d": 1.5, "one": 1.0, "u": 18446744073709551615, "s": "\u00e9", "nil": null, "o": {"a": 1}, "l": [1, 2]}"#;

/// `(expression, here, in the crate)`
#[test]
fn deliberate_differences() {
    for (expression, ours, theirs) in DIFFERENCES {
        assert_eq!(short(eval(expression, Some(VALUE))), *ours, "{expression}");
        assert_eq!(in_cel(expression, VALUE), *theirs, "{expression}");
    }
}

const DIFFERENCES: &[(&str, &str, &str)] = &[
    // JSON writes one number in two ways: what is an integer and what a double is not the producer's decision.
    ("value.i + 0.5 == 7.5", "T", "-"),
    ("value.one + 1 == 2", "T", "-"),
    // Signed and unsigned integers are one type, of which JSON knows only one.
    ("value.u > value.i && value.u - 1 > value.i", "T", "-"),
    ("9223372036854775807 + value.i > 0", "T", "-"),
    // What is not there has nothing in it: no error.
    ("has(value.x.y)", "F", "-"),
    ("has(value.i.y)", "F", "-"),
    // A division by zero is told apart from a great number.
    ("1.0 / (value.d - 1.5) > 1.0", "`/` divides by zero", "T"),
    ("1e308 * (value.d + 10.0) > 1.0", "the result of `*` is too great", "T"),
    // Objects and arrays are not compared in depth.
    ("value.l == value.l", "`==` compares an array with an array", "T"),
    // A number is its text, as the record has it.
    ("string(value.one) == \"1.0\"", "T", "F"),
];

/// What CEL finds out for each record is refused when it is compiled here.
#[test]
fn what_never_fits_is_refused_before_any_record() {
    for expression in ["1.5 % 2.0 == 0.5", "value.s.matches(\"(\")", "\"a\" < 1", "size(1) == 1"] {
        assert!(crate::expression::Predicate::parse(expression).is_err(), "{expression}");
        assert_eq!(in_cel(expression, VALUE), "-", "{expression}");
    }
}

fn leaf() -> impl Strategy<Value = Json> {
    prop_oneof![
        3 => (-3_i64..4).prop_map(Into::into),
        1 => proptest::sample::select(&[-1.5, 0.5, 1.0, 2.5][..]).prop_map(Into::into),
        3 => "[abé]{0,2}".prop_map(Into::into),
        1 => any::<bool>().prop_map(Into::into),
        1 => Just(Json::Null),
    ]
}

fn record() -> impl Strategy<Value = Json> {
    let field = || proptest::option::weighted(0.8, leaf());
    let list = proptest::collection::vec(leaf(), 0..4);
    let items = proptest::collection::vec((field(), field()), 0..3);
    (field(), field(), field(), list, items).prop_map(|(a, b, c, list, items)| {
        let object = |members: &[(&str, &Option<Json>)]| {
            let some = members.iter().filter_map(|(key, value)| {
                Option::clone(value).map(|value| ((*key).to_owned(), value))
            });
            Json::Object(some.collect())
        };
        let mut all = object(&[("a", &a), ("b", &b)]);
        all["o"] = object(&[("c", &c)]);
        all["l"] = Json::Array(list);
        all["items"] = items.iter().map(|(a, b)| object(&[("a", a), ("b", b)])).collect();
        all
    })
}

const PATHS: &[&str] =
    &["value.a", "value.b", "value.o.c", "value.l[0]", "value[\"a\"]", "value.x"];

fn path() -> impl Strategy<Value = String> {
    proptest::sample::select(PATHS).prop_map(str::to_owned)
}

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        (-3_i64..4).prop_map(|int| int.to_string()),
        proptest::sample::select(&["0.5", "1.0", "-1.5"][..]).prop_map(str::to_owned),
        "[abé]{0,2}".prop_map(|text| format!("\"{text}\"")),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    let signs = || proptest::sample::select(&["==", "!=", "<", "<=", ">", ">="][..]);
    let search = proptest::sample::select(&["startsWith", "endsWith", "contains", "matches"][..]);
    let math = proptest::sample::select(&["+", "-", "*", "/", "%"][..]);
    let quantifier = proptest::sample::select(&["exists", "all"][..]);
    let one = prop_oneof![
        (path(), signs(), literal())
            .prop_map(|(path, sign, literal)| format!("{path} {sign} {literal}")),
        (path(), signs(), path()).prop_map(|(left, sign, right)| format!("{left} {sign} {right}")),
        path().prop_map(|path| format!("{path} == null")),
        path()
            .prop_filter("no index", |path| !path.contains('['))
            .prop_map(|path| format!("has({path})")),
        (path(), literal(), literal()).prop_map(|(path, a, b)| format!("{path} in [{a}, {b}]")),
        (path(), search, "[ab]{0,2}")
            .prop_map(|(path, name, part)| format!("{path}.{name}(\"{part}\")")),
        (path(), 0_i64..4).prop_map(|(path, size)| format!("size({path}) == {size}")),
        (path(), math, -3_i64..4, signs()).prop_filter_map(
            "a zero divisor is refused",
            |(path, math, int, sign)| {
                let zero = int == 0 && "/%".contains(math);
                (!zero).then(|| format!("{path} {math} {int} {sign} 1"))
            }
        ),
        (path(), "[ab]{0,2}")
            .prop_map(|(path, text)| format!("{path} + \"{text}\" == \"a{text}\"")),
        (quantifier.clone(), signs(), literal())
            .prop_map(|(name, sign, literal)| format!("value.l.{name}(x, x {sign} {literal})")),
        (quantifier, signs(), literal(), path()).prop_map(|(name, sign, literal, path)| format!(
            "value.items.{name}(x, x.a {sign} {literal} || x.b == {path})"
        )),
    ];
    one.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

/// Doubles calculate here with integers, and not there.
fn has_double(value: &Json) -> bool {
    match value {
        Json::Number(number) => number.is_f64(),
        Json::Array(elements) => elements.iter().any(has_double),
        Json::Object(members) => members.values().any(has_double),
        Json::Null | Json::Bool(_) | Json::String(_) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2000), ..ProptestConfig::default() })]
    #[test]
    fn expressions_mean_what_they_mean_in_cel(expression in condition(), value in record()) {
        let calculates = [" + ", " - ", " * ", " / ", " % "].iter().any(|sign| expression.contains(sign));
        if calculates && has_double(&value) {
            return Ok(());
        }
        let text = value.to_string();
        prop_assert_eq!(here(&expression, &text), in_cel(&expression, &text), "{} on {}", expression, text);
    }
}
