//! [`Ast`] -> [`Term`]: names, types and literals are checked, and what this language does not have is refused by name. All
//! problems of a text come at once, unless it cannot be read at all.

use std::ops::Range;

use super::ast::{Ast, Binary, Comparison, Junction, Node, Operator, Raw};
use super::names;
use super::term::{Field, Literal, Term, Types};
use super::value::Kind;
use super::{Checked, PathUse, Problem, parser};
use crate::json::Number;

/// What a text was made into.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) term: Term,
    pub(super) uses: Vec<PathUse>,
}

/// Reads a text as a condition.
pub(super) fn condition(text: &str) -> Result<Checked<Typed>, Vec<Problem>> {
    compile(text, Checker::truth)
}

/// Reads a text as a value.
pub(super) fn value(text: &str) -> Result<Checked<Typed>, Vec<Problem>> {
    compile(text, Checker::term)
}

fn compile(
    text: &str,
    lower: impl FnOnce(&mut Checker, &Ast) -> Option<Term>,
) -> Result<Checked<Typed>, Vec<Problem>> {
    let ast = parser::parse(text).map_err(|problem| vec![problem])?;
    let mut checker = Checker::default();
    let term = lower(&mut checker, &ast);
    match term {
        Some(term) if checker.problems.is_empty() => {
            let uses = std::mem::take(&mut checker.uses);
            Ok(Checked { value: Typed { term, uses }, warnings: checker.warnings() })
        }
        _ => Err(checker.problems),
    }
}

/// What is collected on the way through one text.
#[derive(Default)]
pub(super) struct Checker {
    problems: Vec<Problem>,
    /// Inside of `!=` or `!`.
    negated: Option<&'static str>,
    /// Fields that are read there.
    read_negated: Vec<(Field, Range<usize>, &'static str)>,
    /// Fields that `has()` asks for.
    asked: Vec<Field>,
    /// Paths into the value, in the order of the text.
    uses: Vec<PathUse>,
}

impl Checker {
    /// All that was refused.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Notes a problem; the `None` is for the caller's `return`.
    pub(super) fn refuse<T>(&mut self, problem: Problem) -> Option<T> {
        self.problems.push(problem);
        None
    }

    fn truth(&mut self, ast: &Ast) -> Option<Term> {
        let term = self.term(ast)?;
        let types = term.types();
        if !types.and(Types::BOOL).is_none() {
            return Some(term);
        }
        let message = format!("a condition is true or false, and this is {}", types.name());
        self.refuse(Problem::new(ast.span.clone(), message).hint("compare it with something"))
    }

    pub(super) fn term(&mut self, ast: &Ast) -> Option<Term> {
        match &ast.node {
            Node::Name(_) | Node::Access(..) => self.read(ast),
            Node::Literal(raw) => self.literal(raw, ast, Sign::Plus).map(Term::Literal),
            Node::Call(call) => names::call(self, call, ast),
            Node::Not(inner) => self.not(inner),
            Node::Negative(inner) => self.negative(inner, ast),
            Node::Chain(junction, terms) => self.chain(*junction, terms),
            Node::Binary(binary) => self.binary(binary, ast),
            Node::List(_) => {
                let hint = "write `value.a in [\"x\", \"y\"]`";
                let message = "a list stands only on the right of `in`";
                self.refuse(Problem::new(ast.span.clone(), message).hint(hint))
            }
            Node::Map => self.unsupported(ast.span.clone(), "`{ }`"),
            Node::Ternary(_) => self.unsupported(ast.span.clone(), "`? :`"),
        }
    }

    pub(super) fn unsupported<T>(&mut self, span: Range<usize>, what: &str) -> Option<T> {
        self.refuse(Problem::new(span, format!("{what} is not supported")))
    }

    fn read(&mut self, ast: &Ast) -> Option<Term> {
        let field = names::field(self, ast)?;
        if let Some(sign) = self.negated {
            self.read_negated.push((field.clone(), ast.span.clone(), sign));
        }
        self.uses(&field, &ast.span);
        Some(Term::Field(field))
    }

    /// Keeps a path for whoever knows the shape of the value.
    pub(super) fn uses(&mut self, field: &Field, span: &Range<usize>) {
        if let Field::Path(path) = field {
            let (path, span) = (path.clone(), span.clone());
            self.uses.push(PathUse { path, span, compared_with: None });
        }
    }

    /// Says of the path that `part` is what it is compared with.
    pub(super) fn compares(&mut self, part: &Ast, with: Option<Kind>) {
        if let Some(own) = self.uses.iter_mut().rev().find(|own| own.span == part.span) {
            own.compared_with = with;
        }
    }

    pub(super) fn has(&mut self, field: Field) -> Term {
        self.asked.push(field.clone());
        Term::Has(field)
    }

    fn not(&mut self, inner: &Ast) -> Option<Term> {
        let before = self.negated.replace("!");
        let term = self.truth(inner);
        self.negated = before;
        Some(Term::Not(Box::new(term?)))
    }

    fn chain(&mut self, junction: Junction, terms: &[Ast]) -> Option<Term> {
        // All are looked at before the first `?`: an operator sees all problems at once.
        let terms: Vec<_> = terms.iter().map(|term| self.truth(term)).collect();
        Some(Term::Chain(junction, terms.into_iter().collect::<Option<_>>()?))
    }

