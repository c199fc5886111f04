//! The bound expression: paths are slots, terms stand in the order of their cost, lists are sorted. Made once per pipeline,
//! evaluated once per record, without any allocation.

use regex::bytes::Regex;

use super::ast::{Arithmetic, Comparison, Junction};
use super::term::{Field, Function, Literal, Quantifier, Search, Term};
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
    /// A string that is looked for in another one.
    Search(Search, Operand, Operand),
    Matches(Operand, Regex),
    Each(Quantifier, Box<Each>),
    /// Something that is true or false by itself.
    Truth(Operand),
}

/// A part whose result is a value.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Literal(Literal),
    Field(Source),
    Test(Box<Test>),
    If(Box<(Test, Operand, Operand)>),
    Calculate(Arithmetic, Box<[Operand; 2]>),
    Negative(Box<Operand>),
    Call(Function, Box<Operand>),
}

/// A condition on the elements of an array.
#[derive(Clone, Debug)]
pub(super) struct Each {
    pub(super) array: Source,
    /// What is read of an element.
    pub(super) paths: Paths,
    pub(super) condition: Test,
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
    /// The element that `exists()` or `all()` looks at.
    Element,
    /// A part of it.
    InElement(SlotId),
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

/// The paths of the pipeline, and of the element that is looked at.
pub(super) struct Binder<'p> {
    paths: &'p mut Paths,
    element: Paths,
}

impl<'p> Binder<'p> {
    pub(super) fn new(paths: &'p mut Paths) -> Self {
        Self { paths, element: Paths::default() }
    }

    /// Turns a typed condition into what is evaluated.
    pub(super) fn test(&mut self, term: &Term) -> Test {
        match term {
            Term::Literal(_)
            | Term::Field(_)
            | Term::If(_)
            | Term::Calculate(..)
            | Term::Negative(_)
            | Term::Call(..) => Test::Truth(self.operand(term)),
            Term::Has(field) => Test::Has(self.source(field)),
            Term::Not(inner) => Test::Not(Box::new(self.test(inner))),
            Term::Chain(junction, terms) => {
                let mut flat = Vec::new();
                flatten(*junction, terms, &mut flat);
                // Any order gives the same result: false (or true) wins over errors, errors over missing.
                flat.sort_by_key(|term| cost(term));
                let tests = flat.into_iter().map(|term| self.test(term)).collect();
                match junction {
                    Junction::And => Test::All(tests),
                    Junction::Or => Test::Any(tests),
                }
            }
            Term::Compare(comparison, sides) => {
                let [left, right] = sides.as_ref();
                self.compare(*comparison, left, right)
            }
            Term::In(left, literals) => self.membership(left, literals),
            Term::Search(search, sides) => {
                let [text, part] = sides.as_ref();
                Test::Search(*search, self.operand(text), self.operand(part))
            }
            Term::Matches(text, regex) => Test::Matches(self.operand(text), regex.clone()),
            Term::Each(quantifier, each) => {
                let condition = self.test(&each.condition);
                let paths = std::mem::take(&mut self.element);
                let array = self.source(&each.array);
                Test::Each(*quantifier, Box::new(Each { array, paths, condition }))
            }
        }
    }

    fn compare(&mut self, comparison: Comparison, left: &Term, right: &Term) -> Test {
        if let (Term::Field(Field::Path(path)), Term::Literal(Literal::Number(number))) =
            (left, right)
        {
            return Test::Number { comparison, slot: self.paths.add(path), number: *number };
        }
        let (field, text) = match (left, right) {
            (Term::Field(field), Term::Literal(Literal::Text(text)))
            | (Term::Literal(Literal::Text(text)), Term::Field(field))
                if comparison.is_equality() =>
            {
                (field, text)
            }
            _ => return Test::Compare(comparison, self.operand(left), self.operand(right)),
        };
        let equal = comparison == Comparison::Equal;
        Test::Text { field: self.source(field), text: text.as_bytes().into(), equal }
    }

    fn membership(&mut self, left: &Term, literals: &[Literal]) -> Test {
        let texts: Option<Vec<_>> = literals.iter().map(Literal::as_bytes).collect();
        match (left, texts) {
            (Term::Field(field), Some(texts)) => {
                Test::Texts { field: self.source(field), texts: Texts::new(texts) }
            }
            _ => Test::In(self.operand(left), literals.into()),
        }
    }

    /// Turns a typed value into what is evaluated.
    pub(super) fn operand(&mut self, term: &Term) -> Operand {
        match term {
            Term::Literal(literal) => Operand::Literal(literal.clone()),
            Term::Field(field) => Operand::Field(self.source(field)),
            Term::Has(_)
            | Term::Not(_)
            | Term::Chain(..)
            | Term::Compare(..)
            | Term::In(..)
            | Term::Search(..)
            | Term::Matches(..)
            | Term::Each(..) => Operand::Test(Box::new(self.test(term))),
            Term::If(parts) => {
                let [condition, yes, no] = parts.as_ref();
                let parts = (self.test(condition), self.operand(yes), self.operand(no));
                Operand::If(Box::new(parts))
            }
            Term::Calculate(operator, sides) => {
                let sides = sides.each_ref().map(|side| self.operand(side));
                Operand::Calculate(*operator, Box::new(sides))
            }
            Term::Negative(inner) => Operand::Negative(Box::new(self.operand(inner))),
            Term::Call(function, inner) => Operand::Call(*function, Box::new(self.operand(inner))),
        }
    }

    pub(super) fn source(&mut self, field: &Field) -> Source {
        match field {
            Field::Key => Source::Key,
            Field::Topic => Source::Topic,
            Field::Partition => Source::Partition,
            Field::Offset => Source::Offset,
            Field::Timestamp => Source::Timestamp,
            Field::Header(name) => Source::Header(name.as_bytes().into()),
            Field::Path(path) => Source::Slot(self.paths.add(path)),
            Field::Element(_, path) if path.0.is_empty() => Source::Element,
            Field::Element(_, path) => Source::InElement(self.element.add(path)),
        }
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

/// Roughly what a term costs; only the order counts.
fn cost(term: &Term) -> u32 {
    match term {
        Term::Literal(_) => 0,
        Term::Field(field) | Term::Has(field) => match field {
            Field::Key | Field::Topic | Field::Partition | Field::Offset | Field::Timestamp => 1,
            Field::Header(_) => 16,
            // Beyond all that needs no look into the value, whatever it is.
            Field::Path(_) => 1024,
            Field::Element(..) => 4,
        },
        Term::Not(inner) | Term::Negative(inner) => cost(inner),
        Term::Call(_, inner) => cost(inner) + 16,
        Term::Matches(text, _) => cost(text) + 256,
        Term::Each(_, each) => 4096 + cost(&each.condition),
        Term::If(parts) => parts.iter().map(cost).sum(),
        Term::Chain(_, terms) => terms.iter().map(cost).sum(),
        Term::Compare(_, sides) | Term::Calculate(_, sides) | Term::Search(_, sides) => {
            sides.iter().map(|side| cost(side) + 1).sum()
        }
        Term::In(left, literals) => {
            cost(left) + u32::try_from(literals.len()).unwrap_or(u32::MAX).min(8) + 1
        }
    }
}

impl Literal {
    pub(super) fn as_bytes(&self) -> Option<Box<[u8]>> {
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
