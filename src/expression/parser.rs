//! Tokens -> [`Ast`], by precedence climbing. Nesting is limited, so that neither this nor what walks the tree later can run
//! out of stack; chains of `&&`, `||` and accesses are flat lists.

use std::ops::Range;

use super::Problem;
use super::ast::{
    Access, Arithmetic, Ast, Binary, Call, Comparison, Junction, Node, Operator, Raw,
};
use super::token::{Kind, Token, tokens};

/// Longest text that is read.
pub(super) const TEXT_MAX: usize = 4096;
/// Deepest nesting of parentheses, operators, calls and lists.
pub(super) const DEPTH_MAX: usize = 64;

/// Binding powers, weakest first.
const RELATION: u8 = 1;
const SUM: u8 = 2;
const PRODUCT: u8 = 3;

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Result<Ast, Problem> {
    if text.len() > TEXT_MAX {
        let message =
            format!("the expression has {} bytes, at most {TEXT_MAX} are legal", text.len());
        return Err(Problem::new(0..text.len(), message));
    }
    if text.trim().is_empty() {
        return Err(Problem::new(0..text.len(), "the expression is empty"));
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let whole = parser.expression()?;
    match parser.peek() {
        Kind::End => Ok(whole),
        Kind::Name(_)
        | Kind::Int(_)
        | Kind::Uint(_)
        | Kind::Double(_)
        | Kind::Text(_)
        | Kind::Sign(_) => Err(parser.operator_expected()),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

type Parsed = Result<Ast, Problem>;

impl Parser {
    fn peek(&self) -> &Kind {
        self.tokens.get(self.at).map_or(&Kind::End, |token| &token.kind)
    }

    fn span(&self) -> Range<usize> {
        let end = self.tokens.last().map_or(0..0, |token| token.span.clone());
        self.tokens.get(self.at).map_or(end, |token| token.span.clone())
    }

    /// The end of the token before this one.
    fn end(&self) -> usize {
        self.tokens.get(self.at.wrapping_sub(1)).map_or(0, |token| token.span.end)
    }

    fn sees(&self, sign: &str) -> bool {
        matches!(self.peek(), Kind::Sign(own) if *own == sign)
    }

    fn accepts(&mut self, sign: &str) -> bool {
        let sees = self.sees(sign);
        self.at += usize::from(sees);
        sees
    }

    fn expects(&mut self, sign: &str, opened: &Range<usize>) -> Result<(), Problem> {
        if self.accepts(sign) {
            return Ok(());
        }
        if *self.peek() == Kind::End {
            return Err(Problem::new(opened.clone(), format!("`{sign}` is missing to close this")));
        }
        let operator = self.operator_expected();
        Err(if operator.hint.is_some() {
            operator
        } else {
            Problem::new(self.span(), format!("`{sign}` was expected here"))
        })
    }

    /// What stands between two operands and is no operator.
    fn operator_expected(&self) -> Problem {
        let problem = Problem::new(self.span(), "an operator was expected here");
        let Kind::Name(name) = self.peek() else { return problem };
        match name.to_ascii_lowercase().as_str() {
            "and" => problem.hint("did you mean `&&`?"),
            "or" => problem.hint("did you mean `||`?"),
            "not" => problem.hint("did you mean `!`?"),
            "is" | "eq" => problem.hint("did you mean `==`?"),
            _ => problem,
        }
    }

    /// Goes one level deeper for as long as `inner` runs.
    fn nested<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        if self.depth == DEPTH_MAX {
            return Err(too_deep(self.span()));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn expression(&mut self) -> Parsed {
        let condition = self.chain(Junction::Or)?;
        if !self.accepts("?") {
            return Ok(condition);
        }
        let mark = self.end() - 1..self.end();
        let (yes, no) = self.nested(|parser| {
            let yes = parser.expression()?;
            parser.expects(":", &mark)?;
            Ok((yes, parser.expression()?))
        })?;
        let span = condition.span.start..no.span.end;
        part(span, Node::Ternary(Box::new([condition, yes, no])))
    }

    fn chain(&mut self, junction: Junction) -> Parsed {
        let sign = if junction == Junction::Or { "||" } else { "&&" };
        let first = self.chained(junction)?;
        if !self.sees(sign) {
            return Ok(first);
        }
        let start = first.span.start;
        let mut terms = vec![first];
        while self.accepts(sign) {
            terms.push(self.chained(junction)?);
        }
        part(start..self.end(), Node::Chain(junction, terms))
    }

    fn chained(&mut self, junction: Junction) -> Parsed {
        match junction {
            Junction::Or => self.chain(Junction::And),
            Junction::And => self.binary(RELATION),
        }
    }

    /// Operators that bind at least as strong as `power`.
    fn binary(&mut self, power: u8) -> Parsed {
        let mut left = self.unary()?;
        while let Some((operator, own)) = self.operator().filter(|(_, own)| *own >= power) {
            self.at += 1;
            let right = self.nested(|parser| parser.binary(own + 1))?;
            let span = left.span.start..right.span.end;
            let binary = Binary { operator, left, right };
            left = part(span, Node::Binary(Box::new(binary)))?;
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(Operator, u8)> {
        let sign = match self.peek() {
            Kind::Sign(sign) => *sign,
            Kind::Name(name) if name == "in" => return Some((Operator::In, RELATION)),
            Kind::Name(_)
            | Kind::Int(_)
            | Kind::Uint(_)
            | Kind::Double(_)
            | Kind::Text(_)
            | Kind::End => return None,
        };
        let comparison = match sign {
            "==" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            "+" => return Some((Operator::Calculate(Arithmetic::Add), SUM)),
            "-" => return Some((Operator::Calculate(Arithmetic::Subtract), SUM)),
            "*" => return Some((Operator::Calculate(Arithmetic::Multiply), PRODUCT)),
            "/" => return Some((Operator::Calculate(Arithmetic::Divide), PRODUCT)),
            "%" => return Some((Operator::Calculate(Arithmetic::Remainder), PRODUCT)),
            _ => return None,
        };
        Some((Operator::Compare(comparison), RELATION))
    }

    fn unary(&mut self) -> Parsed {
        let start = self.span().start;
        let not = self.sees("!");
        if !not && !self.sees("-") {
            return self.accessed();
        }
        self.at += 1;
        let operand = Box::new(self.nested(Self::unary)?);
        let span = start..operand.span.end;
        part(span, if not { Node::Not(operand) } else { Node::Negative(operand) })
    }

    /// An operand and all `.a`, `[b]` and `.f(c)` behind it.
    fn accessed(&mut self) -> Parsed {
        let mut base = self.operand()?;
        let mut path = Vec::new();
        loop {
            if self.accepts(".") {
                let span = self.span();
                let name = self.field()?;
                if !self.sees("(") {
                    path.push(Access::Field(name, span));
                    continue;
                }
                let target = Some(with_path(base, &mut path, span.start - 1)?);
                base = self.call(target, name, span)?;
            } else if self.sees("[") {
                let open = self.span();
                self.at += 1;
                let index = self.nested(Self::expression)?;
                self.expects("]", &open)?;
                path.push(Access::Index(index));
            } else {
                return with_path(base, &mut path, self.end());
            }
        }
    }

    fn field(&mut self) -> Result<String, Problem> {
        let Kind::Name(name) = self.peek() else {
            return Err(Problem::new(self.span(), "a name was expected behind `.`")
                .hint("a name with other characters is written `value[\"@name\"]`"));
        };
        let name = name.clone();
        self.at += 1;
        Ok(name)
    }

    fn call(&mut self, target: Option<Ast>, name: String, name_span: Range<usize>) -> Parsed {
        let start = target.as_ref().map_or(name_span.start, |target| target.span.start);
        let arguments = self.list("(", ")")?;
        let call = Call { target, name, name_span, arguments };
        part(start..self.end(), Node::Call(Box::new(call)))
    }

    fn list(&mut self, open: &str, close: &str) -> Result<Vec<Ast>, Problem> {
        let opened = self.span();
        self.accepts(open);
        let mut found = Vec::new();
        while !self.accepts(close) {
            found.push(self.nested(Self::expression)?);
            if !self.accepts(",") {
                self.expects(close, &opened)?;
                break;
            }
        }
        Ok(found)
    }

    fn operand(&mut self) -> Parsed {
        let span = self.span();
        let kind = self.peek().clone();
        let raw = match kind {
            Kind::Name(name) => return self.named(name, span),
            Kind::Sign(sign) => return self.bracketed(sign, span),
            Kind::End => return Err(Problem::new(span, "the expression ends too early")),
            Kind::Int(value) => Raw::Int(value),
            Kind::Uint(value) => Raw::Uint(value),
            Kind::Double(value) => Raw::Double(value),
            Kind::Text(text) => Raw::Text(text),
        };
        self.at += 1;
        part(span, Node::Literal(raw))
    }

    fn named(&mut self, name: String, span: Range<usize>) -> Parsed {
        self.at += 1;
        let node = match name.as_str() {
            "true" => Node::Literal(Raw::Bool(true)),
            "false" => Node::Literal(Raw::Bool(false)),
            "null" => Node::Literal(Raw::Null),
            "in" => return Err(Problem::new(span, "something to look for is missing before `in`")),
            _ if self.sees("(") => return self.call(None, name, span),
            _ => Node::Name(name),
        };
        part(span, node)
    }

    fn bracketed(&mut self, sign: &'static str, span: Range<usize>) -> Parsed {
        match sign {
            "(" => {
                self.at += 1;
                let inner = self.nested(Self::expression)?;
                self.expects(")", &span)?;
                Ok(Ast { span: span.start..self.end(), ..inner })
            }
            "[" => {
                let items = self.list("[", "]")?;
                part(span.start..self.end(), Node::List(items))
            }
            "{" => self.map(&span),
            _ => {
                Err(Problem::new(span, format!("a value was expected here, and there is `{sign}`")))
            }
        }
    }

    /// Braces and all between them, however deep.
    fn map(&mut self, opened: &Range<usize>) -> Parsed {
        let mut open = 0_usize;
        loop {
            if *self.peek() == Kind::End {
                return Err(Problem::new(opened.clone(), "`}` is missing to close this"));
            }
            open += usize::from(self.sees("{"));
            open -= usize::from(self.sees("}"));
            self.at += 1;
            if open == 0 {
                return part(opened.start..self.end(), Node::Map);
            }
        }
    }
}

fn with_path(base: Ast, path: &mut Vec<Access>, end: usize) -> Parsed {
    if path.is_empty() {
        return Ok(base);
    }
    part(base.span.start..end, Node::Access(Box::new(base), std::mem::take(path)))
}

/// One level more over what is in `node`.
fn part(span: Range<usize>, node: Node) -> Parsed {
    let height = node.height_below() + 1;
    if height > DEPTH_MAX + 1 {
        return Err(too_deep(span));
    }
    Ok(Ast { span, node, height })
}

fn too_deep(span: Range<usize>) -> Problem {
    Problem::new(span, format!("the expression is nested deeper than {DEPTH_MAX} levels"))
}
