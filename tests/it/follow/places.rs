//! Folders that come, go, are replaced, or say nothing.

use std::time::Duration;

use super::{Follower, follows, place, sh, told};
use crate::watch::NO_TICK;
use krouted::watch::{Events, Timing};

const THREE: &str = "mkdir -p r/p; for n in a b c; do p $n one > r/p/$n.yaml; done";

#[test]
fn the_swap_of_a_config_map_runs() {
    // The kubelet's own steps: a new folder beside the old, a link to it, that link renamed over `..data`.
    let begin = "mkdir -p p/..one; p a one > p/..one/a.yaml; p b one > p/..one/b.yaml
                 ln -s ..one p/..data; for n in a b; do ln -s ..data/$n.yaml p/$n.yaml; done";
    let swap = |old: &str, new: &str| {
        format!(
            "cd p; mkdir ..{new}; p a {new} > ..{new}/a.yaml; cp ..{old}/b.yaml ..{new}
             ln -s ..{new} ..data_tmp; mv -T ..data_tmp ..data; rm -r ..{old}"
        )
    };
    follows("p", begin, &[&swap("one", "two"), &swap("two", "three")]);
}

#[test]
fn a_folder_that_another_replaces_runs() {
    follows(
        "r/p",
        THREE,
        &[
            "cd r; cp -r p n; p a two > n/a.yaml; mv n/c.yaml n/d.yaml; mv p old; mv n p",
            "p b two > r/p/b.yaml",
            "cp -r r s; p a three > s/p/a.yaml; p d one > s/p/e.yaml; mv r r-old; mv s r",
            "p a four > r/p/a.yaml",
        ],
    );
}

/// In one step: a folder that is seen half deleted says that pipelines are removed.
#[test]
fn a_folder_that_is_deleted_stops_nothing_and_runs_when_it_is_back() {
    let place = place(THREE);
    let follower = Follower::begin(&place.path().join("r/p"));
    for (away, back) in [
        ("mv r gone; rm -r gone", "mkdir -p r/p; for n in a b d; do p $n two > r/p/$n.yaml; done"),
        ("mv r/p gone; rm -r gone", "mkdir r/p; for n in b d e; do p $n three > r/p/$n.yaml; done"),
    ] {
        let running = follower.board.now();
        sh(place.path(), away);
        follower.says("unreadable");
        follower.runs(&running, away);
        sh(place.path(), back);
        follower.runs_as_the_folder_says(back);
    }
    for script in [
        "p b four > r/p/b.yaml",
        "mv r gone; rm -r gone; mkdir -p r/p; for n in b d f; do p $n five > r/p/$n.yaml; done",
        "p b six > r/p/b.yaml",
    ] {
        sh(place.path(), script);
        follower.runs_as_the_folder_says(script);
    }
    follower.is_at_rest("in the end");
}

/// Half deleted, it is empty, which is held: so nothing stops however long that takes.
#[test]
fn a_folder_that_is_deleted_file_by_file_stops_nothing_and_runs_when_it_is_back() {
    let place = place("mkdir -p r/p; p a one > r/p/a.yaml");
    let follower = Follower::begin(&place.path().join("r/p"));
    for (away, back) in [
        ("rm -r r", "mkdir -p r/p; p a two > r/p/a.yaml"),
        ("rm -r r/p", "mkdir r/p; p a three > r/p/a.yaml"),
    ] {
        let running = follower.board.now();
        sh(place.path(), away);
        follower.says("unreadable");
        follower.runs(&running, away);
        sh(place.path(), back);
        follower.runs_as_the_folder_says(back);
    }
    follower.is_at_rest("in the end");
}

#[test]
fn what_would_stop_most_is_held_and_what_runs_goes_on() {
    let place = place(THREE);
    let follower = Follower::begin(&place.path().join("r/p"));
    let before = told(&follower.folder);
    // In one step: one file less would be no reason to hold it.
    sh(place.path(), "mkdir r/n; p a two > r/n/a.yaml; mv r/p old; mv r/n r/p");
    follower.says("held");
    follower.runs(&before, "held");
    sh(place.path(), "p b two > r/p/b.yaml");
    follower.runs_as_the_folder_says("one only is missing now");
}

#[test]
fn a_new_folder_in_it_runs() {
    follows(
        "r/p",
        THREE,
        &[
            "mkdir r/p/sub; p d one > r/p/sub/d.yaml",
            "p d two > r/p/sub/d.yaml",
            "mv r/p/a.yaml r/p/sub/a.yaml; rm r/p/b.yaml",
            "mv r/p/sub/a.yaml r/p; rm -r r/p/sub",
        ],
    );
}

#[test]
fn where_no_event_arrives_the_tick_is_enough() {
    let place = place(THREE);
    let timing = Timing { tick: Duration::from_millis(100), ..NO_TICK };
    let follower = Follower::with(&place.path().join("r/p"), Events::None, timing);
    for script in [
        "p a two > r/p/a.yaml",
        "p d two > r/p/d.yaml; rm r/p/c.yaml",
        "cd r; cp -r p q; p b three > q/b.yaml; mv p old; mv q p",
    ] {
        sh(place.path(), script);
        follower.runs_as_the_folder_says(script);
    }
    follower.is_at_rest("in the end");
}
