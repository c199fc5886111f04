//! Editors, copiers, Kubernetes.

use std::fs::File;
use std::io::Write;

use super::{Watched, place, sh};
use crate::wait::{SOON, eventually};

/// Makes a place, watches the folder in it, and after each script sees what the folder says.
fn follows(folder: &str, begin: &str, scripts: &[&str]) {
    let place = place(begin);
    let watched = Watched::begin(&place.path().join(folder));
    for script in scripts {
        sh(place.path(), script);
        watched.is_as_the_folder_says(script);
    }
}

const ONE: &str = "mkdir p; echo a > p/p.yaml";

#[test]
fn a_write_in_place_is_seen() {
    follows("p", ONE, &["echo b > p/p.yaml", "echo c >> p/p.yaml", "rm p/p.yaml"]);
}

#[test]
fn rsync_and_ansible_rename_over_a_file() {
    follows("p", ONE, &["echo b > p/.p.yaml.Ab12; mv p/.p.yaml.Ab12 p/p.yaml"]);
}

#[test]
fn sed_saves_in_its_way() {
    follows("p", ONE, &["sed -i s/a/b/ p/p.yaml", "sed -i.bak s/b/c/ p/p.yaml"]);
}

#[test]
fn vim_saves_in_its_way() {
    let save = |text: &str| {
        format!("cd p; touch 4913; rm 4913; mv p.yaml p.yaml~; echo {text} > p.yaml; rm p.yaml~")
    };
    follows("p", ONE, &[&save("b"), &save("c")]);
}

#[test]
fn the_swap_of_a_config_map_is_seen() {
    let begin = "mkdir -p p/..v1 p/..v2 p/..v3; for v in 1 2 3; do echo $v > p/..v$v/p.yaml; done
                 ln -s ..v1 p/..data; ln -s ..data/p.yaml p/p.yaml";
    let swap = |to: &str, old: &str| {
        format!("cd p; ln -s ..{to} ..data_tmp; mv -T ..data_tmp ..data; rm -r ..{old}")
    };
    follows("p", begin, &[&swap("v2", "v1"), &swap("v3", "v2")]);
}

#[test]
fn a_folder_that_another_replaces_is_followed() {
    follows(
        "r/p",
        "mkdir -p r/p; echo a > r/p/p.yaml",
        &[
            "cd r; mkdir n; echo b > n/p.yaml; mv p old; mv n p",
            "echo c > r/p/p.yaml",
            "mv r r-old; mkdir -p r/p; echo d > r/p/q.yaml",
            "echo e > r/p/q.yaml",
        ],
    );
}

#[test]
fn a_folder_that_is_deleted_is_missed_and_followed_when_it_is_back() {
    let place = place("mkdir -p r/p; echo a > r/p/p.yaml");
    let watched = Watched::begin(&place.path().join("r/p"));
    sh(place.path(), "rm -r r");
    eventually(SOON, "its absence", || {
        watched.sights.lock().unwrap().last().is_some_and(Result::is_err).then_some(())
    });
    for script in ["mkdir -p r/p; echo b > r/p/p.yaml", "echo c > r/p/p.yaml"] {
        sh(place.path(), script);
        watched.is_as_the_folder_says(script);
    }
}

#[test]
fn a_new_folder_in_it_is_followed() {
    follows(
        "p",
        ONE,
        &["mkdir p/sub; echo a > p/sub/p.yaml", "echo b > p/sub/p.yaml", "rm -r p/sub"],
    );
}

#[test]
fn a_file_that_is_written_in_two_halves_is_whole_in_the_end() {
    let place = place(ONE);
    let watched = Watched::begin(&place.path().join("p"));
    let mut file = File::create(place.path().join("p/q.yaml")).unwrap();
    for part in ["half ", "other half"] {
        file.write_all(part.as_bytes()).unwrap();
        watched.is_as_the_folder_says(part);
    }
}

#[test]
fn a_thousand_files_at_once_are_all_seen() {
    follows(
        "p",
        "mkdir p; for i in $(seq 1000); do echo a > p/$i.yaml; done",
        &["for i in $(seq 1000); do echo b > p/$i.yaml; done", "rm p/*.yaml; echo c > p/c.yaml"],
    );
}
