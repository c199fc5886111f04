//! A reader of Prometheus' text format that believes nothing: what a scraper would refuse, or could misunderstand, is an error.
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

/// One metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Family {
    pub(crate) help: String,
    pub(crate) kind: String,
    /// All label names of all its series.
    pub(crate) labels: BTreeSet<String>,
}

#[derive(Debug)]
pub(crate) struct Exposition {
    pub(crate) families: BTreeMap<String, Family>,
    /// By series as it is written, `name{label="value"}`.
    pub(crate) samples: BTreeMap<String, f64>,
}

pub(crate) fn read(text: &str) -> Result<Exposition, String> {
    let sample = Regex::new(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)$").unwrap();
    let label = Regex::new(r#"^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\n"])*)"(,|$)"#).unwrap();
    let mut read = Exposition { families: BTreeMap::new(), samples: BTreeMap::new() };
    let mut current = String::new();
    if !text.ends_with('\n') {
        return Err("the last line has no end".to_owned());
    }
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').ok_or(format!("no help: {line}"))?;
            if read.families.contains_key(name) {
                return Err(format!("{name} comes twice"));
            }
            let family = Family { help: help.to_owned(), ..Family::default() };
            read.families.insert(name.to_owned(), family);
            name.clone_into(&mut current);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or(format!("no type: {line}"))?;
            let family = read.families.get_mut(name).filter(|_| name == current);
            let family = family.ok_or(format!("a type without its help before it: {line}"))?;
            kind.clone_into(&mut family.kind);
        } else {
            let parts = sample.captures(line).ok_or(format!("no sample: {line}"))?;
            let name = &parts[1];
            let family = read.families.get_mut(name).filter(|_| name == current);
            let family = family.ok_or(format!("a sample outside its metric: {line}"))?;
            match family.kind.as_str() {
                "counter" if !name.ends_with("_total") => {
                    return Err(format!("a counter without _total: {line}"));
                }
                "gauge" if name.ends_with("_total") => {
                    return Err(format!("a gauge with _total: {line}"));
                }
                "counter" | "gauge" => {}
                other => return Err(format!("{name} is of the type `{other}`")),
            }
            let mut rest = parts.get(2).map_or("", |m| m.as_str());
            let mut seen = BTreeSet::new();
            while !rest.is_empty() {
                let one = label.captures(rest).ok_or(format!("no label at `{rest}`: {line}"))?;
                if !seen.insert(one[1].to_owned()) {
                    return Err(format!("the label {} comes twice: {line}", &one[1]));
                }
                rest = rest.strip_prefix(&one[0]).unwrap();
            }
            family.labels.extend(seen);
            let value: f64 = parts[3].parse().map_err(|e| format!("{e}: {line}"))?;
            if !value.is_finite() || value < 0.0 {
                return Err(format!("no value that we have: {line}"));
            }
            let series = line.rsplit_once(' ').map(|(series, _)| series.to_owned());
            if read.samples.insert(series.unwrap_or_default(), value).is_some() {
                return Err(format!("the series comes twice: {line}"));
            }
        }
    }
    Ok(read)
}

#[test]
fn what_a_scraper_would_refuse_is_refused() {
    let good = "# HELP a_total What it is.\n# TYPE a_total counter\na_total{x=\"1\",y=\"a\\\"b\"} 1\n\
                a_total{x=\"2\"} 0\n\n# HELP b B.\n# TYPE b gauge\nb 1.5\n";
    let read_good = read(good).unwrap();
    assert_eq!(read_good.samples.len(), 3);
    let labels: Vec<_> = read_good.families["a_total"].labels.iter().cloned().collect();
    assert_eq!(labels, ["x", "y"]);
    for (from, to, why) in [
        ("# HELP a_total What it is.\n", "", "without its help"),
        ("# TYPE b gauge\n", "", "of the type ``"),
        ("a_total{x=\"2\"} 0", "a_total{x=\"1\",y=\"a\\\"b\"} 0", "comes twice"),
        ("a_total{x=\"2\"} 0", "a_total{x=\"2\",x=\"3\"} 0", "the label x comes twice"),
        ("a_total{x=\"2\"} 0", "a_total{x=\"2} 0", "no label"),
        ("a_total{x=\"2\"} 0", "a_total{x=\"2\"} NaN", "no value"),
        ("a_total{x=\"2\"} 0", "b{x=\"2\"} 0", "outside its metric"),
        ("a_total", "a", "a counter without _total"),
        ("b 1.5\n", "b 1.5", "has no end"),
        ("b 1.5", "b", "no sample"),
    ] {
        let bad = good.replace(from, to);
        let error = read(&bad).expect_err(why);
        assert!(error.contains(why), "{error}, not {why}");
    }
}
