//! A program allocates nothing per record. In a binary of its own: the allocator is the whole process's.
#![expect(unsafe_code, reason = "an allocator that counts is an unsafe trait")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them; clippy knows only what stands in a test's function"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::num::NonZeroU16;

use krouted::expression::{Predicate, ValueExpression};
use krouted::json::Check;
use krouted::model::{
    ClusterName, GroupId, HeaderList, PipelineName, Record, RouteName, SinkName, TopicName,
};
use krouted::pipeline::{
    Assignment, Delivery, Format, Matching, Membership, OnError, OnReject, OutOfRange, Partition,
    Pipeline, Route, Routing, Sink, Source, Start, Step, Target, Topics,
};
use krouted::program::{Outcome, Program};

struct Counting;

thread_local! {
    /// Of this thread alone: what the harness's own does meanwhile is not the program's. It is never dropped, so that a thread may
    /// allocate until its very end.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

// SAFETY: every call goes on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn predicate(text: &str) -> Predicate {
    Predicate::parse(text).unwrap_or_else(|problems| panic!("{text}: {problems:?}")).value
}

fn sink(name: &str, key: &str) -> Sink {
    Sink {
        name: SinkName::new(name).unwrap(),
        topic: TopicName::new(name).unwrap(),
        key: Some(ValueExpression::parse(key).unwrap().value),
        partition: Partition::Key,
        properties: BTreeMap::new(),
    }
}

fn target(text: &str) -> Target {
    Target::parse(text).unwrap()
}

fn assignment(to: &str, text: &str) -> Assignment {
    Assignment { target: target(to), value: ValueExpression::parse(text).unwrap().value }
}

/// Filters over header and value, steps that change both, routes of which all count, keys from numbers, texts and texts with escapes.
fn pipeline() -> Pipeline {
    let route = |name: &str, when: &str, to: &[usize]| Route {
        name: RouteName::new(name).unwrap(),
        when: Some(predicate(when)),
        to: to.to_vec(),
    };
    Pipeline {
        name: PipelineName::new("sample").unwrap(),
        description: None,
        labels: BTreeMap::new(),
        cluster: ClusterName::new("default").unwrap(),
        source: Source {
            topics: Topics::Names(vec![TopicName::new("in").unwrap()]),
            group: GroupId::new("g").unwrap(),
            start: Start::Earliest,
            out_of_range: OutOfRange::Stop,
            membership: Membership::Dynamic,
            format: Format::Json(Check::Whole),
            properties: BTreeMap::new(),
        },
        delivery: Delivery::AtMostOnce,
        workers: NonZeroU16::MIN,
        paused: false,
        steps: vec![
            Step::Filter(predicate(r#"headers["region"] in ["eu", "us"]"#)),
            Step::Filter(predicate(r#"value.type in ["created", "deleted"] && value.n >= 0"#)),
            Step::Set(vec![
                assignment("value.user.seen", "value.country"),
                assignment("headers.by", "value.name"),
                assignment("key", "value.n"),
            ]),
            Step::Remove(["value.padding", "headers.region"].map(target).to_vec()),
            Step::Filter(predicate("has(value.user.seen) && has(value.name)")),
        ],
        sinks: vec![sink("a", "value.n"), sink("b", "value.name"), sink("c", "value.country")],
        routing: Routing::Routes {
            matching: Matching::All,
            routes: vec![
                route("odd", r#"value.country in ["DE", "FR"]"#, &[0, 1]),
                route("big", "value.n > 500 && has(value.user.id)", &[2, 0]),
                route("all", "value.n >= 0", &[1]),
            ],
            unmatched: OnReject::Drop,
        },
        on_error: OnError {
            validate: OnReject::Drop,
            decode: OnReject::Drop,
            expression: OnReject::Drop,
            sink: OnReject::Drop,
        },
        dead_letter: None,
    }
}

/// What the other one leaves out: a lazy scan, one lookup for all routes, functions, elements, texts that are put together.
fn with_functions() -> Pipeline {
    let Pipeline { source, sinks, .. } = pipeline();
    let first = sinks.into_iter().next().unwrap();
    let key = ValueExpression::parse(r#"value.country.lowerAscii() + "-" + string(value.n % 7)"#);
    let route = |name: &str, when: &str| Route {
        name: RouteName::new(name).unwrap(),
        when: Some(predicate(when)),
        to: vec![0],
    };
    Pipeline {
        source: Source { format: Format::Json(Check::Lazy), ..source },
        steps: [
            r#"value.name.matches("^J.rg [0-9]+$") && value.country.lowerAscii() != "jp""#,
            "value.user.id.exists(i, i >= 0) && value.user.id.all(i, i == value.n)",
            r#"(value.n > 500 ? value.type : value.name).startsWith(value.n > 500 ? "" : "J")"#,
            r#"size(value.name) + value.n / 2 * 3 - 1 > 0 && value.name.contains("rg") || false"#,
            r#"timestamp("2026-01-01T00:00:00Z") > timestamp && !(key in ["x", "y"])"#,
        ]
        .map(|text| Step::Filter(predicate(text)))
        .to_vec(),
        sinks: vec![Sink { key: Some(key.unwrap().value), ..first }],
        routing: Routing::Routes {
            matching: Matching::First,
            routes: vec![
                route("de", r#"value.country == "DE""#),
                route("fr", r#"value.country in ["FR", "IT", 7]"#),
                route("us", r#""US" == value.country"#),
            ],
            unmatched: OnReject::Drop,
        },
        ..pipeline()
    }
}

fn value(n: usize) -> Vec<u8> {
    let kind = ["created", "deleted", "other"][n % 3];
    let country = ["DE", "FR", "US", "JP"][n % 4];
    let padding = "x".repeat(n % 700);
    format!(
        r#"{{"type": "{kind}", "n": {n}, "name": "J\u00f6rg {n}", "country": "{country}", "user": {{"id": [{n}]}}, "padding": "{padding}"}}"#
    )
    .into_bytes()
}

#[test]
fn a_program_allocates_nothing_per_record() {
    let (sent, filtered) = allocates_nothing(&pipeline());
    assert!(sent > 1_000 && filtered > 300, "{sent} sent, {filtered} filtered");
    let (sent, filtered) = allocates_nothing(&with_functions());
    assert!(sent > 700 && filtered > 200, "{sent} sent, {filtered} filtered");
}

/// How many records of a thousand are sent, and how many filtered out.
fn allocates_nothing(pipeline: &Pipeline) -> (usize, usize) {
    let program = Program::new(pipeline);
    let mut state = program.state();
    let headers = HeaderList(vec![(b"region".to_vec(), Some(b"eu".to_vec()))]);
    let values: Vec<Vec<u8>> = (0..1_000).map(value).collect();
    let mut run = || {
        let (mut sent, mut filtered) = (0, 0);
        for (offset, value) in (0_i64..).zip(&values) {
            let record = Record {
                topic: "in",
                partition: 0,
                offset,
                timestamp: Some(offset),
                key: Some(b"k"),
                value: Some(value),
                headers: &headers,
            };
            match program.run(&mut state, &record) {
                Outcome::Send => sent += state.outputs().len(),
                Outcome::Filtered => filtered += 1,
                Outcome::Rejected(rejection) => panic!("{rejection}"),
            }
        }
        (sent, filtered)
    };
    let warm = run();
    let before = ALLOCATIONS.get();
    for _ in 0..10 {
        assert_eq!(run(), warm);
    }
    assert_eq!(ALLOCATIONS.get() - before, 0, "allocations in 10 000 records");
    warm
}
