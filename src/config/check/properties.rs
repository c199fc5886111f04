//! `properties` of a source, a sink or a cluster.

use crate::model::Guarantee;
use crate::pipeline::Properties;

use super::super::properties::{PropertyScope, refused};
use super::super::raw::{Part, RawProperties, Word};
use super::super::yaml::At;
use super::{Absent, Context, Got};

/// Checks each property, and makes its value text.
pub(in crate::config) fn check(
    part: Option<&Part<RawProperties>>,
    at: At<'_>,
    scope: PropertyScope,
    guarantee: Option<Guarantee>,
    context: &mut Context<'_>,
) -> Got<Properties> {
    let Some(raw) = context.optional(part, at)? else { return Ok(Properties::new()) };
    let owner = Owner { scope, guarantee };
    let mut properties = Properties::new();
    let mut broken = None;
    for (name, part) in raw {
        let at = at.field(name);
        match one(name, part, at, owner, context) {
            Ok(value) => {
                properties.insert(name.clone(), value);
            }
            Err(absent) => broken = Some(absent),
        }
    }
    broken.map_or(Ok(properties), Err)
}

/// What the properties are for.
#[derive(Clone, Copy)]
struct Owner {
    scope: PropertyScope,
    guarantee: Option<Guarantee>,
}

fn one(
    name: &str,
    part: &Part<Word>,
    at: At<'_>,
    Owner { scope, guarantee }: Owner,
    context: &mut Context<'_>,
) -> Got<String> {
    let value = context.read(part, at)?.text();
    if let Some(why) = refused(scope, name, &value, guarantee) {
        context.findings.refused_property(at.key(), name, &why);
        return Err(Absent::Reported);
    }
    match context.properties.check(scope, name, &value) {
        Ok(()) => Ok(value),
        Err(why) => Err(context.findings.unknown_property(at.key(), name, &why).into()),
    }
}
