//! `routes`, `match`, `unmatched` and `on_error`: which record goes where.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::RouteName;
use crate::pipeline::{Matching, OnError, OnReject, Route, Routing, Step};

use super::super::raw::{Part, RawMatching, RawOnReject, RawPipeline, RawRoute};
use super::super::text::Place;
use super::super::yaml::At;
use super::expressions::{self, Reads};
use super::sinks::CheckedSink;
use super::{Absent, Context, Got};

/// Checks the routes against the sinks.
pub(super) fn check(
    raw: &RawPipeline,
    at: At<'_>,
    reads: &Reads,
    sinks: &Got<Vec<CheckedSink>>,
    context: &mut Context<'_>,
) -> Got<Routing> {
    let Some(part) = &raw.routes else {
        return without_routes(raw, at, context);
    };
    let unmatched = unmatched(raw, at, context);
    let matching = matching(raw, at, context);
    let at_routes = at.field("routes");
    let list = context.read(part, at_routes)?;
    let sinks = sinks.as_ref().map_err(|absent| *absent);
    let routes: Vec<Got<Route>> = list
        .iter()
        .enumerate()
        .map(|(i, part)| route(part, at_routes.item(i), reads, sinks, context))
        .collect();
    repeated_names(list, at_routes, context);
    if let Ok(sinks) = sinks {
        unused_sinks(list, sinks, context);
    }
    if let Ok(Matching::First) = matching {
        unreachable(list, at_routes, context);
    }
    let routes = routes.into_iter().collect::<Got<_>>()?;
    Ok(Routing::Routes { matching: matching?, routes, unmatched: unmatched? })
}

fn without_routes(raw: &RawPipeline, at: At<'_>, context: &mut Context<'_>) -> Got<Routing> {
    let mut alone = Ok(Routing::AllSinks);
    for (field, is_given) in
        [("match", raw.matching.is_some()), ("unmatched", raw.unmatched.is_some())]
    {
        if is_given {
            alone = Err(context.findings.field_without_routes(at.field(field).key(), field).into());
        }
    }
    alone
}

fn matching(raw: &RawPipeline, at: At<'_>, context: &mut Context<'_>) -> Got<Matching> {
    Ok(match context.optional(raw.matching.as_ref(), at.field("match"))? {
        None | Some(RawMatching::First) => Matching::First,
        Some(RawMatching::All) => Matching::All,
    })
}

fn unmatched(raw: &RawPipeline, at: At<'_>, context: &mut Context<'_>) -> Got<OnReject> {
    match &raw.unmatched {
        Some(part) => policy(part, raw, at.field("unmatched"), context),
        None => Err(context.findings.no_unmatched(at.field("routes").key()).into()),
    }
}

fn route(
    part: &Part<RawRoute>,
    at: At<'_>,
    reads: &Reads,
    sinks: Got<&Vec<CheckedSink>>,
    context: &mut Context<'_>,
) -> Got<Route> {
    let raw = context.read(part, at)?;
    let at_name = at.field("name");
    let name = match context.read(&raw.name, at_name) {
        Ok(text) => context.name("route", text, at_name, RouteName::new),
        Err(absent) => Err(absent),
    };
    let when = match context.optional(raw.when.as_ref(), at.field("when")) {
        Ok(Some(text)) => expressions::predicate(text, at.field("when"), reads, context).map(Some),
        Ok(None) => Ok(None),
        Err(absent) => Err(absent),
    };
    let to = targets(raw, at.field("to"), sinks, context);
    Ok(Route { name: name?, when: when?, to: to? })
}

fn targets(
    raw: &RawRoute,
    at: At<'_>,
    sinks: Got<&Vec<CheckedSink>>,
    context: &mut Context<'_>,
) -> Got<Vec<usize>> {
    let list = context.read(&raw.to, at)?;
    let sinks = sinks?;
    let mut to: Vec<Got<usize>> = Vec::new();
    let mut seen: BTreeMap<usize, Place> = BTreeMap::new();
    for (i, part) in list.iter().enumerate() {
        let at = at.item(i);
        let index = target(part, at, sinks, context);
        if let Ok(index) = index
            && let Some(first) = seen.insert(index, at.place())
        {
            to.push(Err(context.findings.repeated_target(at.place(), &first).into()));
        }
        to.push(index);
    }
    to.into_iter().collect()
}

fn target(
    part: &Part<String>,
    at: At<'_>,
    sinks: &[CheckedSink],
    context: &mut Context<'_>,
) -> Got<usize> {
    let name = context.read(part, at)?;
    sinks.iter().position(|s| s.name == *name).ok_or_else(|| {
        let known: Vec<_> = sinks.iter().map(|s| s.name.as_str()).collect();
        context.findings.unknown_sink(at.place(), name, &known).into()
    })
}

