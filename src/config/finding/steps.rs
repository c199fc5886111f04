//! `K10`: steps and the schemas of values.

use super::{Findings, Reported, regex_reason};
use crate::config::text::{Place, listed_all, nearest, quote};
use crate::expression::Kind;

/// What a pattern can be.
const PATTERNS: &str = "patterns are those of https://docs.rs/regex#syntax";

impl Findings {
    pub(in crate::config) fn no_such_schema(
        &mut self,
        place: Place,
        file: &str,
        folder: &str,
        known: &[&str],
    ) -> Reported {
        let message = match folder {
            "" => format!("there is no schema {}", quote(file)),
            folder => format!("there is no schema {} in {}", quote(file), quote(folder)),
        };
        let hint = match (nearest(file, known.iter().copied()), known) {
            (Some(meant), _) => format!("did you mean `{meant}`?"),
            (None, []) => "`schemas` in the settings names the folder; without settings it is `schemas` beside the pipelines".to_owned(),
            (None, _) => format!("there: {}", listed_all(known.iter().copied())),
        };
        self.error("K1001", place, message, hint)
    }

    pub(in crate::config) fn unreadable_schema(
        &mut self,
        place: Place,
        file: &str,
        why: &str,
    ) -> Reported {
        self.error(
            "K1002",
            place,
            format!("the schema {} cannot be read: {why}", quote(file)),
            None,
        )
    }

    pub(in crate::config) fn schema_is_no_json(
        &mut self,
        place: Place,
        file: &str,
        why: &str,
    ) -> Reported {
        self.error("K1003", place, format!("the schema {} is no JSON: {why}", quote(file)), None)
    }

    pub(in crate::config) fn bad_schema(
        &mut self,
        place: Place,
        file: &str,
        what: &str,
    ) -> Reported {
        let message =
            format!("{} is no JSON Schema of the draft that it names: {what}", quote(file));
        let hint = "the draft is the one that `$schema` names, without it 2020-12";
        self.error("K1004", place, message, hint.to_owned())
    }

    pub(in crate::config) fn schema_of_no_draft(
        &mut self,
        place: Place,
        file: &str,
        draft: &str,
    ) -> Reported {
        let message =
            format!("the schema {} is of a draft that nobody knows: {draft}", quote(file));
        let hint = "draft 4 to 2020-12 are known: name one of them in `$schema`, such as https://json-schema.org/draft/2020-12/schema";
        self.error("K1004", place, message, hint.to_owned())
    }

    pub(in crate::config) fn reference_to_nowhere(
        &mut self,
        place: Place,
        file: &str,
        what: &str,
    ) -> Reported {
        let message =
            format!("the schema {} refers to a part that is not there: {what}", quote(file));
        self.error("K1004", place, message, "correct the `$ref`, or write that part".to_owned())
    }

    pub(in crate::config) fn bad_schema_pattern(
        &mut self,
        place: Place,
        file: &str,
        (pattern, at): (&str, &str),
        error: Option<&regex::Error>,
    ) -> Reported {
        let (why, hint) = match error {
            Some(regex::Error::CompiledTooBig(bytes)) => (
                format!("it would take more than {bytes} bytes"),
                "write it shorter: what is repeated by `{100}` is compiled a hundred times",
            ),
            Some(other) => (regex_reason(other), PATTERNS),
            None => ("it is none in linear time".to_owned(), PATTERNS),
        };
        let (file, pattern) = (quote(file), quote(pattern));
        let message = format!(
            "the schema {file} has the pattern {pattern} at #{at}, which does not compile: {why}"
        );
        self.error("K1004", place, message, hint.to_owned())
    }

    pub(in crate::config) fn dangling_reference(
        &mut self,
        place: Place,
        (file, other): (&str, &str),
        why: &str,
    ) -> Reported {
        let message = format!("the schema {} refers to {}, {why}", quote(file), quote(other));
        let hint = "put the file into the schemas folder, or correct the `$ref`".to_owned();
        self.error("K1005", place, message, hint)
    }

