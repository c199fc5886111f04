//! What looking into a record costs: `cargo bench --bench json [NAME]`. Medians over 256 generated records, hot cache, beside
//! `serde_json` on the same records. The budget is in EXPRESSIONS.md: checked 160 / 450 ns, lazy 100 / 220 ns.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a bench that panics is seen at once"
)]

use std::hint::black_box;
use std::time::Instant;

use krouted::expression::{Predicate, Scope, Verdict};
use krouted::json::{Check, Paths, Slot, scan};
use krouted::model::{NoHeaders, Record};

const RECORDS: usize = 256;
const SAMPLES: usize = 501;
/// Long enough that the clock does not count, short enough that others rarely run in between: the best is what it costs.
const SAMPLE_NANOS: u128 = 100_000;
/// `type` stands early, `amount` in the middle, `country` late, behind nested arrays; about a quarter matches.
const PREDICATE: &str =
    r#"value.type == "user.created" && value.amount > 100 && value.country in ["DE", "FR"]"#;

fn main() {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let sizes: [(_, Make); 2] = [("250 B", small), ("1 KB", large)];
    for (size, make) in sizes {
        let mut random = fastrand::Rng::with_seed(7);
        let values: Vec<Vec<u8>> =
            (0..RECORDS).map(|i| make(&mut random, i).into_bytes()).collect();
        let bench = Bench { only: only.as_deref(), size, values: &values };
        bench.say(&format!("mean {} bytes", values.iter().map(Vec::len).sum::<usize>() / RECORDS));
        bench.validation();
        bench.slots();
        bench.predicates();
    }
}

type Make = fn(&mut fastrand::Rng, usize) -> String;

struct Bench<'b> {
    only: Option<&'b str>,
    size: &'b str,
    values: &'b [Vec<u8>],
}

