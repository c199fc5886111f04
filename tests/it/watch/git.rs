//! Folders that git and git-sync keep.

use std::path::Path;
use std::process::Command;

use super::{NO_TICK, Watched, eventually, folders, place, says, sh};
use crate::wait::SOON;

/// A repository with two commits: the tags `one` and `two`.
const REPOSITORY: &str = "
    git init -q -b main . ; git config user.email a@b; git config user.name x; mkdir pipelines
    echo a > pipelines/p.yaml; echo a > pipelines/q.yaml; git add .; git commit -qm 1; git tag one
    echo b > pipelines/p.yaml; git rm -q pipelines/q.yaml; echo b > pipelines/r.yaml; git add .; git commit -qm 2; git tag two";

fn head(folder: &Path) -> String {
    let output =
        Command::new("git").args(["rev-parse", "HEAD"]).current_dir(folder).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_checkout_between_two_commits_is_seen_with_its_revision() {
    let place = place(REPOSITORY);
    let watched = Watched::begin(&place.path().join("pipelines"));
    let scripts = [
        "git checkout -q one",
        "git checkout -q main",
        "git checkout -q one",
        "git reset -q --hard two",
    ];
    for (number, script) in (1..).zip(scripts) {
        sh(place.path(), script);
        watched.is_as_the_folder_says(script);
        let revision = head(place.path());
        assert_eq!(watched.ask(number).unwrap().revision, Some(revision), "{script}");
    }
}

#[test]
fn a_revision_is_found_in_packed_references_and_work_trees() {
    let place = place(REPOSITORY);
    sh(place.path(), "git worktree add -q -b side tree one; git pack-refs --all");
    for folder in ["", "tree"] {
        let watched = Watched::begin(&place.path().join(folder).join("pipelines"));
        assert_eq!(watched.revision(), Some(head(&place.path().join(folder))));
    }
}

#[test]
fn a_folder_outside_of_git_has_no_revision() {
    let place = place("mkdir p; echo a > p/a.yaml");
    assert_eq!(Watched::begin(&place.path().join("p")).revision(), None);
}

#[test]
fn the_flip_of_git_sync_is_seen_and_what_follows_too() {
    let commit = |c: &str| c.repeat(40);
    let (one, two) = (commit("a"), commit("b"));
    let place = place(&format!(
        "mkdir -p root/{one}/pipelines root/{two}/pipelines; echo a > root/{one}/pipelines/p.yaml
         echo b > root/{two}/pipelines/p.yaml; ln -s {one} root/current"
    ));
    let watched = Watched::begin(&place.path().join("root/current/pipelines"));
    assert_eq!(watched.revision(), Some(one.clone()));
    let flip = format!("cd root; ln -s {two} tmp; mv -T tmp current; rm -r {one}");
    sh(place.path(), &flip);
    watched.is_as_the_folder_says(&flip);
    assert_eq!(watched.revision(), Some(two));
    sh(place.path(), "echo c > root/current/pipelines/p.yaml");
    watched.is_as_the_folder_says("a write behind the new link");
}

#[test]
fn a_git_that_works_is_waited_for() {
    let place = place(REPOSITORY);
    let folder = place.path().join("pipelines");
    let watched = Watched::begin(&folder);
    let before = watched.count();
    sh(place.path(), "touch .git/index.lock; echo half > pipelines/p.yaml");
    let half = says(&folder);
    // Longer than it takes to settle, by another watch that git does not hold up.
    let elsewhere = super::place("mkdir p; echo a > p/a.yaml");
    let other = Watched::begin(&elsewhere.path().join("p"));
    sh(elsewhere.path(), "echo b > p/a.yaml");
    other.is_as_the_folder_says("the other watch has settled");
    assert!(watched.last() != Some(half), "it looked while git worked");
    assert_eq!(watched.count(), before);
    sh(place.path(), "echo whole > pipelines/p.yaml; rm .git/index.lock");
    watched.is_as_the_folder_says("git is done");
    assert_eq!(watched.count(), before + 1);
}

#[test]
fn a_lock_that_a_dead_git_left_holds_up_nothing_for_ever() {
    let place = place(REPOSITORY);
    sh(place.path(), "touch .git/index.lock");
    let timing = super::Timing { lock_max: NO_TICK.quiet * 2, ..NO_TICK };
    let watched = Watched::with(folders(&place.path().join("pipelines")), timing);
    eventually(SOON, "a look", || (watched.count() > 0).then_some(()));
    sh(place.path(), "echo new > pipelines/p.yaml");
    watched.is_as_the_folder_says("the lock is left behind");
}
