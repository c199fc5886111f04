//! A [`Dom`] as `jsonschema` wants to see it.
//!
//! A schema whose `anyOf` leads back to itself by two branches asks twice as much with each level of the value, and `jsonschema`
//! has no bound. [`Visits`] is one: when they are used up, every child is a `null`, so what is under way ends soon, and whatever it
//! says is not believed. The same for the stack, which a record must not be able to exhaust: nobody could catch that.

use std::borrow::Cow;
use std::cell::Cell;
use std::slice::Iter;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, JsonNumber, Node, NodeIdentity, Object, cmp};
use serde_json::{Number, Value};

use super::dom::{Dom, Member};

/// Names the representation.
#[derive(Debug)]
pub(super) struct Backend;

impl Json for Backend {
    type Node<'a> = DomNode<'a>;
    type PreparedKey = Box<str>;
    type StringBuffer = Visits;

    const ACYCLIC: bool = true;
    const KEYS_PER_LOOKUP: usize = 2;

    fn prepare_key(key: &str) -> Box<str> {
        key.into()
    }

    fn with_string_node<T>(
        visits: &mut Visits,
        string: &str,
        f: impl FnOnce(DomNode<'_>) -> T,
    ) -> T {
        f(DomNode { dom: &Dom::Text(Cow::Borrowed(string)), visits })
    }
}

/// What every value may cost, in visits of its parts.
const VISITS_MIN: u64 = 1 << 16;
/// And for each byte of it: a part has some five bytes, a schema some dozen rules for it.
const VISITS_PER_BYTE: u64 = 64;
/// And no value more than so many: some seconds, where a window under `exactly_once` is given up after fifteen. A record that took
/// longer would come again for ever.
pub(super) const VISITS_MAX: u64 = 1 << 24;
/// What the search for the rule that is broken may cost: a fraction of a second.
const REASON_VISITS_MAX: u64 = 1 << 20;

/// So many bytes of the stack may be in use below [`Visits::of`] when a part of the value is begun; a chain of
/// [`CHAIN_MAX`](super::chain::CHAIN_MAX) rules comes on top. A thread has 2 MiB.
const STACK_MAX: usize = 768 << 10;

/// How many parts of a value may still be looked at.
#[derive(Debug, Default)]
pub(super) struct Visits {
    left: Cell<u64>,
    stack: usize,
}

/// About where the stack ends now.
#[inline]
fn stack() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

impl Visits {
    /// For a value of so many bytes.
    pub(super) fn of(bytes: usize) -> Self {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let visits = bytes.saturating_mul(VISITS_PER_BYTE).saturating_add(VISITS_MIN);
        Self { left: Cell::new(visits.min(VISITS_MAX)), stack: stack() }
    }

    /// For the second look at a value of so many bytes, which finds the reason.
    pub(super) fn for_reason(bytes: usize) -> Self {
        let visits = Self::of(bytes);
        visits.left.set(visits.left.get().min(REASON_VISITS_MAX));
        visits
    }

    /// Whether there were too few: what was found is not to be believed.
    pub(super) fn are_used_up(&self) -> bool {
        self.left.get() == 0
    }

    #[cfg(test)]
    pub(super) fn left(&self) -> u64 {
        self.left.get()
    }

    fn child<'a>(&'a self, dom: &'a Dom<'a>) -> DomNode<'a> {
        let fits = self.stack.abs_diff(stack()) < STACK_MAX;
        let left = if fits { self.left.get().saturating_sub(1) } else { 0 };
        self.left.set(left);
        DomNode { dom: if left == 0 { &Dom::Null } else { dom }, visits: self }
    }
}

/// A value in its tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct DomNode<'a> {
    pub(super) dom: &'a Dom<'a>,
    pub(super) visits: &'a Visits,
}

/// A number as it was read.
#[derive(Clone, Copy, Debug)]
pub(super) enum DomNumber {
    Int(i64),
    Uint(u64),
    Float(f64),
}

impl JsonNumber for DomNumber {
    fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Int(value) => u64::try_from(*value).ok(),
            Self::Uint(value) => Some(*value),
            Self::Float(_) => None,
        }
    }
    fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Uint(value) => i64::try_from(*value).ok(),
            Self::Float(_) => None,
        }
    }
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "a double is what is asked for"
    )]
    fn as_f64(&self) -> Option<f64> {
        Some(match self {
            Self::Int(value) => *value as f64,
            Self::Uint(value) => *value as f64,
            Self::Float(value) => *value,
        })
    }
    fn as_str(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_number().to_string())
    }
    fn to_number(&self) -> Cow<'_, Number> {
        Cow::Owned(match self {
            Self::Int(value) => (*value).into(),
            Self::Uint(value) => (*value).into(),
            // `serde_json` reads no infinite number.
            Self::Float(value) => Number::from_f64(*value).unwrap_or_else(|| 0.into()),
        })
    }
    fn is_integer(&self) -> bool {
        match self {
            Self::Int(_) | Self::Uint(_) => true,
            Self::Float(value) => value.fract() == 0.0,
        }
    }
    fn is_written_as_integer(&self) -> bool {
        !matches!(self, Self::Float(_))
    }
}

