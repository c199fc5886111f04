//! Expressions in their places: `steps`, `when`, `key`.

use crate::expression::{Checked, Predicate, Problem, ValueExpression};
use crate::pipeline::{Format, Step};

use super::super::raw::{Part, RawPipeline, RawStep};
use super::super::yaml::At;
use super::{Context, Got};

/// Checks all steps.
pub(super) fn steps(
    raw: &RawPipeline,
    at: At<'_>,
    format: Got<Format>,
    context: &mut Context<'_>,
) -> Got<Vec<Step>> {
    let at = at.field("steps");
    let Some(list) = context.optional(raw.steps.as_ref(), at)? else { return Ok(Vec::new()) };
    let steps: Vec<_> =
        list.iter().enumerate().map(|(i, part)| step(part, at.item(i), format, context)).collect();
    steps.into_iter().collect()
}

fn step(
    part: &Part<RawStep>,
    at: At<'_>,
    format: Got<Format>,
    context: &mut Context<'_>,
) -> Got<Step> {
    match context.read(part, at)? {
        RawStep::Filter(text) => {
            predicate(text, at.field("filter"), format, context).map(Step::Filter)
        }
    }
}

/// Compiles a predicate; one that looks into bytes is refused.
pub(super) fn predicate(
    text: &str,
    at: At<'_>,
    format: Got<Format>,
    context: &mut Context<'_>,
) -> Got<Predicate> {
    let predicate = compiled(Predicate::parse(text), at, context)?;
    if format == Ok(Format::Bytes) && predicate.reads_value() {
        return Err(context.findings.value_of_bytes(at.place()).into());
    }
    Ok(predicate)
}

/// Compiles a key's expression; one that looks into bytes is refused.
pub(super) fn key(
    text: &str,
    at: At<'_>,
    format: Got<Format>,
    context: &mut Context<'_>,
) -> Got<ValueExpression> {
    let key = compiled(ValueExpression::parse(text), at, context)?;
    if format == Ok(Format::Bytes) && key.reads_value() {
        return Err(context.findings.value_of_bytes(at.place()).into());
    }
    Ok(key)
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
        Err(problems) => {
            for Problem { span, message, hint } in problems {
                context.findings.bad_expression(at.inside(span), &message, hint);
            }
            // An expression that is refused without a reason is refused all the same.
            if context.findings.since(context.mark).is_none() {
                context.findings.bad_expression(at.place(), "this is no expression", None);
            }
            Err(super::Absent::Reported)
        }
    }
}
