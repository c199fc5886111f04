//! `K09`: the cases of `tests`.

use super::{Finding, Findings, Reported, Severity};
use crate::config::text::{Place, listed, listed_all, quote};

impl Findings {
    pub(in crate::config) fn none_of(&mut self, place: Place, fields: &[&str]) -> Reported {
        let message = format!("none of {} is here", listed_all(fields.iter().copied()));
        let hint = format!("write {}", listed(fields.iter().copied()));
        self.error("K0901", place, message, hint)
    }

    pub(in crate::config) fn several_of(&mut self, place: Place, fields: &[&str]) -> Reported {
        let message = format!("several of {} are here", listed_all(fields.iter().copied()));
        self.error("K0902", place, message, "keep one of them".to_owned())
    }

    pub(in crate::config) fn bad_base64(&mut self, place: Place) -> Reported {
        let message = format!("{} is no base64", quote(place.text()));
        let hint = "write it as `base64 FILE` does: A-Z, a-z, 0-9, + and /".to_owned();
        self.error("K0903", place, message, hint)
    }

    pub(in crate::config) fn rejection_with_output(&mut self, place: Place) -> Reported {
        let message = "a dead letter is the record as it came: nothing else is compared with it";
        let hint = "keep `stage` and `reason`, and move the rest to an item with a `sink`";
        self.error("K0904", place, message, hint.to_owned())
    }

    pub(in crate::config) fn repeated_case(
        &mut self,
        place: Place,
        name: &str,
        first: &Place,
    ) -> Reported {
        let message = format!("two tests have the name {}", quote(name));
        let reported = self.error("K0905", place, message, "rename one of them".to_owned());
        self.relate(first, "first here");
        reported
    }

    pub(in crate::config) fn topic_not_read(&mut self, place: Place, topic: &str) -> Reported {
        let message = format!("the source does not read the topic {}", quote(topic));
        self.error("K0906", place, message, "name one that it reads, or none".to_owned())
    }

    pub(in crate::config) fn topic_needed(&mut self, place: Place) -> Reported {
        let message =
            "the source reads the topics that a pattern matches, and this record is of none";
        let hint = "give it a `topic` that the pattern matches".to_owned();
        self.error("K0909", place, message, hint)
    }
}

/// The code of tests that cannot be run.
const UNTESTED: &str = "K0908";

impl Findings {
    /// The pipeline is not known well enough without its variables.
    pub(in crate::config) fn untested(&mut self, place: Place) {
        let message = "these tests are not run: the file needs variables of the environment, and nobody has looked them up";
        let hint = "say `--env`, with the variables set, or give them defaults: `${NAME:-default}`";
        self.warning(UNTESTED, place, message, hint.to_owned());
    }
}

impl Finding {
    /// Whether it says that tests are not run.
    pub fn is_untested(&self) -> bool {
        self.code == UNTESTED
    }

    /// What `check` says of a case that fails.
    pub fn failing_case(place: Place, name: &str, differences: &[String], rule: &str) -> Self {
        let message = format!("the test {} fails: {}", quote(name), differences.join("; "));
        Self {
            code: "K0907",
            severity: Severity::Error,
            place,
            message: message.replace("\n  ", ", ").replace("  ", " "),
            hint: Some(rule.to_owned()),
            related: None,
        }
    }
}