fn repeated_names(list: &[Part<RawRoute>], at: At<'_>, context: &mut Context<'_>) {
    let mut seen: BTreeMap<&str, Place> = BTreeMap::new();
    for (i, raw) in list.iter().enumerate() {
        let Some(name) = raw.get().and_then(|r| r.name.get()) else { continue };
        let place = at.item(i).field("name").place();
        match seen.get(name.as_str()) {
            Some(first) => {
                context.findings.repeated_route(place, name, first);
            }
            None => {
                seen.insert(name, place);
            }
        }
    }
}

fn unused_sinks(list: &[Part<RawRoute>], sinks: &[CheckedSink], context: &mut Context<'_>) {
    let mut used = BTreeSet::new();
    for part in list {
        // A route that cannot be read may have used any of them.
        let Some(to) = part.get().and_then(|r| r.to.get()) else { return };
        for name in to {
            let Some(name) = name.get() else { return };
            used.insert(name.as_str());
        }
    }
    let is_known = |name: &&str| sinks.iter().any(|s| s.name == **name);
    if !used.iter().all(is_known) {
        return; // said already, and the misspelled one may be the one that looks unused
    }
    for sink in sinks.iter().filter(|s| !used.contains(s.name.as_str())) {
        context.findings.unused_sink(sink.place.clone(), &sink.name);
    }
}

/// Behind a route that takes all, no other is ever looked at.
fn unreachable(list: &[Part<RawRoute>], at: At<'_>, context: &mut Context<'_>) {
    let takes_all = |part: &Part<RawRoute>| part.get().is_some_and(|r| r.when.is_none());
    let Some(first) = list.iter().position(takes_all) else { return };
    let next = first.saturating_add(1);
    if list.len() > next {
        let all = at.item(first).field("name").place();
        context.findings.unreachable_route(at.item(next).field("name").place(), &all);
    }
}

/// Checks the policies, and fills in those that are left out.
pub(super) fn on_error(raw: &RawPipeline, at: At<'_>, context: &mut Context<'_>) -> Got<OnError> {
    let at = at.field("on_error");
    let default = if raw.dead_letter.is_some() { OnReject::DeadLetter } else { OnReject::Stop };
    let given = context.optional(raw.on_error.as_ref(), at)?;
    let mut stage = |field: &str, part: Option<&Part<RawOnReject>>| {
        part.map_or(Ok(default), |part| policy(part, raw, at.field(field), context))
    };
    let decode = stage("decode", given.and_then(|g| g.decode.as_ref()));
    let validate = stage("validate", given.and_then(|g| g.validate.as_ref()));
    let expression = stage("expression", given.and_then(|g| g.expression.as_ref()));
    let sink = stage("sink", given.and_then(|g| g.sink.as_ref()));
    Ok(OnError { decode: decode?, validate: validate?, expression: expression?, sink: sink? })
}

/// Warns of a topic for dead letters that no policy sends to.
pub(super) fn unused_dead_letter(
    raw: &RawPipeline,
    at: At<'_>,
    (steps, routing, on_error): (&[Step], &Routing, &OnError),
    context: &mut Context<'_>,
) {
    let unmatched = match routing {
        Routing::AllSinks => None,
        Routing::Routes { unmatched, .. } => Some(*unmatched),
    };
    let is_validate = |step: &Step| matches!(step, Step::Validate(_));
    let validate = steps.iter().any(is_validate).then_some(on_error.validate);
    let policies = [
        Some(on_error.decode),
        validate,
        Some(on_error.expression),
        Some(on_error.sink),
        unmatched,
    ];
    if raw.dead_letter.is_some() && !policies.contains(&Some(OnReject::DeadLetter)) {
        context.findings.unused_dead_letter(at.field("dead_letter").key());
    }
}

fn policy(
    part: &Part<RawOnReject>,
    raw: &RawPipeline,
    at: At<'_>,
    context: &mut Context<'_>,
) -> Got<OnReject> {
    match context.read(part, at)? {
        RawOnReject::Drop => Ok(OnReject::Drop),
        RawOnReject::Stop => Ok(OnReject::Stop),
        RawOnReject::DeadLetter if raw.dead_letter.is_some() => Ok(OnReject::DeadLetter),
        RawOnReject::DeadLetter => {
            context.findings.no_dead_letter(at.place());
            Err(Absent::Reported)
        }
    }
}
