//! The example events: so many of each kind, mixed from a seed, and where each kind must end.

use crate::kafka::MockRecord;
use crate::model::{InvalidName, Stage, TopicName};

/// One seed, one demo: every run writes the same records in the same order.
const SEED: u64 = 2_026;
/// Of the first record: 2026-01-01T00:00:00Z, in milliseconds since 1970.
const FIRST_TIMESTAMP: i64 = 1_767_225_600_000;
const BETWEEN_RECORDS_MS: i64 = 250;

/// Where a record ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// In the topic of a sink.
    Sink(&'static str),
    /// A filter does not let it pass.
    Filtered,
    /// A policy says drop.
    Dropped,
    /// In the topic of dead letters, because of that stage.
    DeadLetter(&'static str, Stage),
}

/// Records that differ in their number only, which stands for `{n}` in key and value.
pub(super) struct Kind {
    pub(super) count: u64,
    pub(super) topic: &'static str,
    key: &'static str,
    header: Option<(&'static str, &'static str)>,
    value: Option<&'static str>,
    pub(super) fates: &'static [Fate],
}

use Fate::{DeadLetter, Dropped, Filtered, Sink};

const fn of(count: u64, topic: &'static str, fates: &'static [Fate]) -> Kind {
    Kind { count, topic, key: "k-{n}", header: None, value: None, fates }
}

/// What the pipelines of `pipelines/` are given, in the order of their topics.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        value: Some(r#"{"order":{n},"status":"paid","country":"DE","customer_id":4{n}}"#),
        ..of(60, "orders", &[Sink("orders.eu")])
    },
    Kind {
        value: Some(r#"{"order":{n},"status":"shipped","country":"FR","customer_id":5{n}}"#),
        ..of(40, "orders", &[Sink("orders.eu")])
    },
    Kind {
        value: Some(r#"{"order":{n},"status":"paid","country":"US","customer_id":6{n}}"#),
        ..of(50, "orders", &[Sink("orders.row")])
    },
    Kind {
        value: Some(r#"{"order":{n},"status":"cart","country":"DE","customer_id":7{n}}"#),
        ..of(30, "orders", &[Filtered])
    },
    // A tombstone has no fields, so the filter on one does not let it pass.
    of(5, "orders", &[Filtered]),
    Kind {
        value: Some(r#"{"order":{n},"status":"paid","customer_id":8{n}}"#),
        ..of(6, "orders", &[DeadLetter("orders.dlq", Stage::Unmatched)])
    },
    Kind {
        value: Some(r#"{"order":{n},"status":"paid","country":"AT"}"#),
        ..of(4, "orders", &[DeadLetter("orders.dlq", Stage::Expression)])
    },
    Kind {
        value: Some(r#"{"order":{n},"status":"paid","coun"#),
        ..of(5, "orders", &[DeadLetter("orders.dlq", Stage::Decode)])
    },
    Kind {
        value: Some(r#"{"level":"info","text":"request {n} served"}"#),
        ..of(120, "logs", &[Sink("logs.archive")])
    },
    Kind {
        value: Some(r#"{"level":"error","text":"request {n} failed"}"#),
        ..of(40, "logs", &[Sink("logs.archive"), Sink("logs.alerts")])
    },
    Kind {
        value: Some(r#"{"level":"info","text":"user {n} logged in","audit":true}"#),
        ..of(25, "logs", &[Sink("logs.archive"), Sink("logs.security")])
    },
    Kind {
        value: Some(r#"{"level":"fatal","text":"password file {n} is gone","audit":true}"#),
        ..of(5, "logs", &[Sink("logs.archive"), Sink("logs.alerts"), Sink("logs.security")])
    },
    Kind { value: Some("boot: no JSON yet ({n})"), ..of(10, "logs", &[Dropped]) },
    Kind {
        header: Some(("tenant", "acme")),
        value: Some("GET /items/{n}"),
        ..of(70, "gateway.requests", &[Sink("requests.acme")])
    },
    Kind {
        header: Some(("tenant", "globex")),
        value: Some("GET /parts/{n}"),
        ..of(50, "gateway.requests", &[Sink("requests.globex")])
    },
    Kind {
        header: Some(("tenant", "initech")),
        value: Some("GET /reports/{n}"),
        ..of(8, "gateway.requests", &[DeadLetter("requests.dlq", Stage::Unmatched)])
    },
    Kind {
        value: Some("GET /health"),
        ..of(12, "gateway.requests", &[DeadLetter("requests.dlq", Stage::Unmatched)])
    },
    Kind { value: Some("payment {n}"), ..of(80, "payments", &[Sink("payments.audit")]) },
    Kind {
        header: Some(("x-load-test", "7")),
        value: Some("payment {n}"),
        ..of(10, "payments", &[Filtered])
    },
    Kind { value: Some("refund {n}"), ..of(30, "refunds", &[Sink("payments.audit")]) },
    Kind {
        key: "item-{n}",
        value: Some(r#"{"stock":{n}}"#),
        ..of(60, "inventory", &[Sink("inventory.copy")])
    },
    // No longer in stock: the tombstone is copied as it is.
    Kind { key: "item-{n}", ..of(8, "inventory", &[Sink("inventory.copy")]) },
    Kind {
        value: Some(r#"{"type":"user.created","user_id":{n},"country":"DE"}"#),
        ..of(35, "user-events", &[Sink("users.eu")])
    },
    Kind {
        value: Some(r#"{"type":"user.deleted","user_id":{n},"country":"US"}"#),
        ..of(25, "user-events", &[Sink("users.row")])
    },
    Kind {
        value: Some(r#"{"type":"user.login","user_id":{n},"country":"DE"}"#),
        ..of(60, "user-events", &[Filtered])
    },
    Kind {
        value: Some(r#"{"type":"user.created","user_id":{n}}"#),
        ..of(5, "user-events", &[DeadLetter("users.dlq", Stage::Unmatched)])
    },
    Kind {
        value: Some(r#"{"order":{n},"amount":1{n}00.50}"#),
        ..of(20, "shop.orders", &[Sink("shop.large")])
    },
    Kind {
        value: Some(r#"{"order":{n},"amount":{n}}"#),
        ..of(70, "shop.orders", &[Sink("shop.small")])
    },
    Kind {
        value: Some(r#"{"order":{n},"amount":"{n}"}"#),
        ..of(5, "shop.orders", &[DeadLetter("shop.dlq", Stage::Expression)])
    },
    Kind {
        key: "c-{n}",
        header: Some(("x-request-id", "r-1")),
        value: Some(
            r#"{"id":{n},"name":"Customer {n}","address":{"street":"High St {n}","city":"Leeds"}}"#,
        ),
        ..of(40, "customers", &[Sink("customers.bi")])
    },
    // Deleted: the tombstone stays one, though there is a field to set.
    Kind { key: "c-{n}", ..of(5, "customers", &[Sink("customers.bi")]) },
    Kind {
        value: Some("Customer {n}"),
        ..of(3, "customers", &[DeadLetter("customers.dlq", Stage::Decode)])
    },
    Kind {
        key: "session-{n}",
        value: Some(r#"{"page":"/{n}","user":{"id":"u-{n}"}}"#),
        ..of(60, "clicks", &[Sink("clicks.by-user")])
    },
    Kind { value: Some(r#"{"page":"/{n}"}"#), ..of(40, "clicks", &[Filtered]) },
    Kind { value: Some("click"), ..of(2, "clicks", &[Dropped]) },
    Kind {
        value: Some(r#"{"id":"u-{n}","plan":"pro","seats":5}"#),
        ..of(30, "signups", &[Sink("signups.valid")])
    },
    Kind {
        value: Some(r#"{"id":"u-{n}","plan":"gold","seats":5}"#),
        ..of(6, "signups", &[DeadLetter("signups.dlq", Stage::Validate)])
    },
];

/// All records, mixed.
pub(super) fn records() -> Result<Vec<MockRecord>, InvalidName> {
    let mut records = Vec::new();
    for kind in KINDS {
        let topic = TopicName::new(kind.topic)?;
        for number in 0..kind.count {
            let text = |template: &str| template.replace("{n}", &number.to_string()).into_bytes();
            records.push(MockRecord {
                topic: topic.clone(),
                timestamp: 0,
                key: Some(text(kind.key)),
                value: kind.value.map(text),
                headers: kind
                    .header
                    .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
                    .into_iter()
                    .collect(),
            });
        }
    }
    fastrand::Rng::with_seed(SEED).shuffle(&mut records);
    let mut timestamp = FIRST_TIMESTAMP;
    for record in &mut records {
        record.timestamp = timestamp;
        timestamp += BETWEEN_RECORDS_MS;
    }
    Ok(records)
}