impl Bench<'_> {
    #[expect(clippy::print_stdout, reason = "it is what a bench is for")]
    fn say(&self, line: &str) {
        println!("{:>6}  {line}", self.size);
    }

    /// Prints the median time per record.
    #[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
    fn time(&self, name: &str, mut one: impl FnMut(&[u8])) {
        if self.only.is_some_and(|only| !name.contains(only)) {
            return;
        }
        let mut round = |rounds: u32| {
            let start = Instant::now();
            for _ in 0..rounds {
                for value in self.values {
                    one(black_box(value));
                }
            }
            start.elapsed().as_nanos()
        };
        round(1);
        let rounds = u32::try_from(SAMPLE_NANOS / round(1).max(1)).unwrap_or(u32::MAX).max(1);
        let mut samples: Vec<u128> = (0..SAMPLES).map(|_| round(rounds)).collect();
        samples.sort_unstable();
        let nanos = |sample: usize| {
            let tenths = samples[sample] * 10 / (u128::from(rounds) * RECORDS as u128);
            format!("{:>5}.{}", tenths / 10, tenths % 10)
        };
        self.say(&format!("{name:<40} {} ns, best {} ns", nanos(SAMPLES / 2), nanos(0)));
    }

    fn validation(&self) {
        let none = Paths::default();
        self.time("validate", |value| {
            black_box(scan(&none, value, Check::Whole, &mut []).is_ok());
        });
        self.time("validate: simdutf8 alone", |value| {
            black_box(simdutf8::basic::from_utf8(value).is_ok());
        });
        self.time("validate: serde_json IgnoredAny", |value| {
            black_box(serde_json::from_slice::<serde::de::IgnoredAny>(value).is_ok());
        });
        self.time("validate: serde_json Value", |value| {
            black_box(serde_json::from_slice::<serde_json::Value>(value).is_ok());
        });
    }

    fn slots(&self) {
        for (name, text) in [
            ("1 early path", r#"value.type == """#),
            ("1 late path", r#"value.country == """#),
            ("1 missing path", r#"value.none == """#),
            ("3 paths", PREDICATE),
        ] {
            let mut paths = Paths::default();
            Predicate::parse(text).expect("legal").value.bind(&mut paths);
            let mut slots = vec![Slot::Missing; paths.len()];
            for (word, check) in [("checked", Check::Whole), ("lazy", Check::Lazy)] {
                self.time(&format!("{name}, {word}"), |value| {
                    let _result = black_box(scan(&paths, value, check, &mut slots));
                    black_box(&slots);
                });
            }
        }
    }

    fn predicates(&self) {
        let mut paths = Paths::default();
        let predicate = Predicate::parse(PREDICATE).expect("legal").value.bind(&mut paths);
        let mut slots = vec![Slot::Missing; paths.len()];
        let mut passed = 0;
        for value in self.values {
            let own = decide(&paths, &predicate, value, Check::Whole, &mut slots);
            assert_eq!(own, reference(value), "{}", String::from_utf8_lossy(value));
            passed += usize::from(own);
        }
        self.say(&format!("{passed} of {RECORDS} pass"));
        for (name, check) in [("checked", Check::Whole), ("lazy", Check::Lazy)] {
            self.time(&format!("predicate on 3 paths, {name}"), |value| {
                black_box(decide(&paths, &predicate, value, check, &mut slots));
            });
        }
        scan(&paths, &self.values[0], Check::Whole, &mut slots).expect("legal");
        self.time("predicate on 3 paths, slots filled", |_| {
            let record = record(&self.values[0]);
            black_box(predicate.eval(&Scope { record: &record, slots: black_box(&slots) }));
        });
        let mut none = Paths::default();
        let by_key = Predicate::parse(r#"key == "user-7" && topic == "orders""#).expect("legal");
        let by_key = by_key.value.bind(&mut none);
        self.time("predicate on key and topic", |value| {
            black_box(by_key.eval(&Scope { record: black_box(&record(value)), slots: &[] }));
        });
        self.time("predicate by serde_json Value", |value| {
            black_box(reference(value));
        });
    }
}

fn record(value: &[u8]) -> Record<'_> {
    Record {
        topic: "orders",
        partition: 0,
        offset: 0,
        timestamp: None,
        key: Some(b"user-7"),
        value: Some(value),
        headers: &NoHeaders,
    }
}

fn decide(
    paths: &Paths,
    predicate: &krouted::expression::BoundPredicate,
    value: &[u8],
    check: Check,
    slots: &mut [Slot],
) -> bool {
    let ok = scan(paths, value, check, slots).is_ok();
    let scope = Scope { record: &record(value), slots };
    ok && predicate.eval(&scope) == Verdict::True
}

fn reference(value: &[u8]) -> bool {
    let value: serde_json::Value = serde_json::from_slice(value).expect("legal");
    value["type"] == "user.created"
        && value["amount"].as_f64().is_some_and(|amount| amount > 100.0)
        && value["country"].as_str().is_some_and(|country| ["DE", "FR"].contains(&country))
}

const TYPES: [&str; 4] = ["user.created", "user.updated", "order.placed", "user.created"];
const COUNTRIES: [&str; 6] = ["DE", "FR", "US", "GB", "DE", "NL"];

fn amount(random: &mut fastrand::Rng) -> String {
    let whole = random.u32(0..1000);
    if random.bool() { whole.to_string() } else { format!("{whole}.{:02}", random.u8(0..100)) }
}

/// An event of about 250 bytes.
fn small(random: &mut fastrand::Rng, i: usize) -> String {
    format!(
        r#"{{"id":"{:016x}-{i:08x}","type":"{}","ts":{},"user_id":{},"amount":{},"currency":"EUR","country":"{}","source":"web","ok":{},"tags":["a1","promo-{}"],"email":"user{}@example.com","session":"{:016x}"}}"#,
        random.u64(..),
        TYPES[random.usize(0..4)],
        1_700_000_000_000 + random.u64(0..1 << 36),
        random.u32(0..10_000_000),
        amount(random),
        COUNTRIES[random.usize(0..6)],
        random.bool(),
        random.u8(0..100),
        random.u32(0..100_000),
        random.u64(..),
    )
}

/// An order of about 1 KB.
fn large(random: &mut fastrand::Rng, i: usize) -> String {
    let user = format!(
        r#"{{"id":{},"name":"Jos\u00e9 M\u00fcller {i}","email":"user{}@example.com","premium":{},"address":{{"street":"Hauptstra\u00dfe {}","zip":"{:05}","city":"Berlin"}}}}"#,
        random.u32(0..10_000_000),
        random.u32(0..100_000),
        random.bool(),
        random.u8(0..200),
        random.u32(0..99_999),
    );
    let items = format!(
        r#"[{{"sku":"SKU-{:06}","name":"Wireless Mouse, \"Pro\" edition","qty":{},"price":29.99}},{{"sku":"SKU-{:06}","name":"USB-C Cable 2m","qty":{},"price":9.5}},{{"sku":"SKU-{:06}","name":"Laptop stand {{alu}}","qty":1,"price":49.0}}]"#,
        random.u32(0..999_999),
        random.u8(1..6),
        random.u32(0..999_999),
        random.u8(1..4),
        random.u32(0..999_999),
    );
    let metadata = format!(
        r#"{{"trace_id":"{:032x}","experiment":"checkout-v{}","ip":"10.{}.{}.7","user_agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36"}}"#,
        random.u128(..),
        random.u8(0..9),
        random.u8(..),
        random.u8(..),
    );
    format!(
        r#"{{"id":"{:016x}-{i:08x}","type":"{}","specversion":"1.0","source":"/shop/eu-central-1/checkout","time":"2026-03-{:02}T12:{:02}:{:02}.123Z","user":{user},"amount":{},"currency":"EUR","items":{items},"payment":{{"method":"card","last4":"{:04}","captured":true,"auth":null}},"country":"{}","metadata":{metadata},"version":{}}}"#,
        random.u64(..),
        TYPES[random.usize(0..4)],
        random.u8(1..29),
        random.u8(0..60),
        random.u8(0..60),
        amount(random),
        random.u16(0..9999),
        COUNTRIES[random.usize(0..6)],
        random.u8(0..50),
    )
}
