//! Which sinks a record goes to.

use super::step::truth;
use crate::expression::{BoundPredicate, Scope};
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
        for route in routes {
            let yes = match &route.when {
                None => true,
                Some(predicate) => truth(predicate.eval(scope), missing, &route.rule)?,
            };
            if yes {
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
