//! Secrets and certificates that change, and nothing else does: whoever is on their cluster begins anew, and nobody else.

use std::time::Duration;

use super::{Follower, Runs, place, sh, told};
use crate::wait::{SOON, eventually};
use crate::watch::NO_TICK;
use krouted::watch::{Events, Poke, Timing};
use tempfile::TempDir;

/// Two pipelines on a cluster that asks for a password, one on a cluster with mutual TLS, one on neither.
const FOUR: &str = "mkdir p
    on() { sed \"s/^delivery/cluster: $1\\n&/\"; }
    p a one | on password > p/a.yaml; p b one | on password > p/b.yaml
    p c one | on tls > p/c.yaml; p d one > p/d.yaml";

/// Settings, and what they name.
fn home() -> TempDir {
    crate::watch::place(
        "for f in secret ca certificate key; do echo $f > $f; done
         cat > krouted.yaml <<END
version: 1
instance_id: test
state: state/
clusters:
  default: {bootstrap_servers: 'one:9092'}
  password:
    bootstrap_servers: 'two:9092'
    sasl: {mechanism: PLAIN, username: me, password: {file: secret}}
  tls:
    bootstrap_servers: 'three:9092'
    tls: {ca: ca, certificate: certificate, key: {file: key}}
END",
    )
}

/// A change of each file, and who begins anew by it.
const CHANGES: [(&str, &[&str]); 6] = [
    ("echo another > secret", &["a/0", "b/0"]),
    ("echo another > ca", &["c/0"]),
    ("echo another > .new; mv .new certificate", &["c/0"]),
    ("echo another > key", &["c/0"]),
    ("sed -i s/two:/four:/ krouted.yaml", &["a/0", "b/0"]),
    // Another name for what says the same is another connection all the same.
    ("cp secret secret-2; sed -i 's/file: secret/&-2/' krouted.yaml", &["a/0", "b/0"]),
];

/// Follows each change, which `poke` has it look at.
fn follows(events: Events, timing: Timing, poke: impl Fn(&Follower)) {
    let place = place(FOUR);
    let folder = place.path().join("p");
    let follower = Follower::at(&folder, events, timing, home());
    let all: Runs = told(&folder);
    for (script, anew) in CHANGES {
        let mut expected = follower.begun();
        for worker in anew {
            *expected.get_mut(*worker).unwrap() += 1;
        }
        sh(follower.home.path(), script);
        poke(&follower);
        eventually(SOON, &format!("{script}: {expected:?}"), || {
            (follower.begun() == expected).then_some(())
        });
        follower.runs(&all, script);
        // What was found is all that there is to find, and nobody else has begun.
        follower.is_at_rest(script);
        assert_eq!(follower.begun(), expected, "{script}");
    }
}

#[test]
fn a_changed_secret_or_certificate_is_heard() {
    follows(Events::Native, NO_TICK, |_| {});
}

#[test]
fn a_changed_secret_or_certificate_is_seen_by_the_tick() {
    follows(Events::None, Timing { tick: Duration::from_millis(100), ..NO_TICK }, |_| {});
}

#[test]
fn a_changed_secret_or_certificate_is_seen_by_a_hangup() {
    follows(Events::None, NO_TICK, |follower| follower.pokes.try_send(Poke::Signal).unwrap());
}

#[test]
fn a_pipe_in_the_place_of_a_secret_holds_up_nothing() {
    let place = place(FOUR);
    let follower = Follower::at(&place.path().join("p"), Events::Native, NO_TICK, home());
    let before = follower.begun();
    sh(follower.home.path(), "rm secret; mkfifo secret");
    let said = follower.says("rejected");
    assert!(said["findings_text"].as_str().unwrap().contains("it is no regular file"), "{said}");
    // Whoever is on another cluster is followed.
    sh(follower.home.path(), "echo another > ca");
    eventually(SOON, "c begins anew", || (follower.begun()["c/0"] == 2).then_some(()));
    sh(follower.home.path(), "rm secret; echo secret > secret");
    follower.says("unchanged");
    assert_eq!(follower.begun()["a/0"], before["a/0"], "what it was before is no change");
}
