//! Which sinks a record goes to.

use super::step::truth;
use super::witness::Witness;
use crate::expression::{BoundPredicate, Scope, Verdict};
use crate::json::Paths;
use crate::model::{Rejection, Stage};
use crate::pipeline::{Matching, Routing};

/// The routes of a program.
#[derive(Debug)]
pub(super) enum Router {
    /// No routes: so many sinks, all of them, in their order.
    All(usize),
    Routes {
        matching: Matching,
        routes: Vec<BoundRoute>,
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

    /// Calls `send` for the sinks of the routes that match, in the order of the file.
    #[inline]
    pub(super) fn route(
        &self,
        scope: &Scope<'_>,
        missing: &mut bool,
        witness: &mut impl Witness,
        mut send: impl FnMut(usize),
    ) -> Result<(), Rejection> {
        let (matching, routes) = match self {
            Self::All(sinks) => {
                (0..*sinks).for_each(send);
                return Ok(());
            }
            Self::Routes { matching, routes } => (*matching, routes),
        };
        let mut matched = false;
        for (index, route) in routes.iter().enumerate() {
            let verdict = match &route.when {
                None => Verdict::True,
                Some(predicate) => predicate.eval(scope),
            };
            witness.route(index, verdict, scope.record);
            if truth(verdict, missing, &route.rule)? {
                route.to.iter().copied().for_each(&mut send);
                matched = true;
                match matching {
                    Matching::First => break,
                    Matching::All => {}
                }
            }
        }
        if matched { Ok(()) } else { Err(unmatched()) }
    }
}

#[cold]
fn unmatched() -> Rejection {
    Rejection { stage: Stage::Unmatched, reason: "no route matches".into(), rule: "".into() }
}
