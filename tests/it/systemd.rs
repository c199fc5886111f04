//! What systemd hears of a daemon, and the unit that starts one.

mod boot;

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use regex::Regex;
use tempfile::TempDir;

use crate::daemon::Host;
use crate::not_run::{find, not_run};
use crate::process;
use crate::wait::{SOON, eventually};

const COPY: &str = "\
version: 1
name: copy
source: {topics: [a], start: earliest, format: bytes}
delivery: exactly_once
sinks: {b: {kafka: {topic: b}}}
";

/// systemd's end of `$NOTIFY_SOCKET`: it reads all the while, or the daemon would wait for it.
struct Manager(Arc<Mutex<Vec<String>>>);

impl Manager {
    fn at(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&heard);
        // It ends with the test process.
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(size) = socket.recv(&mut buffer) {
                kept.lock().unwrap().push(String::from_utf8(buffer[..size].to_vec()).unwrap());
            }
        });
        Self(heard)
    }

    /// All messages until now.
    fn heard(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Waits for the first message with this line behind so many others.
    fn hear(&self, line: &str, after: usize) -> (usize, String) {
        eventually(SOON, &format!("{line} is heard"), || {
            let heard = self.heard();
            let found = heard.iter().skip(after).position(|m| m.lines().any(|l| l == line))?;
            Some((after + found, heard[after + found].clone()))
        })
    }
}

/// One letter for each message: Ready, reLoading, Stopping, Watchdog.
fn letter(message: &str) -> char {
    let has = |start: &str| message.lines().any(|line| line.starts_with(start));
    let kinds = [("READY=1", 'R'), ("RELOADING=1", 'L'), ("STOPPING=1", 'S'), ("WATCHDOG=1", 'W')];
    let letters: Vec<_> = kinds.into_iter().filter(|(line, _)| has(line)).collect();
    assert_eq!(letters.len(), 1, "{message}");
    match letters[0].1 {
        'L' => assert!(has("MONOTONIC_USEC=") && has("STATUS="), "in one message: {message}"),
        'R' => assert!(has("STATUS="), "{message}"),
        'S' => assert!(has("EXTEND_TIMEOUT_USEC=") && has("STATUS="), "{message}"),
        _ => {}
    }
    letters[0].1
}

#[test]
fn systemd_hears_ready_then_watchdog_then_stopping_though_the_broker_is_away() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notify");
    let manager = Manager::at(&path);
    // Port 1 of this host: nothing listens there.
    let host = Host::new("host-a", "127.0.0.1:1");
    host.pipeline("copy.yaml", COPY);
    let mut daemon = host.run_with(&[], &[("NOTIFY_SOCKET", path.to_str().unwrap())]);

    let (first, ready) = manager.hear("READY=1", 0);
    assert_eq!(first, 0, "something came before READY: {:?}", manager.heard());
    assert!(ready.contains("STATUS=1 pipelines"), "{ready}");
    manager.hear("WATCHDOG=1", 0);
    // A broker that is away is no reason to refuse a reload, and systemd hears when it begins and ends. New rules are open until a
    // worker is up with them.
    host.pipeline("copy.yaml", &COPY.replace("topic: b", "topic: c"));
    assert_eq!(host.krouted(&["reload", "--wait"]).code, 75);
    let (begun, _) = manager.hear("RELOADING=1", first);
    manager.hear("READY=1", begun);
    // A rejected one too: the unit stays what it is.
    host.pipeline("bad.yaml", "version: 1\n");
    assert_eq!(host.krouted(&["reload", "--wait"]).code, 1);
    daemon.wait_for_line("no broker answers at 127.0.0.1:1", SOON);
    process::signal(daemon.pid(), "TERM");
    manager.hear("STOPPING=1", begun);
    assert_eq!(daemon.wait_for_end(SOON), Some(0));
    let order: String = manager.heard().iter().map(|m| letter(m)).collect();
    let without_watchdog = order.replace('W', "");
    // Each change of a file is a reload of its own where it is seen before it is asked for.
    let right = Regex::new("^R(LR){2,}S$").unwrap();
    assert!(right.is_match(&without_watchdog), "{order}");
}

#[test]
fn the_sandbox_of_the_unit_is_rated_1_2_at_most() {
    if find("systemd-analyze").is_none() {
        return not_run(
            "systemd-analyze security",
            "it is not in the PATH (Debian: apt-get install systemd)",
        );
    }
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/krouted.service");
    let rated = |file: &Path| {
        let mut command = Command::new("systemd-analyze");
        // Tenths; more than that is a failure.
        command.args(["security", "--offline=true", "--no-pager", "--threshold=12"]).arg(file);
        let output = command.output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(said.contains("Overall exposure level"), "{said}");
        (output.status.success(), said)
    };
    let (is_good, said) = rated(&unit);
    assert!(is_good, "{said}");
    // It is no judge that lets everything pass.
    let folder = TempDir::new().unwrap();
    let open = folder.path().join("krouted.service");
    let text = fs::read_to_string(unit).unwrap();
    fs::write(&open, text.replace("PrivateUsers=yes\n", "").replace("ProtectSystem=strict\n", ""))
        .unwrap();
    let (is_good, said) = rated(&open);
    assert!(!is_good, "{said}");
}

#[test]
fn the_unit_starts_the_daemon_as_its_own_user_and_is_told_when_it_is_ready() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd");
    let unit = fs::read_to_string(folder.join("krouted.service")).unwrap();
    for line in [
        "Type=notify",
        "ExecStart=/usr/bin/krouted run --config /etc/krouted/krouted.yaml",
        "ExecReload=/usr/bin/krouted reload --wait --timeout 60s --config /etc/krouted/krouted.yaml",
        "WatchdogSec=30s",
        "RestartPreventExitStatus=64 78",
        "User=krouted",
    ] {
        assert!(unit.lines().any(|l| l == line), "{line}");
    }
    // It hides the hostname, without which a daemon whose settings give no `instance_id` ends with 78.
    assert!(!unit.lines().any(|l| l == "ProcSubset=pid"), "{unit}");
    let sysusers = fs::read_to_string(folder.join("krouted.sysusers.conf")).unwrap();
    assert!(sysusers.lines().any(|l| l.starts_with("u krouted ")), "{sysusers}");
}
