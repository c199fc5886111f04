//! Bad files and the exact text that they give; good files, which give none; texts that are too large to keep.
//!
//! `UPDATE_EXPECT=1` rewrites what is expected; the review is the diff.

use std::path::{Path, PathBuf};
use std::time::Duration;

use krouted::expression::{Predicate, ValueExpression};
use krouted::pipeline::{Pipeline, Routing, Step};

use krouted::config::{
    self, AnyProperty, Checked, Environment, Output, Snapshot, SnapshotFile, settings,
};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/config")
}

/// All entries of the corpus that end so, sorted.
fn entries(ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(corpus())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(ending))
        .collect();
    found.sort();
    found
}

/// Findings name files as the corpus does, wherever the tree lies.
fn read(path: &Path) -> Snapshot {
    let schemas = corpus().join("schemas");
    let mut snapshot = Snapshot::read_with(&[path.to_owned()], Some(&schemas)).unwrap();
    "schemas".clone_into(&mut snapshot.schemas.folder);
    for file in &mut snapshot.files {
        let below = Path::new(&file.path).strip_prefix(corpus()).unwrap();
        file.path = below.to_str().unwrap().to_owned();
    }
    snapshot
}

/// Variables are known, and two of them are set; there is a cluster `default` and no other.
fn checked(snapshot: &Snapshot) -> Checked {
    let variables = [("TOPIC", "from-environment"), ("EMPTY", "")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = Environment::Known(variables.into());
    let loaded = settings::load(None, &environment, &AnyProperty).unwrap();
    config::check(snapshot, Some(&loaded.settings), &environment, &AnyProperty)
}

fn compare(expected: &Path, given: &str) -> Result<(), String> {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(expected, given).unwrap();
    }
    let text = std::fs::read_to_string(expected).unwrap_or_default();
    if text == given {
        return Ok(());
    }
    Err(format!("--- {}\n{text}\n+++ given\n{given}", expected.display()))
}

/// `NAME.bad.txt` for `NAME.bad.yaml` and for the folder `NAME.bad`.
fn expected(path: &Path) -> PathBuf {
    let name = path.to_str().unwrap();
    PathBuf::from(format!("{}.txt", name.trim_end_matches(".yaml")))
}

fn all_as_expected(paths: &[PathBuf], render: impl Fn(&Path) -> String) {
    let wrong: Vec<_> =
        paths.iter().filter_map(|path| compare(&expected(path), &render(path)).err()).collect();
    assert!(wrong.is_empty(), "{}\n{} of {} differ", wrong.join("\n"), wrong.len(), paths.len());
}

#[test]
fn every_bad_file_gives_its_text() {
    let files = entries(".bad.yaml");
    let folders = entries(".bad");
    assert!(files.len() + folders.len() >= 60, "the corpus was not found");
    let all: Vec<_> = files.into_iter().chain(folders).collect();
    all_as_expected(&all, |path| {
        let checked = checked(&read(path));
        assert!(!checked.findings.is_empty(), "{} is good", path.display());
        config::render(&checked.findings, checked.counts, Output::Text)
    });
}

#[test]
fn every_bad_settings_file_gives_its_text() {
    let files = entries(".bad-settings.yaml");
    assert!(files.len() >= 10, "the corpus was not found");
    all_as_expected(&files, |path| {
        let environment = Environment::Known([].into());
        let findings = settings::load(Some(path), &environment, &AnyProperty).unwrap_err();
        let counts = config::Counts { files: 1, pipelines: 0 };
        let text = config::render(&findings, counts, Output::Text);
        text.replace(&format!("{}/", corpus().display()), "")
    });
}

#[test]
fn every_good_file_gives_its_pipelines() {
    let files = entries(".good.yaml");
    assert!(files.len() >= 5, "the corpus was not found");
    all_as_expected(&files, |path| {
        let checked = checked(&read(path));
        let findings = config::render(&checked.findings, checked.counts, Output::Text);
        assert!(checked.findings.is_empty(), "{findings}");
        checked.pipelines.iter().map(|p| shown(p)).collect()
    });
}

/// All that a pipeline says, expressions as their text.
fn shown(p: &Pipeline) -> String {
    let routing = match &p.routing {
        Routing::AllSinks => "all sinks".to_owned(),
        Routing::Routes { matching, routes, unmatched } => {
            let routes = routes.iter().map(|r| {
                format!("\n  {} {:?} -> {:?}", r.name, r.when.as_ref().map(Predicate::text), r.to)
            });
            format!("{matching:?}, unmatched {unmatched:?}{}", routes.collect::<String>())
        }
    };
    let steps = p.steps.iter().map(|step| match step {
        Step::Filter(f) => format!("\n  filter {}", f.text()),
        Step::Validate(schema) => format!("\n  validate {}", schema.file),
        Step::Set(entries) => {
            let each = entries.iter().map(|e| format!("{} to {}", e.target, e.value.text()));
            format!("\n  set {}", each.collect::<Vec<_>>().join(", "))
        }
        Step::Remove(targets) => {
            let each = targets.iter().map(ToString::to_string);
            format!("\n  remove {}", each.collect::<Vec<_>>().join(", "))
        }
    });
    let sinks = p.sinks.iter().map(|s| {
        let key = s.key.as_ref().map(ValueExpression::text);
        format!("\n  {} {} {key:?} {:?} {:?}", s.name, s.topic, s.partition, s.properties)
    });
    format!(
        "{} {:?} {:?} on {} with {} workers{}\n{:?}\n{:?}\nsteps{}\nsinks{}\n{routing}\n{:?} {:?}\n\n",
        p.name,
        p.description,
        p.labels,
        p.cluster,
        p.workers,
        if p.paused { ", paused" } else { "" },
        p.source,
        p.delivery,
        steps.collect::<String>(),
        sinks.collect::<String>(),
        p.on_error,
        p.dead_letter
    )
}

