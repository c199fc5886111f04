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
        Some(Some(n)) if sign == "-" => within(-n),
        Some(Some(n)) => within(n),
        Some(None) => Core::OutOfRange,
        None => float(text, digits),
    }
}

fn sign(text: &str) -> (&str, &str) {
    match text.strip_prefix(['-', '+']) {
        Some(rest) => text.split_at_checked(text.len().saturating_sub(rest.len())).unwrap_or(("", text)),
        None => ("", text),
    }
}

/// The number; none inside where it has too many digits.
fn radix(digits: &str, radix: u32) -> Option<Option<i128>> {
    let all_digits = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    all_digits.then(|| i128::from_str_radix(digits, radix).ok())
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
    let digit_or = |extra: &'static [char]| {
        move |c: char| c.is_ascii_digit() || extra.contains(&c)
    };
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
    let hex = bare.strip_prefix("0x").is_some_and(|d| radix(d, 16).is_some());
    let binary = bare.strip_prefix("0b").is_some_and(|d| radix(d, 2).is_some());
    let decimal = digits.contains('_') && bare.parse::<f64>().is_ok();
    let octal = bare.strip_prefix("0o").is_some_and(|d| radix(d, 8).is_some());
    (hex || binary || decimal || octal).then_some("a number")
}
