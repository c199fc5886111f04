//! Expressions in their places: `filter`, `when`, `key`, `set`.

use crate::expression::{Checked, PathUse, Predicate, Problem, ValueExpression};
use crate::pipeline::Format;

use super::super::yaml::At;
use super::schema::Known;
use super::{Context, Got};

/// What is known of the value that an expression reads.
pub(super) struct Reads {
    pub(super) format: Got<Format>,
    /// The schema that it fits there.
    pub(super) known: Option<Known>,
}

impl Reads {
    pub(super) fn is_bytes(&self) -> bool {
        self.format == Ok(Format::Bytes)
    }
}

/// Compiles a predicate; one that looks into bytes, or that the schema contradicts, is refused.
pub(super) fn predicate(
    text: &str,
    at: At<'_>,
    reads: &Reads,
    context: &mut Context<'_>,
) -> Got<Predicate> {
    let predicate = compiled(Predicate::parse(text), at, context)?;
    if predicate.reads_value() {
        fits(predicate.paths(), (at, reads), context)?;
    }
    Ok(predicate)
}

/// Compiles an expression whose result becomes a key, a header or a field; one that looks into bytes, or that the schema
/// contradicts, is refused.
pub(super) fn value(
    text: &str,
    at: At<'_>,
    reads: &Reads,
    context: &mut Context<'_>,
) -> Got<ValueExpression> {
    let value = compiled(ValueExpression::parse(text), at, context)?;
    if value.reads_value() {
        fits(value.paths(), (at, reads), context)?;
    }
    Ok(value)
}

/// Of an expression that looks into the value.
fn fits(paths: &[PathUse], (at, reads): (At<'_>, &Reads), context: &mut Context<'_>) -> Got<()> {
    if reads.is_bytes() {
        return Err(context.findings.value_of_bytes(at.place(), "this expression").into());
    }
    match &reads.known {
        Some(known) => known.check(paths, at, context),
        None => Ok(()),
    }
}

fn compiled<T>(
    result: Result<Checked<T>, Vec<Problem>>,
    at: At<'_>,
    context: &mut Context<'_>,
) -> Got<T> {
    match result {
        Ok(checked) => {
            for Problem { span, message, hint } in checked.warnings {
                context.findings.odd_expression(at.inside(span), &message, hint);
            }
            Ok(checked.value)
        }
        Err(problems) => Err(refused(problems, at, context)),
    }
}

/// As [`refused`], for what stands in a key: its place is all of the key.
pub(super) fn refused_key(
    problems: Vec<Problem>,
    at: At<'_>,
    context: &mut Context<'_>,
) -> super::Absent {
    for Problem { message, hint, .. } in problems {
        context.findings.bad_expression(at.key(), &message, hint);
    }
    super::Absent::Reported
}

/// Says why an expression, or what a step changes, is refused.
pub(super) fn refused(
    problems: Vec<Problem>,
    at: At<'_>,
    context: &mut Context<'_>,
) -> super::Absent {
    for Problem { span, message, hint } in problems {
        context.findings.bad_expression(at.inside(span), &message, hint);
    }
    // An expression that is refused without a reason is refused all the same.
    if context.findings.since(context.mark).is_none() {
        context.findings.bad_expression(at.place(), "this is no expression", None);
    }
    super::Absent::Reported
}
