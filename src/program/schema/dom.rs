//! A value as a tree that borrows from it: filled by `serde_json`, in bounded depth.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Dom<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer that fits.
    Int(i64),
    /// An integer above those.
    Uint(u64),
    /// Any other number.
    Float(f64),
    /// A string, borrowed where it has no escape.
    Text(Cow<'a, str>),
    /// An array.
    Array(Vec<Dom<'a>>),
    /// An object in its order; no key twice.
    Object(Vec<Member<'a>>),
}

/// A member of an object.
pub(super) type Member<'a> = (Cow<'a, str>, Dom<'a>);

/// Why there is no tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// An object has a key twice.
    RepeatedKey,
    /// In words, without anything of the payload.
    Refused(String),
}

/// Above so many members, keys are compared by a set.
const COMPARED_ONE_BY_ONE_MAX: usize = 24;
/// The text of the one error that is not `serde_json`'s own.
const REPEATED: &str = "a key occurs twice";

impl<'a> Dom<'a> {
    pub(super) fn parse(value: &'a [u8]) -> Result<Self, Unread> {
        serde_json::from_slice(value).map_err(|error| {
            let text = error.to_string();
            if text.starts_with(REPEATED) { Unread::RepeatedKey } else { Unread::Refused(text) }
        })
    }
}

impl<'de> Deserialize<'de> for Dom<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DomVisitor)
    }
}

struct DomVisitor;

impl<'de> Visitor<'de> for DomVisitor {
    type Value = Dom<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Dom<'de>, E> {
        Ok(Dom::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Dom<'de>, E> {
        Ok(Dom::Int(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Dom<'de>, E> {
        Ok(i64::try_from(value).map_or(Dom::Uint(value), Dom::Int))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Dom<'de>, E> {
        Ok(Dom::Float(value))
    }
    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Dom<'de>, E> {
        Ok(Dom::Text(Cow::Borrowed(value)))
    }
    fn visit_str<E>(self, value: &str) -> Result<Dom<'de>, E> {
        Ok(Dom::Text(Cow::Owned(value.to_owned())))
    }
    fn visit_unit<E>(self) -> Result<Dom<'de>, E> {
        Ok(Dom::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Dom<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Dom::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Dom<'de>, A::Error> {
        let mut members: Vec<Member<'de>> = Vec::with_capacity(8);
        while let Some(Key(key)) = entries.next_key()? {
            let is_repeated = members.len() < COMPARED_ONE_BY_ONE_MAX
                && members.iter().any(|(own, _)| *own == key);
            if is_repeated {
                return Err(A::Error::custom(REPEATED));
            }
            members.push((key, entries.next_value()?));
        }
        if members.len() > COMPARED_ONE_BY_ONE_MAX {
            let keys: BTreeSet<&str> = members.iter().map(|(key, _)| key.as_ref()).collect();
            if keys.len() < members.len() {
                return Err(A::Error::custom(REPEATED));
            }
        }
        Ok(Dom::Object(members))
    }
}

struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Borrowed(value)))
    }
    fn visit_str<E>(self, value: &str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Owned(value.to_owned())))
    }
}
