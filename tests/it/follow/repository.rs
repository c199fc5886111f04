//! Folders that git and git-sync keep.

use super::{Follower, place, sh};
use crate::not_run::{find, not_run};
use crate::watch::git::head;

/// Two states of `pipelines/`: between them one file changes, one goes, one comes, one has another place.
const ONE: &str = "mkdir pipelines; for n in a b c; do p $n one > pipelines/$n.yaml; done";
const TWO: &str = "p a two > pipelines/a.yaml; rm pipelines/b.yaml; mkdir pipelines/sub
                   mv pipelines/c.yaml pipelines/sub; p d two > pipelines/d.yaml";

impl Follower {
    fn is_at(&self, revision: &str) {
        let generation = self.look().generation;
        assert_eq!(generation.revision.as_deref(), Some(revision), "{generation:?}");
    }
}

#[test]
fn a_checkout_between_two_commits_runs() {
    if find("git").is_none() {
        return not_run(
            "git as it is (what it does to files is tested)",
            "git is not in the PATH (Debian: apt-get install git)",
        );
    }
    let place = place(&format!(
        "git init -q -b main . ; git config user.email a@b; git config user.name x
         {ONE}; git add .; git commit -qm 1; git tag one; {TWO}; git add .; git commit -qm 2; git tag two"
    ));
    let follower = Follower::begin(&place.path().join("pipelines"));
    for script in [
        "git checkout -q one",
        "git checkout -q main",
        "git checkout -q one",
        "git reset -q --hard two",
        "git stash -q -u 2>/dev/null || true; git switch -q -c side one",
    ] {
        sh(place.path(), script);
        follower.runs_as_the_folder_says(script);
        follower.is_at(&head(place.path()));
    }
    follower.is_at_rest("in the end");
}

#[test]
fn a_checkout_as_git_does_it_runs() {
    let commit = |c: &str| c.repeat(40);
    let begin =
        format!("mkdir .git; echo {} > .git/HEAD; echo index > .git/index; {ONE}", commit("a"));
    let place = place(&begin);
    let follower = Follower::begin(&place.path().join("pipelines"));
    // Its lock, each file anew in place of the old one, its index, then its head.
    let checkout = |files: &str, commit: &str| {
        format!(
            "echo index > .git/index.lock; rm pipelines/a.yaml; {files}
             mv .git/index.lock .git/index; echo {commit} > .git/HEAD.lock; mv .git/HEAD.lock .git/HEAD"
        )
    };
    let back = "rm -r pipelines/sub pipelines/d.yaml
                for n in a b c; do p $n one > pipelines/$n.yaml; done";
    for (files, commit) in [(TWO, commit("b")), (back, commit("a")), (TWO, commit("c"))] {
        sh(place.path(), &checkout(files, &commit));
        follower.runs_as_the_folder_says(files);
        follower.is_at(&commit);
    }
    follower.is_at_rest("in the end");
}

/// git-sync itself is a program of Kubernetes; these are its steps.
#[test]
fn the_flip_of_git_sync_runs_and_what_follows_too() {
    let commit = |c: &str| c.repeat(40);
    let (one, two, three) = (commit("a"), commit("b"), commit("c"));
    let place =
        place(&format!("mkdir -p root/{one}; cd root/{one}; {ONE}; cd ..; ln -s {one} current"));
    let follower = Follower::begin(&place.path().join("root/current/pipelines"));
    follower.is_at(&one);
    let flip = |old: &str, new: &str, change: &str| {
        format!(
            "cd root; cp -r {old} {new}; cd {new}; {change}; cd ..
             ln -s {new} tmp; mv -T tmp current; rm -r {old}"
        )
    };
    let change = "p a three > pipelines/a.yaml";
    for (old, new, change) in [(&one, &two, TWO), (&two, &three, change)] {
        sh(place.path(), &flip(old, new, change));
        follower.runs_as_the_folder_says(change);
        follower.is_at(new);
    }
    sh(place.path(), "p d four > root/current/pipelines/d.yaml");
    follower.runs_as_the_folder_says("a write behind the new link");
    follower.is_at_rest("in the end");
}