    pub(in crate::config) fn remote_reference(
        &mut self,
        place: Place,
        file: &str,
        uri: &str,
    ) -> Reported {
        let message =
            format!("the schema {} refers to {}, which is never fetched", quote(file), quote(uri));
        let hint =
            "put a file with that `$id` into the schemas folder, or refer to a file by its name";
        self.error("K1006", place, message, hint.to_owned())
    }

    pub(in crate::config) fn schema_circle(
        &mut self,
        place: Place,
        file: &str,
        way: &str,
    ) -> Reported {
        let message = format!("the schema {} refers to itself in a circle: {way}", quote(file));
        let hint =
            "a schema may refer to itself deeper in the value, below `properties` or `items`";
        self.error("K1007", place, message, hint.to_owned())
    }

    pub(in crate::config) fn schema_chain(
        &mut self,
        place: Place,
        file: &str,
        begin: &str,
        max: usize,
    ) -> Reported {
        let message = format!(
            "in the schema {} more than {max} rules lead on to one another for one part of the value, from {begin}",
            quote(file)
        );
        let hint = "let `$ref` and `allOf` lead to what is meant in fewer steps";
        self.error("K1015", place, message, hint.to_owned())
    }

    pub(in crate::config) fn bad_schema_name(&mut self, place: Place, file: &str) -> Reported {
        let message = format!("{} is no file below the schemas folder", quote(file));
        let hint = "write its path below the folder, of A-Z, a-z, 0-9, `.`, `_`, `-` and `/`";
        self.error("K1008", place, message, hint.to_owned())
    }

    pub(in crate::config) fn overlapping_targets(
        &mut self,
        place: Place,
        first: &Place,
    ) -> Reported {
        let message = "one step changes this twice: the entries of a step have no order";
        let hint = "write two steps, one behind the other".to_owned();
        let reported = self.error("K1009", place, message, hint);
        self.relate(first, "the same, or a part of it");
        reported
    }

    pub(in crate::config) fn key_is_set_to_null(&mut self, place: Place) -> Reported {
        let hint = "write a step - set: {key: 'null'}".to_owned();
        self.error("K1010", place, "a key is never taken away, it can be null", hint)
    }

    pub(in crate::config) fn zero_in_header_name(&mut self, place: Place) -> Reported {
        self.error("K1011", place, "the name of a header has a zero byte", None)
    }

    pub(in crate::config) fn never_there(
        &mut self,
        place: Place,
        (path, key): (&str, &str),
        file: &str,
        meant: Option<&str>,
    ) -> Reported {
        let message =
            format!("`{path}` is never there: {} has no property {}", quote(file), quote(key));
        let hint = meant.map(|meant| format!("did you mean `{meant}`?"));
        self.error("K1012", place, message, hint)
    }

    pub(in crate::config) fn never_in(
        &mut self,
        place: Place,
        (path, holder): (&str, &str),
        file: &str,
        types: &[String],
    ) -> Reported {
        let types = types.join(" or ");
        let message = format!(
            "`{path}` is never there: `{holder}` is of the type {types} by {}",
            quote(file)
        );
        let hint = (types == "array").then(|| {
            // Within `exists()` there is no other one.
            let any = if holder.starts_with("value") {
                format!(", any of them `{holder}.exists(x, …)`")
            } else {
                String::new()
            };
            format!("an element of it is `{holder}[0]`{any}")
        });
        self.error("K1012", place, message, hint)
    }

    pub(in crate::config) fn undeclared(
        &mut self,
        place: Place,
        (path, key): (&str, &str),
        file: &str,
        meant: &str,
    ) {
        let message = format!("{} does not declare {} of `{path}`", quote(file), quote(key));
        self.warning("K1013", place, message, format!("did you mean `{meant}`?"));
    }

    pub(in crate::config) fn other_type(
        &mut self,
        place: Place,
        path: &str,
        (file, types): (&str, &str),
        kinds: &[Kind],
    ) -> Reported {
        let kinds: Vec<_> = kinds.iter().map(ToString::to_string).collect();
        let message = format!(
            "`{path}` is of the type {types} by {}, and is used as {} here",
            quote(file),
            kinds.join(" or ")
        );
        self.error("K1014", place, message, "correct the expression or the schema".to_owned())
    }
}
