//! `K03` meaning, `K04` expressions, `K07` client properties, `K08` the environment.

use super::{Findings, Reported, regex_reason};
use crate::config::text::{Place, listed_all, nearest, quote};
use crate::model::{ClusterName, Guarantee, InvalidName, SinkName, TopicName};

impl Findings {
    pub(in crate::config) fn bad_name(
        &mut self,
        place: Place,
        what: &str,
        text: &str,
        why: &InvalidName,
    ) -> Reported {
        let message = match text {
            "" => format!("the {what} is empty"),
            text => format!("the {what} {} {why}", quote(text)),
        };
        // Of some names as a whole the reason says what they are not.
        let why = why.to_string();
        let message = if why.starts_with('\'') { why } else { message };
        self.error("K0301", place, message, None)
    }

    pub(in crate::config) fn unknown_cluster(
        &mut self,
        place: Place,
        name: &ClusterName,
        known: &[&str],
    ) -> Reported {
        let message = format!("the settings know no cluster {}", quote(name.as_str()));
        self.error("K0302", place, message, meant(name.as_str(), known))
    }

    pub(in crate::config) fn topics_and_pattern(
        &mut self,
        place: Place,
        topics: &Place,
    ) -> Reported {
        let message = "a source has either `topics` or a `pattern`, not both";
        let hint = "remove one of them, or put the topics into the pattern: '^(a|b|orders\\..*)$'";
        let reported = self.error("K0303", place, message, hint.to_owned());
        self.relate(topics, "the other one");
        reported
    }

    pub(in crate::config) fn no_topics(&mut self, place: Place) -> Reported {
        let hint = "topics: [a-topic], or pattern: 'orders\\..*'".to_owned();
        self.error("K0304", place, "the source names no topics", hint)
    }

    pub(in crate::config) fn repeated_topic(
        &mut self,
        place: Place,
        topic: &TopicName,
    ) -> Reported {
        let message = format!("the topic {} stands here twice", quote(topic.as_str()));
        self.error("K0305", place, message, "remove one of them".to_owned())
    }

    pub(in crate::config) fn bad_pattern(
        &mut self,
        place: Place,
        error: &regex::Error,
    ) -> Reported {
        let why = regex_reason(error);
        let message = format!("this pattern is no regular expression: {why}");
        self.error(
            "K0306",
            place,
            message,
            "https://docs.rs/regex#syntax has the syntax".to_owned(),
        )
    }

    pub(in crate::config) fn bad_timestamp(&mut self, place: Place, text: &str) -> Reported {
        let message = format!("{} is no point in time since 1970", quote(text));
        let hint = "write it with date, time and zone: 2026-01-01T00:00:00Z".to_owned();
        self.error("K0307", place, message, hint)
    }

    pub(in crate::config) fn bad_duration(&mut self, place: Place, text: &str) -> Reported {
        let message = format!("{} is no duration", quote(text));
        self.error("K0308", place, message, "write it with a unit: 100ms, 5s, 1m".to_owned())
    }

    pub(in crate::config) fn interval_out_of_bounds(
        &mut self,
        place: Place,
        text: &str,
        guarantee: Guarantee,
        interval_max: &str,
    ) -> Reported {
        let message = format!(
            "`commit_interval` is {text}, from 1ms to {interval_max} is legal for `{guarantee}`"
        );
        let hint = match guarantee {
            Guarantee::ExactlyOnce => Some(
                "a transaction must commit well before the broker aborts it after 15 s".to_owned(),
            ),
            Guarantee::AtLeastOnce | Guarantee::AtMostOnce => None,
        };
        self.error("K0309", place, message, hint)
    }

    pub(in crate::config) fn bad_size(&mut self, place: Place, text: &str) -> Reported {
        let message = format!("{} is no number of bytes", quote(text));
        self.error("K0310", place, message, "write it with a unit: 64KiB, 16MiB".to_owned())
    }

    pub(in crate::config) fn bytes_out_of_bounds(&mut self, place: Place, text: &str) -> Reported {
        let message = format!("`max_bytes` is {text}, from 1KiB to 1GiB is legal");
        self.error("K0311", place, message, None)
    }

    pub(in crate::config) fn unknown_sink(
        &mut self,
        place: Place,
        name: &str,
        known: &[&str],
    ) -> Reported {
        let message = format!("there is no sink {}", quote(name));
        self.error("K0312", place, message, meant(name, known))
    }

    pub(in crate::config) fn unused_sink(&mut self, place: Place, name: &str) -> Reported {
        let message = format!("no route sends to the sink {}", quote(name));
        self.error(
            "K0313",
            place,
            message,
            "name it in the `to` of a route, or remove it".to_owned(),
        )
    }

    pub(in crate::config) fn repeated_target(&mut self, place: Place, first: &Place) -> Reported {
        let message = format!("the sink {} stands here twice", quote(place.text()));
        let hint = "remove one of them; a record goes to a sink at most once".to_owned();
        let reported = self.error("K0314", place, message, hint);
        self.relate(first, "first here");
        reported
    }

