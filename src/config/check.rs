//! Raw types -> [`Pipeline`], with all that is wrong said at once.
//!
//! Every part of a definition is looked at before the first `?`, and what hangs on a part that is broken, or on a variable that
//! nobody knows here, is passed over in silence: one mistake gives one finding.

mod cases;
mod delivery;
mod expressions;
mod places;
pub(super) mod properties;
mod routes;
mod schema;
mod sinks;
mod source;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use crate::model::{ClusterName, GroupId, InvalidName, PipelineName, TopicName};
use crate::pipeline::{Pipeline, Topics};

use super::environment::{BadReference, Environment, Interpolated};
use super::finding::{Findings, Reported};
use super::properties::ClientProperties;
use super::raw::{Part, RawAuto, RawPipeline, RawWorkers};
use super::settings::Settings;
use super::snapshot::SchemaFiles;
use super::text::Place;
use super::yaml::At;

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// A finding says why.
    Reported,
    /// It hangs on a variable that nobody knows here.
    Unknown,
}

impl From<Reported> for Absent {
    fn from(_: Reported) -> Self {
        Self::Reported
    }
}

/// One daemon's pipelines share its cores: more than this is for an operator to decide.
const AUTO_WORKERS_MAX: u16 = 4;

/// What `workers: auto` stands for. On two cores that the broker shares, one worker is best (`docs/performance.md`, Workers);
/// more cores were not measured: a worker is one busy thread and those of its clients, so a core more for each.
pub(super) fn workers_for(cores: usize) -> NonZeroU16 {
    let half = u16::try_from(cores / 2).unwrap_or(u16::MAX);
    NonZeroU16::new(half.min(AUTO_WORKERS_MAX)).unwrap_or(NonZeroU16::MIN)
}

/// Those that this process may use: of the machine, or of its control group (`CPUQuota`) where that is less.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

pub use cases::PlacedCase;
pub(super) use cases::given;
pub use places::Places;

pub(super) type Got<T> = Result<T, Absent>;

/// What every check of one document may look at, and where it says what it found.
pub(super) struct Context<'a> {
    pub(super) settings: Option<&'a Settings>,
    pub(super) environment: &'a Environment,
    pub(super) properties: &'a dyn ClientProperties,
    pub(super) schemas: &'a SchemaFiles,
    pub(super) findings: &'a mut Findings,
    /// The findings before this document.
    pub(super) mark: usize,
}

/// What other files need to know of a pipeline, even of a broken one.
#[derive(Debug)]
pub(super) struct Outline {
    pub(super) name: Option<(PipelineName, Place)>,
    pub(super) cluster: Option<ClusterName>,
    pub(super) group: Option<(GroupId, Place)>,
    pub(super) reads: Option<(Topics, Place)>,
    pub(super) writes: Vec<Written>,
    /// The cases of its tests that can be run.
    pub(super) cases: Vec<PlacedCase>,
    /// Absent where a part of it is; with the places of what a cluster is asked about.
    pub(super) pipeline: Option<(Pipeline, Places)>,
}

/// A topic that is written, and where the file says so.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) topic: TopicName,
    pub(super) place: Place,
    pub(super) is_dead_letter: bool,
}

/// Checks one document.
pub(super) fn pipeline(raw: &RawPipeline, at: At<'_>, context: &mut Context<'_>) -> Outline {
    let name = context.pipeline_name(raw, at);
    let cluster = context.cluster(raw, at);
    let delivery = delivery::check(&raw.delivery, at.field("delivery"), context);
    let guarantee = delivery.as_ref().ok().map(|d| d.guarantee());
    let source = source::check(raw, at.field("source"), name.as_ref().ok(), guarantee, context);
    let format = source.format;
    let (steps, reads) = steps::check(raw, at, format, context);
    let sinks = sinks::check(raw, at.field("sinks"), &reads, context);
    let dead_letter = sinks::dead_letter(raw, at.field("dead_letter"), context);
    let routing = routes::check(raw, at, &reads, &sinks, context);
    let on_error = routes::on_error(raw, at, context);
    if let (Ok(steps), Ok(routing), Ok(on_error)) = (&steps, &routing, &on_error) {
        routes::unused_dead_letter(raw, at, (steps, routing, on_error), context);
    }
    let description = context.optional(raw.description.as_ref(), at.field("description"));
    let labels = context.labels(raw, at.field("labels"));
    let workers = context.workers(raw, at.field("workers"));
    let topics = source.topics.clone();
    let paused = context.optional(raw.paused.as_ref(), at.field("paused"));
    let writes = sinks::written(&sinks, dead_letter.as_ref(), at);
    let outline = Outline {
        name: name.clone().ok().map(|n| (n, at.field("name").place())),
        cluster: cluster.clone().ok(),
        group: source.group.clone().ok().map(|g| (g, at.field("source").field("group").place())),
        reads: topics.clone().ok().map(|t| (t, source.place.clone())),
        writes,
        cases: cases::check(raw, at.field("tests"), (&topics, &sinks), context),
        pipeline: None,
    };
    let pipeline = || -> Got<Pipeline> {
        Ok(Pipeline {
            name: name?,
            description: description?.cloned(),
            labels: labels?,
            cluster: cluster?,
            source: source.into_source()?,
            delivery: delivery?,
            workers: workers?,
            paused: paused?.copied().unwrap_or(false),
            steps: steps?,
            sinks: sinks::into_sinks(sinks)?,
            routing: routing?,
            on_error: on_error?,
            dead_letter: dead_letter?,
        })
    };
    let placed = |pipeline: Pipeline| {
        let places = Places::of(&pipeline, at);
        (pipeline, places)
    };
    Outline { pipeline: pipeline().ok().map(placed), ..outline }
}

