//! Calculation with numbers.
//!
//! Integers are exact, from -2^63 to 2^64 - 1, and whatever leaves that is an error. With a double on one side both are doubles:
//! JSON writes the same number as `1` and as `1.0`. Division of integers drops the fraction, as in CEL.

use super::ast::Arithmetic;
use super::error::EvalError;
use crate::json::Number;

pub(super) fn calculate(
    operator: Arithmetic,
    left: Number,
    right: Number,
) -> Result<Number, EvalError> {
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => integers(operator, left, right),
        _ => doubles(operator, double(left), double(right)),
    }
}

pub(super) fn negative(number: Number) -> Result<Number, EvalError> {
    match whole(number) {
        Some(value) => integers(Arithmetic::Subtract, 0, value),
        None => Ok(Number::Float(-double(number))),
    }
}

/// An integer of 64 bits, signed or not.
pub(super) fn integer(value: i128) -> Option<Number> {
    let signed = i64::try_from(value).map(Number::Int);
    signed.or_else(|_| u64::try_from(value).map(Number::Uint)).ok()
}

/// The integer that a double becomes without its fraction.
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "the range is checked")]
pub(super) fn truncated(value: f64) -> Option<Number> {
    const BEYOND: f64 = 36_893_488_147_419_103_232.0; // 2^65
    (value.abs() < BEYOND).then_some(value as i128).and_then(integer)
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "rounded, as in CEL")]
pub(super) fn double(number: Number) -> f64 {
    match number {
        Number::Int(value) => value as f64,
        Number::Uint(value) => value as f64,
        Number::Float(value) => value,
    }
}

fn whole(number: Number) -> Option<i128> {
    match number {
        Number::Int(value) => Some(value.into()),
        Number::Uint(value) => Some(value.into()),
        Number::Float(_) => None,
    }
}

fn integers(operator: Arithmetic, left: i128, right: i128) -> Result<Number, EvalError> {
    let result = match operator {
        Arithmetic::Add => left.checked_add(right),
        Arithmetic::Subtract => left.checked_sub(right),
        Arithmetic::Multiply => left.checked_mul(right),
        Arithmetic::Divide | Arithmetic::Remainder if right == 0 => {
            return Err(EvalError::DivisionByZero(operator));
        }
        Arithmetic::Divide => left.checked_div(right),
        Arithmetic::Remainder => left.checked_rem(right),
    };
    result.and_then(integer).ok_or(EvalError::Overflow(operator))
}

fn doubles(operator: Arithmetic, left: f64, right: f64) -> Result<Number, EvalError> {
    let result = match operator {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide if right == 0.0 => return Err(EvalError::DivisionByZero(operator)),
        Arithmetic::Divide => left / right,
        Arithmetic::Remainder => return Err(EvalError::NoInteger),
    };
    if result.is_finite() { Ok(Number::Float(result)) } else { Err(EvalError::Overflow(operator)) }
}
