//! The records of all benches, and how they are timed: medians over 256 generated records, hot cache.

use std::hint::black_box;
use std::time::Instant;

use krouted::model::{NoHeaders, Record};

pub(crate) const RECORDS: usize = 256;
const SAMPLES: usize = 501;
/// Long enough that the clock does not count, short enough that others rarely run in between: the best is what it costs.
const SAMPLE_NANOS: u128 = 100_000;

type Make = fn(&mut fastrand::Rng, usize) -> String;

/// The records of one size.
#[derive(Clone)]
pub(crate) struct Bench {
    only: Option<String>,
    size: &'static str,
    pub(crate) values: Vec<Vec<u8>>,
}

impl Bench {
    /// Runs with the records of each size; the first argument names what is timed.
    pub(crate) fn each_size(run: impl Fn(&Self)) {
        let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
        for (size, values) in [("250 B", values(small)), ("1 KB", large_values())] {
            let bench = Self { only: only.clone(), size, values };
            let bytes = bench.values.iter().map(Vec::len).sum::<usize>() / RECORDS;
            bench.say(&format!("mean {bytes} bytes"));
            run(&bench);
        }
    }

    #[expect(clippy::print_stdout, reason = "it is what a bench is for")]
    pub(crate) fn say(&self, line: &str) {
        println!("{:>6}  {line}", self.size);
    }

    /// Prints the median time per record.
    #[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
    pub(crate) fn time(&self, name: &str, mut one: impl FnMut(&[u8])) {
        if self.only.as_ref().is_some_and(|only| !name.contains(only)) {
            return;
        }
        let mut round = |rounds: u32| {
            let start = Instant::now();
            for _ in 0..rounds {
                for value in &self.values {
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
}

fn values(make: Make) -> Vec<Vec<u8>> {
    let mut random = fastrand::Rng::with_seed(7);
    (0..RECORDS).map(|i| make(&mut random, i).into_bytes()).collect()
}

/// The values of about 1 KB.
pub(crate) fn large_values() -> Vec<Vec<u8>> {
    values(large)
}

pub(crate) fn record(value: &[u8]) -> Record<'_> {
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
