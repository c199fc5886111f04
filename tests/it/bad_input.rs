//! What operators do wrong, to a daemon that runs: each has a clear outcome, and what runs is not harmed.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::daemon::{Host, Said};
use crate::kafka::record::Record;
use crate::kafka::{Isolation, shared};
use crate::process;
use crate::scene::{SOON, Scene};
use crate::wait::eventually;

/// A scene whose daemon copies one topic to another.
struct Running<'c> {
    scene: Scene<'c>,
    input: String,
    out: String,
    sent: Vec<String>,
}

impl Running<'_> {
    fn new(rest: &[&str]) -> Self {
        let cluster = shared();
        let scene = Scene::new(cluster);
        let (input, out) = (cluster.topic("in", 1), cluster.topic("out", 1));
        let running = Self { scene, input, out, sent: vec![] };
        running.file(rest);
        running
    }

    fn file(&self, rest: &[&str]) {
        let topics = format!("topics: [{}]", self.input);
        let sinks = format!("sinks: {{all: {{kafka: {{topic: {}}}}}}}", self.out);
        let rest: Vec<&str> = rest.iter().copied().chain([sinks.as_str()]).collect();
        self.scene.file("exactly_once", &[&topics, "start: earliest"], &rest);
    }

    /// One record more goes in, and all that went in are out, once.
    fn goes_on(&mut self, value: &str) {
        let record = Record::new(Some("k"), Some(value)).to(0);
        self.scene.cluster.produce(&self.input, &[record]);
        self.sent.push(value.to_owned());
        assert_eq!(self.scene.values(&self.out, self.sent.len()), self.sent);
    }

    fn reload(&self) -> Said {
        self.scene.host.krouted(&["reload", "--wait"])
    }

    /// The reload is refused with these words, and the pipeline goes on.
    fn refuses(&mut self, words: &[&str]) {
        let said = self.reload();
        assert_eq!(said.code, 1, "{words:?}: {said:?}");
        for word in words {
            assert!(said.out.contains(word) || said.err.contains(word), "{word}: {said:?}");
        }
        let value = format!(r#"{{"n": {}}}"#, self.sent.len());
        self.goes_on(&value);
    }

    fn applies(&self) {
        let said = self.reload();
        assert_eq!(said.code, 0, "{said:?}");
    }
}

impl Scene<'_> {
    fn pipelines(&self) -> std::path::PathBuf {
        self.host.path().join("pipelines")
    }
}

