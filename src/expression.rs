//! CEL text -> typed expression -> evaluation over slots that one scan filled.
//!
//! `config` compiles text here and turns each [`Problem`] into a finding; `program` binds the result to the slots of its
//! paths and evaluates it once a record, without allocation. What the language does not have is refused when it is compiled.
//!
//! ```text
//! text -> token -> parser -> ast -> check (names: what a name stands for; call: functions) -> term -> program -> eval, output
//! ```
//!
//! What is deliberately not as in CEL; tests hold each against the crate `cel`:
//!
//! | | here | CEL |
//! |---|---|---|
//! | a field that is not there | missing, apart from errors; `has(value.a.b)` without `a` is false | an error |
//! | `1 + 0.5`, `1.0 % 2` | a double; an error of its own | no such overload |
//! | signed and unsigned integers | one type from -2^63 to 2^64 - 1 | two types |
//! | `1.0 / x`, and `x` is `0.0`; a double beyond all doubles | an error | infinite |
//! | objects and arrays under `==` | an error | compared in depth |
//! | `string(x)` of a number in the record | as it stands there: `1.50` | `1.5` |
//! | types that never fit, regexes that are none | refused when it is compiled | an error for each record |
//!
//! Missing and errors are two things. A comparison with a field that the record is without is *missing*; an operator between
//! types that it does not take is an *error*. Both are carried on, whichever side they stand on:
//!
//! | | with true | with false | with missing | with an error |
//! |---|---|---|---|---|
//! | missing `&&` | missing | false | missing | error |
//! | missing <code>&#124;&#124;</code> | true | missing | missing | error |
//! | error `&&` | error | false | error | error |
//! | error <code>&#124;&#124;</code> | true | error | error | error |
//!
//! ```
//! use krouted::expression::{Predicate, Scope, Verdict};
//! use krouted::json::{Check, Paths, Slot, scan};
//! use krouted::model::{HeaderList, Record};
//!
//! const VALUE: &[u8] = br#"{"n": 9007199254740993, "s": "a\u00e9", "nil": null, "o": {"list": [1, 2]}}"#;
//!
//! fn ask(expression: &str) -> String {
//!     ask_of(Some(VALUE), expression)
//! }
//!
//! fn ask_of(value: Option<&[u8]>, expression: &str) -> String {
//!     let headers = HeaderList(vec![(b"region".to_vec(), Some(b"eu".to_vec())), (b"none".to_vec(), None)]);
//!     let record = Record {
//!         topic: "t", partition: 0, offset: 7, timestamp: Some(1), key: None, value, headers: &headers,
//!     };
//!     let mut paths = Paths::default();
//!     let predicate = Predicate::parse(expression).unwrap().value.bind(&mut paths);
//!     let mut slots = vec![Slot::Missing; paths.len()];
//!     if let Some(value) = value {
//!         scan(&paths, value, Check::Whole, &mut slots).unwrap();
//!     }
//!     match predicate.eval(&Scope { record: &record, slots: &slots }) {
//!         Verdict::True => "true".into(),
//!         Verdict::False => "false".into(),
//!         Verdict::Missing => "missing".into(),
//!         Verdict::Error(error) => error.to_string(),
//!     }
//! }
//!
//! // A field that is not there is missing, and so is what is asked of it, but for `has()`.
//! assert_eq!(ask("value.x == 1"), "missing");
//! assert_eq!(ask("!(value.x == 1)"), "missing");
//! assert_eq!(ask("value.x in [1, 2]"), "missing");
//! assert_eq!(ask("has(value.x)"), "false");
//! assert_eq!(ask("value.x == 1 || offset == 7"), "true");
//! // A value that is no object has no fields; an array has only elements.
//! assert_eq!(ask("value.n.x == 1"), "missing");
//! assert_eq!(ask("value.o.list[1] == 2"), "true");
//! assert_eq!(ask("value.o.list[2] == 2"), "missing");
//! assert_eq!(ask_of(Some(b"[7]"), "value[0] == 7 && !has(value.n)"), "true");
//! // A tombstone has no fields, not even null ones.
//! assert_eq!(ask_of(None, "has(value.n)"), "false");
//! assert_eq!(ask_of(None, "value.nil == null"), "missing");
//! // Different types are never equal, as in CEL, and have no order.
//! assert_eq!(ask(r#"value.n == "9007199254740993""#), "false");
//! assert_eq!(ask(r#"value.n < "a""#), "`<` compares a number with a string");
//! // Null is a value, equal to null only. A key and a header can be null; a header can also be missing.
//! assert_eq!(ask("value.nil == null && has(value.nil)"), "true");
//! assert_eq!(ask("value.nil < 1"), "`<` compares null with a number");
//! assert_eq!(ask(r#"key == null && key != "a""#), "true");
//! assert_eq!(ask(r#"headers["none"] == null"#), "true");
//! assert_eq!(ask(r#"headers["other"] == null"#), "missing");
//! assert_eq!(ask(r#""region" in headers"#), "true");
//! // Numbers compare by what they are worth, integers never through a double.
//! assert_eq!(ask("value.n == 9007199254740993"), "true");
//! assert_eq!(ask("value.n == 9007199254740992.0"), "false");
//! assert_eq!(ask("value.n > 9007199254740992.0"), "true");
//! // Strings compare by their UTF-8 bytes, without their escapes; keys and headers by their bytes.
//! assert_eq!(ask(r#"value.s == "aé""#), "true");
//! // Objects and arrays are not compared with each other.
//! assert_eq!(ask("value.o == value.o"), "`==` compares an object with an object");
//! // Integers are calculated exactly; with a double on one side both are doubles, since JSON writes one number in two ways.
//! assert_eq!(ask("value.n + 1 == 9007199254740994 && 7 / 2 == 3 && 7 / 2.0 == 3.5"), "true");
//! assert_eq!(ask("value.n * value.n > 0"), "the result of `*` is too great");
//! assert_eq!(ask("1 / (offset - 7) == 1"), "`/` divides by zero");
//! assert_eq!(ask(r#"topic + "-" + string(value.n) == "t-9007199254740993""#), "true");
//! assert_eq!(ask("int(\"12\") == 12 && double(1) == 1.0"), "true");
//! // Missing goes through operators and functions; a choice evaluates only the side that it takes.
//! assert_eq!(ask(r#"value.x + 1 == 2 || value.x.startsWith("a")"#), "missing");
//! assert_eq!(ask("(has(value.x) ? value.x : 0) == 0"), "true");
//! // Sizes count code points, elements or members; regexes find anywhere.
//! assert_eq!(ask("size(value.s) == 2 && size(value.o.list) == 2 && size(value.o) == 1"), "true");
//! assert_eq!(ask(r#"value.s.matches("^a") && !value.s.contains("b")"#), "true");
//! // Conditions on elements are chains of `||` or `&&` over them.
//! assert_eq!(ask("value.o.list.exists(x, x == 2) && value.o.list.all(x, x < value.n)"), "true");
//! assert_eq!(ask("value.o.list.exists(x, x.price == 2)"), "missing");
//! // What has no fixed type is looked at when it is needed.
//! assert_eq!(ask("value.n && true"), "a condition is true or false, and this is a number");
//! ```

