//! The files that people copy from: the pipelines of `pipelines/`, the sample settings, and what README shows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn check(arguments: &[&Path]) -> (Option<i32>, String) {
    let folder = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_krouted"));
    let output = command.arg("check").args(arguments).current_dir(folder.path()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn every_example_pipeline_passes_check_without_a_warning_and_says_why_it_is_there() {
    let folder = root().join("pipelines");
    let (code, said) = check(&[&folder]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.ends_with("0 errors, 0 warnings\n"), "{said}");
    let files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(files.len() >= 8, "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.lines().any(|l| l.starts_with("# Why: ")), "{}", file.display());
        assert!(text.contains("\ntests:\n"), "{} has no tests", file.display());
    }
}

#[test]
fn the_sample_settings_pass_check_with_the_example_pipelines() {
    let (settings, pipelines) = (root().join("krouted.yaml"), root().join("pipelines"));
    let (code, said) = check(&[Path::new("--config"), &settings, &pipelines]);
    assert_eq!(code, Some(0), "{said}");
}

/// Those that begin with `version:`, which the two kinds of file do.
fn yaml_of_readme() -> Vec<String> {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.filter(|block| block.starts_with("version:")).map(str::to_owned).collect()
}

#[test]
fn every_file_that_readme_shows_passes_check() {
    let folder = TempDir::new().unwrap();
    let (mut pipelines, mut settings) = (0, 0);
    for text in yaml_of_readme() {
        let path = folder.path().join("file.yaml");
        fs::write(&path, &text).unwrap();
        let (code, said) = if text.contains("bootstrap_servers:") {
            settings += 1;
            let none = folder.path().join("pipelines");
            fs::create_dir_all(&none).unwrap();
            check(&[Path::new("--config"), &path, &none])
        } else {
            pipelines += 1;
            check(&[&path])
        };
        assert_eq!(code, Some(0), "{text}\n{said}");
    }
    assert!(pipelines >= 2, "README shows {pipelines} whole pipelines");
    assert!(settings >= 1, "README shows {settings} settings files");
}
