//! What `set` and `remove` name: a place in a record.

use super::check::Checker;
use super::term::Field;
use super::{Problem, names, parser};
use crate::json::{self, Path};

/// A part of a record that can be edited.
///
/// ```
/// use krouted::expression::Target;
/// assert_eq!(Target::parse("key"), Ok(Target::Key));
/// assert_eq!(Target::parse("headers.x-debug"), Ok(Target::Header("x-debug".into())));
/// let Ok(Target::Value(path)) = Target::parse(r#"value.items[0]["@id"]"#) else { panic!("a path") };
/// assert_eq!(path.to_string(), r#"value.items[0]["@id"]"#);
/// assert_eq!(Target::parse("topic").unwrap_err()[0].message, "`topic` cannot be changed");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `key`
    Key,
    /// `headers.NAME`: all that follows the dot is the name.
    Header(Box<str>),
    /// `value.a.b`
    Value(Path),
}

impl Target {
    /// Reads the name of a place.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let problem = |message: String| Problem::new(0..text.len(), message);
        if let Some(name) = text.strip_prefix("headers.") {
            return match name {
                "" => Err(vec![problem("the header has no name".to_owned())]),
                name => Ok(Self::Header(name.into())),
            };
        }
        let ast = parser::parse(text).map_err(|problem| vec![problem])?;
        let mut checker = Checker::default();
        let Some(field) = names::field(&mut checker, &ast) else {
            return Err(checker.into_problems());
        };
        let cannot = problem(format!("`{field}` cannot be changed"));
        match field {
            Field::Key => Ok(Self::Key),
            Field::Path(path) if path.0.len() > json::DEPTH => {
                let message =
                    format!("a value has at most {} levels, and this path more", json::DEPTH);
                Err(vec![problem(message)])
            }
            Field::Path(path) => Ok(Self::Value(path)),
            Field::Header(name) => Err(vec![
                problem("a header is named without brackets here".to_owned())
                    .hint(format!("write `headers.{name}`")),
            ]),
            Field::Topic
            | Field::Partition
            | Field::Offset
            | Field::Timestamp
            | Field::Element(..) => {
                Err(vec![cannot.hint("only `value.…`, `headers.…` and `key` can be")])
            }
        }
    }
}

impl std::fmt::Display for Target {
    /// As a file writes it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key => f.write_str("key"),
            Self::Header(name) => write!(f, "headers.{name}"),
            Self::Value(path) => path.fmt(f),
        }
    }
}
