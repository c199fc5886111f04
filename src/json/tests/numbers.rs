//! Numbers compare by what they are worth.

use std::cmp::Ordering;

use proptest::prelude::*;

use crate::json::Number;

fn number(text: &str) -> Number {
    Number::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn integers_are_exact_and_others_doubles() {
    for (text, kind) in [
        ("0", "Int(0)"),
        ("-0", "Int(0)"),
        ("12", "Int(12)"),
        ("999999999999999999", "Int(999999999999999999)"),
        ("-999999999999999999", "Int(-999999999999999999)"),
        ("9223372036854775807", "Int(9223372036854775807)"),
        ("-9223372036854775808", "Int(-9223372036854775808)"),
        ("9223372036854775808", "Uint(9223372036854775808)"),
        ("18446744073709551615", "Uint(18446744073709551615)"),
        ("18446744073709551616", "Float(1.8446744073709552e19)"),
        ("-9223372036854775809", "Float(-9.223372036854776e18)"),
        ("1.0", "Float(1.0)"),
        ("1e2", "Float(100.0)"),
        ("1e999", "Float(inf)"),
    ] {
        assert_eq!(format!("{:?}", number(text)), kind, "{text}");
    }
    for text in ["", "-", "a", "1a", "--1"] {
        assert!(Number::parse(text.as_bytes()).is_none(), "{text}");
    }
}

#[test]
fn numbers_are_ordered_exactly() {
    let ascending = [
        "-1e999",
        "-1e30",
        "-9223372036854775809e1",
        "-9223372036854775808",
        "-9223372036854775807",
        "-1.5",
        "-1",
        "-0.5",
        "0",
        "1e-300",
        "0.5",
        "1",
        "1.5",
        "9007199254740992.0",
        "9007199254740993",
        "9007199254740994.0",
        "9223372036854775807",
        "9223372036854775808.0",
        "9223372036854775809",
        "18446744073709549568.0",
        "18446744073709551615",
        "18446744073709551616",
        "1e30",
        "1e999",
    ];
    for (i, a) in ascending.iter().enumerate() {
        for (j, b) in ascending.iter().enumerate() {
            assert_eq!(number(a).compare(number(b)), Some(i.cmp(&j)), "{a} {b}");
        }
    }
    assert_eq!(
        number("9223372036854775808").compare(number("9223372036854775808.0")),
        Some(Ordering::Equal)
    );
    assert_eq!(
        number("-9223372036854775808").compare(number("-9223372036854775808.0")),
        Some(Ordering::Equal)
    );
    assert_eq!(Number::Float(f64::NAN).compare(Number::Int(1)), None);
    assert_eq!(number("100"), number("1e2"));
}

proptest! {
    #[test]
    fn a_number_is_read_as_rust_reads_it(value: i64, unsigned: u64, float in -1e300..1e300_f64) {
        prop_assert!(matches!(number(&value.to_string()), Number::Int(own) if own == value));
        prop_assert_eq!(number(&unsigned.to_string()), Number::Uint(unsigned));
        prop_assert_eq!(number(&format!("{float:e}")), Number::Float(float));
    }

    #[test]
    fn integers_and_doubles_compare_as_decimals(value: i64, near in -3_i8..4) {
        #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "any double near it will do")]
        let double = value as f64 + f64::from(near);
        // Doubles of this size are integers, and an i128 prints them exactly.
        #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "below 2^64")]
        let exact = double as i128;
        prop_assert_eq!(Number::Int(value).compare(Number::Float(double)), Some(i128::from(value).cmp(&exact)));
    }
}
