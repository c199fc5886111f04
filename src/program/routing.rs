//! Which sinks a record goes to.

use super::state::Notes;
use super::step::truth;
use super::witness::Witness;
use crate::expression::{BoundLookup, BoundPredicate, Found, Lookup, Scope, Verdict};
use crate::json::Paths;
use crate::model::{Rejection, Stage};
use crate::pipeline::{Matching, Route, Routing};

/// The routes of a program.
#[derive(Debug)]
pub(super) enum Router {
    /// No routes: so many sinks, all of them, in their order.
    All(usize),
    Routes {
        matching: Matching,
        routes: Vec<BoundRoute>,
        /// Where the first match wins and all routes compare one field with strings.
        lookup: Option<BoundLookup>,
    },
}

#[derive(Debug)]
pub(super) struct BoundRoute {
    when: Option<BoundPredicate>,
    to: Vec<usize>,
    /// How a rejection names it: `route eu`.
    rule: String,
}

impl Router {
    pub(super) fn new(routing: &Routing, sinks: usize, paths: &mut Paths) -> Self {
        match routing {
            Routing::AllSinks => Self::All(sinks),
            Routing::Routes { matching, routes, .. } => Self::Routes {
                lookup: lookup(*matching, routes, paths),
                matching: *matching,
                routes: routes
                    .iter()
                    .map(|route| BoundRoute {
                        when: route.when.as_ref().map(|p| p.bind(paths)),
                        to: route.to.clone(),
                        rule: format!("route {}", route.name),
                    })
                    .collect(),
            },
        }
    }

    /// How many there are.
    pub(super) fn routes(&self) -> usize {
        match self {
            Self::All(_) => 0,
            Self::Routes { routes, .. } => routes.len(),
        }
    }

    /// Calls `send` for the sinks of the routes that match, in the order of the file.
    #[inline]
    pub(super) fn route<W: Witness>(
        &self,
        scope: &Scope<'_>,
        notes: &mut Notes,
        witness: &mut W,
        mut send: impl FnMut(usize),
    ) -> Result<(), Rejection> {
        let (matching, routes) = match self {
            Self::All(sinks) => {
                (0..*sinks).for_each(send);
                return Ok(());
            }
            Self::Routes { routes, lookup: Some(lookup), .. } if !W::LOOKS_ON => {
                let index = looked_up(lookup, scope, &mut notes.missing);
                let found = index.and_then(|index| Some((index, routes.get(index)?)));
                let (index, route) = found.ok_or_else(unmatched)?;
                notes.matched.push(index);
                route.to.iter().copied().for_each(send);
                return Ok(());
            }
            Self::Routes { matching, routes, .. } => (*matching, routes),
        };
        for (index, route) in routes.iter().enumerate() {
            let verdict = match &route.when {
                None => Verdict::True,
                Some(predicate) => predicate.eval(scope),
            };
            witness.route(index, verdict, scope.record);
            if truth(verdict, &mut notes.missing, &route.rule)? {
                route.to.iter().copied().for_each(&mut send);
                notes.matched.push(index);
                match matching {
                    Matching::First => break,
                    Matching::All => {}
                }
            }
        }
        if notes.matched.is_empty() { Err(unmatched()) } else { Ok(()) }
    }
}

fn lookup(matching: Matching, routes: &[Route], paths: &mut Paths) -> Option<BoundLookup> {
    match matching {
        Matching::First => {
            let when: Vec<_> = routes.iter().map(|route| route.when.as_ref()).collect();
            Lookup::of(&when).map(|lookup| lookup.bind(paths))
        }
        Matching::All => None,
    }
}

/// The route that the record takes; a missing field makes every comparison with it missing.
#[inline]
fn looked_up(lookup: &BoundLookup, scope: &Scope<'_>, missing: &mut bool) -> Option<usize> {
    match lookup.eval(scope) {
        Found::Matched(index) => return Some(index),
        Found::NoMatch => {}
        Found::Missing => *missing = true,
    }
    lookup.otherwise()
}

#[cold]
fn unmatched() -> Rejection {
    Rejection { stage: Stage::Unmatched, reason: "no route matches".into(), rule: "".into() }
}
