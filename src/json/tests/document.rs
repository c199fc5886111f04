//! Documents whose tree is known: what a scan finds in the text is compared with what was put in.

use proptest::prelude::*;

/// A value, and how its text is written.
#[derive(Clone, Debug)]
pub(super) enum Document {
    Word(&'static str),
    Number(String),
    Text(Written),
    Array(Vec<(Blank, Document)>),
    Object(Vec<(Blank, Written, Document)>),
}

/// White space before a token.
type Blank = &'static str;

/// A text, each character with the way in which it is written.
pub(super) type Written = Vec<(char, u8)>;

pub(super) fn plain(text: &[(char, u8)]) -> String {
    text.iter().map(|(c, _)| c).collect()
}

impl Document {
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Word(word) => out.push_str(word),
            Self::Number(number) => out.push_str(number),
            Self::Text(text) => write_text(text, out),
            Self::Array(items) => {
                out.push('[');
                for (i, (blank, item)) in items.iter().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    out.push_str(blank);
                    item.write(out);
                    out.push_str(blank);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (i, (blank, key, member)) in members.iter().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    out.push_str(blank);
                    write_text(key, out);
                    out.push_str(blank);
                    out.push(':');
                    out.push_str(blank);
                    member.write(out);
                    out.push_str(blank);
                }
                out.push('}');
            }
        }
    }

    /// All members of that key.
    pub(super) fn members(&self, key: &str) -> Vec<&Self> {
        match self {
            Self::Object(members) => {
                members.iter().filter(|(_, own, _)| plain(own) == key).map(|(_, _, m)| m).collect()
            }
            Self::Word(_) | Self::Number(_) | Self::Text(_) | Self::Array(_) => Vec::new(),
        }
    }

    pub(super) fn element(&self, index: u32) -> Option<&Self> {
        match self {
            Self::Array(items) => items.get(usize::try_from(index).unwrap()).map(|(_, item)| item),
            Self::Word(_) | Self::Number(_) | Self::Text(_) | Self::Object(_) => None,
        }
    }
}

/// What may stand in place of another value, so that the pieces between stay the same.
#[derive(Clone, Debug)]
pub(super) struct Others {
    texts: Vec<String>,
    scalars: Vec<String>,
}

pub(super) fn others() -> impl Strategy<Value = Others> {
    let text = prop_oneof![
        6 => written(0..80).prop_map(|text| Document::Text(text).text()),
        1 => prop::sample::select(vec![r#""\ud800""#, r#""x\udc00\\""#, "\"\\\"\""]).prop_map(str::to_owned),
    ];
    let scalar = prop_oneof![
        "-?(0|[1-9][0-9]{0,25})([.][0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        prop::sample::select(vec![
            "true",
            "false",
            "null",
            "0",
            "1e-5",
            "1.5E3",
            "-0",
            "1234567.8"
        ])
        .prop_map(str::to_owned),
    ];
    let (texts, scalars) = (prop::collection::vec(text, 1..8), prop::collection::vec(scalar, 1..8));
    (texts, scalars).prop_map(|(texts, scalars)| Others { texts, scalars })
}

impl Document {
    /// The same with other texts in place of texts, and other numbers and words in place of those.
    pub(super) fn with(&self, others: &Others) -> Self {
        let mut texts = others.texts.iter().cycle();
        let mut scalars = others.scalars.iter().cycle();
        self.with_next(&mut || texts.next().unwrap().clone(), &mut || {
            scalars.next().unwrap().clone()
        })
    }

    fn with_next(
        &self,
        text: &mut dyn FnMut() -> String,
        scalar: &mut dyn FnMut() -> String,
    ) -> Self {
        match self {
            Self::Word(_) | Self::Number(_) => Self::Number(scalar()),
            // As it stands: half of a surrogate pair is no `char`.
            Self::Text(_) => Self::Number(text()),
            Self::Array(items) => Self::Array(
                items.iter().map(|(blank, item)| (*blank, item.with_next(text, scalar))).collect(),
            ),
            Self::Object(members) => Self::Object(
                members
                    .iter()
                    .map(|(blank, key, member)| {
                        (*blank, key.clone(), member.with_next(text, scalar))
                    })
                    .collect(),
            ),
        }
    }
}

fn write_text(text: &[(char, u8)], out: &mut String) {
    out.push('"');
    for (c, way) in text {
        let must = *c < ' ' || matches!(c, '"' | '\\');
        match (c, way % 4) {
            ('\n', 1) => out.push_str("\\n"),
            ('\t', 1) => out.push_str("\\t"),
            ('/' | '"' | '\\', 1) => out.extend(['\\', *c]),
            (_, 2) => coded(*c, out, |unit| format!("\\u{unit:04x}")),
            (_, 3) => coded(*c, out, |unit| format!("\\u{unit:04X}")),
            _ if must => coded(*c, out, |unit| format!("\\u{unit:04x}")),
            _ => out.push(*c),
        }
    }
    out.push('"');
}

fn coded(c: char, out: &mut String, code: impl Fn(u16) -> String) {
    out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| code(*unit)));
}

fn written(length: std::ops::Range<usize>) -> impl Strategy<Value = Written> {
    let any_char = prop_oneof![
        6 => prop::char::range('a', 'f'),
        2 => prop::sample::select(vec!['"', '\\', '/', '\n', '\t', '{', '}', '[', ']', ',', ':', '\u{1}', '\u{7f}', ' ']),
        1 => prop::sample::select(vec!['é', '\u{800}', '\u{ffff}', '😀', '\u{10ffff}', '\u{2028}']),
    ];
    // Escapes are rare, as in real texts.
    let way = prop_oneof![5 => Just(0_u8), 1 => 0..4_u8];
    prop::collection::vec((any_char, way), length)
}

/// The keys that paths look for, written in any way.
pub(super) const KEYS: [&str; 6] = ["a", "b", "ab", "é", "type", "a/\"b"];

fn key() -> impl Strategy<Value = Written> {
    let way = prop_oneof![5 => Just(0_u8), 1 => 0..4_u8];
    let known = (prop::sample::select(&KEYS[..]), prop::collection::vec(way, 8))
        .prop_map(|(key, ways)| key.chars().zip(ways).collect());
    prop_oneof![4 => known, 1 => written(0..6)]
}

fn blank() -> impl Strategy<Value = Blank> {
    prop_oneof![6 => Just(""), 1 => prop::sample::select(vec![" ", "\n", "\t\r\n  "])]
}

pub(super) fn document() -> impl Strategy<Value = Document> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["true", "false", "null"]).prop_map(Document::Word),
        "-?(0|[1-9][0-9]{0,25})([.][0-9]{1,20})?([eE][+-]?[0-9]{1,3})?".prop_map(Document::Number),
        written(0..40).prop_map(Document::Text),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let items = prop::collection::vec((blank(), inner.clone()), 0..5);
        let members = prop::collection::vec((blank(), key(), inner), 0..6);
        prop_oneof![1 => items.prop_map(Document::Array), 3 => members.prop_map(Document::Object)]
    })
}
