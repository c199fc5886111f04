//! Who may import whom: the layers of DESIGN.md section 6, read from the text of the sources.
//!
//! `use` trees and paths written out in full are both read; comments and strings are not. `self` and `super` are resolved
//! by the file's place and by the inline modules around them.

mod tests;
mod tokens;

use std::collections::BTreeSet;

use tokens::Token;

/// Modules from the bottom up. Those of one line may import each other, all may import what stands above it here.
const LAYERS: &[&[&str]] = &[
    &["model"],
    &["json"],
    &["expression"],
    &["pipeline"],
    &["program"],
    &["case"],
    &["config"],
    &["worker"],
    &["kafka", "sink"],
    &["supervisor", "watch", "state"],
    &["telemetry", "admin", "systemd"],
    &["cli"],
];

/// Derives, log lines and JSON: what any module may use.
const ANY: &[&str] = &[
    "model",
    "json",
    "expression",
    "pipeline",
    "program",
    "case",
    "config",
    "worker",
    "kafka",
    "sink",
    "supervisor",
    "watch",
    "state",
    "telemetry",
    "admin",
    "systemd",
    "cli",
];

/// Outside crates, and the only modules that may name them.
const OWNERS: &[(&str, &[&str])] = &[
    ("rdkafka", &["kafka"]),
    ("rdkafka_sys", &["kafka"]),
    ("serde_yaml", &["config"]),
    ("saphyr_parser", &["config"]),
    ("jsonschema", &["config", "program"]),
    ("referencing", &["program"]),
    ("schemars", &["config"]),
    ("annotate_snippets", &["config"]),
    ("notify", &["watch"]),
    ("axum", &["admin"]),
    ("hyper", &["admin"]),
    ("hyper_util", &["admin"]),
    ("metrics", &["telemetry"]),
    ("metrics_exporter_prometheus", &["telemetry"]),
    ("tracing_subscriber", &["telemetry"]),
    ("tracing_journald", &["telemetry"]),
    ("sd_notify", &["systemd"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("anyhow", &["cli"]),
    ("bytesize", &["config"]),
    ("fastrand", &["supervisor", "cli"]),
    ("jiff", &["case", "config", "expression", "supervisor", "cli"]),
    ("memchr", &["json", "expression", "cli"]),
    ("regex", &["pipeline", "config", "expression"]),
    ("rustix", &["cli"]),
    ("serde", ANY),
    ("serde_json", ANY),
    ("sha2", &["watch"]),
    ("simdutf8", &["json", "expression"]),
    ("strsim", &["expression"]),
    // Tests make their folders with it.
    ("tempfile", ANY),
    ("thiserror", ANY),
    ("tracing", ANY),
    ("wide", &["json"]),
    ("tokio", &["supervisor", "cli", "systemd", "telemetry", "watch", "admin"]),
];

/// What is wrong in one file, a sentence each; `path` is the file's below `src/`.
pub(crate) fn violations(path: &str, text: &str) -> Vec<String> {
    let module = module_of(path);
    // `lib.rs` and `main.rs` stand above all.
    let Some(top) = module.first() else { return vec![] };
    let Some(layer) = layer_of(top) else {
        return vec![format!("{path}: the module `{top}` has no layer; see LAYERS")];
    };
    let mut found = BTreeSet::new();
    for (line, import) in imports(&module, text) {
        match &import {
            Import::Module(other) if other == top => {}
            Import::Module(other) => {
                // Not a module: a macro or a type that the crate's root has by another way.
                let Some(of_other) = layer_of(other) else {
                    found.insert((line, format!("`crate::{other}` is no module with a layer")));
                    continue;
                };
                if of_other > layer {
                    found.insert((
                        line,
                        format!("`{top}` imports `{other}`, which stands above it"),
                    ));
                }
            }
            Import::Outside(name) => {
                let owners = OWNERS.iter().find(|(owned, _)| owned == name);
                if let Some((_, owners)) = owners
                    && !owners.contains(&top.as_str())
                {
                    let owners = owners.join(", ");
                    found.insert((line, format!("`{name}` belongs to {owners}, not to `{top}`")));
                }
            }
        }
    }
    found.into_iter().map(|(line, what)| format!("{path}:{line}: {what}")).collect()
}

/// The crates of a manifest's `[dependencies]` that have no owner.
pub(crate) fn unowned(manifest: &str) -> Vec<String> {
    let section = manifest.split("[dependencies]").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let names = section.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name);
    let crates = names.map(|name| name.trim().replace('-', "_"));
    crates.filter(|name| OWNERS.iter().all(|(owned, _)| owned != name)).collect()
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// `worker/window.rs` is `worker::window`; `lib.rs` and `main.rs` are the root.
fn module_of(path: &str) -> Vec<String> {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let parts = path.split('/').filter(|part| *part != "mod").map(str::to_owned);
    let parts: Vec<_> = parts.collect();
    if parts == ["lib"] || parts == ["main"] { vec![] } else { parts }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Import {
    /// A module at the crate's root.
    Module(String),
    /// An outside crate, or any name that begins a path and is none of ours.
    Outside(String),
}

/// All that a file names by paths, with the line.
fn imports(module: &[String], text: &str) -> Vec<(usize, Import)> {
    let tokens = tokens::of(text);
    let mut found = Vec::new();
    // The inline modules that are open, with the depth of braces at which each ends.
    let mut inline: Vec<(String, usize)> = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while at < tokens.len() {
        let (line, token) = &tokens[at];
        match token {
            Token::Word(word) if word == "mod" => {
                if let (Some(Token::Word(name)), Some(Token::Mark('{'))) =
                    (get(&tokens, at + 1), get(&tokens, at + 2))
                {
                    inline.push((name.clone(), depth));
                }
            }
            Token::Word(word) if word == "use" && !is_capture(&tokens, at) => {
                let here = module.iter().chain(inline.iter().map(|(name, _)| name));
                let here: Vec<_> = here.cloned().collect();
                let mut paths = Vec::new();
                at = tree(&tokens, at + 1, &[], &mut paths);
                found.extend(
                    paths.iter().filter_map(|(line, path)| Some((*line, resolve(&here, path)?))),
                );
                continue;
            }
            Token::Word(word) if word == "extern" => {
                if let (Some(Token::Word(kind)), Some(Token::Word(name))) =
                    (get(&tokens, at + 1), get(&tokens, at + 2))
                    && kind == "crate"
                {
                    found.push((*line, Import::Outside(name.clone())));
                }
            }
            Token::Word(_) if begins_path(&tokens, at) => {
                let here = module.iter().chain(inline.iter().map(|(name, _)| name));
                let here: Vec<_> = here.cloned().collect();
                let path = straight(&tokens, at);
                found.extend(resolve(&here, &path).map(|import| (*line, import)));
            }
            Token::Mark('{') => depth += 1,
            Token::Mark('}') => {
                depth = depth.saturating_sub(1);
                inline.retain(|(_, outer)| *outer < depth);
            }
            Token::Word(_) | Token::Mark(_) | Token::Colons => {}
        }
        at += 1;
    }
    found
}

fn get(tokens: &[(usize, Token)], at: usize) -> Option<&Token> {
    tokens.get(at).map(|(_, token)| token)
}

/// `impl Trait + use<'a>` imports nothing.
fn is_capture(tokens: &[(usize, Token)], at: usize) -> bool {
    get(tokens, at + 1) == Some(&Token::Mark('<'))
}

/// Words that a path may follow: in `return ::a::b` it begins at `a`.
const BEFORE_PATH: &[&str] = &[
    "as", "break", "const", "dyn", "else", "for", "if", "impl", "in", "match", "mut", "ref",
    "return", "static", "where", "while",
];

/// A word before `::` that does not itself go on from a name and `::`.
fn begins_path(tokens: &[(usize, Token)], at: usize) -> bool {
    let before = |back| get(tokens, at.checked_sub(back)?);
    let goes_on = before(1) == Some(&Token::Colons)
        && matches!(before(2), Some(Token::Word(word)) if !BEFORE_PATH.contains(&word.as_str()));
    get(tokens, at + 1) == Some(&Token::Colons) && !goes_on
}

fn straight(tokens: &[(usize, Token)], mut at: usize) -> Vec<String> {
    let mut path = Vec::new();
    while let Some(Token::Word(word)) = get(tokens, at) {
        path.push(word.clone());
        if get(tokens, at + 1) != Some(&Token::Colons) {
            break;
        }
        at += 2;
    }
    path
}

type Paths = Vec<(usize, Vec<String>)>;

/// Reads one tree of a `use`, and gives where it ends: at its `;`, its `,` or behind its `}`.
fn tree(tokens: &[(usize, Token)], mut at: usize, before: &[String], paths: &mut Paths) -> usize {
    let mut path = before.to_vec();
    let mut grouped = false;
    let line = tokens.get(at).map_or(0, |(line, _)| *line);
    while let Some(token) = get(tokens, at) {
        match token {
            Token::Word(word) if word == "as" => at += 1,
            Token::Word(word) => path.push(word.clone()),
            Token::Colons | Token::Mark('*') => {}
            Token::Mark('{') => {
                grouped = true;
                at += 1;
                while !matches!(get(tokens, at), None | Some(Token::Mark('}'))) {
                    at = tree(tokens, at, &path, paths);
                    at += usize::from(get(tokens, at) == Some(&Token::Mark(',')));
                }
            }
            Token::Mark(_) => break,
        }
        at += 1;
    }
    if !grouped && path.len() > before.len() {
        paths.push((line, path));
    }
    at
}

/// What a path leads to, seen from a module.
fn resolve(here: &[String], path: &[String]) -> Option<Import> {
    let mut base: &[String] = here;
    let mut rest = path;
    match rest.first()?.as_str() {
        "crate" | "krouted" => {
            base = &[];
            rest = &rest[1..];
        }
        "self" => rest = &rest[1..],
        "super" => {}
        _ => return Some(Import::Outside(rest[0].clone())),
    }
    while rest.first().is_some_and(|part| part == "super") {
        base = &base[..base.len().saturating_sub(1)];
        rest = &rest[1..];
    }
    base.first().or(rest.first()).cloned().map(Import::Module)
}
