//! The unit in a real systemd, booted by systemd-nspawn for this test: this host's programs, an `/etc` of its own, no network.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use super::COPY;
use crate::kafka::unique;
use crate::not_run::{find, not_run};
use crate::process;
use crate::wait::{SOON, eventually};

/// Becomes its arguments; a shell left behind kills them when the pipe that the test process holds ends. The kernel then kills the
/// machine, whose first process has asked for that.
const GUARD: &str = r#"exec 3<&0; { read -r word; [ "$word" = ended ] || kill -KILL $$; } <&3 3<&- >/dev/null 2>&1 & exec "$@" </dev/null 3<&-"#;

/// Where a machine is made of, and what it was told to run.
struct Tree(TempDir);

impl Tree {
    /// As README's section "Under systemd" says, beside what an empty system needs.
    fn new() -> Self {
        let tree = Self(TempDir::new().unwrap());
        fs::set_permissions(tree.0.path(), Permissions::from_mode(0o755)).unwrap();
        for folder in ["proc", "sys", "dev", "run", "tmp", "var", "root", "usr/lib"] {
            fs::create_dir_all(tree.root().join(folder)).unwrap();
        }
        for link in ["bin", "sbin", "lib", "lib64"] {
            symlink(Path::new("usr").join(link), tree.root().join(link)).unwrap();
        }
        tree.write("usr/lib/os-release", "ID=krouted-test\n");
        tree.write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
        tree.write("etc/group", "root:x:0:\n");
        tree.write("etc/hosts", "127.0.0.1 localhost\n");
        tree.write("etc/machine-id", "");
        let cache = Path::new("/etc/ld.so.cache");
        fs::copy(cache, tree.root().join("etc/ld.so.cache")).unwrap();

        let of_ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd");
        let unit = fs::read_to_string(of_ours.join("krouted.service")).unwrap();
        tree.write("etc/systemd/system/krouted.service", &unit);
        tree.settings("version: 1\nclusters: {default: {bootstrap_servers: '127.0.0.1:1'}}\n");
        tree.pipeline("copy.yaml", COPY);
        fs::create_dir(tree.root().join("etc/krouted/credentials")).unwrap();
        // Over this host's /usr, which stays as it is.
        let users = fs::read_to_string(of_ours.join("krouted.sysusers.conf")).unwrap();
        tree.write("../usr/lib/sysusers.d/krouted.conf", &users);
        fs::create_dir(tree.usr().join("bin")).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_krouted"), tree.usr().join("bin/krouted")).unwrap();
        tree
    }

    fn root(&self) -> std::path::PathBuf {
        self.0.path().join("root")
    }

    fn usr(&self) -> std::path::PathBuf {
        self.0.path().join("usr")
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn settings(&self, text: &str) {
        self.write("etc/krouted/krouted.yaml", text);
    }

    fn pipeline(&self, file: &str, text: &str) {
        self.write(&format!("etc/krouted/pipelines/{file}"), text);
    }

    fn nspawn(&self) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "guard", "systemd-nspawn", "--quiet", "--private-network"]);
        command.arg(format!("--directory={}", self.root().display()));
        command.arg(format!("--overlay-ro=/usr:{}:/usr", self.usr().display()));
        command.arg(format!("--machine={}", unique("krouted")));
        command.args(["--register=no", "--keep-unit", "--console=pipe"]);
        command.env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1");
        command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Why no machine can be made here.
    fn obstacle(&self) -> Option<String> {
        let mut child = self.nspawn().arg("/usr/bin/true").spawn().unwrap();
        let pipe = child.stdin.take();
        let output = child.wait_with_output().unwrap();
        drop(pipe);
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (!output.status.success()).then(|| format!("systemd-nspawn fails here: {}", said.trim()))
    }
}

/// A booted machine; it is off when this is dropped.
struct Machine {
    nspawn: Child,
    leader: u32,
}

impl Machine {
    fn boot(tree: &Tree) -> Self {
        let mut command = tree.nspawn();
        // Nobody reads what it says while it boots.
        command.arg("--boot").stdout(Stdio::null()).stderr(Stdio::null());
        let nspawn = command.spawn().unwrap();
        let ours = fs::read_link("/proc/self/ns/pid").unwrap();
        let leader = eventually(SOON, "the machine has a first process", || {
            let children = format!("/proc/{0}/task/{0}/children", nspawn.id());
            let children = fs::read_to_string(children).ok()?;
            let mut all = children.split_whitespace().filter_map(|pid| pid.parse().ok());
            // The guard's shell is a child too.
            all.find(|pid: &u32| {
                fs::read_link(format!("/proc/{pid}/ns/pid")).is_ok_and(|ns| ns != ours)
            })
        });
        let machine = Self { nspawn, leader };
        eventually(SOON, "the machine is up", || {
            let state = machine.run(&["systemctl", "is-system-running"]);
            (said(&state) == "running").then_some(())
        });
        machine
    }

