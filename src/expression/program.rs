//! The bound expression: paths are slots, terms stand in the order of their cost, lists are sorted. Made once per pipeline,
//! evaluated once per record, without any allocation.

use super::ast::{Comparison, Junction};
use super::term::{Field, Literal, Term};
use super::value::{Moment, Text, Value, order_texts};
use crate::json::{Number, Paths, SlotId};

/// A part whose result is true, false, missing or an error.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// All of them, cheapest first.
    All(Box<[Test]>),
    /// Any of them, cheapest first.
    Any(Box<[Test]>),
    Not(Box<Test>),
    Has(Source),
    Compare(Comparison, Operand, Operand),
    /// `==` or `!=` of a field and a string: by far the most frequent one.
    Text {
        field: Source,
        text: Box<[u8]>,
        equal: bool,
    },
    /// A path against a number.
    Number {
        comparison: Comparison,
        slot: SlotId,
        number: Number,
    },
    /// A field among strings.
    Texts {
        field: Source,
        texts: Texts,
    },
    In(Operand, Box<[Literal]>),
    /// Something that is true or false by itself.
    Truth(Operand),
}

/// A part whose result is a value.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Literal(Literal),
    Field(Source),
    Test(Box<Test>),
}

/// Where a field comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Key,
    Topic,
    Partition,
    Offset,
    Timestamp,
    Header(Box<[u8]>),
    Slot(SlotId),
}

/// Strings to look for one in; sorted where they are many.
#[derive(Clone, Debug)]
pub(super) struct Texts(Box<[Box<[u8]>]>);

/// More strings than these are searched by halves.
const LINEAR_MAX: usize = 8;

impl Texts {
    fn new(mut texts: Vec<Box<[u8]>>) -> Self {
        texts.sort();
        texts.dedup();
        Self(texts.into())
    }

    #[inline]
    pub(super) fn contains(&self, text: Text<'_>) -> bool {
        match text {
            Text::Plain(text) if self.0.len() <= LINEAR_MAX => {
                self.0.iter().any(|own| **own == *text)
            }
            Text::Plain(_) | Text::Escaped(_) => {
                self.0.binary_search_by(|own| order_texts(Text::Plain(own), text)).is_ok()
            }
        }
    }
}

/// Turns a typed condition into what is evaluated.
pub(super) fn test(term: &Term, paths: &mut Paths) -> Test {
    match term {
        Term::Literal(_) | Term::Field(_) => Test::Truth(operand(term, paths)),
        Term::Has(field) => Test::Has(source(field, paths)),
        Term::Not(inner) => Test::Not(Box::new(test(inner, paths))),
        Term::Chain(junction, terms) => {
            let mut flat = Vec::new();
            flatten(*junction, terms, &mut flat);
            // Any order gives the same result: false (or true) wins over errors, errors over missing.
            flat.sort_by_key(|term| cost(term));
            let tests = flat.into_iter().map(|term| test(term, paths)).collect();
            match junction {
                Junction::And => Test::All(tests),
                Junction::Or => Test::Any(tests),
            }
        }
        Term::Compare(comparison, sides) => {
            let [left, right] = sides.as_ref();
            compare(*comparison, left, right, paths)
        }
        Term::In(left, literals) => membership(left, literals, paths),
    }
}

fn flatten<'t>(junction: Junction, terms: &'t [Term], flat: &mut Vec<&'t Term>) {
    for term in terms {
        if let Term::Chain(own, inner) = term
            && *own == junction
        {
            flatten(junction, inner, flat);
        } else {
            flat.push(term);
        }
    }
}

fn compare(comparison: Comparison, left: &Term, right: &Term, paths: &mut Paths) -> Test {
    if let (Term::Field(Field::Path(path)), Term::Literal(Literal::Number(number))) = (left, right)
    {
        return Test::Number { comparison, slot: paths.add(path), number: *number };
    }
    let (field, text) = match (left, right) {
        (Term::Field(field), Term::Literal(Literal::Text(text)))
        | (Term::Literal(Literal::Text(text)), Term::Field(field))
            if comparison.is_equality() =>
        {
            (field, text)
        }
        _ => return Test::Compare(comparison, operand(left, paths), operand(right, paths)),
    };
    let equal = comparison == Comparison::Equal;
    Test::Text { field: source(field, paths), text: text.as_bytes().into(), equal }
}

fn membership(left: &Term, literals: &[Literal], paths: &mut Paths) -> Test {
    let texts: Option<Vec<_>> = literals.iter().map(Literal::as_bytes).collect();
    match (left, texts) {
        (Term::Field(field), Some(texts)) => {
            Test::Texts { field: source(field, paths), texts: Texts::new(texts) }
        }
        _ => Test::In(operand(left, paths), literals.into()),
    }
}

/// Turns a typed value into what is evaluated.
pub(super) fn operand(term: &Term, paths: &mut Paths) -> Operand {
    match term {
        Term::Literal(literal) => Operand::Literal(literal.clone()),
        Term::Field(field) => Operand::Field(source(field, paths)),
        Term::Has(_) | Term::Not(_) | Term::Chain(..) | Term::Compare(..) | Term::In(..) => {
            Operand::Test(Box::new(test(term, paths)))
        }
    }
}

fn source(field: &Field, paths: &mut Paths) -> Source {
    match field {
        Field::Key => Source::Key,
        Field::Topic => Source::Topic,
        Field::Partition => Source::Partition,
        Field::Offset => Source::Offset,
        Field::Timestamp => Source::Timestamp,
        Field::Header(name) => Source::Header(name.as_bytes().into()),
        Field::Path(path) => Source::Slot(paths.add(path)),
    }
}

/// Roughly what a term costs; only the order counts.
fn cost(term: &Term) -> u32 {
    match term {
        Term::Literal(_) => 0,
        Term::Field(field) | Term::Has(field) => match field {
            Field::Key | Field::Topic | Field::Partition | Field::Offset | Field::Timestamp => 1,
            Field::Header(_) => 16,
            // Beyond all that needs no look into the value, whatever it is.
            Field::Path(_) => 1024,
        },
        Term::Not(inner) => cost(inner),
        Term::Chain(_, terms) => terms.iter().map(cost).sum(),
        Term::Compare(_, sides) => sides.iter().map(|side| cost(side) + 1).sum(),
        Term::In(left, literals) => {
            cost(left) + u32::try_from(literals.len()).unwrap_or(u32::MAX).min(8) + 1
        }
    }
}

impl Literal {
    fn as_bytes(&self) -> Option<Box<[u8]>> {
        match self {
            Self::Text(text) => Some(text.as_bytes().into()),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Timestamp(_) => None,
        }
    }

    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(value) => Value::Number(*value),
            Self::Text(text) => Value::Text(Text::Plain(text.as_bytes())),
            Self::Timestamp(time) => Value::Timestamp(Moment::of(time)),
        }
    }
}