impl<'a> Node<'a, Backend> for DomNode<'a> {
    type Object = Members<'a>;
    type Array = Items<'a>;
    type Number = DomNumber;

    fn as_object(&self) -> Option<Members<'a>> {
        if let Dom::Object(members) = self.dom {
            Some(Members { members, visits: self.visits })
        } else {
            None
        }
    }
    fn as_array(&self) -> Option<Items<'a>> {
        if let Dom::Array(items) = self.dom {
            Some(Items { items, visits: self.visits })
        } else {
            None
        }
    }
    fn as_string(&self) -> Option<Cow<'a, str>> {
        if let Dom::Text(text) = self.dom { Some(Cow::Borrowed(text)) } else { None }
    }
    fn as_number(&self) -> Option<DomNumber> {
        match self.dom {
            Dom::Int(value) => Some(DomNumber::Int(*value)),
            Dom::Uint(value) => Some(DomNumber::Uint(*value)),
            Dom::Float(value) => Some(DomNumber::Float(*value)),
            Dom::Null | Dom::Bool(_) | Dom::Text(_) | Dom::Array(_) | Dom::Object(_) => None,
        }
    }
    fn as_boolean(&self) -> Option<bool> {
        if let Dom::Bool(value) = self.dom { Some(*value) } else { None }
    }
    fn is_null(&self) -> bool {
        matches!(self.dom, Dom::Null)
    }
    fn json_type(&self) -> JsonType {
        match self.dom {
            Dom::Null => JsonType::Null,
            Dom::Bool(_) => JsonType::Boolean,
            Dom::Int(_) | Dom::Uint(_) | Dom::Float(_) => JsonType::Number,
            Dom::Text(_) => JsonType::String,
            Dom::Array(_) => JsonType::Array,
            Dom::Object(_) => JsonType::Object,
        }
    }
    fn string_length_within(&self, min: u64, max: u64) -> Option<bool> {
        let Dom::Text(text) = self.dom else { return None };
        // A character has one to four bytes, so most lengths are known without counting.
        let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        let chars_min = bytes.div_ceil(4);
        if bytes < min || chars_min > max {
            return Some(false);
        }
        if min <= chars_min && bytes <= max {
            return Some(true);
        }
        let chars = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        Some((min..=max).contains(&chars))
    }
    fn equals_value(&self, expected: &Value) -> bool {
        match (self.dom, expected) {
            (Dom::Text(own), Value::String(other)) => own == other,
            (Dom::Text(_), _) | (_, Value::String(_)) => false,
            _ => cmp::equal(&self.to_value(), expected),
        }
    }
    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(value(*self))
    }
    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref(self.dom).addr()))
    }
}

/// As deep as the tree, which is bounded.
fn value(node: DomNode<'_>) -> Value {
    let child = |dom| value(node.visits.child(dom));
    match node.dom {
        Dom::Null => Value::Null,
        Dom::Bool(value) => Value::Bool(*value),
        Dom::Int(value) => Value::Number((*value).into()),
        Dom::Uint(value) => Value::Number((*value).into()),
        Dom::Float(value) => Number::from_f64(*value).map_or(Value::Null, Value::Number),
        Dom::Text(text) => Value::String(text.clone().into_owned()),
        Dom::Array(items) => Value::Array(items.iter().map(child).collect()),
        Dom::Object(members) => Value::Object(
            members.iter().map(|(k, dom)| (k.clone().into_owned(), child(dom))).collect(),
        ),
    }
}

/// The members of an object.
#[derive(Debug)]
pub(super) struct Members<'a> {
    members: &'a [Member<'a>],
    visits: &'a Visits,
}

/// Going through the members of an object.
#[derive(Debug)]
pub(super) struct MembersIter<'a> {
    members: Iter<'a, Member<'a>>,
    visits: &'a Visits,
}

impl<'a> Iterator for MembersIter<'a> {
    type Item = (&'a str, DomNode<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, dom) = self.members.next()?;
        Some((key, self.visits.child(dom)))
    }
}

impl<'a> Object<'a, Backend> for Members<'a> {
    type Node = DomNode<'a>;
    type MemberName = &'a str;
    type MembersIter = MembersIter<'a>;

    fn len(&self) -> usize {
        self.members.len()
    }
    fn get(&self, key: &Box<str>) -> Option<DomNode<'a>> {
        let (_, dom) = self.members.iter().find(|(own, _)| own.as_ref() == key.as_ref())?;
        Some(self.visits.child(dom))
    }
    fn members(&self) -> MembersIter<'a> {
        MembersIter { members: self.members.iter(), visits: self.visits }
    }
}

/// The items of an array.
#[derive(Debug)]
pub(super) struct Items<'a> {
    items: &'a [Dom<'a>],
    visits: &'a Visits,
}

/// Going through the items of an array.
#[derive(Debug)]
pub(super) struct ItemsIter<'a> {
    items: Iter<'a, Dom<'a>>,
    visits: &'a Visits,
}

impl<'a> Iterator for ItemsIter<'a> {
    type Item = DomNode<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.visits.child(self.items.next()?))
    }
}

impl<'a> Array<'a, Backend> for Items<'a> {
    type Node = DomNode<'a>;
    type ElementsIter = ItemsIter<'a>;

    fn len(&self) -> usize {
        self.items.len()
    }
    fn elements(&self) -> ItemsIter<'a> {
        ItemsIter { items: self.items.iter(), visits: self.visits }
    }
}
