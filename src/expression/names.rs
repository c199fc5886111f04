//! Roots, fields and functions: what the names of an expression stand for, and what was probably meant by those that stand for
//! nothing.

use super::Problem;
use super::ast::{Access, Arithmetic, Ast, Binary, Node, Raw};
use super::check::Checker;
use super::near::nearest;
use super::term::{Field, Literal, Term, Types};
use super::time::rfc3339;
use crate::json::{Path, Segment};

const ROOTS: [&str; 7] = ["value", "key", "headers", "topic", "partition", "offset", "timestamp"];
/// What people write who know another tool, and what it is called here.
const OTHER_WORDS: [(&str, &str); 18] = [
    ("json", "value"),
    ("data", "value"),
    ("payload", "value"),
    ("body", "value"),
    ("event", "value"),
    ("record", "value"),
    ("message", "value"),
    ("msg", "value"),
    ("this", "value"),
    ("self", "value"),
    ("header", "headers"),
    ("time", "timestamp"),
    ("ts", "timestamp"),
    ("True", "true"),
    ("False", "false"),
    ("None", "null"),
    ("nil", "null"),
    ("undefined", "null"),
];
/// The field that a name or an access reads.
pub(super) fn field(checker: &mut Checker, ast: &Ast) -> Option<Field> {
    match &ast.node {
        Node::Name(name) => root(checker, name, ast),
        Node::Access(base, path) => {
            let Node::Name(name) = &base.node else {
                checker.term(base);
                let message = "only `value` and `headers` have fields";
                return checker.refuse(Problem::new(ast.span.clone(), message));
            };
            match name.as_str() {
                name if checker.is_variable(name) => {
                    Some(Field::Element(name.into(), self::path(checker, path)?))
                }
                "value" => Some(Field::Path(self::path(checker, path)?)),
                "headers" => header_access(checker, path, ast),
                _ => {
                    let field = root(checker, name, base)?;
                    let message = format!("`{field}` has no fields");
                    checker.refuse(Problem::new(ast.span.clone(), message))
                }
            }
        }
        Node::Literal(_)
        | Node::Call(_)
        | Node::List(_)
        | Node::Map
        | Node::Not(_)
        | Node::Negative(_)
        | Node::Chain(..)
        | Node::Binary(_)
        | Node::Ternary(_) => {
            let message = "a path was expected here, such as `value.a`";
            checker.refuse(Problem::new(ast.span.clone(), message))
        }
    }
}

fn root(checker: &mut Checker, name: &str, ast: &Ast) -> Option<Field> {
    let problem = |message: String| Problem::new(ast.span.clone(), message);
    match name {
        name if checker.is_variable(name) => Some(Field::Element(name.into(), Path(Vec::new()))),
        "key" => Some(Field::Key),
        "topic" => Some(Field::Topic),
        "partition" => Some(Field::Partition),
        "offset" => Some(Field::Offset),
        "timestamp" => Some(Field::Timestamp),
        "value" => {
            let hint = "name a field of it, such as `value.id`";
            checker.refuse(problem("the whole value cannot be used here".into()).hint(hint))
        }
        "headers" => {
            let hint = "name one, such as `headers[\"name\"]`";
            checker.refuse(problem("the headers cannot be used as a whole".into()).hint(hint))
        }
        _ => {
            let hint = match similar(name, &ROOTS) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the roots are `{}`", ROOTS.join("`, `")),
            };
            checker.refuse(problem(format!("unknown root `{name}`")).hint(hint))
        }
    }
}

fn path(checker: &mut Checker, accesses: &[Access]) -> Option<Path> {
    let segments: Vec<_> = accesses.iter().map(|access| segment(checker, access)).collect();
    Some(Path(segments.into_iter().collect::<Option<_>>()?))
}