    pub(in crate::config) fn repeated_route(
        &mut self,
        place: Place,
        name: &str,
        first: &Place,
    ) -> Reported {
        let message = format!("two routes have the name {}", quote(name));
        let hint = "rename one; metrics and dead letters tell routes apart by name".to_owned();
        let reported = self.error("K0315", place, message, hint);
        self.relate(first, "first here");
        reported
    }

    pub(in crate::config) fn unreachable_route(&mut self, place: Place, all: &Place) {
        let message = "no record ever comes to this route";
        let hint =
            "the first match wins: move the route without `when` to the end, or set `match: all`";
        self.warning("K0316", place, message, hint.to_owned());
        self.relate(all, "this one takes all, it has no `when`");
    }

    pub(in crate::config) fn field_without_routes(
        &mut self,
        place: Place,
        field: &str,
    ) -> Reported {
        let message =
            format!("`{field}` means nothing without routes: every record goes to every sink");
        self.error("K0317", place, message, "remove it, or add `routes`".to_owned())
    }

    pub(in crate::config) fn no_unmatched(&mut self, place: Place) -> Reported {
        let message = "the file does not say what becomes of a record that no route matches";
        let hint = "unmatched: dead_letter, or drop, or stop".to_owned();
        self.error("K0318", place, message, hint)
    }

    pub(in crate::config) fn no_dead_letter(&mut self, place: Place) -> Reported {
        let message = "dead letters have no topic here";
        let hint = "add dead_letter: {topic: NAME}, or choose drop or stop".to_owned();
        self.error("K0319", place, message, hint)
    }

    pub(in crate::config) fn value_of_bytes(&mut self, place: Place, what: &str) -> Reported {
        let message = format!("`format: bytes` looks into no value, and {what} does");
        let hint = "use `format: json`, or decide by key, headers and topic".to_owned();
        self.error("K0320", place, message, hint)
    }

    pub(in crate::config) fn topic_with_two_properties(
        &mut self,
        place: Place,
        topic: &TopicName,
        other: &SinkName,
        there: &Place,
    ) -> Reported {
        let message = format!(
            "{} is written with other properties than by the sink `{other}`",
            quote(topic.as_str())
        );
        let hint = "give both sinks the same `compression` and `properties`, or write two topics";
        let reported = self.error("K0321", place, message, hint.to_owned());
        self.relate(there, "the other sink");
        reported
    }

    pub(in crate::config) fn unused_dead_letter(&mut self, place: Place) {
        let message = "nothing ever comes here: each stage has another policy";
        let hint = "remove `dead_letter`, or choose it in `on_error` or `unmatched`".to_owned();
        self.warning("K0322", place, message, hint);
    }

    pub(in crate::config) fn bad_expression(
        &mut self,
        place: Place,
        message: &str,
        hint: Option<String>,
    ) -> Reported {
        self.error("K0401", place, message, hint)
    }

    pub(in crate::config) fn odd_expression(
        &mut self,
        place: Place,
        message: &str,
        hint: Option<String>,
    ) {
        self.warning("K0402", place, message, hint);
    }

    pub(in crate::config) fn refused_property(
        &mut self,
        place: Place,
        name: &str,
        why: &str,
    ) -> Reported {
        let message = format!("the property {} is not passed on: {why}", quote(name));
        self.error("K0701", place, message, "remove it".to_owned())
    }

    pub(in crate::config) fn unknown_property(
        &mut self,
        place: Place,
        name: &str,
        why: &str,
    ) -> Reported {
        let message = format!("librdkafka does not take the property {}: {why}", quote(name));
        self.error("K0702", place, message, None)
    }

    pub(in crate::config) fn variable_not_set(&mut self, place: Place, name: &str) -> Reported {
        let message = format!("the environment variable `{name}` is not set, or empty");
        let hint = format!("set it, or give a default: ${{{name}:-text}}");
        self.error("K0801", place, message, hint)
    }

    pub(in crate::config) fn bad_variable_name(&mut self, place: Place, name: &str) -> Reported {
        let message = format!("{} is no name of an environment variable", quote(name));
        let hint = "write ${NAME} or ${NAME:-default}; a text that is to hold ${ itself has $${";
        self.error("K0802", place, message, hint.to_owned())
    }

    pub(in crate::config) fn open_reference(&mut self, place: Place) -> Reported {
        let hint = "write ${NAME} or ${NAME:-default}; a text that is to hold ${ itself has $${";
        self.error("K0803", place, "`${` without a `}` behind it", hint.to_owned())
    }
}

fn meant(name: &str, known: &[&str]) -> String {
    match (nearest(name, known.iter().copied()), known) {
        (Some(meant), _) => format!("did you mean `{meant}`?"),
        (None, []) => "none is defined".to_owned(),
        (None, _) => format!("known here: {}", listed_all(known.iter().copied())),
    }
}