#[test]
fn a_folder_that_cannot_be_read_changes_nothing_that_runs() {
    let mut running = Running::new(&[]);
    let mut daemon = running.scene.run();
    let folder = running.scene.pipelines();
    let away = running.scene.host.path().join("away");

    fs::rename(&folder, &away).unwrap();
    running.refuses(&["cannot read", "No such file", "all goes on as it was"]);
    // A link to itself can be read by nobody, root included.
    symlink("pipelines", &folder).unwrap();
    running.refuses(&["cannot read", "symbolic links", "all goes on as it was"]);
    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    running.refuses(&["held", "--allow-removals"]);
    fs::remove_dir(&folder).unwrap();
    fs::rename(&away, &folder).unwrap();
    running.applies();

    // A link back up in it is no trouble at all.
    symlink(".", folder.join("loop")).unwrap();
    symlink("twin-b", folder.join("twin-a")).unwrap();
    symlink("twin-a", folder.join("twin-b")).unwrap();
    running.applies();
    running.goes_on("{}");
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_file_that_cannot_be_one_is_refused_alone() {
    let mut running = Running::new(&[]);
    let mut daemon = running.scene.run();
    let folder = running.scene.pipelines();
    let name = running.scene.name.clone();

    fs::write(folder.join("large.yaml"), vec![b'#'; 10 << 20]).unwrap();
    running.refuses(&["large.yaml", "error[K0102]"]);
    fs::remove_file(folder.join("large.yaml")).unwrap();

    symlink("circle.yaml", folder.join("circle.yaml")).unwrap();
    running.refuses(&["circle.yaml", "symbolic links"]);
    fs::remove_file(folder.join("circle.yaml")).unwrap();

    let text = fs::read_to_string(folder.join("pipeline.yaml")).unwrap();
    fs::write(folder.join("clash.yaml"), text.replace("exactly_once", "at_least_once")).unwrap();
    running.refuses(&["clash.yaml", "pipeline.yaml", &name]);
    assert_eq!(running.scene.host.status_of(&name)["definition"], "last_good");
    fs::remove_file(folder.join("clash.yaml")).unwrap();
    running.applies();
    running.goes_on("{}");
    assert_eq!(running.scene.host.status_of(&name)["definition"], "current");
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_schema_that_is_deleted_goes_on_in_the_last_good_definition() {
    let dlq = shared().topic("dlq", 1);
    let letters = format!("dead_letter: {{topic: {dlq}}}");
    let steps = "steps: [{validate: {schema: number.json}}]";
    let mut running = Running::new(&[]);
    running.file(&[steps, &letters]);
    let schemas = running.scene.host.path().join("schemas");
    let schema = schemas.join("number.json");
    let needs_n = r#"{"type": "object", "required": ["n"]}"#;
    fs::write(&schema, needs_n).unwrap();
    let mut daemon = running.scene.run();
    let letters = |count: usize| {
        running.scene.cluster.produce(&running.input, &[Record::new(None, Some("{}")).to(0)]);
        eventually(SOON, &format!("{count} dead letters"), || {
            let read = running.scene.cluster.read(&dlq, Isolation::Committed);
            (read.len() == count).then_some(())
        });
    };
    letters(1);

    fs::remove_file(&schema).unwrap();
    let said = running.reload();
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("number.json"), "{said:?}");
    letters(2);
    assert_eq!(daemon.terminate(), Some(0));

    // Nor does a start need the file: the state folder has what it said.
    let mut daemon = running.scene.run();
    assert_eq!(running.scene.host.status_of(&running.scene.name)["definition"], "last_good");
    letters(3);

    // It is back, and says another thing: a swap that names it.
    fs::write(&schema, r#"{"type": "object"}"#).unwrap();
    let said = running.reload();
    assert_eq!(said.code, 0, "{said:?}");
    running.goes_on("{}");

    fs::write(&schema, needs_n).unwrap();
    let said = running.reload();
    assert_eq!(said.code, 0, "{said:?}");
    let status = running.scene.host.status();
    let last = &status["generation"];
    assert_eq!(last["changes"]["swap"], 1, "{last:#}");
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_state_folder_that_cannot_be_written_is_said_and_holds_up_nothing() {
    let mut running = Running::new(&[]);
    let mut daemon = running.scene.run();
    let state = running.scene.host.path().join("state");
    let temporary = state.join(format!("{}.last-good.json.tmp", running.scene.name));
    let not_written = "the state folder cannot be written";

    // A disk that is full, as the temporary file sees it.
    symlink("/dev/full", &temporary).unwrap();
    running.file(&["description: full"]);
    running.applies();
    let line = daemon.wait_for_line(not_written, SOON);
    assert!(line.contains("No space left"), "{line}");
    running.goes_on("{}");

    // A folder in the way of the temporary file: permissions would not stop root.
    fs::create_dir(&temporary).unwrap();
    running.file(&["description: blocked"]);
    running.applies();
    daemon.wait_for_lines(not_written, 2, SOON);
    running.goes_on("{}");
    fs::remove_dir(&temporary).unwrap();

    // From then on it is written again, and a daemon that is killed knows it.
    running.file(&["description: written"]);
    running.applies();
    eventually(SOON, "it is written", || {
        let file = state.join(format!("{}.last-good.json", running.scene.name));
        fs::read_to_string(file).unwrap().contains("description: written").then_some(())
    });
    daemon.kill9();
    fs::write(running.scene.pipelines().join("pipeline.yaml"), "name: [").unwrap();
    let mut daemon = running.scene.run();
    running.goes_on("{}");
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_damaged_state_file_lets_nothing_read_that_an_operator_has_paused() {
    let host = Host::new("host-a", "127.0.0.1:1");
    host.pipeline(
        "p.yaml",
        "version: 1\nname: p\nsource: {topics: [a], start: earliest}\ndelivery: exactly_once\nsinks: {all: {kafka: {topic: b}}}\n",
    );
    let run = || {
        let daemon = host.run();
        eventually(SOON, "it is there", || {
            (host.krouted(&["status"]).code == 0 && host.status_of("p")["name"] == "p")
                .then_some(())
        });
        daemon
    };
    let damage = |file: &str| {
        fs::write(host.path().join("state").join(file), "{").unwrap();
    };
    let mut daemon = run();
    assert_eq!(host.krouted(&["pause", "p"]).code, 0);
    assert_eq!(daemon.terminate(), Some(0));

    damage("host-a.paused.json");
    let mut daemon = run();
    assert_eq!(host.status_of("p")["paused_by"], json!(["operator"]));
    let said = host.krouted(&["status"]).out;
    assert!(said.contains("a state file is damaged, and its copy counts"), "{said}");
    assert!(host.path().join("state/host-a.paused.json.damaged-1").exists());
    assert_eq!(daemon.terminate(), Some(0));

    // It was written anew, and is enough.
    damage("host-a.paused-copy.json");
    let mut daemon = run();
    assert_eq!(host.status_of("p")["paused_by"], json!(["operator"]));
    let said = host.krouted(&["status"]).out;
    assert!(said.contains("a state file is damaged, and nothing is forgotten"), "{said}");
    assert_eq!(daemon.terminate(), Some(0));

    damage("host-a.paused.json");
    damage("host-a.paused-copy.json");
    let mut daemon = run();
    assert_eq!(host.status_of("p")["paused_by"], json!([]));
    let words = "all pipelines that were paused by hand read again";
    let said = host.krouted(&["status"]).out;
    assert!(said.contains(words), "{said}");
    daemon.wait_for_line(&format!("ERROR.*{words}"), SOON);
    assert_eq!(host.status()["state_damage"].as_array().unwrap().len(), 2);
    assert_eq!(daemon.terminate(), Some(0));

    // It is said until the next start.
    let mut daemon = run();
    assert_eq!(host.status()["state_damage"], json!([]));
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_start_without_what_it_needs_is_78() {
    let host = Host::new("host-a", "127.0.0.1:1");
    fs::remove_dir(host.path().join("pipelines")).unwrap();
    let mut daemon = host.run();
    assert_eq!(daemon.wait_for_end(SOON), Some(78));
    daemon.wait_for_line("the pipelines folder .* cannot be read", SOON);

    let host = Host::new("host-a", "127.0.0.1:1");
    fs::remove_dir(host.path().join("state")).unwrap();
    fs::write(host.path().join("state"), "no folder").unwrap();
    let mut daemon = host.run();
    assert_eq!(daemon.wait_for_end(SOON), Some(78));
    daemon.wait_for_line("the state folder .* cannot be made", SOON);
}

fn a_to_b(name: &str) -> String {
    format!(
        "version: 1\nname: {name}\nsource: {{topics: [a], start: earliest}}\ndelivery: exactly_once\nsinks: {{all: {{kafka: {{topic: b}}}}}}\n"
    )
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_state_disk_that_hangs_holds_up_neither_status_nor_the_end() {
    let host = Host::new("host-a", "127.0.0.1:1");
    let mut daemon = host.run();
    // What a start writes last.
    let last = host.path().join("state/host-a.generations.json");
    eventually(SOON, "it has begun", || last.exists().then_some(()));
    // Who opens it to write waits for a reader, and there is none.
    let hanging = host.path().join("state/host-a.last-good.json.tmp");
    pipe(&hanging);
    host.pipeline("p.yaml", &a_to_b("p"));
    let said = host.krouted(&["reload", "--wait"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(host.status_of("p")["name"], "p");
    daemon.wait_for_line("ERROR.*its disk has not answered", SOON);
    // Nobody waits for it any more.
    host.pipeline("q.yaml", &a_to_b("q"));
    eventually(SOON, "it is there", || (host.status_of("q")["name"] == "q").then_some(()));
    let said = host.krouted(&["plan", &host.path().join("pipelines").display().to_string()]);
    assert_eq!(said.code, 0, "{said:?}");
    let said = host.krouted(&["pause", "q"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("its disk has not answered"), "{said:?}");
    let said = host.krouted(&["status"]).out;
    assert!(said.contains("its disk has not answered"), "{said}");

    // It answers: what waited longest fails, and the newest is written.
    fs::read(&hanging).unwrap();
    eventually(SOON, "it is over", || host.status()["state_unwritten"].is_null().then_some(()));
    let last_good = fs::read_to_string(host.path().join("state/host-a.last-good.json")).unwrap();
    assert!(last_good.contains("name: p") && last_good.contains("name: q"), "{last_good}");
    let paused = fs::read_to_string(host.path().join("state/host-a.paused.json")).unwrap();
    assert!(paused.contains(r#"["q"]"#), "{paused}");
    daemon.wait_for_line("the state folder is written again", SOON);

    // Nor does the end wait.
    pipe(&hanging);
    host.pipeline("r.yaml", &a_to_b("r"));
    eventually(SOON, "it is there", || (host.status_of("r")["name"] == "r").then_some(()));
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn what_a_full_disk_did_not_take_is_written_when_there_is_room_though_no_file_changes() {
    let host = Host::new("host-a", "127.0.0.1:1");
    host.pipeline("p.yaml", &a_to_b("p"));
    let mut daemon = host.run();
    let state = |file: &str| host.path().join("state").join(file);
    let says = |file: &str, what: &str| {
        fs::read_to_string(state(file)).is_ok_and(|text| text.contains(what))
    };
    eventually(SOON, "it has begun", || says("host-a.generations.json", "applied").then_some(()));
    // It is in the way of every write.
    let in_the_way = state("host-a.last-good.json.tmp");
    fs::create_dir(&in_the_way).unwrap();
    host.pipeline("p.yaml", &a_to_b("p").replace("[a]", "[newest]"));
    let said = host.krouted(&["reload", "--wait"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!says("host-a.last-good.json", "newest"));
    // The history is another file, and is written.
    assert!(says("host-a.generations.json", "restart"));
    let said = host.krouted(&["status"]).out;
    assert!(said.contains("would not know what was good last"), "{said}");

    fs::remove_dir(&in_the_way).unwrap();
    // It is tried again every 30 s.
    eventually(3 * SOON, "it is written", || says("host-a.last-good.json", "newest").then_some(()));
    daemon.wait_for_line("the state folder is written again", SOON);
    assert_eq!(host.status()["state_unwritten"], json!(null));
    daemon.kill9();

    host.pipeline("p.yaml", "name: [");
    let mut daemon = host.run();
    eventually(SOON, "it is there", || {
        (host.krouted(&["status"]).code == 0 && host.status_of("p")["definition"] == "last_good")
            .then_some(())
    });
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_hangup_that_comes_before_the_daemon_is_up_does_not_end_it() {
    let host = Host::new("host-a", "127.0.0.1:1");
    let remembered = host.path().join("state/host-a.last-good.json");
    pipe(&remembered);
    let mut daemon = host.run();
    // It is open when the daemon reads its state, and the daemon goes on when it is closed.
    let writer = File::options().write(true).open(&remembered).unwrap();
    process::signal(daemon.pid(), "HUP");
    drop(writer);
    eventually(SOON, "it is there", || (host.krouted(&["status"]).code == 0).then_some(()));
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_pipe_in_the_place_of_a_certificate_is_a_finding_and_holds_up_nothing() {
    let host = Host::new("host-a", "127.0.0.1:1");
    let good = fs::read_to_string(host.path().join("krouted.yaml")).unwrap();
    let mut daemon = host.run();
    eventually(SOON, "it is there", || (host.krouted(&["status"]).code == 0).then_some(()));
    let ca = host.path().join("ca.pem");
    pipe(&ca);
    host.settings(&format!("{good}    tls: {{ca: {}}}\n", ca.display()));
    let said = host.krouted(&["reload", "--wait"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("it is no regular file"), "{said:?}");
    assert_eq!(daemon.terminate(), Some(0));
}

/// No lock tells them of each other, where each has a state folder of its own.
#[test]
fn two_daemons_of_one_instance_id_on_two_hosts_say_so_and_lose_and_double_nothing() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 2), cluster.topic("out", 1));
    scene.copy(&input, &out);
    let twin = Host::new(&scene.name, &cluster.bootstrap);
    let file = fs::read_to_string(scene.pipelines().join("pipeline.yaml")).unwrap();
    twin.pipeline("pipeline.yaml", &file);
    let (mut first, mut second) = (scene.run(), twin.run());
    let mut sent: Vec<String> = Vec::new();
    let is_fenced =
        |host: &Host| host.status_of(&scene.name)["workers"][0]["reason"]["kind"] == "fenced";
    for host in [&scene.host, &twin] {
        eventually(SOON, "it is there", || (host.krouted(&["status"]).code == 0).then_some(()));
    }
    // Work for both, until each gets in the other's way.
    eventually(4 * SOON, "one of them says so", || {
        let records: Vec<_> = (0..2)
            .map(|n| (n, (sent.len() + usize::try_from(n).unwrap()).to_string()))
            .map(|(n, value)| Record::new(None, Some(&value)).to(n))
            .collect();
        cluster.produce(&input, &records);
        sent.extend([sent.len().to_string(), (sent.len() + 1).to_string()]);
        (is_fenced(&scene.host) || is_fenced(&twin)).then_some(())
    });
    let said = [&scene.host, &twin].map(|host| host.krouted(&["status"]).out).concat();
    assert!(said.contains("is another daemon running with this instance_id?"), "{said}");
    assert_eq!(second.terminate(), Some(0));
    let mut read = scene.values(&out, sent.len());
    read.sort_unstable();
    sent.sort_unstable();
    assert_eq!(read, sent);
    assert_eq!(first.terminate(), Some(0));
    let lines = [first.lines(), second.lines()].concat();
    let named = |line: &String| line.contains(r#""fault":"fenced""#);
    assert!(lines.iter().any(named), "the log says so");
}
