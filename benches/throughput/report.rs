//! `docs/performance.md`: a section for each table, replaced whole by the run that makes it; all other text stays.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::yardstick::yardstick;

/// A table under way.
pub(crate) struct Table {
    name: &'static str,
    text: String,
    columns: usize,
}

impl Table {
    pub(crate) fn new(name: &'static str, columns: &[&str]) -> Self {
        let mut table = Self { name, text: String::new(), columns: columns.len() };
        crate::say(&format!("\n{name}"));
        table.line(columns);
        writeln!(table.text, "|{}", "---|".repeat(columns.len())).unwrap();
        table
    }

    pub(crate) fn row<T: AsRef<str>>(&mut self, cells: &[T]) {
        assert_eq!(cells.len(), self.columns, "{}", self.name);
        self.line(cells);
    }

    fn line<T: AsRef<str>>(&mut self, cells: &[T]) {
        let cells: Vec<_> = cells.iter().map(AsRef::as_ref).collect();
        let line = format!("| {} |", cells.join(" | "));
        crate::say(&line);
        writeln!(self.text, "{line}").unwrap();
    }

    /// A sentence below it.
    pub(crate) fn note(&mut self, text: &str) {
        crate::say(text);
        writeln!(self.text, "\n{text}").unwrap();
    }

    /// Puts it into the document, with the commit that was measured, the machine, and where the broker kept its records:
    /// another table may be from another one.
    pub(crate) fn write(mut self, data: &Path) {
        let version = env!("CARGO_PKG_VERSION");
        let (commit, machine, data) = (commit(), machine(), data.display());
        writeln!(
            self.text,
            "\nkrouted {version} ({commit}) on {machine}, its records below {data}."
        )
        .unwrap();
        replace(self.name, &self.text);
    }
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md")
}

/// Between `<!-- begin NAME -->` and `<!-- end NAME -->`.
fn replace(name: &str, text: &str) {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let document = fs::read_to_string(path()).unwrap();
    let missing = || panic!("docs/performance.md has no place for {name}: {begin}{end}");
    let (before, rest) = document.split_once(&begin).unwrap_or_else(missing);
    let (_, after) = rest.split_once(&end).unwrap_or_else(missing);
    fs::write(path(), format!("{before}{begin}{text}{end}{after}")).unwrap();
}

/// On what, and with what, it was measured.
fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| -> String {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or("unknown", |(_, value)| value.trim()).to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let (cpu, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let pom = include_str!("../../tests/kafka/pom.xml");
    let kafka = pom.split_once("<kafka.version>").and_then(|(_, rest)| rest.split_once('<'));
    format!(
        "{cores} cores of {} ({}, family {}, model {}), {} of memory, Linux {}; librdkafka {}; Apache Kafka {}, one broker ({}) on \
         the same machine",
        field(&cpu, "model name"),
        field(&cpu, "vendor_id"),
        field(&cpu, "cpu family"),
        field(&cpu, "model\t"),
        field(&memory, "MemTotal"),
        read("/proc/sys/kernel/osrelease").trim(),
        yardstick().version,
        kafka.map_or("unknown", |(version, _)| version),
        crate::HEAP,
    )
}

/// The commit that is checked out when it is first asked for: before anything is measured.
pub(crate) fn commit() -> &'static str {
    static COMMIT: LazyLock<String> = LazyLock::new(|| {
        let asked = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
        asked.map_or_else(
            |_| String::new(),
            |o| String::from_utf8_lossy(&o.stdout).trim().to_owned(),
        )
    });
    &COMMIT
}
