//! The unit in a real systemd, booted by systemd-nspawn for this test: this host's programs, an `/etc` of its own, no network.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use crate::by_hand::readme::{BOOTED, Built, INSTALL, SYSTEMD, blocks, first_file};
use crate::kafka::unique;
use crate::not_run::{find, not_run};
use crate::process;
use crate::wait::{SOON, eventually};

/// Becomes its arguments; a shell left behind kills them when the pipe that the test process holds ends. The kernel then kills the
/// machine, whose first process has asked for that.
const GUARD: &str = r#"exec 3<&0; { read -r word; [ "$word" = ended ] || kill -KILL $$; } <&3 3<&- >/dev/null 2>&1 & exec "$@" </dev/null 3<&-"#;

/// README's command lines about systemd, in their order.
fn lines_of_readme() -> impl Iterator<Item = String> {
    let lines = |block: String| block.lines().map(str::to_owned).collect::<Vec<_>>();
    blocks(SYSTEMD).into_iter().flat_map(lines)
}

/// Whether it installs what must be there before the machine is booted.
fn is_for_usr(line: &str) -> bool {
    line.starts_with(INSTALL) && line.contains(" /usr/")
}

/// Where a machine is made of.
struct Tree {
    folder: TempDir,
    built: Built,
}

impl Tree {
    /// What an empty system needs, and over this host's `/usr`, which stays as it is, what README installs there.
    fn new() -> Self {
        let tree = Self { folder: TempDir::new().unwrap(), built: Built::new() };
        fs::set_permissions(tree.folder.path(), Permissions::from_mode(0o755)).unwrap();
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

        for folder in ["usr/bin", "root/etc/systemd/system"] {
            fs::create_dir_all(tree.folder.path().join(folder)).unwrap();
        }
        for line in lines_of_readme().filter(|line| is_for_usr(line)) {
            tree.built.install(&line, tree.folder.path());
        }
        tree
    }

    fn root(&self) -> std::path::PathBuf {
        self.folder.path().join("root")
    }

    fn usr(&self) -> std::path::PathBuf {
        self.folder.path().join("usr")
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Takes the user out that the boot has made.
    fn forget_user(&self) {
        for file in ["passwd", "group", "shadow", "gshadow"] {
            let path = self.root().join("etc").join(file);
            let text = fs::read_to_string(&path).unwrap();
            let others = text.lines().filter(|line| !line.starts_with("krouted:"));
            let others: String = others.flat_map(|line| [line, "\n"]).collect();
            assert_ne!(others, text, "{file} has no krouted");
            fs::write(&path, others).unwrap();
        }
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
        self.command(&["--all"], command).output().unwrap()
    }

    fn command(&self, how: &[&str], command: &[&str]) -> Command {
        let mut nsenter = Command::new("nsenter");
        nsenter.args(["--target", &self.leader.to_string()]).args(how).arg("--");
        nsenter.args(["/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin"]).args(command);
        nsenter
    }

    /// Runs a line of README as it stands, and gives what it wrote.
    fn shell(&self, line: &str) -> String {
        let output = self.run(&["sh", "-c", line]);
        assert!(output.status.success(), "{line}: {output:?}\n{}", self.journal());
        said(&output)
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

/// The pipeline file of the machine.
const FILE: &str = "orders.yaml";

/// Which lines of README were run.
#[derive(Default)]
struct Ran(BTreeSet<String>);

impl Ran {
    /// Notes that a line is run: one of those that this test is there for.
    fn runs(&mut self, line: &str) -> String {
        assert!(BOOTED.contains(&line), "{line}");
        self.0.insert(line.to_owned());
        line.to_owned()
    }

    /// Runs a line, and looks at what it changes.
    fn before_and_after(&mut self, machine: &Machine, line: &str) {
        let has_user = || machine.run(&["id", "krouted"]).status.success();
        let is = |verb: &str| said(&machine.systemctl(verb));
        match line {
            "systemd-sysusers" => {
                assert!(!has_user());
                machine.shell(&self.runs(line));
                assert!(has_user());
            }
            "systemctl daemon-reload" => {
                machine.shell(&self.runs(line));
                assert_eq!(machine.property("LoadState"), "loaded");
                assert_eq!(machine.property("NeedDaemonReload"), "no");
            }
            "systemctl enable --now krouted" => {
                assert_eq!(
                    (is("is-enabled"), is("is-active")),
                    ("disabled".into(), "inactive".into())
                );
                machine.shell(&self.runs(line));
                assert_eq!(
                    (is("is-enabled"), is("is-active")),
                    ("enabled".into(), "active".into())
                );
            }
            _ => panic!("nobody says what it promises: {line}"),
        }
    }

    fn all(&self) {
        assert!(self.0.iter().eq(&BTreeSet::from(BOOTED.map(str::to_owned))), "{:?}", self.0);
    }
}

/// A command in the machine that goes on, and the lines that it has written; killed when this is dropped.
struct Follower(Child, Arc<Mutex<Vec<String>>>);

impl Follower {
    fn start(machine: &Machine, line: &str) -> Self {
        // The process itself, not the parent of one in the machine: it ends when it is killed.
        let mut command =
            machine.command(&["--all", "--no-fork"], &["sh", "-c", &format!("exec {line}")]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let written = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&written);
        // It ends with the process.
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| kept.lock().unwrap().push(line));
        });
        Self(child, written)
    }

