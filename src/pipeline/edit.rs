//! What the step `set` changes.

use crate::expression::{Target, ValueExpression};

/// One entry of a `set`.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// What is set; a header replaces all of its name, and comes behind all others.
    pub target: Target,
    /// What it is set to.
    pub value: ValueExpression,
}