    fn negative(&mut self, inner: &Ast, ast: &Ast) -> Option<Term> {
        if let Node::Literal(raw @ (Raw::Int(_) | Raw::Double(_))) = &inner.node {
            return self.literal(raw, ast, Sign::Minus).map(Term::Literal);
        }
        self.unsupported(ast.span.clone(), "`-` before anything but a number")
    }

    fn binary(&mut self, binary: &Binary, ast: &Ast) -> Option<Term> {
        match binary.operator {
            Operator::Compare(comparison) => self.comparison(comparison, binary, ast),
            Operator::In => self.membership(binary),
            Operator::Arithmetic(sign) => {
                let problem = Problem::new(
                    binary.operator_span.clone(),
                    format!("`{sign}` is not supported"),
                );
                let hint = names::dashed_name(sign, binary);
                self.refuse(Problem { hint, ..problem })
            }
        }
    }

    fn comparison(&mut self, comparison: Comparison, binary: &Binary, ast: &Ast) -> Option<Term> {
        let before = self.negated;
        if comparison == Comparison::NotEqual {
            self.negated = Some("!=");
        }
        let (left, right) = (self.term(&binary.left), self.term(&binary.right));
        self.negated = before;
        let (left, right) = (left?, right?);
        self.comparable(comparison, [left.types(), right.types()], &ast.span)?;
        self.compares(&binary.left, right.types().kind());
        self.compares(&binary.right, left.types().kind());
        Some(Term::Compare(comparison, Box::new([left, right])))
    }

    fn comparable(
        &mut self,
        comparison: Comparison,
        [left, right]: [Types; 2],
        span: &Range<usize>,
    ) -> Option<()> {
        let common = left.and(right);
        let common = if comparison.is_equality() { common } else { common.without_null() };
        if !common.is_none() {
            return Some(());
        }
        let (sign, left_name, right_name) = (comparison.sign(), left.name(), right.name());
        let message = format!("`{sign}` compares {left_name} with {right_name}");
        let hint = names::comparison_hint(left.or(right));
        self.refuse(Problem { hint, ..Problem::new(span.clone(), message) })
    }

    fn membership(&mut self, binary: &Binary) -> Option<Term> {
        if matches!(&binary.right.node, Node::Name(name) if name == "headers") {
            let field = names::header(self, &binary.left)?;
            return Some(self.has(field));
        }
        let Node::List(list) = &binary.right.node else {
            self.term(&binary.left);
            let message = "the right side of `in` is a list of literals, or `headers`";
            return self.refuse(Problem::new(binary.right.span.clone(), message));
        };
        let left = self.term(&binary.left);
        let literals: Vec<_> = list.iter().map(|item| self.item(item)).collect();
        let (left, literals) = (left?, literals.into_iter().collect::<Option<Vec<_>>>()?);
        for (literal, item) in literals.iter().zip(list) {
            self.comparable(Comparison::Equal, [left.types(), literal.types()], &item.span)?;
        }
        self.compares(&binary.left, literals.first().and_then(|first| first.types().kind()));
        Some(Term::In(Box::new(left), literals))
    }

    fn item(&mut self, item: &Ast) -> Option<Literal> {
        match self.term(item)? {
            Term::Literal(literal) => Some(literal),
            Term::Field(_)
            | Term::Has(_)
            | Term::Not(_)
            | Term::Chain(..)
            | Term::Compare(..)
            | Term::In(..) => {
                let hint = "join comparisons with `||`";
                let message = "a list holds literals only";
                self.refuse(Problem::new(item.span.clone(), message).hint(hint))
            }
        }
    }

    fn literal(&mut self, raw: &Raw, ast: &Ast, sign: Sign) -> Option<Literal> {
        Some(match raw {
            Raw::Null => Literal::Null,
            Raw::Bool(value) => Literal::Bool(*value),
            Raw::Text(text) => Literal::Text(text.as_str().into()),
            Raw::Uint(value) => Literal::Number(Number::Uint(*value)),
            Raw::Double(value) => {
                Literal::Number(Number::Float(if sign == Sign::Minus { -value } else { *value }))
            }
            Raw::Int(value) => {
                let signed =
                    if sign == Sign::Minus { -i128::from(*value) } else { i128::from(*value) };
                let Ok(int) = i64::try_from(signed) else {
                    let problem = Problem::new(ast.span.clone(), "this is no integer of 64 bits");
                    return self.refuse(if sign == Sign::Plus {
                        problem.hint(format!("write `{value}u` for an unsigned one"))
                    } else {
                        problem
                    });
                };
                Literal::Number(Number::Int(int))
            }
        })
    }

    /// One for each field that a negation reads although the record may be without it.
    fn warnings(self) -> Vec<Problem> {
        let mut warned: Vec<Field> = Vec::new();
        let mut warnings = Vec::new();
        for (field, span, sign) in self.read_negated {
            let guarded = self.asked.iter().any(|asked| asked.guards(&field));
            if guarded || !field.can_be_missing() || warned.contains(&field) {
                continue;
            }
            let message = format!("a record without `{field}` does not pass this `{sign}`");
            let has = field.has();
            let not = if has.starts_with("has") { format!("!{has}") } else { format!("!({has})") };
            let hint =
                format!("say which you mean: `{not} || …` lets it pass, `{has} && …` does not");
            warnings.push(Problem::new(span, message).hint(hint));
            warned.push(field);
        }
        warnings
    }
}

/// What stands before a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Plus,
    Minus,
}
