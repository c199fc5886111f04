//! What is a time.

use super::{eval, problems, short};
use crate::expression::Predicate;

/// Seconds since 1970.
const TIMES: [(&str, i64); 11] = [
    ("2026-01-01T00:00:00Z", 1_767_225_600),
    ("2026-01-01t00:00:00z", 1_767_225_600),
    ("2026-01-01T00:00:00.5Z", 1_767_225_600),
    ("2026-01-01T00:00:00.123456789Z", 1_767_225_600),
    ("2026-01-01T01:00:00+01:00", 1_767_225_600),
    ("2025-12-31T12:30:00-11:30", 1_767_225_600),
    ("2026-01-01T00:00:00+00:00", 1_767_225_600),
    ("2026-01-01T00:00:00-00:00", 1_767_225_600),
    ("2026-01-01T23:59:00+23:59", 1_767_225_600),
    ("1969-12-31T23:59:59Z", -1),
    ("0000-01-01T00:00:00Z", -62_167_219_200),
];

/// Most of these are times to other tools, or to the crate that calculates with them.
const OTHERS: [&str; 24] = [
    "",
    "2026-01-01",
    "20260101T000000Z",
    "2026-01-01 00:00:00Z",
    "2026-01-01 00Z",
    "2026-01-01T00Z",
    "2026-01-01T00:00Z",
    "2026-01-01T00:00:00",
    "2026-01-01T00:00:00+01",
    "2026-01-01T00:00:00+0100",
    "2026-01-01T00:00:00+24:00",
    "2026-01-01T00:00:00+01:00[Europe/Berlin]",
    "2026-01-01T00:00:00Z[UTC]",
    "2026-01-01T00:00:00.Z",
    "2026-01-01T00:00:00,5Z",
    "2026-01-01T00:00:00.1234567890Z",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-W01-1T00:00:00Z",
    "+002026-01-01T00:00:00Z",
    " 2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00Z ",
    "2026-01-0\u{0661}T00:00:00Z",
];

#[test]
fn a_time_is_what_rfc_3339_says_in_a_literal_and_in_a_record() {
    for (time, seconds) in TIMES {
        let literal = format!("int(timestamp({time:?})) == {seconds}");
        assert_eq!(short(eval(&literal, None)), "T", "{literal}");
        let value = format!("{{\"t\": {time:?}}}");
        let of_record = format!("int(timestamp(value.t)) == {seconds}");
        assert_eq!(short(eval(&of_record, Some(&value))), "T", "{time}");
    }
}

#[test]
fn what_is_no_rfc_3339_is_no_time() {
    for time in OTHERS {
        let literal = format!("timestamp == timestamp('{time}')");
        assert_eq!(problems(&literal)[0].message, "this is no time in RFC 3339", "{literal}");
        let value = serde_json::json!({"t": time}).to_string();
        let verdict = short(eval("timestamp(value.t) == timestamp", Some(&value)));
        assert_eq!(verdict, "`timestamp` cannot convert this string", "{time}");
    }
    assert!(Predicate::parse("timestamp == timestamp('2026-01-01T00:00:00Z')").is_ok());
}
