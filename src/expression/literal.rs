//! Strings and numbers as CEL writes them.

use super::Problem;
use super::token::Kind;

/// What becomes of backslashes in a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    /// `"a\n"` holds a new line.
    Undo,
    /// `r"a\n"` holds a backslash.
    Keep,
}

/// Reads the string that `rest` begins with.
pub(super) fn text(rest: &str, at: usize, escapes: Escapes) -> Result<(Kind, usize), Problem> {
    let quote_at = usize::from(escapes == Escapes::Keep);
    let mut behind = rest.get(quote_at..).unwrap_or_default().chars();
    let quote = behind.next().unwrap_or('"');
    if behind.as_str().starts_with(if quote == '"' { "\"\"" } else { "''" }) {
        return Err(Problem::new(at..at + 3, "strings in triple quotes are not supported"));
    }
    let mut out = String::new();
    loop {
        let place = rest.len() - behind.as_str().len();
        match behind.next() {
            Some(c) if c == quote => return Ok((Kind::Text(out), place + 1)),
            Some('\\') if escapes == Escapes::Undo => {
                let Some((decoded, length)) = escape(behind.as_str()) else {
                    let end = place + 1 + behind.next().map_or(0, char::len_utf8);
                    let hint = "a backslash itself is written `\\\\`, or the string as `r\"…\"`";
                    return Err(Problem::new(at + place..at + end, "unknown escape").hint(hint));
                };
                out.push(decoded);
                behind = behind.as_str().get(length..).unwrap_or_default().chars();
            }
            Some('\n' | '\r') | None => {
                let message = format!("the string has no closing `{quote}`");
                return Err(Problem::new(at..at + place, message));
            }
            Some(c) => out.push(c),
        }
    }
}

/// The character of the escape that stands behind a backslash, and its length.
fn escape(behind: &str) -> Option<(char, usize)> {
    let plain = match behind.chars().next()? {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        c @ ('\\' | '?' | '"' | '\'' | '`') => c,
        'x' | 'X' => return coded(behind, 1, 2, 16),
        'u' => return coded(behind, 1, 4, 16),
        'U' => return coded(behind, 1, 8, 16),
        '0'..='3' => return coded(behind, 0, 3, 8),
        _ => return None,
    };
    Some((plain, 1))
}

fn coded(behind: &str, skip: usize, digits: usize, radix: u32) -> Option<(char, usize)> {
    let code = behind.get(skip..skip + digits)?;
    if !code.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let code = u32::from_str_radix(code, radix).ok()?;
    Some((char::from_u32(code)?, skip + digits))
}

/// Reads the number that `rest` begins with; a sign is an operator.
pub(super) fn number(rest: &str, at: usize) -> Result<(Kind, usize), Problem> {
    let length = extent(rest);
    let raw = rest.get(..length).unwrap_or_default();
    let wrong = |message: String| Err(Problem::new(at..at + length, message));
    if let Some(digits) = raw.strip_prefix("0x").or_else(|| raw.strip_prefix("0X")) {
        let (digits, kind) = suffix(digits);
        return match u64::from_str_radix(digits, 16) {
            Ok(value) => Ok((kind(value), length)),
            Err(_) => wrong(format!("`{raw}` is no number of 64 bits")),
        };
    }
    if raw.contains(['.', 'e', 'E']) {
        return match raw.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok((Kind::Double(value), length)),
            Ok(_) => wrong(format!("`{raw}` is greater than any double")),
            Err(_) => wrong(format!("`{raw}` is no number")),
        };
    }
    let (digits, kind) = suffix(raw);
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        return match digits.parse() {
            Ok(value) => Ok((kind(value), length)),
            Err(_) => wrong(format!("`{raw}` is no number of 64 bits")),
        };
    }
    wrong(format!("`{raw}` is no number"))
}

/// All that a reader takes for one number, so that `12abc` is one mistake and not two tokens.
fn extent(rest: &str) -> usize {
    let mut before = b' ';
    let part = |b: u8| {
        let exponent_sign = matches!(b, b'+' | b'-') && matches!(before, b'e' | b'E');
        before = b;
        b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_') || exponent_sign
    };
    let hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
    if hexadecimal {
        return rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
    }
    rest.bytes().map(part).take_while(|part| *part).count()
}

/// The digits without their suffix, and what they are.
fn suffix(digits: &str) -> (&str, fn(u64) -> Kind) {
    match digits.strip_suffix(['u', 'U']) {
        Some(digits) => (digits, Kind::Uint),
        None => (digits, Kind::Int),
    }
}
