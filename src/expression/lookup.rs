//! Routes that all compare one field with strings: one lookup instead of one comparison each.

use super::ast::Comparison;
use super::buffer::Buffer;
use super::eval::{Env, Gap, Scope};
use super::program::{Binder, Source};
use super::term::{Field, Literal, Term};
use super::value::Text;
use super::{Predicate, Verdict};
use crate::json::{self, Paths};

/// What a text matches.
#[expect(clippy::disallowed_types, reason = "nobody iterates over it")]
type Table = std::collections::HashMap<Box<[u8]>, usize>;

/// Predicates of the form `FIELD == "a"` or `FIELD in ["a", "b"]`, all over the same field.
///
/// ```
/// use krouted::expression::{Found, Lookup, Predicate, Scope};
/// use krouted::json::Paths;
/// use krouted::model::{NoHeaders, Record};
///
/// let when = [r#"key in ["a", "b"]"#, r#"key == "c""#].map(|text| Predicate::parse(text).unwrap().value);
/// // The last route takes what the others leave.
/// let routes = [Some(&when[0]), Some(&when[1]), None];
/// let lookup = Lookup::of(&routes).unwrap().bind(&mut Paths::default());
/// let find = |key| {
///     let record = Record {
///         topic: "t", partition: 0, offset: 0, timestamp: None, key, value: None, headers: &NoHeaders,
///     };
///     lookup.eval(&Scope { record: &record, slots: &[] })
/// };
/// assert_eq!(find(Some(b"b")), Found::Matched(0));
/// assert_eq!(find(Some(b"c")), Found::Matched(1));
/// assert_eq!(find(Some(b"d")), Found::NoMatch);
/// assert_eq!(lookup.otherwise(), Some(2));
/// // Two fields need two lookups.
/// let other = Predicate::parse(r#"topic == "a""#).unwrap().value;
/// assert!(Lookup::of(&[Some(&when[0]), Some(&other)]).is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Lookup {
    field: Field,
    table: Table,
    otherwise: Option<usize>,
}

/// What a lookup found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The first predicate that is true.
    Matched(usize),
    /// No predicate is true.
    NoMatch,
    /// The field is missing, and so are all predicates.
    Missing,
}

impl Lookup {
    /// `predicates` are those of routes of which the first that matches counts; `None` always matches. `None` where at least
    /// two predicates in front of the first such route are not all of the form.
    pub fn of(predicates: &[Option<&Predicate>]) -> Option<Self> {
        let otherwise = predicates.iter().position(Option::is_none);
        let front = predicates.get(..otherwise.unwrap_or(predicates.len()))?;
        let mut found: Option<Self> = None;
        for (index, predicate) in front.iter().enumerate() {
            let (field, texts) = literals(&(*predicate)?.typed.term)?;
            let lookup = found.get_or_insert_with(|| Self {
                field: field.clone(),
                table: Table::new(),
                otherwise,
            });
            if lookup.field != *field {
                return None;
            }
            for text in texts {
                lookup.table.entry(text).or_insert(index);
            }
        }
        found.filter(|_| front.len() > 1)
    }

    /// Adds its path to those of the pipeline.
    pub fn bind(&self, paths: &mut Paths) -> BoundLookup {
        BoundLookup {
            field: Binder::new(paths).source(&self.field),
            table: self.table.clone(),
            otherwise: self.otherwise,
        }
    }
}

fn literals(term: &Term) -> Option<(&Field, Vec<Box<[u8]>>)> {
    let text = |literal: &Literal| literal.as_bytes();
    if let Term::In(of, list) = term
        && let Term::Field(field) = of.as_ref()
    {
        return Some((field, list.iter().map(text).collect::<Option<_>>()?));
    }
    let Term::Compare(Comparison::Equal, sides) = term else { return None };
    match sides.as_ref() {
        [Term::Field(field), Term::Literal(literal)]
        | [Term::Literal(literal), Term::Field(field)] => Some((field, vec![text(literal)?])),
        _ => None,
    }
}

/// A lookup that knows its slot.
#[derive(Clone, Debug)]
pub struct BoundLookup {
    field: Source,
    table: Table,
    otherwise: Option<usize>,
}

impl BoundLookup {
    /// The first predicate that is true for one record, as if each were evaluated; none of them can be an error.
    #[inline]
    pub fn eval(&self, scope: &Scope<'_>) -> Found {
        match self.field.text(&Env::new(scope)) {
            Ok(Some(Text::Plain(text))) => self.find(text),
            Ok(Some(Text::Escaped(raw))) => {
                let mut buffer = Buffer::take();
                json::unescape(raw, &mut buffer.0);
                self.find(&buffer.0)
            }
            Ok(None) | Err(Gap::Error(_)) => Found::NoMatch,
            Err(Gap::Missing) => Found::Missing,
        }
    }

    fn find(&self, text: &[u8]) -> Found {
        self.table.get(text).map_or(Found::NoMatch, |index| Found::Matched(*index))
    }

    /// The route behind the predicates that always matches.
    pub fn otherwise(&self) -> Option<usize> {
        self.otherwise
    }
}

impl From<Found> for Verdict {
    /// What the predicates are together.
    fn from(found: Found) -> Self {
        match found {
            Found::Matched(_) => Self::True,
            Found::NoMatch => Self::False,
            Found::Missing => Self::Missing,
        }
    }
}
