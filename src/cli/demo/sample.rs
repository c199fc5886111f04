//! Three records as they arrived.

use std::fmt::Write as _;

use crate::model::Record;

/// A record that shows something, and what.
struct Wish {
    topic: &'static str,
    tombstone: bool,
    headers: &'static [&'static str],
    shows: &'static str,
}

const WISHES: [Wish; 3] = [
    Wish {
        topic: "orders.eu",
        tombstone: false,
        headers: &[],
        shows: "a routed order: its key is value.customer_id, its value is untouched",
    },
    Wish {
        topic: "orders.dlq",
        tombstone: false,
        headers: &[
            "krouted.error.stage",
            "krouted.error.reason",
            "krouted.error.rule",
            "krouted.error.topic",
            "krouted.error.partition",
            "krouted.error.offset",
        ],
        shows: "a dead letter: the record as it came, and why it is here",
    },
    Wish {
        topic: "inventory.copy",
        tombstone: true,
        headers: &[],
        shows: "a tombstone, copied as one",
    },
];

/// For each wish the first record that fulfils it, as text.
#[derive(Debug, Default)]
pub(super) struct Samples([Option<String>; 3]);

impl Samples {
    /// Takes the record where it is wished for.
    pub(super) fn offer(&mut self, record: &Record<'_>) {
        for (slot, wish) in self.0.iter_mut().zip(&WISHES) {
            let fits = record.topic == wish.topic && record.value.is_none() == wish.tombstone;
            if slot.is_none() && fits {
                *slot = Some(wish.draw(record));
            }
        }
    }

    /// What was found.
    pub(super) fn text(&self) -> String {
        self.0.iter().flatten().fold(String::new(), |all, one| all + "\n" + one)
    }
}

impl Wish {
    fn draw(&self, record: &Record<'_>) -> String {
        let text = |bytes: Option<&[u8]>| match bytes {
            None => "null".to_owned(),
            Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        };
        let mut out = format!("{record:?}, {}\n", self.shows);
        // Writing to a string cannot fail.
        let _infallible =
            writeln!(out, "  key    {}\n  value  {}", text(record.key), text(record.value));
        for name in self.headers {
            let value = record.headers.last(name.as_bytes()).flatten().unwrap_or_default();
            if !value.is_empty() {
                let _infallible = writeln!(out, "  {name}  {}", text(Some(value)));
            }
        }
        out
    }
}
