//! `K01`: files that cannot be read, and YAML that is wrong or ambiguous.

use std::sync::Arc;

use super::{Findings, Reported, beginning};
use crate::config::text::{Place, SourceText, quote};

impl Findings {
    pub(in crate::config) fn unreadable_file(
        &mut self,
        source: &Arc<SourceText>,
        why: &str,
    ) -> Reported {
        self.error("K0101", beginning(source), format!("the file cannot be read: {why}"), None)
    }

    pub(in crate::config) fn file_too_large(
        &mut self,
        source: &Arc<SourceText>,
        bytes_max: u64,
    ) -> Reported {
        let message = format!("the file has more than {bytes_max} bytes, no pipeline needs that");
        self.error(
            "K0102",
            beginning(source),
            message,
            "split it, one pipeline per file".to_owned(),
        )
    }

    pub(in crate::config) fn not_utf8(&mut self, place: Place, byte: u8) -> Reported {
        let message =
            format!("the file is not UTF-8: the byte 0x{byte:02x} is not part of any character");
        let hint = "save it as UTF-8; an editor that writes Latin-1 or UTF-16 does this".to_owned();
        self.error("K0103", place, message, hint)
    }

    pub(in crate::config) fn file_moves(&mut self, source: &Arc<SourceText>) -> Reported {
        let message = "the file changed again and again while it was read";
        let hint = "write to a temporary file and rename it, or try again".to_owned();
        self.error("K0114", beginning(source), message, hint)
    }

    pub(in crate::config) fn yaml_syntax(
        &mut self,
        place: Place,
        what: &str,
        hint: Option<&str>,
    ) -> Reported {
        self.error("K0104", place, format!("this is no YAML: {what}"), hint.map(str::to_owned))
    }

    pub(in crate::config) fn empty_file(&mut self, place: Place) -> Reported {
        self.error("K0105", place, "the file holds nothing", "remove it, or fill it".to_owned())
    }

    pub(in crate::config) fn empty_document(&mut self, place: Place) -> Reported {
        let hint = "remove the `---` that begins it".to_owned();
        self.error("K0105", place, "this document is empty", hint)
    }

    pub(in crate::config) fn too_deep(&mut self, place: Place, depth_max: usize) -> Reported {
        let message = format!("nested deeper than {depth_max} levels");
        self.error("K0106", place, message, "no part of the grammar needs that".to_owned())
    }

    pub(in crate::config) fn too_many_nodes(&mut self, place: Place, nodes_max: usize) -> Reported {
        let message = format!("more than {nodes_max} values here, with all aliases written out");
        self.error("K0107", place, message, "write fewer, or fewer aliases of aliases".to_owned())
    }

    pub(in crate::config) fn duplicate_key(&mut self, place: Place, first: &Place) -> Reported {
        let message = format!("the key {} stands here twice", quote(place.text()));
        let hint = "remove one of them; which one would count differs from tool to tool";
        let reported = self.error("K0108", place, message, hint.to_owned());
        self.relate(first, "first here");
        reported
    }

    pub(in crate::config) fn merge_key(&mut self, place: Place) -> Reported {
        let message = "merge keys (`<<`) are not part of YAML 1.2";
        let hint = "write the fields out; a plain alias of a whole value (`*name`) is legal";
        self.error("K0109", place, message, hint.to_owned())
    }

    pub(in crate::config) fn tag(&mut self, place: Place, tag: &str) -> Reported {
        let message = format!("the tag {} means nothing here", quote(tag));
        self.error(
            "K0110",
            place,
            message,
            "remove it; a variant is written `{kafka: {...}}`".to_owned(),
        )
    }

    pub(in crate::config) fn key_is_no_text(&mut self, place: Place, kind: &str) -> Reported {
        let text = place.text().to_owned();
        let message = format!("a key must be a text, this one is {kind}");
        let is_word = !text.is_empty() && !text.contains(['[', '{', '-', '\'']);
        let hint = is_word.then(|| format!("quote it: '{text}'"));
        self.error("K0111", place, message, hint)
    }

    pub(in crate::config) fn ambiguous_scalar(
        &mut self,
        place: Place,
        otherwise: &str,
    ) -> Reported {
        let text = place.text().to_owned();
        let message =
            format!("{} is a text here, and {otherwise} for other YAML readers", quote(&text));
        self.error("K0112", place, message, format!("quote it: '{text}'"))
    }

    pub(in crate::config) fn ambiguous_number(&mut self, place: Place) -> Reported {
        let text = place.text().to_owned();
        let message =
            format!("{} is a number here, and a text for other YAML readers", quote(&text));
        let hint = format!("write it in decimal, or quote it: '{text}'");
        self.error("K0112", place, message, hint)
    }

    pub(in crate::config) fn readers_differ(&mut self, place: Place) -> Reported {
        let message = "two YAML readers do not agree on what stands here";
        self.error("K0113", place, message, "write it in a simpler way, or quote it".to_owned())
    }

    pub(in crate::config) fn alias_of_itself(&mut self, place: Place) -> Reported {
        let message = format!("the alias {} stands inside of what it names", quote(place.text()));
        self.error("K0115", place, message, "write the value out".to_owned())
    }

    pub(in crate::config) fn number_out_of_range(&mut self, place: Place) -> Reported {
        let text = place.text().to_owned();
        let message = format!("the number {} is out of range", quote(&text));
        self.error("K0116", place, message, format!("if a text is meant, quote it: '{text}'"))
    }
}
