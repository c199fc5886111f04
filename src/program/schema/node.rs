//! A [`Dom`] as `jsonschema` wants to see it.

use std::borrow::Cow;
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
    type StringBuffer = ();

    const ACYCLIC: bool = true;
    const KEYS_PER_LOOKUP: usize = 2;

    fn prepare_key(key: &str) -> Box<str> {
        key.into()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(DomNode<'_>) -> T) -> T {
        f(DomNode(&Dom::Text(Cow::Borrowed(string))))
    }
}

/// A value in its tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct DomNode<'a>(pub(super) &'a Dom<'a>);

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
        if let Dom::Object(members) = self.0 { Some(Members(members)) } else { None }
    }
    fn as_array(&self) -> Option<Items<'a>> {
        if let Dom::Array(items) = self.0 { Some(Items(items)) } else { None }
    }
    fn as_string(&self) -> Option<Cow<'a, str>> {
        if let Dom::Text(text) = self.0 { Some(Cow::Borrowed(text)) } else { None }
    }
    fn as_number(&self) -> Option<DomNumber> {
        match self.0 {
            Dom::Int(value) => Some(DomNumber::Int(*value)),
            Dom::Uint(value) => Some(DomNumber::Uint(*value)),
            Dom::Float(value) => Some(DomNumber::Float(*value)),
            Dom::Null | Dom::Bool(_) | Dom::Text(_) | Dom::Array(_) | Dom::Object(_) => None,
        }
    }
    fn as_boolean(&self) -> Option<bool> {
        if let Dom::Bool(value) = self.0 { Some(*value) } else { None }
    }
    fn is_null(&self) -> bool {
        matches!(self.0, Dom::Null)
    }
    fn json_type(&self) -> JsonType {
        match self.0 {
            Dom::Null => JsonType::Null,
            Dom::Bool(_) => JsonType::Boolean,
            Dom::Int(_) | Dom::Uint(_) | Dom::Float(_) => JsonType::Number,
            Dom::Text(_) => JsonType::String,
            Dom::Array(_) => JsonType::Array,
            Dom::Object(_) => JsonType::Object,
        }
    }
    fn string_length_within(&self, min: u64, max: u64) -> Option<bool> {
        let Dom::Text(text) = self.0 else { return None };
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
        match (self.0, expected) {
            (Dom::Text(own), Value::String(other)) => own == other,
            (Dom::Text(_), _) | (_, Value::String(_)) => false,
            _ => cmp::equal(&self.to_value(), expected),
        }
    }
    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(value(self.0))
    }
    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref(self.0).addr()))
    }
}

/// As deep as the tree, which is bounded.
fn value(dom: &Dom<'_>) -> Value {
    match dom {
        Dom::Null => Value::Null,
        Dom::Bool(value) => Value::Bool(*value),
        Dom::Int(value) => Value::Number((*value).into()),
        Dom::Uint(value) => Value::Number((*value).into()),
        Dom::Float(value) => Number::from_f64(*value).map_or(Value::Null, Value::Number),
        Dom::Text(text) => Value::String(text.clone().into_owned()),
        Dom::Array(items) => Value::Array(items.iter().map(value).collect()),
        Dom::Object(members) => {
            let entry = |(key, dom): &Member<'_>| (key.clone().into_owned(), value(dom));
            Value::Object(members.iter().map(entry).collect())
        }
    }
}

/// The members of an object.
#[derive(Debug)]
pub(super) struct Members<'a>(&'a [Member<'a>]);

impl<'a> Object<'a, Backend> for Members<'a> {
    type Node = DomNode<'a>;
    type MemberName = &'a str;
    type MembersIter =
        std::iter::Map<Iter<'a, Member<'a>>, fn(&'a Member<'a>) -> (&'a str, DomNode<'a>)>;

    fn len(&self) -> usize {
        self.0.len()
    }
    fn get(&self, key: &Box<str>) -> Option<DomNode<'a>> {
        self.0.iter().find(|(own, _)| own.as_ref() == key.as_ref()).map(|(_, dom)| DomNode(dom))
    }
    fn members(&self) -> Self::MembersIter {
        self.0.iter().map(|(key, dom)| (key.as_ref(), DomNode(dom)))
    }
}

/// The items of an array.
#[derive(Debug)]
pub(super) struct Items<'a>(&'a [Dom<'a>]);

impl<'a> Array<'a, Backend> for Items<'a> {
    type Node = DomNode<'a>;
    type ElementsIter = std::iter::Map<Iter<'a, Dom<'a>>, fn(&'a Dom<'a>) -> DomNode<'a>>;

    fn len(&self) -> usize {
        self.0.len()
    }
    fn elements(&self) -> Self::ElementsIter {
        self.0.iter().map(DomNode)
    }
}