mod arithmetic;
mod ast;
mod buffer;
mod call;
mod check;
mod each;
mod error;
mod eval;
mod functions;
mod literal;
mod lookup;
mod names;
mod near;
mod output;
mod parser;
mod program;
mod target;
mod term;
#[cfg(test)]
mod tests;
mod time;
mod token;
mod value;

use std::ops::Range;
use std::sync::Arc;

pub use ast::{Arithmetic, Comparison};
pub use error::{Called, EvalError};
pub use eval::{Scope, Verdict};
pub use lookup::{BoundLookup, Found, Lookup};
pub use near::nearest;
pub use output::{Text, ValueError};
pub use target::Target;
pub use value::Kind;

use crate::json::{Path, Paths};
use term::Field;

/// What is wrong with an expression, or odd about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Byte range in the expression's text.
    pub span: Range<usize>,
    /// A lower-case sentence fragment.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// A path into the value that an expression reads or asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathUse {
    /// The path; of a part of an array's elements, that of the array.
    pub path: Path,
    /// Of a part of an array's elements: what the text calls an element, and where in it the part is.
    pub element: Option<(Box<str>, Path)>,
    /// Byte range in the expression's text.
    pub span: Range<usize>,
    /// What it is compared with, or used as: any of these. Empty where that is not known from the text.
    pub compared_with: Vec<Kind>,
}

