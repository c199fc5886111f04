//! Functions and methods: what they take, and how those are refused that this language does not have.

use regex::bytes::{Regex, RegexBuilder};

use super::Problem;
use super::ast::{Ast, Call, Node, Raw};
use super::check::Checker;
use super::names;
use super::term::{Each, Field, Function, Literal, Quantifier, Search, Term, Types};
use super::time::rfc3339;
use super::value::Kind;

/// A compiled regex takes no more memory than this.
const REGEX_BYTES_MAX: usize = 1 << 20;
const FUNCTIONS: [&str; 13] = [
    "has",
    "size",
    "startsWith",
    "endsWith",
    "contains",
    "matches",
    "lowerAscii",
    "exists",
    "all",
    "string",
    "int",
    "double",
    "timestamp",
];
/// Functions of CEL that this language does not have.
const CEL_FUNCTIONS: [&str; 17] = [
    "bool",
    "bytes",
    "duration",
    "dyn",
    "exists_one",
    "filter",
    "getFullYear",
    "getHours",
    "map",
    "max",
    "min",
    "replace",
    "split",
    "substring",
    "type",
    "uint",
    "upperAscii",
];

/// What a call stands for.
pub(super) fn lower(checker: &mut Checker, call: &Call, ast: &Ast) -> Option<Term> {
    let name = call.name.as_str();
    match (&call.target, name, call.arguments.as_slice()) {
        (None, "has", _) => has(checker, call, ast),
        (None, "timestamp", [argument]) => timestamp(checker, argument),
        (None, "size", [of]) | (Some(of), "size", []) => of_one(checker, Function::Size, of),
        (None, "string", [of]) => of_one(checker, Function::String, of),
        (None, "int", [of]) => of_one(checker, Function::Int, of),
        (None, "double", [of]) => of_one(checker, Function::Double, of),
        (Some(of), "lowerAscii", []) => of_one(checker, Function::LowerAscii, of),
        (Some(of), "startsWith", [part]) => search(checker, Search::StartsWith, of, part),
        (Some(of), "endsWith", [part]) => search(checker, Search::EndsWith, of, part),
        (Some(of), "contains", [part]) => search(checker, Search::Contains, of, part),
        (Some(of), "matches", [pattern]) => matches(checker, of, pattern),
        (Some(of), "exists", [name, condition]) => {
            each(checker, Quantifier::Exists, of, [name, condition], ast)
        }
        (Some(of), "all", [name, condition]) => {
            each(checker, Quantifier::All, of, [name, condition], ast)
        }
        _ => checker.refuse(unknown(call, ast)),
    }
}

/// How a function that is known is called.
fn form(name: &str) -> Option<&'static str> {
    Some(match name {
        "timestamp" => "`timestamp(\"2026-01-01T00:00:00Z\")`",
        "size" => "`size(value.a)`",
        "string" => "`string(value.a)`",
        "int" => "`int(value.a)`",
        "double" => "`double(value.a)`",
        "has" => "`has(value.a)`",
        "lowerAscii" => "`value.a.lowerAscii()`",
        "startsWith" => "`value.a.startsWith(\"x\")`",
        "endsWith" => "`value.a.endsWith(\"x\")`",
        "contains" => "`value.a.contains(\"x\")`",
        "matches" => "`value.a.matches(\"^x\")`",
        "exists" => "`value.list.exists(x, x == 1)`",
        "all" => "`value.list.all(x, x == 1)`",
        _ => return None,
    })
}

fn unknown(call: &Call, ast: &Ast) -> Problem {
    let name = call.name.as_str();
    if let Some(form) = form(name) {
        let message = format!("`{name}()` is called in another way");
        return Problem::new(ast.span.clone(), message).hint(format!("write {form}"));
    }
    let problem = |message| Problem::new(call.name_span.clone(), message);
    if CEL_FUNCTIONS.contains(&name) {
        return problem(format!("`{name}()` is not supported"));
    }
    let unknown = problem(format!("unknown function `{name}`"));
    match names::similar(name, &FUNCTIONS) {
        Some(meant) => unknown.hint(format!("did you mean `{meant}`?")),
        None => unknown,
    }
}

fn has(checker: &mut Checker, call: &Call, ast: &Ast) -> Option<Term> {
    let (None, [argument]) = (&call.target, call.arguments.as_slice()) else {
        let message = "`has()` takes one path, such as `has(value.a)`";
        return checker.refuse(Problem::new(ast.span.clone(), message));
    };
    let field = names::field(checker, argument)?;
    if field.can_be_missing() {
        checker.uses(&field, &argument.span);
        return Some(Term::Has(field));
    }
    let whose = if checker.is_in_element() { "element" } else { "record" };
    let problem = Problem::new(ast.span.clone(), format!("every {whose} has `{field}`"));
    checker.refuse(if field == Field::Key {
        problem.hint("did you mean `key != null`?")
    } else {
        problem
    })
}