#[test]
fn every_good_settings_file_loads() {
    let files = entries(".good-settings.yaml");
    assert!(files.len() >= 2, "the corpus was not found");
    all_as_expected(&files, |path| {
        let variables = [("HOME".to_owned(), "/home/k".to_owned())].into();
        let environment = Environment::Known(variables);
        let loaded = settings::load(Some(path), &environment, &AnyProperty).unwrap();
        let text = format!("{:#?}\n", loaded.settings);
        text.replace(corpus().to_str().unwrap(), "CORPUS")
    });
}

#[test]
fn every_example_is_good() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
    let schemas = folder.with_file_name("schemas");
    let Ok(snapshot) = Snapshot::read_with(&[folder], Some(&schemas)) else { return };
    let checked = checked(&snapshot);
    let findings = config::render(&checked.findings, checked.counts, Output::Text);
    assert!(checked.findings.is_empty(), "{findings}");
}

#[test]
fn the_committed_schemas_are_the_generated_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let schemas = [
        ("pipeline.v1.schema.json", config::schema::pipeline()),
        ("settings.v1.schema.json", config::schema::settings()),
    ];
    for (name, schema) in schemas {
        let text = format!("{schema:#}\n");
        compare(&folder.join(name), &text).unwrap();
    }
}

/// What this thread has had of a processor: the turns of others do not count.
///
/// Source: `proc_pid_stat(5)`; Linux shows 1/100 s whatever the kernel's own tick is.
fn used() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    // The name stands in brackets and may hold anything; the first of what follows is the third.
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let user_and_system = rest.split_whitespace().skip(14 - 3).take(2);
    let ticks: u64 = user_and_system.map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// The codes that a text gives, and how much of a processor that took.
fn codes(bytes: Vec<u8>) -> (Vec<&'static str>, Duration) {
    let file = match bytes.len() {
        len if len > 1 << 20 => {
            let path = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
            std::fs::write(path.path(), bytes).unwrap();
            Snapshot::read_all(&[path.path().to_owned()]).unwrap().files.remove(0)
        }
        _ => SnapshotFile { path: "large.yaml".to_owned(), content: Ok(bytes) },
    };
    let begin = used();
    let checked = checked(&Snapshot { files: vec![file], ..Snapshot::default() });
    drop(config::render(&checked.findings, checked.counts, Output::Text));
    (checked.findings.iter().map(|f| f.code).collect(), used().saturating_sub(begin))
}

#[test]
fn a_text_that_is_made_to_hurt_is_refused_in_bounded_time() {
    let lines = |n: usize, line: &dyn Fn(usize) -> String| (0..n).map(line).collect::<String>();
    let bomb = lines(25, &|i| format!("- &a{} [*a{i}, *a{i}, *a{i}, *a{i}, *a{i}]\n", i + 1));
    let cases: Vec<(&str, String, &str)> = vec![
        ("alias bomb", format!("- &a0 [x, x, x, x, x]\n{bomb}"), "K0107"),
        ("alias of itself", "a: &a [*a]\n".to_owned(), "K0115"),
        ("100 000 brackets", "[".repeat(100_000), "K0106"),
        ("100 000 braces", "{".repeat(100_000), "K0106"),
        ("100 000 block lists", "- ".repeat(100_000), "K0106"),
        ("deep blocks", lines(1000, &|i| format!("{}a:\n", " ".repeat(i))), "K0106"),
        ("2 MiB", "# filler\n".repeat(233_017), "K0102"),
        ("one long line", format!("name: {}\n", "x".repeat(1 << 19)), "K0301"),
        ("one long key", format!("{}: 1\n", "x".repeat(1 << 19)), "K0104"),
        ("many keys", lines(50_000, &|i| format!("k{i}: 1\n")), "K0107"),
        ("many items on a line", format!("labels: [{}]\n", "no, ".repeat(49_000)), "K0112"),
        (
            "many kinds on a line",
            format!("source: {{topics: [{}]}}\n", "1, ".repeat(49_000)),
            "K0203",
        ),
        ("many documents", "---\n".repeat(200_000), "K0107"),
        ("many anchors", lines(20_000, &|i| format!("- &a{i} x\n")), "K0203"),
        ("many quotes", format!("a: \"{}\"\n", "\\x41".repeat(100_000)), "K0201"),
        ("zeros", "\0".repeat(100_000), "K0104"),
    ];
    let mut wrong = Vec::new();
    for (name, text, code) in cases {
        let (mut codes, took) = codes(text.into_bytes());
        codes.dedup();
        if !codes.contains(&code) || took > Duration::from_secs(10) {
            wrong.push(format!("{name} gave {codes:?} after {took:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_text_that_is_not_utf_8_is_placed() {
    let (codes, _) = codes(b"name: a\nsource: \xe4\n".to_vec());
    assert_eq!(codes, ["K0103"]);
}

#[test]
fn one_bad_file_leaves_the_good_ones_usable() {
    let good = std::fs::read(corpus().join("smallest.good.yaml")).unwrap();
    let file =
        |path: &str, bytes: Vec<u8>| SnapshotFile { path: path.to_owned(), content: Ok(bytes) };
    let files = vec![file("a.yaml", b"version: 1\nname: [".to_vec()), file("b.yaml", good)];
    let checked = checked(&Snapshot { files, ..Snapshot::default() });
    assert_eq!(checked.pipelines.len(), 1);
    assert_eq!(checked.findings.len(), 1);
}
