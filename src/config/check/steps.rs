//! `steps`: what is done to every record, in order. A `validate` says what the expressions behind it can know of the value.

use crate::expression::Target;
use crate::json::{Edits, Path};
use crate::pipeline::{Assignment, Format, Step};

use super::super::raw::{Entries, Part, RawPipeline, RawStep};
use super::super::yaml::At;
use super::expressions::{self, Reads};
use super::schema::{self, Known};
use super::{Context, Got};

/// Checks all steps; also says what routes and sinks behind them can know of the value.
pub(super) fn check(
    raw: &RawPipeline,
    at: At<'_>,
    format: Got<Format>,
    context: &mut Context<'_>,
) -> (Got<Vec<Step>>, Reads) {
    let at = at.field("steps");
    let mut reads = Reads { format, known: None };
    let list = match context.optional(raw.steps.as_ref(), at) {
        Ok(Some(list)) => list,
        Ok(None) => return (Ok(Vec::new()), reads),
        Err(absent) => return (Err(absent), reads),
    };
    let steps: Vec<_> = list
        .iter()
        .enumerate()
        .map(|(i, part)| step(part, at.item(i), &mut reads, context))
        .collect();
    (steps.into_iter().collect(), reads)
}

fn step(
    part: &Part<RawStep>,
    at: At<'_>,
    reads: &mut Reads,
    context: &mut Context<'_>,
) -> Got<Step> {
    match context.read(part, at)? {
        RawStep::Filter(text) => {
            expressions::predicate(text, at.field("filter"), reads, context).map(Step::Filter)
        }
        RawStep::Validate(raw) => {
            let at = at.field("validate").field("schema");
            let file = context.read(&raw.schema, at)?;
            let schema = schema::payload(file, at, context)?;
            if reads.is_bytes() {
                return Err(context.findings.value_of_bytes(at.place(), "this step").into());
            }
            reads.known = Some(Known::new(&schema));
            Ok(Step::Validate(schema))
        }
        RawStep::Set(entries) => set(entries, at.field("set"), reads, context).map(Step::Set),
        RawStep::Remove(targets) => {
            remove(targets, at.field("remove"), reads, context).map(Step::Remove)
        }
    }
}

fn set(
    entries: &Entries,
    at: At<'_>,
    reads: &mut Reads,
    context: &mut Context<'_>,
) -> Got<Vec<Assignment>> {
    let mut found = Vec::new();
    let mut targets = Vec::new();
    for (name, part) in &entries.0 {
        let at = at.field(name);
        let target = match Target::parse(name) {
            Ok(target) => legal(target, at, reads, context),
            Err(problems) => Err(expressions::refused_key(problems, at, context)),
        };
        let value = match context.read(part, at) {
            Ok(text) => expressions::value(text, at, reads, context),
            Err(absent) => Err(absent),
        };
        targets.push((target.clone().ok(), at));
        found.push((target, value));
    }
    apart(&targets, reads, context)?;
    found
        .into_iter()
        .map(|(target, value)| Ok(Assignment { target: target?, value: value? }))
        .collect()
}

fn remove(
    parts: &[Part<String>],
    at: At<'_>,
    reads: &mut Reads,
    context: &mut Context<'_>,
) -> Got<Vec<Target>> {
    let mut found = Vec::new();
    let mut targets = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let at = at.item(index);
        let target = match context.read(part, at).map(|text| Target::parse(text)) {
            Ok(Ok(Target::Key)) => Err(context.findings.key_is_set_to_null(at.place()).into()),
            Ok(Ok(target)) => legal(target, at, reads, context),
            Ok(Err(problems)) => Err(expressions::refused(problems, at, context)),
            Err(absent) => Err(absent),
        };
        targets.push((target.clone().ok(), at));
        found.push(target);
    }
    apart(&targets, reads, context)?;
    found.into_iter().collect()
}

fn legal(target: Target, at: At<'_>, reads: &Reads, context: &mut Context<'_>) -> Got<Target> {
    match &target {
        Target::Value(_) if reads.is_bytes() => {
            Err(context.findings.value_of_bytes(at.key(), "this step").into())
        }
        Target::Header(name) if name.contains('\0') => {
            Err(context.findings.zero_in_header_name(at.key()).into())
        }
        Target::Value(_) | Target::Header(_) | Target::Key => Ok(target),
    }
}

/// Nothing of one step may be a part of another: their order would matter, and a step has none. What it changes is no
/// longer what the schema says.
fn apart(
    targets: &[(Option<Target>, At<'_>)],
    reads: &mut Reads,
    context: &mut Context<'_>,
) -> Got<()> {
    let value = |(target, at): &(Option<Target>, At<'_>)| match target {
        Some(Target::Value(path)) => Some((path.clone(), at.key())),
        Some(Target::Key | Target::Header(_)) | None => None,
    };
    let (paths, places): (Vec<Path>, Vec<_>) = targets.iter().filter_map(value).unzip();
    let mut alone = Ok(());
    if let Some((first, second)) = Edits::overlap(&paths)
        && let (Some(first), Some(second)) = (places.get(first), places.get(second))
    {
        alone = Err(context.findings.overlapping_targets(second.clone(), first).into());
    }
    for (index, (target, at)) in targets.iter().enumerate() {
        let Some(Target::Header(_) | Target::Key) = target else { continue };
        if let Some((_, first)) = targets.iter().take(index).find(|(other, _)| other == target) {
            alone = Err(context.findings.overlapping_targets(at.key(), &first.key()).into());
        }
    }
    if let Some(known) = &mut reads.known {
        known.forget(paths);
    }
    alone
}
