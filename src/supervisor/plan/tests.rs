mod laws;

use super::*;
use crate::config::{
    AnyProperty, Environment, Mechanism, Sasl, SchemaFiles, SecretRef, Snapshot, SnapshotFile, Tls,
    check,
};

/// The good pipelines of some texts.
fn set(texts: &[&str]) -> Set {
    set_with(texts, &[])
}

/// The same beside a folder of schemas.
fn set_with(texts: &[&str], schemas: &[(&str, &str)]) -> Set {
    let file = |(at, text): (usize, &&str)| SnapshotFile {
        path: format!("{at}.yaml"),
        content: Ok(text.as_bytes().to_vec()),
    };
    let files = texts.iter().enumerate().map(file).collect();
    let schema = |(name, text): &(&str, &str)| ((*name).to_owned(), Ok(text.as_bytes().to_vec()));
    let files_of_schemas = schemas.iter().map(schema).collect();
    let schemas = SchemaFiles { folder: "schemas".to_owned(), files: files_of_schemas };
    let snapshot = Snapshot { files, schemas };
    let checked = check(&snapshot, None, &Environment::Unknown, &AnyProperty);
    assert_eq!(checked.pipelines.len(), texts.len(), "{:?}", checked.findings);
    let pipelines = checked.pipelines.into_iter().map(|p| (p.name.clone(), p)).collect();
    let cluster = ClusterName::new("default").unwrap();
    let connections = [(cluster, "localhost:9092".to_owned())].into();
    Set { pipelines, connections, ..Set::default() }
}

const FILE: &str = "\
version: 1
name: orders
description: Orders by country.
labels: {team: shop}
source:
  topics: [orders, returns]
  group: shop
  start: earliest
  format: json
  properties: {fetch.min.bytes: 1024}
delivery: {exactly_once: {commit_interval: 100ms, max_records: 1000}}
workers: 2
steps:
  - filter: has(value.id)
sinks:
  eu: {kafka: {topic: orders-eu, key: value.id}}
  row: {kafka: {topic: orders-row, compression: zstd}}