fn segment(checker: &mut Checker, access: &Access) -> Option<Segment> {
    let index = match access {
        Access::Field(name, span) => {
            if ["true", "false", "null", "in"].contains(&name.as_str()) {
                let message = format!("`{name}` is a word of the language");
                let hint = format!("as a field it is written `[\"{name}\"]`");
                return checker.refuse(Problem::new(span.clone(), message).hint(hint));
            }
            return Some(Segment::Key(name.as_str().into()));
        }
        Access::Index(index) => index,
    };
    if let Node::Literal(Raw::Text(key)) = &index.node {
        return Some(Segment::Key(key.as_str().into()));
    }
    if let Node::Literal(Raw::Int(number)) = &index.node
        && let Ok(number) = u32::try_from(*number)
    {
        return Some(Segment::Index(number));
    }
    let message = "an index is a number from 0, or a string, and nothing that is computed";
    checker.refuse(Problem::new(index.span.clone(), message))
}

fn header_access(checker: &mut Checker, path: &[Access], ast: &Ast) -> Option<Field> {
    match path {
        [Access::Index(name)] => header(checker, name),
        [Access::Field(name, _)] => {
            let hint = format!("did you mean `headers[\"{name}\"]`?");
            let message = "a header is named in brackets";
            checker.refuse(Problem::new(ast.span.clone(), message).hint(hint))
        }
        _ => checker.refuse(Problem::new(ast.span.clone(), "a header has no fields")),
    }
}

/// The header that a literal names.
pub(super) fn header(checker: &mut Checker, name: &Ast) -> Option<Field> {
    if let Node::Literal(Raw::Text(name)) = &name.node {
        return Some(Field::Header(name.as_str().into()));
    }
    let message = "a header is named by a string, such as `\"region\"`";
    checker.refuse(Problem::new(name.span.clone(), message))
}

/// The known name that was probably meant.
pub(super) fn similar<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let other = OTHER_WORDS.iter().find(|(word, _)| *word == name).map(|(_, meant)| *meant);
    other.or_else(|| nearest(name, known.iter().copied()))
}

/// `value.user-id` is a subtraction, and hardly ever meant to be one.
pub(super) fn dashed_name(operator: Arithmetic, binary: &Binary) -> Option<Problem> {
    let Node::Access(_, path) = &binary.left.node else { return None };
    let (Some(Access::Field(first, _)), Node::Name(second)) = (path.last(), &binary.right.node)
    else {
        return None;
    };
    if operator != Arithmetic::Subtract || is_root(second) {
        return None;
    }
    let hint = format!("did you mean `[\"{first}-{second}\"]`?");
    Some(Problem::new(binary.right.span.clone(), format!("unknown root `{second}`")).hint(hint))
}

/// Whether a name stands for a part of the record.
pub(super) fn is_root(name: &str) -> bool {
    ROOTS.contains(&name)
}

/// What to do about two sides whose types do not compare.
pub(super) fn comparison_hint(left: &Term, right: &Term) -> Option<String> {
    if left.types() == Types::TIMESTAMP {
        return Some(timestamp_hint(right));
    }
    if right.types() == Types::TIMESTAMP {
        return Some(timestamp_hint(left));
    }
    let text = "keys and headers are text: compare with a string, such as `\"1\"`";
    let both = left.types().or(right.types());
    (both == Types::TEXT.or(Types::NULL).or(Types::NUMBER)).then(|| text.to_owned())
}

/// What to do about something that is compared with a timestamp.
fn timestamp_hint(other: &Term) -> String {
    let types = other.types();
    if let Term::Field(field) = other
        && !types.and(Types::TEXT).is_none()
    {
        return format!("did you mean `timestamp({field})`?");
    }
    if let Term::Literal(Literal::Text(text)) = other
        && rfc3339(text).is_some()
    {
        return format!("did you mean `timestamp(\"{text}\")`?");
    }
    let hint = if types == Types::NUMBER {
        "`int()` of a timestamp is its seconds since 1970"
    } else {
        "a timestamp is written `timestamp(\"2026-01-01T00:00:00Z\")`, or made of a string by `timestamp(value.a)`"
    };
    hint.to_owned()
}