impl Context<'_> {
    /// A part that must be there.
    pub(super) fn read<'p, T>(&mut self, part: &'p Part<T>, at: At<'_>) -> Got<&'p T> {
        part.get().ok_or_else(|| {
            // The schema has said why; if it has not, the types are stricter than it, and silence would be a lie.
            if self.findings.since(self.mark).is_none() {
                self.findings.against_schema(at.place(), "its value cannot be read");
            }
            Absent::Reported
        })
    }

    /// A part that may be left out.
    pub(super) fn optional<'p, T>(
        &mut self,
        part: Option<&'p Part<T>>,
        at: At<'_>,
    ) -> Got<Option<&'p T>> {
        part.map(|part| self.read(part, at)).transpose()
    }

    /// A text with its references looked up.
    pub(super) fn interpolated(&mut self, text: &str, at: At<'_>) -> Got<String> {
        match self.environment.interpolate(text) {
            Ok(Interpolated::Text(text)) => Ok(text),
            Ok(Interpolated::Unknown) => Err(Absent::Unknown),
            Err(BadReference::Open) => Err(self.findings.open_reference(at.place()).into()),
            Err(BadReference::Name(name)) => {
                Err(self.findings.bad_variable_name(at.place(), &name).into())
            }
            Err(BadReference::NotSet(name)) => {
                Err(self.findings.variable_not_set(at.place(), &name).into())
            }
        }
    }

    /// As [`interpolated`](Self::interpolated), but what is unknown stands as it is written.
    pub(super) fn known_text(&mut self, text: &str, at: At<'_>) -> Got<String> {
        match self.interpolated(text, at) {
            Err(Absent::Unknown) => Ok(text.to_owned()),
            other => other,
        }
    }

    /// A name of some kind.
    pub(super) fn name<T>(
        &mut self,
        what: &str,
        text: &str,
        at: At<'_>,
        make: impl Fn(&str) -> Result<T, InvalidName>,
    ) -> Got<T> {
        make(text).map_err(|why| self.findings.bad_name(at.place(), what, text, &why).into())
    }

    /// A topic's name, interpolated.
    pub(super) fn topic(&mut self, part: &Part<String>, at: At<'_>) -> Got<TopicName> {
        let text = self.read(part, at)?;
        let text = self.interpolated(text, at)?;
        self.name("topic", &text, at, TopicName::new)
    }

    fn pipeline_name(&mut self, raw: &RawPipeline, at: At<'_>) -> Got<PipelineName> {
        let at = at.field("name");
        let text = self.read(&raw.name, at)?;
        self.name("name", text, at, PipelineName::new)
    }

    fn cluster(&mut self, raw: &RawPipeline, at: At<'_>) -> Got<ClusterName> {
        let at = at.field("cluster");
        let text = self.optional(raw.cluster.as_ref(), at)?.map_or("default", String::as_str);
        let name = self.name("cluster", text, at, ClusterName::new)?;
        match self.settings {
            Some(settings) if !settings.clusters.contains_key(&name) => {
                let known: Vec<_> = settings.clusters.keys().map(ClusterName::as_str).collect();
                Err(self.findings.unknown_cluster(at.place(), &name, &known).into())
            }
            _ => Ok(name),
        }
    }

    fn labels(&mut self, raw: &RawPipeline, at: At<'_>) -> Got<BTreeMap<String, String>> {
        Ok(self.optional(raw.labels.as_ref(), at)?.cloned().unwrap_or_default())
    }

    fn workers(&mut self, raw: &RawPipeline, at: At<'_>) -> Got<NonZeroU16> {
        Ok(match self.optional(raw.workers.as_ref(), at)? {
            None => NonZeroU16::MIN,
            // The schema has the bounds.
            Some(RawWorkers::Count(count)) => *count,
            Some(RawWorkers::Auto(RawAuto::Auto)) => workers_for(cores()),
        })
    }
}