fn timestamp(checker: &mut Checker, argument: &Ast) -> Option<Term> {
    let Node::Literal(Raw::Text(text)) = &argument.node else {
        return of_one(checker, Function::Timestamp, argument);
    };
    let Some(time) = rfc3339(text) else {
        let hint = "write `timestamp(\"2026-01-01T00:00:00Z\")`";
        let message = "this is no time in RFC 3339";
        return checker.refuse(Problem::new(argument.span.clone(), message).hint(hint));
    };
    Some(Term::Literal(Literal::Timestamp(time)))
}

fn of_one(checker: &mut Checker, function: Function, argument: &Ast) -> Option<Term> {
    let (takes, words, kind) = match function {
        Function::Size => (Types::TEXT, "a string, an array or an object", None),
        Function::LowerAscii => (Types::TEXT, "a string", Some(Kind::Text)),
        Function::String => {
            let all = Types::JSON.without_null().or(Types::TIMESTAMP);
            (all, "anything but null", None)
        }
        Function::Int => {
            let all = Types::NUMBER.or(Types::TEXT).or(Types::TIMESTAMP);
            (all, "a number, a string or a timestamp", None)
        }
        Function::Double => (Types::NUMBER.or(Types::TEXT), "a number or a string", None),
        Function::Timestamp => {
            (Types::TEXT.or(Types::TIMESTAMP), "a string in RFC 3339", Some(Kind::Text))
        }
    };
    let term = taken(checker, function.name(), argument, takes, words)?;
    checker.compares(argument, kind);
    Some(Term::Call(function, Box::new(term)))
}

fn taken(
    checker: &mut Checker,
    name: &str,
    argument: &Ast,
    takes: Types,
    words: &str,
) -> Option<Term> {
    let term = checker.term(argument)?;
    let types = term.types();
    if !types.and(takes).is_none() {
        return Some(term);
    }
    let message = format!("`{name}()` takes {words}, and this is {}", types.name());
    checker.refuse(Problem::new(argument.span.clone(), message))
}

fn search(checker: &mut Checker, search: Search, text: &Ast, part: &Ast) -> Option<Term> {
    let sides =
        [text, part].map(|side| taken(checker, search.name(), side, Types::TEXT, "a string"));
    let [Some(left), Some(right)] = sides else { return None };
    checker.compares(text, Some(Kind::Text));
    checker.compares(part, Some(Kind::Text));
    Some(Term::Search(search, Box::new([left, right])))
}

fn matches(checker: &mut Checker, text: &Ast, pattern: &Ast) -> Option<Term> {
    let term = taken(checker, "matches", text, Types::TEXT, "a string");
    checker.compares(text, Some(Kind::Text));
    let Node::Literal(Raw::Text(source)) = &pattern.node else {
        let hint = "a regex is compiled once, when the file is loaded";
        let message = "`matches()` takes a literal";
        return checker.refuse(Problem::new(pattern.span.clone(), message).hint(hint));
    };
    match compiled(source) {
        Ok(regex) => Some(Term::Matches(Box::new(term?), regex)),
        Err(message) => checker.refuse(Problem::new(pattern.span.clone(), message)),
    }
}

fn compiled(source: &str) -> Result<Regex, String> {
    let mut builder = RegexBuilder::new(source);
    builder.size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX);
    builder.build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the regex is too large once compiled".to_owned(),
        other @ (regex::Error::Syntax(_) | _) => {
            // Its first lines draw the pattern, which the finding does itself.
            let text = other.to_string();
            let reason = text.rsplit_once("error: ").map_or(text.as_str(), |(_, reason)| reason);
            format!("this is no regex: {}", reason.trim())
        }
    })
}

fn each(
    checker: &mut Checker,
    quantifier: Quantifier,
    array: &Ast,
    [variable, condition]: [&Ast; 2],
    ast: &Ast,
) -> Option<Term> {
    let name = quantifier.name();
    if checker.is_in_element() {
        let message = format!("`{name}()` within `exists()` or `all()` is not supported");
        return checker.refuse(Problem::new(ast.span.clone(), message));
    }
    let field = names::field(checker, array)?;
    let Field::Path(path) = &field else {
        let message = format!("`{name}()` goes over an array in the value, such as `value.items`");
        return checker.refuse(Problem::new(array.span.clone(), message));
    };
    checker.reads(&field, &array.span);
    checker.compares(array, Some(Kind::Array));
    let Node::Name(variable_name) = &variable.node else {
        let message = "an element needs a name, such as `x`";
        return checker.refuse(Problem::new(variable.span.clone(), message));
    };
    if names::is_root(variable_name) {
        let message = format!("`{variable_name}` is a part of the record already");
        let hint = "name the element otherwise, such as `x`";
        return checker.refuse(Problem::new(variable.span.clone(), message).hint(hint));
    }
    let condition = checker.over_element((variable_name, path), condition)?;
    Some(Term::Each(quantifier, Box::new(Each { array: field, condition })))
}
