//! `K05`: what only shows when all files are looked at together.

use super::{Findings, Reported};
use crate::config::text::{Place, quote};
use crate::model::{GroupId, PipelineName, TopicName};

impl Findings {
    pub(in crate::config) fn repeated_pipeline(
        &mut self,
        place: Place,
        name: &PipelineName,
        other: &Place,
    ) -> Reported {
        let message = format!("two pipelines have the name {}", quote(name.as_str()));
        let hint = "rename one; neither is started as long as nobody can tell which is meant";
        let reported = self.error("K0501", place, message, hint.to_owned());
        self.relate(other, "the other one");
        reported
    }

    pub(in crate::config) fn repeated_group(
        &mut self,
        place: Place,
        group: &GroupId,
        other: &PipelineName,
        there: &Place,
    ) -> Reported {
        let message =
            format!("the group {} also belongs to the pipeline `{other}`", quote(group.as_str()));
        let hint = "give each its own `group`, or each sees only a part of the records".to_owned();
        let reported = self.error("K0502", place, message, hint);
        self.relate(there, "the other one");
        reported
    }

    pub(in crate::config) fn reads_what_it_writes(
        &mut self,
        place: Place,
        topic: &TopicName,
        source: &Place,
    ) -> Reported {
        let message = format!(
            "the pipeline reads {} and writes it: each record would come back for ever",
            quote(topic.as_str())
        );
        let reported = self.error("K0503", place, message, "write another topic".to_owned());
        self.relate(source, "read here");
        reported
    }

    pub(in crate::config) fn pattern_matches_output(
        &mut self,
        place: Place,
        topic: &TopicName,
        writer: Option<&PipelineName>,
        there: &Place,
    ) -> Reported {
        let writer =
            writer.map_or_else(|| "this pipeline".to_owned(), |w| format!("the pipeline `{w}`"));
        let message =
            format!("this pattern matches {}, which {writer} writes", quote(topic.as_str()));
        let hint = "narrow the pattern, or name the `topics` one by one".to_owned();
        let reported = self.error("K0504", place, message, hint);
        self.relate(there, "written here");
        reported
    }

    pub(in crate::config) fn loop_across(&mut self, place: Place, way: &str) {
        let message = format!("records can go round in a circle: {way}");
        let hint = "make sure that a filter ends it, or write another topic".to_owned();
        self.warning("K0505", place, message, hint);
    }

    pub(in crate::config) fn dead_letters_among_outputs(
        &mut self,
        place: Place,
        topic: &TopicName,
        sink: &Place,
    ) {
        let message =
            format!("dead letters go to {}, among the records of a sink", quote(topic.as_str()));
        self.warning("K0506", place, message, "give dead letters a topic of their own".to_owned());
        self.relate(sink, "the sink's topic");
    }

    /// The other pipeline is not as its file says: a finding there keeps its last good definition.
    pub(in crate::config) fn group_of_last_good(
        &mut self,
        place: Place,
        group: &GroupId,
        other: &PipelineName,
    ) -> Reported {
        let message = format!(
            "the group {} still belongs to the last good definition of `{other}`",
            quote(group.as_str())
        );
        let hint = format!("mend the file of `{other}` first: its findings keep it as it was");
        self.error("K0507", place, message, hint)
    }
}
