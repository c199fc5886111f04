//! Which steps and routes the cases of a pipeline reach.

use std::collections::BTreeSet;

use super::Trace;
use crate::expression::Verdict;
use crate::pipeline::{Pipeline, Routing};

/// What was reached so far.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    steps: BTreeSet<usize>,
    /// Filters that have let a record pass, and that have not.
    passed: BTreeSet<usize>,
    stopped: BTreeSet<usize>,
    routes: BTreeSet<usize>,
}

impl Coverage {
    /// Takes in what one case did.
    pub fn add(&mut self, trace: &Trace) {
        self.steps.extend(&trace.steps);
        for (step, verdict) in &trace.filters {
            match verdict {
                Verdict::True => self.passed.insert(*step),
                Verdict::False | Verdict::Missing => self.stopped.insert(*step),
                Verdict::Error(_) => false,
            };
        }
        self.routes.extend(trace.matched());
    }

    /// What no case reaches, a line each.
    pub fn missing(&self, pipeline: &Pipeline) -> Vec<String> {
        let mut lines = Vec::new();
        for (index, step) in pipeline.steps.iter().enumerate() {
            if !self.steps.contains(&index) {
                lines.push(format!("no case reaches steps[{index}]"));
            } else if matches!(step, crate::pipeline::Step::Filter(_)) {
                if !self.passed.contains(&index) {
                    lines.push(format!("no case passes the filter steps[{index}]"));
                }
                if !self.stopped.contains(&index) {
                    lines.push(format!("no case is held back by the filter steps[{index}]"));
                }
            }
        }
        if let Routing::Routes { routes, .. } = &pipeline.routing {
            for (_, route) in routes.iter().enumerate().filter(|(i, _)| !self.routes.contains(i)) {
                lines.push(format!("no case takes the route `{}`", route.name));
            }
        }
        lines
    }
}
