//! Rust's text as far as paths need it: words, `::` and single marks, without comments, strings, characters and numbers.

/// A piece of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Word(String),
    Colons,
    Mark(char),
}

/// All tokens, each with its line, from 1.
pub(crate) fn of(text: &str) -> Vec<(usize, Token)> {
    let text: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < text.len() {
        let begin = at;
        match text[at] {
            '/' if text.get(at + 1) == Some(&'/') => at = find(&text, at, |c| c == '\n'),
            '/' if text.get(at + 1) == Some(&'*') => at = block_comment(&text, at),
            '"' => at = string(&text, at + 1),
            '\'' => at = character(&text, at),
            ':' if text.get(at + 1) == Some(&':') => {
                tokens.push((line, Token::Colons));
                at += 2;
            }
            c if c.is_alphanumeric() || c == '_' => {
                at = find(&text, at, |c| !c.is_alphanumeric() && c != '_');
                let word: String = text[begin..at].iter().collect();
                match text.get(at) {
                    Some('"') if ["b", "c"].contains(&word.as_str()) => at = string(&text, at + 1),
                    Some('"' | '#') if ["r", "br", "cr"].contains(&word.as_str()) => {
                        at = raw(&text, at);
                    }
                    Some('\'') if word == "b" => at = character(&text, at),
                    _ if c.is_ascii_digit() => {}
                    _ => tokens.push((line, Token::Word(word))),
                }
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push((line, Token::Mark(c)));
                }
                at += 1;
            }
        }
        line += text[begin..at.min(text.len())].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

fn find(text: &[char], from: usize, is: impl Fn(char) -> bool) -> usize {
    text[from..].iter().position(|c| is(*c)).map_or(text.len(), |n| from + n)
}

fn block_comment(text: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < text.len() {
        match (text[at], text.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// From behind the opening quote to behind the closing one.
fn string(text: &[char], mut at: usize) -> usize {
    while let Some(c) = text.get(at) {
        match c {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// From the first `#` or quote behind the `r`; `r#word` is a word, and its mark is skipped here.
fn raw(text: &[char], from: usize) -> usize {
    let quote = find(text, from, |c| c != '#');
    if text.get(quote) != Some(&'"') {
        return quote;
    }
    let hashes = quote - from;
    let mut at = quote + 1;
    while at < text.len() {
        let closes =
            text[at] == '"' && text[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
        at += 1;
        if closes {
            return at + hashes;
        }
    }
    at
}

/// A character, or the quote of a lifetime.
fn character(text: &[char], at: usize) -> usize {
    match (text.get(at + 1), text.get(at + 2)) {
        (Some('\\'), _) => find(text, at + 3, |c| c == '\'') + 1,
        (Some(_), Some('\'')) => at + 3,
        _ => at + 1,
    }
}
