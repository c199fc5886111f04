//! [`Ast`] -> [`Term`]: names, types and literals are checked, and what this language does not have is refused by name. All
//! problems of a text come at once, unless it cannot be read at all.

use std::ops::Range;

use super::ast::{Arithmetic, Ast, Binary, Comparison, Junction, Node, Operator, Raw};
use super::call;
use super::names;
use super::term::{Field, Literal, Term, Types};
use super::value::Kind;
use super::{Checked, PathUse, Problem, parser};
use crate::json::{Number, Path};

/// What a text was made into.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) term: Term,
    pub(super) uses: Vec<PathUse>,
}

impl Typed {
    /// What it asks of a record; not the parts of elements, which have no name outside of their loop.
    pub(super) fn fields(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        self.term.fields(&mut |field| {
            let name = field.to_string();
            if !matches!(field, Field::Element(..)) && !names.contains(&name) {
                names.push(name);
            }
        });
        names
    }
}

/// Reads a text as a condition.
pub(super) fn condition(text: &str) -> Result<Checked<Typed>, Vec<Problem>> {
    compile(text, Checker::truth, Missing::IsNotTrue)
}

/// Reads a text as a value.
pub(super) fn value(text: &str) -> Result<Checked<Typed>, Vec<Problem>> {
    compile(text, Checker::term, Missing::Rejects)
}

/// What it does to a record that the whole is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    IsNotTrue,
    Rejects,
}

