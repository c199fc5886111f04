//! Editors and copiers, each by its own program where that is there, and always by what it does to the files.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::{Follower, follows, place, sh, told};
use crate::not_run::{find, not_run};

/// Three pipelines: one of them may go, most may not.
const THREE: &str = "mkdir p; for n in a b c; do p $n one > p/$n.yaml; done";

#[test]
fn a_write_in_place_runs() {
    follows(
        "p",
        THREE,
        &[
            "p a two > p/a.yaml",
            "echo 'workers: 3' >> p/a.yaml",
            "p a three > p/a.yaml; echo 'workers: 2' >> p/a.yaml",
            "rm p/b.yaml",
            "p d one > p/b.yaml; mv p/c.yaml p/renamed.yaml",
        ],
    );
}

#[test]
fn what_renames_over_a_file_runs() {
    follows("p", THREE, &["p a two > p/.a.yaml.Ab12; mv p/.a.yaml.Ab12 p/a.yaml"]);
}

/// What rsync makes of a folder, in each of its ways of writing.
#[test]
fn what_rsync_copies_runs() {
    if find("rsync").is_none() {
        return not_run(
            "rsync as it is (what it does to files is tested)",
            "rsync is not in the PATH (Debian: apt-get install rsync)",
        );
    }
    let copy = |rules: &str, options: &str| {
        format!(
            "p a {rules} > from/a.yaml; p d {rules} > from/d.yaml; rm -f from/c.yaml
             rsync -a --delete {options} from/ p/"
        )
    };
    follows(
        "p",
        &format!("{THREE}; cp -r p from"),
        &[&copy("two", ""), &copy("three", "--inplace"), &copy("four", "--delay-updates")],
    );
}

#[test]
fn what_sed_saves_runs() {
    follows("p", THREE, &["sed -i s/one/two/ p/*.yaml", "sed -i.bak s/two/three/ p/a.yaml"]);
}

#[test]
fn what_an_editor_saves_as_vim_does_runs() {
    let save = |rules: &str| {
        format!(
            "cd p; touch 4913; rm 4913; echo swap > .a.yaml.swp; mv a.yaml a.yaml~
             p a {rules} > a.yaml; rm a.yaml~ .a.yaml.swp"
        )
    };
    follows("p", THREE, &[&save("two"), &save("three")]);
}

#[test]
fn what_vim_saves_runs() {
    if find("vim").is_none() {
        return not_run(
            "vim as it is (what it does to files is tested)",
            "vim is not in the PATH (Debian: apt-get install vim)",
        );
    }
    let save = |copy: &str, old: &str, new: &str| {
        format!(
            "vim -N -u NONE -i NONE -es -c 'set writebackup backupcopy={copy}' -c '%s/{old}/{new}/' -c wq p/a.yaml </dev/null"
        )
    };
    follows(
        "p",
        THREE,
        &[&save("no", "one", "two"), &save("yes", "two", "three"), &save("auto", "three", "four")],
    );
}

/// The text of the pipeline that a script calls `p NAME RULES`.
fn text(name: &str, rules: &str) -> String {
    let place = place(&format!("p {name} {rules} > text"));
    std::fs::read_to_string(place.path().join("text")).unwrap()
}

/// Writes a file in two halves, and sees it as it is between them.
fn in_halves(path: &Path, text: &str, cut: usize, between: impl FnOnce()) {
    let (half, other) = text.split_at(cut);
    let mut file = File::create(path).unwrap();
    file.write_all(half.as_bytes()).unwrap();
    file.sync_all().unwrap();
    between();
    file.write_all(other.as_bytes()).unwrap();
}

/// Places in a pipeline's text before which it is none.
fn cuts(text: &str) -> [usize; 3] {
    // No YAML; YAML and no pipeline; a pipeline without what it needs, and no name at all.
    [text.find("latest}").unwrap(), text.find("sinks:").unwrap(), text.find("name:").unwrap()]
}

#[test]
fn a_file_that_is_written_in_two_halves_keeps_its_last_good_until_it_is_whole() {
    let place = place(THREE);
    let folder = place.path().join("p");
    let follower = Follower::begin(&folder);
    let mut before = told(&folder);
    for (rules, cut) in ["two", "three", "four"].into_iter().zip(cuts(&text("a", "one"))) {
        in_halves(&folder.join("a.yaml"), &text("a", rules), cut, || {
            let status = follower.says("rejected");
            assert_eq!(status["pipelines"][0]["definition"], "last_good", "{status}");
            follower.runs(&before, "half of it");
            // Its neighbours are followed meanwhile.
            sh(&folder, &format!("p b {rules} > b.yaml"));
            before.insert("b/0".to_owned(), format!("{rules} to out-{rules}"));
            follower.runs(&before, "half of it, and a neighbour");
        });
        follower.runs_as_the_folder_says("the whole of it");
        follower.is_at_rest("the whole of it");
        assert_eq!(follower.status()["pipelines"][0]["definition"], "current");
        before = told(&folder);
    }
}

#[test]
fn a_new_file_that_is_written_in_two_halves_runs_when_it_is_whole() {
    let place = place(THREE);
    let folder = place.path().join("p");
    let follower = Follower::begin(&folder);
    for (name, cut) in ["d", "e", "f"].into_iter().zip(cuts(&text("d", "one"))) {
        let before = told(&folder);
        in_halves(&folder.join(format!("{name}.yaml")), &text(name, "one"), cut, || {
            follower.says("rejected");
            follower.runs(&before, "half of it");
        });
        follower.runs_as_the_folder_says("the whole of it");
    }
    follower.is_at_rest("in the end");
}
