//! The C programs: built against the librdkafka that the crate's own build made for the daemon beside them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use krouted::kafka::defaults;
use krouted::model::Guarantee;

use crate::kafka::install;
use crate::measure::{Property, Run};

pub(crate) struct Yardstick {
    pub(crate) loop_program: PathBuf,
    pub(crate) probe: PathBuf,
    /// Of librdkafka, as it says itself.
    pub(crate) version: String,
}

pub(crate) fn yardstick() -> &'static Yardstick {
    static BUILT: OnceLock<Yardstick> = OnceLock::new();
    BUILT.get_or_init(|| {
        let loop_program = build("loop");
        let version = Command::new(&loop_program).arg("version").output().unwrap();
        assert!(version.status.success(), "{version:?}");
        let version = String::from_utf8(version.stdout).unwrap().trim().to_owned();
        Yardstick { loop_program, probe: build("probe"), version }
    })
}

fn build(name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("benches/yardstick/{name}.c"));
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("yardstick-{name}"));
    std::fs::create_dir_all(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let rdkafka = out_of("rdkafka-sys", "src/librdkafka.a");
    let ssl = out_of("openssl-sys", "openssl-build/install/lib/libssl.a");
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-Wall", "-Wextra", "-Wno-ignored-qualifiers", "-o"]).arg(&program).arg(source);
    cc.arg("-I").arg(rdkafka.parent().unwrap()).arg(&rdkafka);
    cc.arg(&ssl).arg(ssl.with_file_name("libcrypto.a"));
    cc.arg(out_of("zstd-sys", "libzstd.a")).arg(out_of("libz-sys", "lib/libz.a"));
    install::run(cc.args(["-lm", "-lpthread", "-ldl"]), "build-essential");
    program
}

/// The newest file of that name among the outputs of a crate's build script, in the profile of this very program.
fn out_of(package: &str, file: &str) -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let builds = exe.parent().and_then(Path::parent).unwrap().join("build");
    let prefix = format!("{package}-");
    let found = std::fs::read_dir(&builds)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .map(|entry| entry.path().join("out").join(file))
        .filter(|path| path.is_file());
    found
        .max_by_key(|path| path.metadata().unwrap().modified().unwrap())
        .unwrap_or_else(|| panic!("no {file} of {package} below {}", builds.display()))
}

/// The loop with the daemon's own client properties, where each topic has so many partitions. Of these it has one otherwise:
/// the daemon gives a new group its offsets itself, a bare program leaves that to librdkafka.
pub(crate) fn command(
    run: &Run,
    bootstrap: &str,
    group: &str,
    topics: [&str; 3],
    partitions: u32,
) -> Command {
    let [input, first, second] = topics;
    let mut command = Command::new(&yardstick().loop_program);
    command.args([run.rule.name(), "--bootstrap", bootstrap, "--group", group, "--in", input]);
    command.args(["--out", first, "--out", second]);
    command.args(["--interval-ms", &run.interval_ms.to_string()]);
    if run.guarantee == Guarantee::ExactlyOnce {
        command.args(["--transactional-id", &format!("{group}/0")]);
    }
    let written = usize::try_from(partitions).unwrap() * run.rule.sinks();
    let [consumer, producer] = defaults(run.guarantee, written);
    for (client, properties) in [("c", consumer), ("p", producer)] {
        for (name, value) in properties {
            command.args(["-X", &format!("{client}.{name}={value}")]);
        }
    }
    command.args(["-X", "c.auto.offset.reset=earliest"]);
    for Property { client, name, value } in &run.properties {
        command.args(["-X", &format!("{client}.{name}={value}")]);
    }
    command
}