    fn run(&self, command: &[&str]) -> Output {
        let mut nsenter = Command::new("nsenter");
        nsenter.args(["--target", &self.leader.to_string(), "--all", "--"]);
        nsenter.args(["/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin"]).args(command);
        nsenter.output().unwrap()
    }

    fn systemctl(&self, verb: &str) -> Output {
        self.run(&["systemctl", verb, "krouted.service"])
    }

    /// Fails with the journal where the verb does.
    fn does(&self, verb: &str) {
        let output = self.systemctl(verb);
        assert!(output.status.success(), "{verb}: {output:?}\n{}", self.journal());
    }

    fn journal(&self) -> String {
        said(&self.run(&["journalctl", "--unit=krouted", "--no-pager", "--output=cat"]))
    }

    fn property(&self, name: &str) -> String {
        said(&self.run(&["systemctl", "show", "krouted.service", "--value", "--property", name]))
    }

    fn wait_for(&self, name: &str, value: &str) {
        eventually(SOON, &format!("{name} is {value}"), || {
            (self.property(name) == value).then_some(())
        });
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if process::is_alive(self.nspawn.id()) {
            // The end of the guard's pipe kills it.
            drop(self.nspawn.stdin.take());
        } else if let Some(mut pipe) = self.nspawn.stdin.take() {
            pipe.write_all(b"ended\n").ok();
        }
        self.nspawn.wait().ok();
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_booted_systemd_starts_reloads_restarts_and_stops_the_unit() {
    let what = "the unit in a booted systemd";
    for (program, package) in [("systemd-nspawn", "systemd-container"), ("nsenter", "util-linux")] {
        if find(program).is_none() {
            let why = format!("{program} is not in the PATH (Debian: apt-get install {package})");
            return not_run(what, &why);
        }
    }
    if fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) != 0) {
        return not_run(what, "systemd-nspawn needs root");
    }
    let tree = Tree::new();
    if let Some(why) = tree.obstacle() {
        return not_run(what, &why);
    }
    let machine = Machine::boot(&tree);

    let verified =
        machine.run(&["systemd-analyze", "verify", "/etc/systemd/system/krouted.service"]);
    assert!(verified.status.success(), "{verified:?}");
    machine.does("start");
    assert_eq!(machine.property("ActiveState"), "active");
    assert_eq!(machine.property("StatusText"), "1 pipelines, generation 1 applied");
    let pid = machine.property("MainPID");
    let status = said(&machine.run(&["cat", &format!("/proc/{pid}/status")]));
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "CapBnd:\t0000000000000000"] {
        assert!(status.lines().any(|l| l == line), "{line}: {status}");
    }

    // No broker answers: a swap would stay open, which is a reload that has not succeeded yet.
    tree.pipeline("copy.yaml", &COPY.replace("topics: [a]", "topics: [c]"));
    machine.does("reload");
    assert_eq!(machine.property("StatusText"), "1 pipelines, generation 2 applied");
    // A rejected reload fails, says why in the journal, and the daemon goes on.
    tree.pipeline("copy.yaml", &COPY.replace("sinks", "sink"));
    assert!(!machine.systemctl("reload").status.success(), "{}", machine.journal());
    assert!(machine.journal().contains("pipelines/copy.yaml"), "{}", machine.journal());
    assert_eq!(machine.property("ActiveState"), "active");
    let status = machine.property("StatusText");
    assert!(
        status.starts_with("1 pipelines, generation 3 rejected, 1 by their last good"),
        "{status}"
    );
    assert_eq!(machine.property("MainPID"), pid);

    // Killed, it is started again, and runs what was good last.
    let killed = machine.run(&["sh", "-c", &format!("kill -KILL {pid}")]);
    assert!(killed.status.success(), "{killed:?}");
    machine.wait_for("NRestarts", "1");
    machine.wait_for("ActiveState", "active");
    assert_ne!(machine.property("MainPID"), pid);
    assert!(machine.property("StatusText").contains("1 by their last good definition"));

    machine.does("stop");
    assert_eq!(machine.property("ActiveState"), "inactive");
    assert_eq!(machine.property("Result"), "success");
    assert_eq!(machine.property("ExecMainStatus"), "0");

    // Settings that nobody can run are no reason to try again and again.
    tree.settings("version: 1\nnonsense: 1\n");
    assert!(!machine.systemctl("start").status.success());
    machine.wait_for("ActiveState", "failed");
    assert_eq!(machine.property("ExecMainStatus"), "78");
    assert_eq!(machine.property("NRestarts"), "0");
}
