//! `K02`: the shape of a document: fields, kinds, words and bounds.

use super::{Findings, Reported};
use crate::config::text::{Place, listed, listed_all, nearest, quote};

impl Findings {
    pub(in crate::config) fn unknown_field(
        &mut self,
        place: Place,
        field: &str,
        of: &str,
        known: &[&str],
    ) -> Reported {
        let message = match of {
            "" => format!("unknown field {}", quote(field)),
            of => format!("unknown field {} in {of}", quote(field)),
        };
        let hint = match (nearest(field, known.iter().copied()), known) {
            (Some(meant), _) => format!("did you mean `{meant}`?"),
            (None, []) => "no field is known here".to_owned(),
            (None, _) => format!("known here: {}", listed_all(known.iter().copied())),
        };
        self.error("K0201", place, message, hint)
    }

    pub(in crate::config) fn missing_field(
        &mut self,
        place: Place,
        field: &str,
        of: &str,
        help: Option<&str>,
    ) -> Reported {
        let message = match of {
            "" => format!("the field `{field}` is missing"),
            of => format!("the field `{field}` of {of} is missing"),
        };
        self.error("K0202", place, message, help.map(|h| format!("{field}: {h}")))
    }

    pub(in crate::config) fn wrong_kind(
        &mut self,
        place: Place,
        expected: &str,
        found: &str,
        hint: Option<String>,
    ) -> Reported {
        self.error("K0203", place, format!("expected {expected}, found {found}"), hint)
    }

    pub(in crate::config) fn unknown_word(
        &mut self,
        place: Place,
        found: &str,
        words: &[&str],
        what: &str,
    ) -> Reported {
        let message = format!("{} is no legal {what}", quote(found));
        let bare = |word| str::trim_end_matches(str::trim_start_matches(word, '{'), ": ...}");
        let hint = match nearest(found, words.iter().copied().map(bare)) {
            Some(meant) => {
                format!("did you mean `{meant}`? {}", legal(words))
            }
            None => legal(words),
        };
        self.error("K0204", place, message, hint)
    }

    pub(in crate::config) fn out_of_bounds(&mut self, place: Place, message: String) -> Reported {
        self.error("K0205", place, message, None)
    }

    pub(in crate::config) fn not_one_variant(
        &mut self,
        place: Place,
        found: &[&str],
        words: &[&str],
        hint: Option<String>,
    ) -> Reported {
        let found = match found {
            [] => "no field".to_owned(),
            several => format!("{} fields: {}", several.len(), listed_all(several.iter().copied())),
        };
        let message = format!("expected {}, found {found}", listed(words.iter().copied()));
        self.error("K0206", place, message, hint)
    }

    pub(in crate::config) fn unknown_version(&mut self, place: Place, found: &str) -> Reported {
        let message = format!("expected the version 1, which this krouted reads, found {found}");
        self.error("K0207", place, message, "write version: 1".to_owned())
    }

    pub(in crate::config) fn against_schema(&mut self, place: Place, what: &str) -> Reported {
        self.error("K0208", place, format!("this does not fit the grammar: {what}"), None)
    }

    pub(in crate::config) fn secret_as_text(&mut self, place: Place) -> Reported {
        let message = "a secret is written here as text";
        let hint = "refer to it: {credential: NAME}, {file: PATH} or {env: NAME}; and change it, it may be in git";
        self.error("K0209", place, message, hint.to_owned())
    }
}

fn legal(words: &[&str]) -> String {
    match words {
        [only] => format!("legal is only `{only}`"),
        several => format!("legal are {}", listed_all(several.iter().copied())),
    }
}
