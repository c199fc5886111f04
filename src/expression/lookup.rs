//! Routes that all compare one field with strings and integers: one lookup instead of one comparison each.

use super::ast::Comparison;
use super::buffer::Buffer;
use super::eval::{Env, Gap, Scope};
use super::program::{Binder, Source};
use super::term::{Field, Literal, Term};
use super::value::{Text, Value};
use super::{Predicate, Verdict};
use crate::json::{self, Number, Paths};

#[expect(clippy::disallowed_types, reason = "nobody iterates over it")]
type Map<K> = std::collections::HashMap<K, usize>;

/// Which predicate is the first that a text or an integer matches.
#[derive(Clone, Debug, Default)]
struct Table {
    texts: Map<Box<[u8]>>,
    integers: Map<i64>,
}

impl Table {
    /// Adds a literal; `None` where it is of another kind.
    fn add(&mut self, literal: &Literal, index: usize) -> Option<()> {
        match literal {
            Literal::Text(text) => {
                self.texts.entry(text.as_bytes().into()).or_insert(index);
            }
            Literal::Number(Number::Int(integer)) => {
                self.integers.entry(*integer).or_insert(index);
            }
            Literal::Number(Number::Uint(_) | Number::Float(_))
            | Literal::Null
            | Literal::Bool(_)
            | Literal::Timestamp(_) => return None,
        }
        Some(())
    }

    fn text(&self, text: &[u8]) -> Option<usize> {
        self.texts.get(text).copied()
    }

    /// Numbers are equal by what they are worth: `7.0` and `7e0` are 7.
    fn number(&self, number: Number) -> Option<usize> {
        let integer = match number {
            Number::Int(integer) => integer,
            Number::Uint(_) => return None,
            Number::Float(double) => whole(double)?,
        };
        self.integers.get(&integer).copied()
    }
}

/// The integer that a double is, where it is one.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "it is in range, and whole"
)]
fn whole(double: f64) -> Option<i64> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0; // 2^63
    ((-BEYOND..BEYOND).contains(&double) && double.fract() == 0.0).then_some(double as i64)
}

/// Predicates of the form `FIELD == "a"`, `FIELD == 7` or `FIELD in ["a", 7]`, all over the same field.
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
            let (field, literals) = compared(&(*predicate)?.typed.term)?;
            let lookup = found.get_or_insert_with(|| Self {
                field: field.clone(),
                table: Table::default(),
                otherwise,
            });
            if lookup.field != *field {
                return None;
            }
            literals.iter().try_for_each(|literal| lookup.table.add(literal, index))?;
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

/// A field, and the literals of which it must be one.
fn compared(term: &Term) -> Option<(&Field, &[Literal])> {
    if let Term::In(of, list) = term
        && let Term::Field(field) = of.as_ref()
    {
        return Some((field, list));
    }
    let Term::Compare(Comparison::Equal, sides) = term else { return None };
    match sides.as_ref() {
        [Term::Field(field), Term::Literal(literal)]
        | [Term::Literal(literal), Term::Field(field)] => {
            Some((field, std::slice::from_ref(literal)))
        }
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
        let found = match self.field.value(&Env::new(scope)) {
            Ok(Value::Text(Text::Plain(text))) => self.table.text(text),
            Ok(Value::Text(Text::Escaped(raw))) => {
                let mut buffer = Buffer::take();
                json::unescape(raw, &mut buffer.0);
                self.table.text(&buffer.0)
            }
            Ok(Value::Built(buffer)) => self.table.text(&buffer.0),
            Ok(Value::Number(number)) => self.table.number(number),
            Ok(
                Value::Null | Value::Bool(_) | Value::Timestamp(_) | Value::Object | Value::Array,
            )
            | Err(Gap::Error(_)) => None,
            Err(Gap::Missing) => return Found::Missing,
        };
        found.map_or(Found::NoMatch, Found::Matched)
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
