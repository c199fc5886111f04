//! The shape of a text, before anything is known about its names and types. It is wider than what can be evaluated, so that a
//! construct that is not supported is named as what it is.

use std::ops::Range;

/// A part of an expression and its byte range in the text.
#[derive(Clone, Debug)]
pub(super) struct Ast {
    pub(super) span: Range<usize>,
    pub(super) node: Node,
    /// Levels of parts in it, itself included: what walks a tree recurses so deep.
    pub(super) height: usize,
}

impl Node {
    /// The height of the highest part in it.
    pub(super) fn height_below(&self) -> usize {
        fn highest<'a>(parts: impl IntoIterator<Item = &'a Ast>) -> usize {
            parts.into_iter().map(|part| part.height).max().unwrap_or(0)
        }
        match self {
            Self::Name(_) | Self::Literal(_) | Self::Map => 0,
            Self::Access(base, path) => {
                let indices = path.iter().filter_map(|access| match access {
                    Access::Index(index) => Some(index),
                    Access::Field(..) => None,
                });
                highest(indices).max(base.height)
            }
            Self::Call(call) => highest(call.arguments.iter().chain(&call.target)),
            Self::List(parts) | Self::Chain(_, parts) => highest(parts),
            Self::Not(part) | Self::Negative(part) => part.height,
            Self::Binary(binary) => binary.left.height.max(binary.right.height),
            Self::Ternary(parts) => highest(parts.iter()),
        }
    }
}

/// What the part is.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// A root, or a name that is unknown.
    Name(String),
    /// A literal.
    Literal(Raw),
    /// A name and what is asked of it, left to right: `value.a["b"][0]`. Not empty.
    Access(Box<Ast>, Vec<Access>),
    /// A function, or a method of a target.
    Call(Box<Call>),
    /// `[a, b]`
    List(Vec<Ast>),
    /// `{a: b}`; what is in it is not kept.
    Map,
    /// `!a`
    Not(Box<Ast>),
    /// `-a`
    Negative(Box<Ast>),
    /// `a && b && c`, or with `||`. At least two.
    Chain(Junction, Vec<Ast>),
    /// `a OP b`
    Binary(Box<Binary>),
    /// `a ? b : c`
    Ternary(Box<[Ast; 3]>),
}

/// A literal as it was read.
#[derive(Clone, Debug)]
pub(super) enum Raw {
    Null,
    Bool(bool),
    Int(u64),
    Uint(u64),
    Double(f64),
    Text(String),
}

/// One step behind a name.
#[derive(Clone, Debug)]
pub(super) enum Access {
    /// `.name`
    Field(String, Range<usize>),
    /// `[a]`
    Index(Ast),
}

/// A call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) target: Option<Ast>,
    pub(super) name: String,
    pub(super) name_span: Range<usize>,
    pub(super) arguments: Vec<Ast>,
}

/// What joins the terms of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Junction {
    And,
    Or,
}

impl Junction {
    /// What it becomes under a `!`.
    pub(super) fn other(self) -> Self {
        match self {
            Self::And => Self::Or,
            Self::Or => Self::And,
        }
    }
}

/// An operator between two parts.
#[derive(Clone, Debug)]
pub(super) struct Binary {
    pub(super) operator: Operator,
    pub(super) left: Ast,
    pub(super) right: Ast,
}

/// The operators between two parts, but for `&&` and `||`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    /// `==`, `<`, ...
    Compare(Comparison),
    /// `in`
    In,
    /// `+`, `-`, ...
    Calculate(Arithmetic),
}

/// The operators that calculate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arithmetic {
    /// `+`, which also joins two strings
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
}

impl Arithmetic {
    /// As it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

/// The operators that compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// As it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// `==` and `!=`, which are defined between all types.
    pub(super) fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual)
    }
}