impl std::fmt::Display for PathUse {
    /// As the text names it: `value.a`, `x.b`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.element {
            None => self.path.fmt(f),
            Some((name, path)) => Field::Element(name.clone(), path.clone()).fmt(f),
        }
    }
}

/// What was made of a text, and what is odd about it.
#[derive(Clone, Debug)]
pub struct Checked<T> {
    /// What was made.
    pub value: T,
    /// Odd, but legal.
    pub warnings: Vec<Problem>,
}

impl<T> Checked<T> {
    fn map<U>(self, make: impl FnOnce(T) -> U) -> Checked<U> {
        Checked { value: make(self.value), warnings: self.warnings }
    }
}

/// A typed expression whose result is true, false, missing or an error: `filter`, `when`.
#[derive(Clone, Debug)]
pub struct Predicate {
    text: Arc<str>,
    typed: Arc<check::Typed>,
}

impl Predicate {
    /// Compiles a text; all that is wrong comes at once.
    pub fn parse(text: &str) -> Result<Checked<Self>, Vec<Problem>> {
        let checked = check::condition(text)?;
        Ok(checked.map(|typed| Self { text: text.into(), typed: Arc::new(typed) }))
    }

    /// The text as the file has it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a record's value has to be scanned first.
    pub fn reads_value(&self) -> bool {
        self.typed.term.reads_value()
    }

    /// The paths into the value and into the elements of its arrays, `has()` included: to be held against a schema.
    pub fn paths(&self) -> &[PathUse] {
        &self.typed.uses
    }

    /// All that it asks of a record, each once, as an expression names it: `value.a`, `headers["b"]`, `topic`.
    pub fn fields(&self) -> Vec<String> {
        self.typed.fields()
    }

    /// Adds its paths to those of the pipeline.
    pub fn bind(&self, paths: &mut Paths) -> BoundPredicate {
        BoundPredicate(program::Binder::new(paths).test(&self.typed.term))
    }
}

/// A predicate that knows its slots.
#[derive(Clone, Debug)]
pub struct BoundPredicate(program::Test);

impl BoundPredicate {
    /// Decides on one record.
    pub fn eval(&self, scope: &Scope<'_>) -> Verdict {
        self.0.eval(&eval::Env::new(scope))
    }
}

/// A typed expression whose result is a text: `key`.
#[derive(Clone, Debug)]
pub struct ValueExpression {
    text: Arc<str>,
    typed: Arc<check::Typed>,
}

impl ValueExpression {
    /// Compiles a text; all that is wrong comes at once.
    pub fn parse(text: &str) -> Result<Checked<Self>, Vec<Problem>> {
        let checked = check::value(text)?;
        Ok(checked.map(|typed| Self { text: text.into(), typed: Arc::new(typed) }))
    }

    /// The text as the file has it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a record's value has to be scanned first.
    pub fn reads_value(&self) -> bool {
        self.typed.term.reads_value()
    }

    /// The paths into the value and into the elements of its arrays, `has()` included: to be held against a schema.
    pub fn paths(&self) -> &[PathUse] {
        &self.typed.uses
    }

    /// All that it asks of a record, each once, as an expression names it: `value.a`, `headers["b"]`, `topic`.
    pub fn fields(&self) -> Vec<String> {
        self.typed.fields()
    }

    /// Adds its paths to those of the pipeline.
    pub fn bind(&self, paths: &mut Paths) -> BoundValue {
        BoundValue(program::Binder::new(paths).operand(&self.typed.term))
    }
}

/// A value expression that knows its slots.
#[derive(Clone, Debug)]
pub struct BoundValue(program::Operand);

impl BoundValue {
    /// The text of the value for one record; appended to `scratch` where it does not stand in the record as it is.
    pub fn eval<'a>(
        &self,
        scope: &Scope<'a>,
        scratch: &mut Vec<u8>,
    ) -> Result<Text<'a>, ValueError> {
        Ok(self.0.text(&eval::Env::new(scope), scratch)?)
    }

    /// The JSON text of the value for one record, never [`Text::Null`]; appended to `scratch` where it does not stand in the
    /// record as it is. A path is the bytes that it leads to.
    pub fn json<'a>(
        &self,
        scope: &Scope<'a>,
        scratch: &mut Vec<u8>,
    ) -> Result<Text<'a>, ValueError> {
        Ok(self.0.json(&eval::Env::new(scope), scratch)?)
    }
}