    fn shows(&self, what: &str) {
        eventually(SOON, &format!("it shows {what:?}"), || {
            self.1.lock().unwrap().iter().any(|line| line.contains(what)).then_some(())
        });
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// What this machine lacks to boot another one in it.
fn lacks() -> Option<String> {
    for (program, package) in [("systemd-nspawn", "systemd-container"), ("nsenter", "util-linux")] {
        if find(program).is_none() {
            return Some(format!(
                "{program} is not in the PATH (Debian: apt-get install {package})"
            ));
        }
    }
    let is_root =
        fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    (!is_root).then(|| "systemd-nspawn needs root".to_owned())
}

/// Goes README's way in the machine, line by line; the journal that its last line follows.
fn install(tree: &Tree, machine: &Machine, ran: &mut Ran) -> Follower {
    tree.forget_user();
    let mut follower = None;
    for line in lines_of_readme().filter(|line| !is_for_usr(line)) {
        if line.starts_with(INSTALL) {
            tree.built.install(&line, &tree.root());
        } else if line.ends_with(" -f") {
            follower = Some(Follower::start(machine, &ran.runs(&line)));
        } else {
            // A file of one's own, once there is a folder for it.
            if line.contains("enable") {
                tree.pipeline(FILE, &first_file());
            }
            ran.before_and_after(machine, &line);
        }
    }
    follower.expect("README follows the journal")
}

fn finds_lines_of_a_pipeline(machine: &Machine, ran: &mut Ran) {
    // A line of its own.
    machine.shell("krouted restart orders-by-region");
    let restarted = "restarted by an operator";
    let of_pipeline = ran.runs("journalctl F_PIPELINE=orders-by-region");
    eventually(SOON, "the journal has lines of the pipeline", || {
        machine.shell(&of_pipeline).contains(restarted).then_some(())
    });
    // It is the field that finds it.
    let of_no_one = of_pipeline.replace("orders-by-region", "no-such-pipeline");
    assert!(!said(&machine.run(&["sh", "-c", &of_no_one])).contains(restarted));
}

#[test]
fn a_booted_systemd_starts_reloads_restarts_and_stops_the_unit() {
    let what = "the unit in a booted systemd";
    if let Some(why) = lacks() {
        return not_run(what, &why);
    }
    let tree = Tree::new();
    if let Some(why) = tree.obstacle() {
        return not_run(what, &why);
    }
    let machine = Machine::boot(&tree);
    let mut ran = Ran::default();
    let follower = install(&tree, &machine, &mut ran);
    follower.shows("starting");

    let verified =
        machine.run(&["systemd-analyze", "verify", "/etc/systemd/system/krouted.service"]);
    assert!(verified.status.success(), "{verified:?}");
    assert_eq!(machine.property("StatusText"), "1 pipelines, generation 1 applied");
    let pid = machine.property("MainPID");
    let status = said(&machine.run(&["cat", &format!("/proc/{pid}/status")]));
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "CapBnd:\t0000000000000000"] {
        assert!(status.lines().any(|l| l == line), "{line}: {status}");
    }

    // No broker answers: a swap would stay open, which is a reload that has not succeeded yet.
    let other = first_file().replace("topics: [orders]", "topics: [others]");
    assert_ne!(other, first_file());
    tree.pipeline(FILE, &other);
    machine.shell(&ran.runs("systemctl reload krouted"));
    follower.shows("reloaded");
    drop(follower);
    assert_eq!(machine.property("StatusText"), "1 pipelines, generation 2 applied");
    // A rejected reload fails, says why in the journal, and the daemon goes on.
    tree.pipeline(FILE, &first_file().replace("sinks:", "sink:"));
    assert!(!machine.systemctl("reload").status.success(), "{}", machine.journal());
    assert!(machine.journal().contains("pipelines/orders.yaml"), "{}", machine.journal());
    assert_eq!(machine.property("ActiveState"), "active");
    let status = machine.property("StatusText");
    assert!(
        status.starts_with("1 pipelines, generation 3 rejected, 1 by their last good"),
        "{status}"
    );
    assert_eq!(machine.property("MainPID"), pid);
    finds_lines_of_a_pipeline(&machine, &mut ran);
    ran.all();

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