routes:
  - {name: eu, when: value.country == \"DE\", to: [eu]}
  - {name: row, to: [row]}
unmatched: drop
dead_letter: {topic: orders.dlq}
";

/// The one change from [`FILE`] to the file with these replacements.
fn change(replacements: &[(&str, &str)]) -> Change {
    let mut text = FILE.to_owned();
    for (from, to) in replacements {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let plan = plan(&set(&[FILE]), &set(&[&text]), Removals::Refused);
    assert_eq!(plan.held, None);
    let [change] = plan.changes.try_into().unwrap();
    change
}

const SWAP: Kind = Kind::Swap { new_producer: false };

#[test]
fn each_field_asks_for_its_kind_of_change() {
    let cases: Vec<(&str, &str, Kind, &str)> = vec![
        ("earliest", "latest", Kind::Unchanged, "source.start"),
        ("by country", "of all", SWAP, "description"),
        ("team: shop", "team: b", SWAP, "labels"),
        ("100ms", "200ms", SWAP, "delivery.commit_interval"),
        ("max_records: 1000", "max_records: 2000", SWAP, "delivery.max_records"),
        ("max_records: 1000", "max_records: 1000, max_bytes: 1MiB", SWAP, "delivery.max_bytes"),
        ("has(value.id)", "has(value.key)", SWAP, "steps"),
        ("topic: orders-eu", "topic: orders-de", SWAP, "sinks.eu.topic"),
        (", key: value.id", "", SWAP, "sinks.eu.key"),
        ("key: value.id", "key: value.id, partition: preserve", SWAP, "sinks.eu.partition"),
        ("zstd", "lz4", Kind::Swap { new_producer: true }, "sinks.row.properties"),
        ("\"DE\"", "\"FR\"", SWAP, "routes"),
        ("unmatched", "match: all\nunmatched", SWAP, "match"),
        ("unmatched: drop", "unmatched: stop", SWAP, "unmatched"),
        ("unmatched", "on_error: {decode: drop}\nunmatched", SWAP, "on_error"),
        ("orders.dlq", "dlq", SWAP, "dead_letter"),
        ("orders, returns", "orders", Kind::Restart, "source.topics"),
        ("format: json", "format: {json: {check: lazy}}", Kind::Restart, "source.format"),
        ("format", "membership: static\n  format", Kind::Restart, "source.membership"),
        ("format", "out_of_range: latest\n  format", Kind::Restart, "source.out_of_range"),
        ("bytes: 1024", "bytes: 1", Kind::Restart, "source.properties"),
        ("exactly_once", "at_least_once", Kind::Restart, "delivery"),
        ("workers: 2", "workers: 3", Kind::Restart, "workers"),
        ("group: shop", "group: mall", Kind::Regroup, "source.group"),
        ("labels", "cluster: other\nlabels", Kind::Regroup, "cluster"),
    ];
    for (from, to, kind, field) in cases {
        let change = change(&[(from, to)]);
        assert_eq!((&change.kind, change.fields.as_slice()), (&kind, &[field.to_owned()][..]));
        let moves = matches!(kind, Kind::Restart | Kind::Regroup);
        assert_eq!((change.rebalances, change.reprocesses), (moves, kind == Kind::Regroup));
    }
}

#[test]
fn what_steps_do_is_swapped_as_steps() {
    let file = |steps: &str| FILE.replace("  - filter: has(value.id)\n", steps);
    let of = |is: &str, shall: &str| {
        let plan = plan(&set(&[&file(is)]), &set(&[&file(shall)]), Removals::Refused);
        let [change] = plan.changes.try_into().unwrap();
        (change.kind, change.fields)
    };
    let cases = [
        ("  - set: {value.seen: value.id}\n", "  - set: {value.seen: value.key}\n"),
        ("  - set: {value.seen: value.id}\n", "  - set: {headers.seen: value.id}\n"),
        ("  - remove: [value.password]\n", "  - remove: [value.secret]\n"),
        ("  - remove: [value.a, value.b]\n", "  - remove: [value.a]\n"),
        (
            "  - remove: [value.a]\n  - set: {value.b: value.c}\n",
            "  - set: {value.b: value.c}\n  - remove: [value.a]\n",
        ),
    ];
    for (is, shall) in cases {
        assert_eq!(of(is, shall), (SWAP, vec!["steps".to_owned()]), "{is}{shall}");
        assert_eq!(of(is, &format!("  # a comment\n{is}")), (Kind::Unchanged, vec![]));
    }
}

#[test]
fn a_schema_file_that_says_another_thing_is_a_swap_of_those_that_use_it() {
    let user = r#"{"type": "object", "properties": {"at": {"$ref": "parts/address.json"}}}"#;
    let address = r#"{"type": "object", "required": ["city", "street"], "minProperties": 2}"#;
    let beside = |user: &str, address: &str, other: &str| {
        let using = FILE.replace("- filter: has(value.id)", "- validate: {schema: user.json}");
        let without = FILE.replace("name: orders", "name: near").replace("shop", "near");
        let schemas = [("user.json", user), ("parts/address.json", address), ("x.json", other)];
        set_with(&[&using, &without], &schemas)
    };
    let before = beside(user, address, "{}");
    let changes = |user: &str, address: &str, other: &str| {
        let plan = plan(&before, &beside(user, address, other), Removals::Refused);
        let all = plan.changes.into_iter().map(|c| (c.name.to_string(), c.kind, c.fields));
        all.filter(|(_, kind, _)| *kind != Kind::Unchanged).collect::<Vec<_>>()
    };
    let swap = |field: &str| vec![("orders".to_owned(), SWAP, vec![field.to_owned()])];
    let stricter = user.replace("\"object\"", "[\"object\"]");
    assert_eq!(changes(&stricter, address, "{}"), swap("schemas/user.json"));
    let longer = address.replace(": 2", ": 3");
    assert_eq!(changes(user, &longer, "{}"), swap("schemas/parts/address.json"));
    // How it is written, and schemas that nobody uses, mean nothing.
    let turned = r#"{"minProperties":2,  "required":["city","street"],"type":"object"}"#;
    assert_eq!(changes(user, turned, r#"{"type": "string"}"#), vec![]);
    let renamed = plan(
        &before,
        &set_with(
            &[
                &FILE.replace("- filter: has(value.id)", "- validate: {schema: x.json}"),
                &FILE.replace("name: orders", "name: near").replace("shop", "near"),
            ],
            &[("x.json", user), ("parts/address.json", address)],
        ),
        Removals::Refused,
    );
    let fields: Vec<_> = renamed.changes.into_iter().flat_map(|c| c.fields).collect();
    assert_eq!(fields, ["steps"]);
}

#[test]
fn the_strongest_field_decides_and_all_are_named() {
    let change = change(&[("workers: 2", "workers: 1"), ("\"DE\"", "\"FR\""), ("shop}", "b}")]);
    assert_eq!(change.kind, Kind::Restart);
    assert_eq!(change.fields, ["labels", "workers", "routes"]);
}

#[test]
fn a_pattern_in_the_place_of_topics_is_a_restart() {
    let change = change(&[("topics: [orders, returns]", "pattern: 'shop\\..*'")]);
    assert_eq!(change.kind, Kind::Restart);
    assert_eq!(change.fields, ["source.topics", "source.pattern"]);
}

#[test]
fn a_topic_that_comes_is_said_to_be_read_from_its_beginning() {
    let change = change(&[("orders, returns", "orders, refunds")]);
    let effect = change.effect;
    assert!(effect.contains("`refunds` is read from its beginning"), "{effect}");
    assert!(effect.contains("`returns` is read no more"), "{effect}");
}

#[test]
fn a_new_name_with_the_same_group_is_a_rename() {
    let change = change(&[("name: orders", "name: sales"), ("\"DE\"", "\"FR\"")]);
    let from = PipelineName::new("orders").unwrap();
    assert_eq!(change.kind, Kind::Rename { from });
    assert_eq!(change.fields, ["name", "routes"]);
    assert!(!change.reprocesses);
}

#[test]
fn a_new_name_whose_group_goes_with_it_is_a_stop_and_a_start() {
    let of = |name: &str| FILE.replace("name: orders", name).replace("  group: shop\n", "");
    let plan = plan(&set(&[&of("name: a")]), &set(&[&of("name: b")]), Removals::Allowed);
    let kinds: Vec<_> = plan.changes.iter().map(|c| (c.name.as_str(), c.kind.clone())).collect();
    assert_eq!(kinds, [("a", Kind::Stop), ("b", Kind::Start)]);
}

#[test]
fn another_connection_restarts_the_pipelines_on_it_only() {
    let other = "labels: {team: shop}\ncluster: other";
    let second = FILE
        .replace("labels: {team: shop}", other)
        .replace("name: orders", "name: second")
        .replace("group: shop", "group: second");
    let running = set(&[FILE, &second]);
    let mut wanted = running.clone();
    wanted.connections.values_mut().for_each(|text| text.push_str(", tls"));
    let plan = plan(&running, &wanted, Removals::Refused);
    let shown: Vec<_> = plan.changes.iter().map(|c| (&c.kind, c.fields.join(" "))).collect();
    let restarted = (&Kind::Restart, "clusters.default".to_owned());
    assert_eq!(shown, [restarted, (&Kind::Unchanged, String::new())]);
}

#[test]
fn a_connection_is_another_one_when_a_file_of_it_is() {
    let at = |name: &str| std::path::PathBuf::from(name);
    let cluster = Cluster {
        bootstrap_servers: "localhost:9092".to_owned(),
        tls: Some(Tls {
            ca: Some(at("ca")),
            identity: Some((at("cert"), SecretRef::File(at("key")))),
        }),
        sasl: Some(Sasl {
            mechanism: Mechanism::Plain,
            username: "u".to_owned(),
            password: SecretRef::File(at("password")),
        }),
        properties: BTreeMap::new(),
    };
    let clusters = [(ClusterName::new("default").unwrap(), cluster)].into();
    let with = |changed: &str| {
        connections(&clusters, |file| Some((file == Path::new(changed)).to_string()))
    };
    for file in ["ca", "cert", "key", "password"] {
        assert_ne!(with(file), with("another"), "{file}");
    }
    assert_eq!(with("another"), with("none of them"));
}

fn many(count: usize) -> Set {
    let texts = (0..count).map(|n| {
        FILE.replace("name: orders", &format!("name: p{n}"))
            .replace("group: shop", &format!("group: g{n}"))
    });
    let texts: Vec<_> = texts.collect();
    set(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_plan_that_ends_more_than_half_is_held_until_it_is_allowed() {
    let cases =
        [(4, 2, false), (4, 1, true), (4, 0, true), (1, 0, true), (0, 0, false), (3, 2, false)];
    for (running, wanted, is_held) in cases {
        let (running, wanted) = (many(running), many(wanted));
        let held = plan(&running, &wanted, Removals::Refused).held;
        assert_eq!(held.is_some(), is_held, "{held:?}");
        assert_eq!(plan(&running, &wanted, Removals::Allowed).held, None);
    }
}

#[test]
fn json_comes_back_as_it_went() {
    let renamed = FILE.replace("name: orders", "name: sales");
    let plan = plan(&many(3), &set(&[&renamed]), Removals::Refused);
    let json = serde_json::to_string(&plan).unwrap();
    assert!(
        json.starts_with(r#"{"version":1,"changes":[{"name":"p0","kind":"stop","fields":[],"#),
        "{json}"
    );
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
}

#[test]
fn a_plan_reads_well() {
    let renamed = FILE.replace("name: orders", "name: sales").replace("\"DE\"", "\"FR\"");
    let other = |name: &str| {
        FILE.replace("name: orders", name).replace("group: shop", &name.replace("name", "group"))
    };
    let (stays, differs, goes) = (other("name: a"), other("name: b"), other("name: c"));
    let changed = differs.replace("orders, returns", "orders, refunds");
    let comes = other("name: d");
    let running = set(&[FILE, &stays, &differs, &goes]);
    let wanted = set(&[&renamed, &stays, &changed, &comes]);
    let text = text(&plan(&running, &wanted, Removals::Refused));
    assert_eq!(text, include_str!("tests/plan.txt"));
}

#[test]
fn what_paused_in_the_file_does_is_said() {
    let paused = ("workers: 2", "workers: 2\npaused: true");
    let alone = change(&[paused]);
    assert_eq!(alone.kind, SWAP);
    assert!(alone.effect.contains("it reads nothing then"), "{}", alone.effect);
    assert!(!alone.effect.contains("new rules"), "{}", alone.effect);
    let more = change(&[paused, ("value.id", "value.number")]);
    assert!(more.effect.contains("new rules") && more.effect.contains("reads nothing"), "{more:?}");
    let is = FILE.replace(paused.0, paused.1);
    let back = plan(&set(&[&is]), &set(&[FILE]), Removals::Refused);
    assert!(back.changes[0].effect.contains("it reads on then"), "{back:?}");
    let begun = plan(&Set::default(), &set(&[&is]), Removals::Refused);
    assert!(begun.changes[0].effect.contains("it reads nothing then"), "{begun:?}");
    let other = is.replace("workers: 2", "workers: 3");
    let stays = plan(&set(&[&is]), &set(&[&other]), Removals::Refused);
    assert!(stays.changes[0].effect.contains("stays paused"), "{stays:?}");
}

#[test]
fn an_operators_pause_is_shown_as_drift_and_is_no_change() {
    let held = [PipelineName::new("orders").unwrap()].into();
    let running = Set { held, ..set(&[FILE]) };
    let same = plan(&running, &set(&[FILE]), Removals::Refused);
    assert!(!same.has_changes());
    let shown = "paused by an operator, whatever its file says, until `krouted resume orders`";
    assert!(text(&same).contains(shown), "{}", text(&same));
    let renamed = FILE.replace("name: orders\n", "name: sales\n");
    let renamed = plan(&running, &set(&[&renamed]), Removals::Refused);
    assert!(text(&renamed).contains("krouted resume sales"), "{}", text(&renamed));
    assert!(!text(&plan(&set(&[FILE]), &set(&[FILE]), Removals::Refused)).contains("operator"));
}

#[test]
fn partitions_of_a_static_member_that_does_not_come_back_are_said_to_stand_still() {
    let fixed = FILE.replace("start: earliest", "start: earliest\n  membership: static");
    let effect = |from: &str, to: &str| {
        let to = fixed.replace(from, to);
        let plan = plan(&set(&[&fixed]), &set(&[&to]), Removals::Refused);
        let effects: Vec<_> = plan.changes.iter().map(|c| c.effect.clone()).collect();
        effects.join("\n")
    };
    let stands_still = |effect: &str| effect.contains("static members do not say that they leave");
    for (from, to, expected) in [
        ("membership: static", "membership: dynamic", true),
        ("workers: 2", "workers: 1", true),
        ("workers: 2", "workers: 3", false),
        ("name: orders\n", "name: sales\n", true),
        ("has(value.id)", "has(value.number)", false),
    ] {
        let effect = effect(from, to);
        assert_eq!(stands_still(&effect), expected, "{from} -> {to}: {effect}");
    }
    let stopped = plan(&set(&[&fixed]), &Set::default(), Removals::Allowed);
    assert!(stands_still(&stopped.changes[0].effect), "{stopped:?}");
    assert!(!stands_still(&change(&[("workers: 2", "workers: 1")]).effect));
}
