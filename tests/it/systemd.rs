//! What systemd hears of a daemon, and the unit that starts one.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use tempfile::TempDir;

use crate::daemon::Host;
use crate::process;
use crate::wait::{Deadline, SOON};

const COPY: &str = "\
version: 1
name: copy
source: {topics: [a], start: earliest, format: bytes}
delivery: exactly_once
sinks: {b: {kafka: {topic: b}}}
";

/// systemd's end of `$NOTIFY_SOCKET`.
struct Manager(UnixDatagram);

impl Manager {
    /// The next message that has this line in it; what else is heard before is returned too.
    fn hear(&self, line: &str) -> Vec<String> {
        let deadline = Deadline::after(SOON);
        let mut heard = Vec::new();
        let mut buffer = [0; 4096];
        while !deadline.passed() {
            let Ok(size) = self.0.recv(&mut buffer) else { break };
            let message = String::from_utf8(buffer[..size].to_vec()).unwrap();
            let found = message.lines().any(|l| l == line);
            heard.push(message);
            if found {
                return heard;
            }
        }
        panic!("{line} was not heard, but {heard:?}")
    }
}

#[test]
fn systemd_hears_ready_then_watchdog_then_stopping_though_the_broker_is_away() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notify");
    let manager = Manager(UnixDatagram::bind(&path).unwrap());
    manager.0.set_read_timeout(Some(SOON)).unwrap();
    // Port 1 of this host: nothing listens there.
    let host = Host::new("host-a", "127.0.0.1:1");
    host.pipeline("copy.yaml", COPY);
    let mut daemon = host.run_with(&[], &[("NOTIFY_SOCKET", path.to_str().unwrap())]);

    let heard = manager.hear("READY=1");
    assert_eq!(heard.len(), 1, "something came before READY: {heard:?}");
    assert!(heard[0].contains("STATUS=1 pipelines"), "{heard:?}");
    manager.hear("WATCHDOG=1");
    // A broker that is away is no reason to refuse a reload, and systemd hears when it begins and ends.
    host.pipeline("copy.yaml", &COPY.replace("topic: b", "topic: c"));
    assert_eq!(host.krouted(&["reload", "--wait"]).code, 0);
    let begun = manager.hear("RELOADING=1");
    assert!(begun.last().unwrap().contains("MONOTONIC_USEC="), "{begun:?}");
    manager.hear("READY=1");
    daemon.wait_for_line("no broker answers at 127.0.0.1:1", SOON);
    process::signal(daemon.pid(), "TERM");
    let heard = manager.hear("STOPPING=1");
    let last = heard.last().unwrap();
    assert!(last.lines().any(|l| l.starts_with("EXTEND_TIMEOUT_USEC=")), "{last}");
    assert_eq!(daemon.wait_for_end(SOON), Some(0));
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
