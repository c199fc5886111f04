//! Numbers of JSON and of expressions: integers are exact, all others are doubles, and they compare by value.

use std::cmp::Ordering;

/// A number by what it is worth.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// An integer from -2^63 to 2^63 - 1.
    Int(i64),
    /// An integer up to 2^64 - 1.
    Uint(u64),
    /// Whatever has a fraction or an exponent, or is a greater integer.
    Float(f64),
}

/// So many digits never overflow an `i64`.
const SAFE_DIGITS: usize = 18;

impl Number {
    /// Reads a number as JSON writes it; `None` for what is none.
    #[inline]
    pub fn parse(raw: &[u8]) -> Option<Self> {
        let digits = raw.strip_prefix(b"-").unwrap_or(raw);
        if digits.len() > SAFE_DIGITS {
            return Self::parse_long(raw);
        }
        let mut value = 0_i64;
        for digit in digits {
            let digit = digit.wrapping_sub(b'0');
            if digit > 9 {
                return Self::parse_long(raw);
            }
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
        }
        let negative = digits.len() < raw.len();
        (!digits.is_empty()).then_some(Self::Int(if negative { -value } else { value }))
    }

    #[cold]
    fn parse_long(raw: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(raw).ok()?;
        if let Ok(value) = text.parse() {
            return Some(Self::Int(value));
        }
        if let Ok(value) = text.parse() {
            return Some(Self::Uint(value));
        }
        text.parse().ok().map(Self::Float)
    }

    /// Orders two numbers by what they are worth, exactly; `None` where one is not a number.
    #[inline]
    pub fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b),
            (Self::Int(a), Self::Uint(b)) => Some(i128::from(a).cmp(&i128::from(b))),
            (Self::Uint(a), Self::Int(b)) => Some(i128::from(a).cmp(&i128::from(b))),
            (Self::Uint(a), Self::Uint(b)) => Some(a.cmp(&b)),
            (Self::Int(a), Self::Float(b)) => compare_exactly(i128::from(a), b),
            (Self::Uint(a), Self::Float(b)) => compare_exactly(i128::from(a), b),
            (Self::Float(a), Self::Int(b)) => {
                compare_exactly(i128::from(b), a).map(Ordering::reverse)
            }
            (Self::Float(a), Self::Uint(b)) => {
                compare_exactly(i128::from(b), a).map(Ordering::reverse)
            }
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.compare(*other) == Some(Ordering::Equal)
    }
}

/// Orders an integer of at most 64 bits and a double without rounding either.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "a double below 2^65 without fraction is an i128"
)]
fn compare_exactly(integer: i128, double: f64) -> Option<Ordering> {
    const BEYOND: f64 = 36_893_488_147_419_103_232.0; // 2^65
    if double.is_nan() {
        return None;
    }
    if double >= BEYOND {
        return Some(Ordering::Less);
    }
    if double <= -BEYOND {
        return Some(Ordering::Greater);
    }
    let whole = double.trunc();
    let by_fraction = whole.partial_cmp(&double)?;
    Some(integer.cmp(&(whole as i128)).then(by_fraction))
}
