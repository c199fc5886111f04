//! A password and a certificate that change on a real broker: who uses them begins anew with them, and nobody else notices.

use std::fs;

use super::{SOON, group_generation};
use crate::daemon::{Daemon, Host};
use crate::kafka::record::Record;
use crate::kafka::secure::Secure;
use crate::kafka::{Cluster, Isolation, unique};
use crate::scene::{text, values};
use crate::wait::eventually;

const MECHANISM: &str = "SCRAM-SHA-512";
const USER: &str = "sam";

/// Three pipelines in one daemon, which come as a user with a password, with a certificate, and as nobody.
struct Three {
    secure: Secure,
    direct: Cluster,
    host: Host,
    input: String,
    /// Their names, and their groups'; what they write goes to the topic of the same name.
    names: [String; 3],
}

impl Three {
    fn new(password: &str) -> Self {
        let secure = Secure::start();
        let direct = secure.broker.cluster();
        secure.create_user(MECHANISM, USER, password);
        let input = direct.topic("in", 1);
        let names = ["password", "certificate", "plain"].map(|name| direct.topic(name, 1));
        for principal in [&format!("User:{USER}"), "User:CN=client"] {
            let own =
                names.iter().flat_map(|name| [("WRITE", "TOPIC", name), ("READ", "GROUP", name)]);
            let common =
                [("READ", "TOPIC", &input), ("WRITE", "TRANSACTIONAL_ID", &"krouted/".into())];
            for (operation, resource, prefix) in own.chain(common) {
                secure.allow(principal, operation, resource, prefix);
            }
        }
        let host = Host::new(&unique("three"), "unused:1");
        fs::write(host.path().join("secret"), format!("{password}\n")).unwrap();
        fs::copy(secure.certificates.ca(), host.path().join("ca.pem")).unwrap();
        let three = Self { secure, direct, host, input, names };
        three.write_files();
        three
    }

    fn write_files(&self) {
        let (secure, home) = (&self.secure, self.host.path().display());
        let settings = format!(
            "version: 1\ninstance_id: {0}\npipelines: pipelines/\nstate: {home}/state\nclusters:\n\
             \x20 password:\n    bootstrap_servers: '{1}'\n\
             \x20   sasl: {{mechanism: {MECHANISM}, username: {USER}, password: {{file: secret}}}}\n\
             \x20 certificate:\n    bootstrap_servers: '{2}'\n\
             \x20   tls: {{ca: ca.pem, certificate: '{3}', key: {{file: '{4}'}}}}\n\
             \x20 plain:\n    bootstrap_servers: '{5}'\n",
            unique("host"),
            secure.sasl,
            secure.mutual_tls,
            secure.certificates.certificate(),
            secure.certificates.key(),
            self.direct.bootstrap,
        );
        self.host.settings(&settings);
        for (name, cluster) in self.names.iter().zip(["password", "certificate", "plain"]) {
            let text = format!(
                "version: 1\nname: {name}\ncluster: {cluster}\ndelivery: exactly_once\n\
                 source: {{topics: [{}], group: {name}, start: earliest}}\n\
                 sinks: {{all: {{kafka: {{topic: {name}}}}}}}\n",
                self.input
            );
            self.host.pipeline(&format!("{cluster}.yaml"), &text);
        }
    }

    /// Sends a record more, and waits until each of them has brought all until then, once.
    fn brings(&self, sent: &[&str]) {
        let last = sent.len() - 1;
        self.direct.produce(&self.input, &values(&sent[last..]));
        for name in &self.names {
            let read = eventually(SOON, &format!("{sent:?} in {name}"), || {
                let read: Vec<Record> = self.direct.read(name, Isolation::Committed);
                (read.len() >= sent.len()).then_some(read)
            });
            let read: Vec<_> = read.into_iter().map(|r| text(r.value.as_deref())).collect();
            assert_eq!(read, sent, "{name}");
        }
    }

    fn generations(&self) -> [i32; 3] {
        self.names.each_ref().map(|name| group_generation(&self.direct, name))
    }

    /// How often each of them has stopped, as the daemon says it.
    fn stops(&self, daemon: &Daemon) -> [usize; 3] {
        let lines = daemon.lines();
        self.names.each_ref().map(|name| {
            let of = |line: &&String| line.contains("has stopped") && line.contains(name.as_str());
            lines.iter().filter(of).count()
        })
    }

    fn has_stopped(&self, daemon: &Daemon, expected: [usize; 3]) {
        eventually(SOON, &format!("stops {expected:?}"), || {
            (self.stops(daemon) == expected).then_some(())
        });
    }
}

#[test]
fn a_changed_password_or_certificate_restarts_who_uses_it_and_no_other() {
    let three = Three::new("one");
    let mut daemon = three.host.run();
    daemon.wait_for_lines("partitions assigned", 3, SOON);
    three.brings(&["1"]);
    let before = three.generations();

    // Whoever is connected stays so; whoever comes now needs the new one.
    three.secure.create_user(MECHANISM, USER, "two");
    three.brings(&["1", "2"]);
    assert_eq!(three.stops(&daemon), [0, 0, 0]);
    fs::write(three.host.path().join("secret"), "two\n").unwrap();
    three.has_stopped(&daemon, [1, 0, 0]);
    three.brings(&["1", "2", "3"]);
    let after = three.generations();
    assert_ne!(after[0], before[0], "it left its group and came again");
    assert_eq!(after[1..], before[1..], "the others noticed nothing");

    // The same authority and a second one, as when they are rotated.
    let ca = fs::read_to_string(three.secure.certificates.ca()).unwrap();
    let other = fs::read_to_string(three.secure.certificates.certificate()).unwrap();
    fs::write(three.host.path().join("ca.pem"), format!("{ca}{other}")).unwrap();
    three.has_stopped(&daemon, [1, 1, 0]);
    three.brings(&["1", "2", "3", "4"]);
    let last = three.generations();
    assert_ne!(last[1], after[1], "it left its group and came again");
    assert_eq!((last[0], last[2]), (after[0], after[2]), "the others noticed nothing");
    assert_eq!(three.stops(&daemon), [1, 1, 0]);
    assert_eq!(daemon.terminate(), Some(0));
}
