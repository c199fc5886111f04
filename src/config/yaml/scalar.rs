//! What other readers make of a plain scalar.

/// What YAML 1.2's core schema makes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Core {
    Null,
    Bool(bool),
    /// Within `i64` or `u64`.
    Integer(i128),
    Float(f64),
    /// A number that no JSON reader holds: too large, not finite.
    OutOfRange,
    Text,
}

/// Source: YAML 1.2.2, section 10.3.2.
pub(super) fn core(text: &str) -> Core {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Core::Null,
        "true" | "True" | "TRUE" => return Core::Bool(true),
        "false" | "False" | "FALSE" => return Core::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Core::OutOfRange,
        _ => {}
    }
    let (sign, digits) = sign(text);
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        return Core::OutOfRange;
    }
    let integer = match (digits.strip_prefix("0x"), digits.strip_prefix("0o")) {
        (Some(hex), _) if sign.is_empty() => radix(hex, 16),
        (_, Some(octal)) if sign.is_empty() => radix(octal, 8),
        _ => radix(digits, 10),
    };
    match integer {
        Digits::Number(n) if sign == "-" => within(n.saturating_neg()),
        Digits::Number(n) => within(n),
        Digits::TooMany => Core::OutOfRange,
        Digits::Others => float(text, digits),
    }
}

fn sign(text: &str) -> (&str, &str) {
    match text.strip_prefix(['-', '+']) {
        Some(rest) => {
            text.split_at_checked(text.len().saturating_sub(rest.len())).unwrap_or(("", text))
        }
        None => ("", text),
    }
}

/// What a text is, read as digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digits {
    Number(i128),
    /// More than 128 bits hold.
    TooMany,
    /// Not only digits.
    Others,
}

fn radix(digits: &str, radix: u32) -> Digits {
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Digits::Others;
    }
    i128::from_str_radix(digits, radix).map_or(Digits::TooMany, Digits::Number)
}

fn within(n: i128) -> Core {
    let fits = n >= i128::from(i64::MIN) && n <= i128::from(u64::MAX);
    if fits { Core::Integer(n) } else { Core::OutOfRange }
}

fn float(text: &str, digits: &str) -> Core {
    let shaped = digits.contains(|c: char| c.is_ascii_digit())
        && digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    match text.parse::<f64>() {
        Ok(n) if shaped && n.is_finite() => Core::Float(n),
        Ok(_) if shaped => Core::OutOfRange,
        _ => Core::Text,
    }
}

/// What a reader of YAML 1.1 makes of a text that `serde_yaml` takes as text; none where they agree.
///
/// Source: yaml.org/type/bool.html, int.html, float.html. Timestamps are left out: there they are meant as such.
pub(super) fn otherwise(text: &str) -> Option<&'static str> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Some("the boolean true"),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Some("the boolean false"),
        _ => {}
    }
    let (_, digits) = sign(text);
    let digit_or = |extra: &'static [char]| move |c: char| c.is_ascii_digit() || extra.contains(&c);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let bare = digits.replace('_', "");
    if digits.chars().all(digit_or(&['_', ':'])) && digits.contains(':') {
        let parts_fit = digits.split(':').skip(1).all(|p| matches!(p.parse::<u8>(), Ok(0..=59)));
        return parts_fit.then_some("a number of base 60");
    }
    if bare.len() > 1 && bare.starts_with('0') && bare.chars().all(|c| c.is_ascii_digit()) {
        return Some("a number");
    }
    let prefixed = [("0x", 16), ("0b", 2), ("0o", 8)].iter().any(|(prefix, base)| {
        bare.strip_prefix(prefix).is_some_and(|d| radix(d, *base) != Digits::Others)
    });
    let decimal = digits.contains('_') && bare.parse::<f64>().is_ok();
    (prefixed || decimal).then_some("a number")
}
