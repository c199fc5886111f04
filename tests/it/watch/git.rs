//! Folders that git keeps.

use std::path::Path;
use std::process::Command;

use super::{NO_TICK, Watched, eventually, folders, place, says, sh};
use crate::not_run::{find, not_run};
use crate::wait::SOON;

/// What is a repository to who looks for its lock.
const BY_HAND: &str = "mkdir .git pipelines; echo a > pipelines/p.yaml";

/// The commit that is checked out there.
pub(crate) fn head(folder: &Path) -> String {
    let output =
        Command::new("git").args(["rev-parse", "HEAD"]).current_dir(folder).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_revision_is_found_in_packed_references_and_work_trees() {
    if find("git").is_none() {
        return not_run(
            "the revision of a work tree of git",
            "git is not in the PATH (Debian: apt-get install git)",
        );
    }
    let place = place(
        "git init -q -b main . ; git config user.email a@b; git config user.name x; mkdir pipelines
         echo a > pipelines/p.yaml; git add .; git commit -qm 1
         git worktree add -q -b side tree; cd tree; echo b > pipelines/p.yaml; git commit -qam 2
         git pack-refs --all",
    );
    let heads = ["", "tree"].map(|folder| head(&place.path().join(folder)));
    assert_ne!(heads[0], heads[1]);
    for (folder, head) in ["", "tree"].into_iter().zip(heads) {
        let watched = Watched::begin(&place.path().join(folder).join("pipelines"));
        assert_eq!(watched.revision(), Some(head));
    }
}

#[test]
fn a_folder_outside_of_git_has_no_revision() {
    let place = place("mkdir p; echo a > p/a.yaml");
    assert_eq!(Watched::begin(&place.path().join("p")).revision(), None);
}

#[test]
fn a_git_that_works_is_waited_for() {
    let place = place(BY_HAND);
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
    let place = place(BY_HAND);
    sh(place.path(), "touch .git/index.lock");
    let timing = super::Timing { lock_max: NO_TICK.quiet * 2, ..NO_TICK };
    let watched = Watched::with(folders(&place.path().join("pipelines")), timing);
    eventually(SOON, "a look", || (watched.count() > 0).then_some(()));
    sh(place.path(), "echo new > pipelines/p.yaml");
    watched.is_as_the_folder_says("the lock is left behind");
}
