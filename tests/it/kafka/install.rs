//! Jars from Maven Central and classes from `tests/kafka/*.java`, once for each version, below `target/kafka/`.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

pub(crate) fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka")
}

/// The class path of broker, tools and judge.
pub(crate) fn class_path() -> &'static str {
    static CLASS_PATH: OnceLock<String> = OnceLock::new();
    CLASS_PATH.get_or_init(|| {
        let root = super::folder();
        let _lock = lock("install");
        let jars = jars(&root);
        let classes = classes(&root, &jars);
        format!("{}:{}/*", classes.display(), jars.display())
    })
}

fn jars(root: &Path) -> PathBuf {
    let pom = sources().join("pom.xml");
    let text = fs::read_to_string(&pom).unwrap();
    let version = text
        .split_once("<kafka.version>")
        .and_then(|(_, rest)| rest.split_once("</kafka.version>"))
        .expect("tests/kafka/pom.xml pins <kafka.version>")
        .0;
    let jars = root.join(version);
    made(&jars, |fresh| {
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-B", "-f"]).arg(&pom).arg("dependency:copy-dependencies");
        maven.arg(format!("-DoutputDirectory={}", fresh.display()));
        run(&mut maven, "maven");
    });
    jars
}

fn classes(root: &Path, jars: &Path) -> PathBuf {
    let mut files: Vec<_> = fs::read_dir(sources())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "java"))
        .collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    jars.hash(&mut hasher);
    for file in &files {
        fs::read(file).unwrap().hash(&mut hasher);
    }
    let classes = root.join(format!("judge-{:016x}", hasher.finish()));
    made(&classes, |fresh| {
        let mut javac = Command::new("javac");
        javac.args(["-proc:none", "-Xlint:all,-classfile", "-Werror", "-cp"]);
        javac.arg(format!("{}/*", jars.display())).arg("-d").arg(fresh).args(&files);
        run(&mut javac, "openjdk-17-jdk-headless");
    });
    classes
}

/// A folder below `target/kafka/` that is filled once, by whoever needs it first.
pub(crate) fn once(name: &str, fill: impl FnOnce(&Path)) -> PathBuf {
    let _lock = lock(name);
    let folder = super::folder().join(name);
    made(&folder, fill);
    folder
}

/// Two test processes may begin at once: the second waits and finds all done. What is made may need other things that are
/// made, so each has its own lock.
fn lock(name: &str) -> File {
    let root = super::folder();
    fs::create_dir_all(&root).unwrap();
    let lock = File::create(root.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    lock
}

/// Fills a folder that is not there yet: made under another name and renamed, so that half of one is never taken.
fn made(folder: &Path, fill: impl FnOnce(&Path)) {
    if folder.is_dir() {
        return;
    }
    let fresh = folder.with_extension("unfinished");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).unwrap();
    }
    fs::create_dir_all(&fresh).unwrap();
    fill(&fresh);
    fs::rename(&fresh, folder).unwrap();
}

pub(crate) fn run(command: &mut Command, package: &str) {
    let program = command.get_program().to_string_lossy().into_owned();
    let output =
        command.output().unwrap_or_else(|error| panic!("{}", missing(&program, package, &error)));
    assert!(
        output.status.success(),
        "{program} failed ({}):\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

/// What to do where a program cannot be started.
pub(crate) fn missing(program: &str, package: &str, error: &std::io::Error) -> String {
    if error.kind() == ErrorKind::NotFound {
        return format!(
            "the tests need `{program}`, which is not installed; on Debian: apt-get install {package}"
        );
    }
    format!("cannot start `{program}`: {error}")
}
