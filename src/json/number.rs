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
        if digits.len() > SAFE_DIGITS || digits.is_empty() {
            return Self::parse_any(raw);
        }
        let mut value = 0_i64;
        for (i, digit) in digits.iter().enumerate() {
            let digit = digit.wrapping_sub(b'0');
            if digit > 9 {
                return decimal(raw, value, digits.get(i..)?).or_else(|| Self::parse_any(raw));
            }
            value = value * 10 + i64::from(digit);
        }
        Some(Self::Int(if digits.len() < raw.len() { -value } else { value }))
    }

    #[cold]
    fn parse_any(raw: &[u8]) -> Option<Self> {
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

/// A number with a few digits behind its point: two doubles that are exact, and one division that rounds as it must.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "below 2^53")]
fn decimal(raw: &[u8], whole: i64, from_point: &[u8]) -> Option<Number> {
    const TENS: [f64; 8] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7];
    const WHOLE_MAX: i64 = 900_000_000;
    let fraction = from_point.strip_prefix(b".")?;
    let tens = TENS.get(fraction.len()).filter(|_| !fraction.is_empty() && whole <= WHOLE_MAX)?;
    let mut value = whole;
    for digit in fraction {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    let value = value as f64 / tens;
    Some(Number::Float(if raw.starts_with(b"-") { -value } else { value }))
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