fn compile(
    text: &str,
    lower: impl FnOnce(&mut Checker, &Ast) -> Option<Term>,
    missing: Missing,
) -> Result<Checked<Typed>, Vec<Problem>> {
    let ast = parser::parse(text).map_err(|problem| vec![problem])?;
    let mut checker = Checker::default();
    let term = lower(&mut checker, &ast);
    match term {
        Some(term) if checker.problems.is_empty() => {
            let uses = std::mem::take(&mut checker.uses);
            Ok(Checked { value: Typed { term, uses }, warnings: checker.warnings(missing) })
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
    /// Fields that are read there, and that no `has()` beside them guards.
    read_negated: Vec<(Field, Range<usize>, &'static str)>,
    /// Paths into the value, in the order of the text.
    uses: Vec<PathUse>,
    /// What `exists()` or `all()` calls an element, and where its array is.
    variable: Option<(Box<str>, Path)>,
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

    pub(super) fn truth(&mut self, ast: &Ast) -> Option<Term> {
        let term = self.term(ast)?;
        let types = term.types();
        self.compares(ast, Some(Kind::Bool));
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
            Node::Call(call) => call::lower(self, call, ast),
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
            Node::Ternary(parts) => self.ternary(parts),
        }
    }

    pub(super) fn unsupported<T>(&mut self, span: Range<usize>, what: &str) -> Option<T> {
        self.refuse(Problem::new(span, format!("{what} is not supported")))
    }

    fn read(&mut self, ast: &Ast) -> Option<Term> {
        let field = names::field(self, ast)?;
        self.reads(&field, &ast.span);
        Some(Term::Field(field))
    }

    /// Keeps a field that is read, and not only asked for.
    pub(super) fn reads(&mut self, field: &Field, span: &Range<usize>) {
        if let Some(sign) = self.negated {
            self.read_negated.push((field.clone(), span.clone(), sign));
        }
        self.uses(field, span);
    }

    /// Whether a name stands for an element.
    pub(super) fn is_variable(&self, name: &str) -> bool {
        self.variable.as_ref().is_some_and(|(own, _)| &**own == name)
    }

    fn names_variable(&self, ast: &Ast) -> bool {
        matches!(&ast.node, Node::Name(name) if self.is_variable(name))
    }

    /// Reads a condition on an element that has a name, of the array there; `None` within another one.
    pub(super) fn over_element(
        &mut self,
        (name, array): (&str, &Path),
        condition: &Ast,
    ) -> Option<Term> {
        self.variable = Some((name.into(), array.clone()));
        let term = self.truth(condition);
        self.variable = None;
        term
    }

    /// Whether this is said of an element.
    pub(super) fn is_in_element(&self) -> bool {
        self.variable.is_some()
    }

    /// Keeps a path for whoever knows the shape of the value.
    pub(super) fn uses(&mut self, field: &Field, span: &Range<usize>) {
        let (path, element) = match (field, &self.variable) {
            (Field::Path(path), _) => (path.clone(), None),
            (Field::Element(name, path), Some((_, array))) => {
                (array.clone(), Some((name.clone(), path.clone())))
            }
            _ => return,
        };
        self.uses.push(PathUse { path, element, span: span.clone(), compared_with: Vec::new() });
    }

    /// Says of the path that `part` is what it is compared with.
    pub(super) fn compares(&mut self, part: &Ast, with: impl IntoIterator<Item = Kind>) {
        if let Some(own) = self.uses.iter_mut().rev().find(|own| own.span == part.span) {
            own.compared_with.clear();
            for kind in with {
                if !own.compared_with.contains(&kind) {
                    own.compared_with.push(kind);
                }
            }
        }
    }

    fn not(&mut self, inner: &Ast) -> Option<Term> {
        let before = self.negated.replace("!");
        let term = self.truth(inner);
        self.negated = before;
        Some(Term::Not(Box::new(term?)))
    }

    fn chain(&mut self, junction: Junction, terms: &[Ast]) -> Option<Term> {
        // All are looked at before the first `?`: an operator sees all problems at once.
        let (mut lowered, mut ranges) = (Vec::new(), Vec::new());
        for term in terms {
            let start = self.read_negated.len();
            lowered.push(self.truth(term));
            ranges.push(start..self.read_negated.len());
        }
        let terms: Vec<_> = lowered.into_iter().collect::<Option<_>>()?;
        // Each counts only where the others leave it open: under `&&` they are true, under `||` false.
        for (own, range) in ranges.into_iter().enumerate().rev() {
            let others = terms.iter().enumerate().filter(|(other, _)| *other != own);
            let there: Vec<_> = others.flat_map(|(_, term)| term.says_there(junction)).collect();
            self.guard(range, &there);
        }
        Some(Term::Chain(junction, terms))
    }

    /// Forgets those of the fields that were read there which are known to be there.
    fn guard(&mut self, read: Range<usize>, there: &[&Field]) {
        let mut index = 0;
        self.read_negated.retain(|(field, ..)| {
            let is_guarded = read.contains(&index) && there.iter().any(|own| own.guards(field));
            index += 1;
            !is_guarded
        });
    }

    fn negative(&mut self, inner: &Ast, ast: &Ast) -> Option<Term> {
        if let Node::Literal(raw @ (Raw::Int(_) | Raw::Double(_))) = &inner.node {
            return self.literal(raw, ast, Sign::Minus).map(Term::Literal);
        }
        let term = self.term(inner)?;
        self.compares(inner, Some(Kind::Number));
        let types = term.types();
        if types.and(Types::NUMBER).is_none() {
            let message = format!("`-` stands before a number, and this is {}", types.name());
            return self.refuse(Problem::new(inner.span.clone(), message));
        }
        Some(Term::Negative(Box::new(term)))
    }

    fn ternary(&mut self, parts: &[Ast; 3]) -> Option<Term> {
        let [condition, yes, no] = parts;
        let condition = self.truth(condition);
        let start = self.read_negated.len();
        let yes = self.term(yes);
        let middle = self.read_negated.len();
        let no = self.term(no);
        let (condition, yes, no) = (condition?, yes?, no?);
        self.guard(middle..self.read_negated.len(), &condition.says_there(Junction::Or));
        self.guard(start..middle, &condition.says_there(Junction::And));
        Some(Term::If(Box::new([condition, yes, no])))
    }

    fn calculation(&mut self, operator: Arithmetic, binary: &Binary, ast: &Ast) -> Option<Term> {
        let dashed = names::dashed_name(operator, binary);
        if let Some(problem) = dashed.filter(|_| !self.names_variable(&binary.right)) {
            return self.refuse(problem);
        }
        let (left, right) = (self.term(&binary.left), self.term(&binary.right));
        let (left, right) = (left?, right?);
        let (takes, sign) = (operator.takes(), operator.sign());
        let common = left.types().and(right.types()).and(takes);
        if common.is_none() {
            let takes = if takes == Types::NUMBER { "numbers" } else { "numbers or two strings" };
            let (left, right) = (left.types().name(), right.types().name());
            let message = format!("`{sign}` takes two {takes}, and these are {left} and {right}");
            return self.refuse(Problem::new(ast.span.clone(), message));
        }
        let problem = |message| Problem::new(binary.right.span.clone(), message);
        match (operator, &right) {
            (
                Arithmetic::Divide | Arithmetic::Remainder,
                Term::Literal(Literal::Number(divisor)),
            ) if *divisor == Number::Int(0) => {
                return self.refuse(problem("the divisor is zero"));
            }
            (Arithmetic::Remainder, Term::Literal(Literal::Number(Number::Float(_)))) => {
                return self.refuse(problem("`%` takes integers only"));
            }
            _ => {}
        }
        self.compares(&binary.left, common.kind());
        self.compares(&binary.right, common.kind());
        Some(Term::Calculate(operator, Box::new([left, right])))
    }

    fn binary(&mut self, binary: &Binary, ast: &Ast) -> Option<Term> {
        match binary.operator {
            Operator::Compare(comparison) => self.comparison(comparison, binary, ast),
            Operator::In => self.membership(binary),
            Operator::Calculate(operator) => self.calculation(operator, binary, ast),
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
        self.comparable(comparison, [&left, &right], &ast.span)?;
        self.compares(&binary.left, right.types().kind());
        self.compares(&binary.right, left.types().kind());
        Some(Term::Compare(comparison, Box::new([left, right])))
    }

    fn comparable(
        &mut self,
        comparison: Comparison,
        [left_term, right_term]: [&Term; 2],
        span: &Range<usize>,
    ) -> Option<()> {
        let (left, right) = (left_term.types(), right_term.types());
        let common = left.and(right);
        let common = if comparison.is_equality() { common } else { common.without_null() };
        if !common.is_none() {
            return Some(());
        }
        let (sign, left_name, right_name) = (comparison.sign(), left.name(), right.name());
        let message = format!("`{sign}` compares {left_name} with {right_name}");
        let hint = names::comparison_hint(left_term, right_term);
        self.refuse(Problem { hint, ..Problem::new(span.clone(), message) })
    }

    fn membership(&mut self, binary: &Binary) -> Option<Term> {
        if matches!(&binary.right.node, Node::Name(name) if name == "headers") {
            let field = names::header(self, &binary.left)?;
            return Some(Term::Has(field));
        }
        let Node::List(list) = &binary.right.node else {
            self.term(&binary.left);
            let problem = Problem::new(
                binary.right.span.clone(),
                "the right side of `in` is a list of literals, or `headers`",
            );
            let of_value = matches!(&binary.right.node, Node::Access(..));
            let hint = "to look into an array write `value.list.exists(x, x == \"a\")`";
            return self.refuse(if of_value { problem.hint(hint) } else { problem });
        };
        let left = self.term(&binary.left);
        let literals: Vec<_> = list.iter().map(|item| self.item(item)).collect();
        let (left, literals) = (left?, literals.into_iter().collect::<Option<Vec<_>>>()?);
        for (literal, item) in literals.iter().zip(list) {
            let literal = Term::Literal(literal.clone());
            self.comparable(Comparison::Equal, [&left, &literal], &item.span)?;
        }
        let kinds = literals.iter().filter_map(|literal| literal.types().kind());
        self.compares(&binary.left, kinds);
        Some(Term::In(Box::new(left), literals))
    }

    fn item(&mut self, item: &Ast) -> Option<Literal> {
        if let Term::Literal(literal) = self.term(item)? {
            return Some(literal);
        }
        let hint = "join comparisons with `||`";
        let message = "a list holds literals only";
        self.refuse(Problem::new(item.span.clone(), message).hint(hint))
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
    fn warnings(self, missing: Missing) -> Vec<Problem> {
        let mut warned: Vec<Field> = Vec::new();
        let mut warnings = Vec::new();
        for (field, span, sign) in self.read_negated {
            if !field.can_be_missing() || warned.contains(&field) {
                continue;
            }
            let whose = if matches!(field, Field::Element(..)) { "an element" } else { "a record" };
            let has = field.has();
            let not = if has.starts_with("has") { format!("!{has}") } else { format!("!({has})") };
            let (message, hint) = match missing {
                Missing::IsNotTrue => (
                    format!("{whose} without `{field}` does not pass this `{sign}`"),
                    format!("`{not} || …` lets it pass, `{has} && …` does not"),
                ),
                Missing::Rejects => (
                    format!(
                        "of {whose} without `{field}` this `{sign}` is missing, and what is missing rejects the record"
                    ),
                    format!("`{not} || …` is true of it, `{has} && …` is false"),
                ),
            };
            let hint = format!("say which you mean: {hint}");
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
