//! Each kind of violation is put before the check and found.

use super::*;

#[track_caller]
fn check(path: &str, text: &str, expected: &[&str]) {
    assert_eq!(violations(path, text), expected, "{text}");
}

const UP: &str = "worker/window.rs:1: `worker` imports `kafka`, which stands above it";

#[test]
fn a_use_that_points_up_is_found_in_each_of_its_forms() {
    for text in [
        "use crate::kafka::Consumer;",
        "pub(crate) use crate::kafka;",
        "use crate::{kafka::Consumer, model::Record};",
        "use crate::{model::{Record, Header}, kafka};",
        "use crate::kafka as k;",
        "use crate::kafka::{self, *};",
        "use super::super::kafka::Consumer;",
        "use super::super::{model, kafka};",
        "use self::super::super::kafka;",
        "use krouted::kafka::Consumer;",
        "#[cfg(test)] use crate::kafka::Consumer;",
    ] {
        check("worker/window.rs", text, &[UP]);
    }
}

#[test]
fn a_path_that_points_up_is_found_without_a_use() {
    for text in [
        "fn f(c: &crate::kafka::Consumer) {}",
        "fn f() -> Vec<super::super::kafka::Consumer> { vec![] }",
        "impl crate::kafka::Port for X {}",
        "fn f() { let x = <crate::kafka::C as Default>::default(); }",
        "fn f() { g::<crate::kafka::C>() }",
        "fn f() { crate::kafka::log!(\"x\") }",
        "#[derive(crate::kafka::Derive)] struct X;",
        "fn f<'a>(x: &'a u8, c: char) { if c == '\"' { crate::kafka::g(x) } }",
        "fn f() { let s = r#\"\"quoted\"\"#; crate::kafka::g(s) }",
        "fn f() { /* a /* nested */ comment */ crate::kafka::g('\\'') }",
    ] {
        check("worker/window.rs", text, &[UP]);
    }
}

#[test]
fn super_is_resolved_by_the_modules_around_it() {
    let text = "mod tests { use super::super::super::kafka::C; }";
    check("worker/window.rs", text, &[UP]);
    check("worker/window.rs", "mod tests { use super::super::kafka::C; }", &[]);
    let text = "mod tests { fn f() { if true { } } use super::super::kafka::C; } use super::kafka;";
    check("worker/window.rs", text, &[]);
    let text = "mod tests { struct X; } use super::super::kafka::C;";
    check("worker/window.rs", text, &[UP]);
    check(
        "worker.rs",
        "use super::kafka::C;",
        &["worker.rs:1: `worker` imports `kafka`, which stands above it"],
    );
}

#[test]
fn inside_the_first_layer_too_arrows_point_down() {
    let order = ["model", "json", "expression", "pipeline", "program", "config", "worker", "kafka"];
    for (at, module) in order.iter().enumerate() {
        for (other_at, other) in order.iter().enumerate() {
            let found = violations(&format!("{module}.rs"), &format!("use crate::{other}::X;"));
            assert_eq!(
                found.len(),
                usize::from(other_at > at),
                "{module} imports {other}: {found:?}"
            );
        }
    }
}

#[test]
fn upper_layers_may_not_be_imported_from_below() {
    for (path, other) in [
        ("kafka/consumer.rs", "supervisor"),
        ("supervisor.rs", "telemetry"),
        ("state.rs", "admin"),
        ("watch/settle.rs", "cli"),
        ("systemd.rs", "cli"),
        ("telemetry.rs", "cli"),
    ] {
        assert_eq!(violations(path, &format!("use crate::{other}::X;")).len(), 1, "{path}");
    }
    check("supervisor.rs", "use crate::{watch::X, state::Y, worker::Z, model};", &[]);
    check("cli/run.rs", "use crate::{supervisor, admin, kafka, config};", &[]);
}

#[test]
fn an_outside_crate_is_named_by_its_owners_only() {
    for (path, name, owners) in [
        ("worker.rs", "rdkafka", "kafka"),
        ("cli/run.rs", "serde_yaml", "config"),
        ("kafka.rs", "anyhow", "cli"),
        ("worker/window.rs", "tokio", "supervisor, cli, systemd, telemetry, watch, admin"),
        ("supervisor.rs", "sd_notify", "systemd"),
        ("program.rs", "schemars", "config"),
        ("expression.rs", "jsonschema", "config, program"),
    ] {
        let top = path.trim_end_matches(".rs").split('/').next().unwrap();
        let expected = format!("{path}:2: `{name}` belongs to {owners}, not to `{top}`");
        for text in [
            format!("use {name}::X;"),
            format!("use ::{name}::X;"),
            format!("use {{{name}::X, std::fmt}};"),
            format!("fn f() -> {name}::X {{}}"),
            format!("fn f() -> ::{name}::X {{}}"),
            format!("impl ::{name}::X for Y {{}}"),
            format!("fn f() {{ return ::{name}::x(); }}"),
            format!("use {name} as other;"),
            format!("use {name};"),
            format!("extern crate {name};"),
            format!("{name}::select! {{}}"),
            format!("#[derive({name}::X)] struct Y;"),
        ] {
            check(path, &format!("\n{text}"), &[&expected]);
        }
    }
    check("kafka/raw.rs", "use rdkafka::bindings as b; use ::rdkafka::X;", &[]);
    check("program/validate.rs", "use jsonschema::Validator;", &[]);
}

#[test]
fn what_is_no_import_is_not_taken_for_one() {
    for text in [
        "// use crate::kafka::Consumer;\n//! crate::kafka::X",
        "/// See [`crate::kafka::Consumer`].\nstruct X;",
        "const T: &str = \"use crate::kafka::Consumer; rdkafka::X\";",
        "const T: &[u8] = br##\"\"# crate::kafka::X\"##;",
        "use crate::model::kafka::X;",
        "use super::kafka::X; fn f() { self::kafka::g() }",
        "fn f() { model::rdkafka::g(); let rdkafka = 1; }",
        "fn f() -> impl Iterator + use<'_> { X::tokio::g(); Y::<u8>::f() }",
        "use std::{fmt, io::{self, Read}}; mod rdkafka;",
        "use crate::worker::ports::Source; struct Tokio { tokio: u8 }",
    ] {
        check("worker/window.rs", text, &[]);
    }
}

#[test]
fn a_module_without_a_layer_is_found() {
    check("new.rs", "", &["new.rs: the module `new` has no layer; see LAYERS"]);
    let expected = "worker.rs:3: `crate::new` is no module with a layer";
    check("worker.rs", "\n\nuse crate::new::X;", &[expected]);
    check("lib.rs", "pub mod new;", &[]);
    check("main.rs", "use anyhow::Result;", &[]);
}

#[test]
fn each_line_is_said_once_and_right() {
    let text = "/*\n*/ use crate::{\n    model,\n    cli,\n    kafka::{\n        A,\n        B,\n    },\n};\nfn f() {}\nuse anyhow::X;";
    let expected = [
        "worker.rs:4: `worker` imports `cli`, which stands above it",
        "worker.rs:6: `worker` imports `kafka`, which stands above it",
        "worker.rs:7: `worker` imports `kafka`, which stands above it",
        "worker.rs:11: `anyhow` belongs to cli, not to `worker`",
    ];
    check("worker.rs", text, &expected);
}

#[test]
fn a_dependency_without_an_owner_is_found() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\nsaphyr-parser = \"1\"\nnew-crate = { version = \"1\" }\n\n[dev-dependencies]\nother = \"1\"\n";
    assert_eq!(unowned(manifest), ["new_crate"]);
}
