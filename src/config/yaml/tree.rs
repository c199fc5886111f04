//! Places of a document, as a tree that aliases share.

use std::ops::Range;
use std::sync::Arc;

/// One value, with the bytes on which it stands.
#[derive(Debug)]
pub(in crate::config) struct Node {
    /// Bytes in the text; of an alias, those of what it names.
    pub(in crate::config) span: Range<usize>,
    /// As it is written, where one is.
    pub(super) tag: Option<String>,
    /// What it is.
    pub(in crate::config) data: Data,
    /// Values in it, itself included, aliases written out.
    pub(super) size: usize,
    /// Levels in it; a scalar has 1.
    pub(super) depth: usize,
}

/// What a node is.
#[derive(Debug)]
pub(in crate::config) enum Data {
    /// A text, a number, true, false, null.
    Scalar(Scalar),
    /// `[...]`
    List(Vec<Arc<Node>>),
    /// `{...}`, repeated keys included.
    Map(Vec<(Arc<Node>, Arc<Node>)>),
}

/// A scalar as it is written.
#[derive(Debug)]
pub(in crate::config) struct Scalar {
    /// Without quotes and escapes, lines folded.
    pub(in crate::config) text: String,
    /// How it is written.
    pub(in crate::config) style: Style,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Style {
    /// Without quotes; its text decides what it is.
    Plain,
    /// `'...'`
    SingleQuoted,
    /// `"..."`
    DoubleQuoted,
    /// `|` or `>`
    Block,
}

impl Node {
    pub(super) fn new(span: Range<usize>, tag: Option<String>, data: Data) -> Self {
        let inner: Vec<&Arc<Self>> = match &data {
            Data::Scalar(_) => Vec::new(),
            Data::List(items) => items.iter().collect(),
            Data::Map(entries) => entries.iter().flat_map(|(k, v)| [k, v]).collect(),
        };
        let size = inner.iter().fold(1_usize, |sum, node| sum.saturating_add(node.size));
        let depth = inner.iter().map(|node| node.depth).max().unwrap_or(0).saturating_add(1);
        Self { span, tag, data, size, depth }
    }

    /// The scalar, where it is one.
    pub(in crate::config) fn scalar(&self) -> Option<&Scalar> {
        match &self.data {
            Data::Scalar(scalar) => Some(scalar),
            Data::List(_) | Data::Map(_) => None,
        }
    }

    /// The entry of a key; of a repeated one the last, which is the one whose value counts.
    pub(super) fn entry(&self, key: &str) -> Option<(&Arc<Self>, &Arc<Self>)> {
        match &self.data {
            Data::Map(entries) => entries
                .iter()
                .rev()
                .find(|(k, _)| k.scalar().is_some_and(|s| s.text == key))
                .map(|(k, v)| (k, v)),
            Data::Scalar(_) | Data::List(_) => None,
        }
    }

    /// The item of a list.
    pub(super) fn item(&self, index: usize) -> Option<&Arc<Self>> {
        match &self.data {
            Data::List(items) => items.get(index),
            Data::Scalar(_) | Data::Map(_) => None,
        }
    }
}
