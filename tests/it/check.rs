//! `krouted check` as an operator runs it.

use std::path::Path;
use std::process::{Command, Output};

struct Place {
    folder: tempfile::TempDir,
}

const GOOD: &str = include_str!("../data/config/smallest.good.yaml");

impl Place {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self { folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_krouted"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        said(self.command(arguments).output().unwrap())
    }
}

fn said(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn good_files_end_well_and_are_counted() {
    let place = Place::with(&[("pipelines/a.yaml", GOOD)]);
    let line = "checked 1 file: 1 pipeline, 0 errors, 0 warnings\n".to_owned();
    for arguments in [&["check"][..], &["check", "pipelines"], &["check", "pipelines/a.yaml"]] {
        assert_eq!(place.run(arguments), (0, String::new(), line.clone()));
    }
}

#[test]
fn a_bad_file_is_code_1_and_its_place_is_said() {
    let bad = GOOD.replace("start: earliest", "start: erliest");
    let place = Place::with(&[("pipelines/a.yaml", GOOD), ("pipelines/b.yaml", &bad)]);
    let (code, out, err) = place.run(&["check"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("error[K0204]"), "{err}");
    assert!(err.contains("--> pipelines/b.yaml:5:10"), "{err}");
    assert!(err.ends_with("checked 2 files: 2 pipelines, 3 errors, 0 warnings\n"), "{err}");
}

#[test]
fn warnings_alone_are_code_0() {
    let mut circle = GOOD.replace("orders-eu", "back").replace("name: orders", "name: there");
    circle.push_str("---\n");
    circle.push_str(
        &GOOD
            .replace("[orders]", "[back]")
            .replace("orders-eu", "orders")
            .replace("name: orders", "name: again"),
    );
    let place = Place::with(&[("pipelines/a.yaml", &circle)]);
    let (code, _, err) = place.run(&["check"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.ends_with("2 pipelines, 0 errors, 1 warning\n"), "{err}");
}

#[test]
fn json_and_github_go_to_standard_output() {
    let place = Place::with(&[("pipelines/a.yaml", "version: 1\n")]);
    let (code, out, err) = place.run(&["check", "-o", "json"]);
    assert_eq!((code, err.as_str()), (1, ""));
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["errors"], 4);
    let (code, out, err) = place.run(&["check", "-o", "github"]);
    assert_eq!((code, err.as_str()), (1, ""));
    assert_eq!(out.lines().count(), 4);
    assert!(out.starts_with("::error file=pipelines/a.yaml,line=1,col=1,"), "{out}");
}

#[test]
fn a_variable_is_some_text_until_the_environment_counts() {
    let text = GOOD.replace("topic: orders-eu", "topic: \"${REGION}-orders\"");
    let place = Place::with(&[("pipelines/a.yaml", &text)]);
    assert_eq!(place.run(&["check"]).0, 0);
    let (code, _, err) = place.run(&["check", "--env"]);
    assert_eq!(code, 1);
    assert!(err.contains("the environment variable `REGION` is not set"), "{err}");
    let output = place.command(&["check", "--env"]).env("REGION", "eu").output().unwrap();
    assert_eq!(said(output).0, 0);
}

#[test]
fn the_settings_say_where_the_pipelines_are_and_which_clusters_there_are() {
    let settings = "version: 1\npipelines: here\nclusters: {main: {bootstrap_servers: 'a:9092'}}\n";
    let files = [("krouted.yaml", settings), ("here/a.yaml", GOOD), ("conf/other.yaml", settings)];
    let place = Place::with(&files);
    let (code, _, err) = place.run(&["check"]);
    assert_eq!(code, 1);
    assert!(err.contains("the settings know no cluster `default`"), "{err}");
    let (code, _, err) = place.run(&["check", "--config", "conf/other.yaml"]);
    assert_eq!(code, 78, "{err}");
    assert!(err.contains("cannot read conf/here"), "{err}");
}

#[test]
fn settings_that_lie_among_the_pipelines_are_no_pipeline() {
    let settings = "version: 1\npipelines: .\n";
    let place = Place::with(&[("krouted.yaml", settings), ("a.yaml", GOOD)]);
    for arguments in [&["check"][..], &["check", "."]] {
        let (code, _, err) = place.run(arguments);
        assert_eq!((code, err.as_str()), (0, "checked 1 file: 1 pipeline, 0 errors, 0 warnings\n"));
    }
}

#[test]
fn broken_settings_are_code_78() {
    let place =
        Place::with(&[("krouted.yaml", "version: 1\nclustrs: {}\n"), ("pipelines/a.yaml", GOOD)]);
    let (code, _, err) = place.run(&["check"]);
    assert_eq!(code, 78);
    assert!(err.contains("did you mean `clusters`?"), "{err}");
    let (code, _, err) = place.run(&["check", "--config", "nowhere.yaml"]);
    assert_eq!(code, 78);
    assert!(err.contains("nowhere.yaml") && err.contains("No such file"), "{err}");
}

#[test]
fn a_folder_that_is_not_there_is_code_78_and_an_argument_that_leads_nowhere_64() {
    let place = Place::with(&[]);
    assert_eq!(place.run(&["check"]).0, 78);
    for command in ["check", "test", "explain"] {
        let (code, out, err) = place.run(&[command, "nowhere.yaml"]);
        assert_eq!((code, out.as_str()), (64, ""), "{command}: {err}");
        assert!(err.contains("cannot read nowhere.yaml"), "{command}: {err}");
    }
    assert_eq!(place.run(&["check", "--colour"]).0, 64);
    assert_eq!(place.run(&["chekc"]).0, 64);
    assert_eq!(place.run(&[]).0, 64);
    let (code, out, _) = place.run(&["--help"]);
    assert_eq!(code, 0);
    assert!(out.contains("check"), "{out}");
    assert_eq!(place.run(&["--version"]).0, 0);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let place = Place::with(&[("pipelines/a.yaml", "version: 1\n")]);
    let mut command = place.command(&["check", "-o", "json"]);
    let full = Path::new("/dev/full");
    let output =
        command.stdout(std::fs::File::options().write(true).open(full).unwrap()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}
