//! Text -> tokens, each with its place.

use std::ops::Range;

use super::Problem;
use super::literal;

/// What one token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A name, `true`, `false`, `null` and `in` included.
    Name(String),
    /// An integer, sign excluded: `12`, `0x1f`.
    Int(u64),
    /// An unsigned integer: `12u`.
    Uint(u64),
    /// A number with a fraction or an exponent.
    Double(f64),
    /// A string without its quotes and escapes.
    Text(String),
    /// An operator or a bracket.
    Sign(&'static str),
    /// Behind the last one.
    End,
}

/// A token and its byte range in the text.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// Longer ones first: the first that fits is taken.
const SIGNS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")", "[", "]", "{", "}", ".", ",", "?",
    ":", "+", "-", "*", "/", "%",
];

/// All tokens of a text, the end included; the first problem ends it.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Problem> {
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0c']).len();
        at += blank;
        let rest = rest.get(blank..).unwrap_or_default();
        let (kind, length) = token(rest, at)?;
        let end = kind == Kind::End;
        found.push(Token { kind, span: at..at + length });
        if end {
            return Ok(found);
        }
        at += length;
    }
}

fn token(rest: &str, at: usize) -> Result<(Kind, usize), Problem> {
    let bytes = rest.as_bytes();
    match bytes {
        [] => Ok((Kind::End, 0)),
        [b'"' | b'\'', ..] => literal::text(rest, at, literal::Escapes::Undo),
        [b'r' | b'R', b'"' | b'\'', ..] => literal::text(rest, at, literal::Escapes::Keep),
        [b'b' | b'B', b'"' | b'\'', ..] => {
            let hint = "write a string: keys and headers compare with strings";
            Err(Problem::new(at..at + 2, "literals of bytes are not supported").hint(hint))
        }
        [b'0'..=b'9', ..] | [b'.', b'0'..=b'9', ..] => literal::number(rest, at),
        [b'_' | b'a'..=b'z' | b'A'..=b'Z', ..] => {
            let name = |b: &u8| *b == b'_' || b.is_ascii_alphanumeric();
            let length = bytes.iter().take_while(|b| name(b)).count();
            Ok((Kind::Name(rest.get(..length).unwrap_or_default().to_owned()), length))
        }
        _ => sign(rest, at),
    }
}

fn sign(rest: &str, at: usize) -> Result<(Kind, usize), Problem> {
    let wrong = |length: usize, hint: &str| {
        let message = format!("`{}` is no operator", rest.get(..length).unwrap_or(rest));
        Err(Problem::new(at..at + length, message).hint(hint))
    };
    if rest.starts_with("//") {
        let hint = "write comments in YAML, with `#`";
        return Err(Problem::new(at..at + 2, "an expression holds no comments").hint(hint));
    }
    if rest.starts_with("===") {
        return wrong(3, "did you mean `==`?");
    }
    if rest.starts_with("<>") {
        return wrong(2, "did you mean `!=`?");
    }
    if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
        return Ok((Kind::Sign(sign), sign.len()));
    }
    match rest.chars().next() {
        Some('&') => wrong(1, "did you mean `&&`?"),
        Some('|') => wrong(1, "did you mean `||`?"),
        Some('=') => wrong(1, "an expression compares and never assigns: did you mean `==`?"),
        Some('@') => wrong(1, "a name with other characters is written `value[\"@name\"]`"),
        Some(quote @ ('“' | '”' | '‘' | '’' | '„')) => {
            wrong(quote.len_utf8(), "strings stand in straight quotes: `\"` or `'`")
        }
        Some(other) => {
            let message = format!("`{}` does not belong here", other.escape_default());
            Err(Problem::new(at..at + other.len_utf8(), message))
        }
        None => Ok((Kind::End, 0)),
    }
}
