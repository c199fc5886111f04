//! The tests in the files, run: what `check` says of those that fail, and what becomes of their pipelines.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::check::PlacedCase;
use super::finding::Finding;
use super::load::Checked;
use crate::case::Verdict;
use crate::model::PipelineName;
use crate::pipeline::Pipeline;
use crate::program::Program;

/// One case that was run.
#[derive(Debug)]
pub struct Ran<'a> {
    /// The case.
    pub placed: &'a PlacedCase,
    /// What came of it.
    pub verdict: Verdict,
}

impl Checked {
    /// Runs the cases of all pipelines, in the order of the files.
    pub fn run_cases(&self) -> Vec<(&Arc<Pipeline>, Vec<Ran<'_>>)> {
        let each = self.pipelines.iter().zip(&self.cases);
        each.map(|(pipeline, cases)| {
            let program = Program::new(pipeline);
            let ran = |placed| Ran { placed, verdict: placed.case.run(pipeline, &program) };
            (pipeline, cases.iter().map(ran).collect())
        })
        .collect()
    }

    /// Runs the cases; a pipeline of which one fails has a finding for each that does, and is none of those that can run.
    pub fn refuse_failing(&mut self) {
        let mut findings = Vec::new();
        let mut refused = BTreeSet::new();
        for (pipeline, ran) in self.run_cases() {
            let failing = ran.iter().filter(|r| !r.verdict.differences.is_empty());
            for Ran { placed, verdict } in failing {
                let rule = verdict.actual.rule(pipeline);
                let (place, name) = (placed.place.clone(), &placed.case.name);
                findings.push(Finding::failing_case(place, name, &verdict.differences, &rule));
                refused.insert(pipeline.name.clone());
            }
        }
        self.add(findings);
        self.refuse(&refused);
    }

    fn refuse(&mut self, refused: &BTreeSet<PipelineName>) {
        let all = std::mem::take(&mut self.pipelines).into_iter();
        let all = all.zip(std::mem::take(&mut self.cases));
        (self.pipelines, self.cases) = all.filter(|(p, _)| !refused.contains(&p.name)).unzip();
        for definition in self.files.iter_mut().flat_map(|file| &mut file.definitions) {
            if refused.contains(&definition.name) {
                definition.pipeline = None;
            }
        }
    }
}
