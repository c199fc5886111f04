//! What each finding's code means, with an example that gives it and one that does not: `krouted explain CODE`.

/// One code, explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Such as `K0108`.
    pub code: &'static str,
    /// What it means, a few sentences.
    pub meaning: &'static str,
    /// Gives the finding.
    pub bad: Example,
    /// Does not.
    pub good: Example,
}

/// An example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// What it is.
    pub kind: ExampleKind,
    /// Its text.
    pub text: &'static str,
}

/// What an example is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExampleKind {
    /// A pipeline file, or the part of one that matters.
    Pipeline,
    /// A settings file.
    Settings,
    /// A situation, in words.
    Situation,
}

/// What the examples of pipelines leave out.
const REST: [(&str, &str); 5] = [
    ("version", "version: 1"),
    ("name", "name: example"),
    ("source", "source: {topics: [orders], start: earliest}"),
    ("delivery", "delivery: exactly_once"),
    ("sinks", "sinks: {out: {kafka: {topic: orders-out}}}"),
];

/// A line of an example that is a file beside it.
const SCHEMA: &str = "# schemas/";

impl Example {
    /// The file, with what the example leaves out.
    pub fn whole(&self) -> String {
        if self.kind != ExampleKind::Pipeline || self.text.starts_with("version:") {
            return format!("{}\n", self.text);
        }
        let has = |field: &str| {
            self.text
                .lines()
                .any(|line| line.strip_prefix(field).is_some_and(|r| r.starts_with(':')))
        };
        let rest = REST.iter().filter(|(field, _)| !has(field)).map(|(_, line)| *line);
        let mut lines: Vec<&str> = rest.collect();
        lines.push(self.text);
        format!("{}\n", lines.join("\n"))
    }

    /// The schemas beside it, by name.
    pub fn schemas(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let of_line = |line: &'static str| line.strip_prefix(SCHEMA)?.split_once(": ");
        self.text.lines().filter_map(of_line)
    }
}

/// All codes, in their order.
pub fn explanations() -> Vec<Explanation> {
    include_str!("codes.md").split("\n## ").skip(1).filter_map(explanation).collect()
}

fn explanation(section: &'static str) -> Option<Explanation> {
    let (code, rest) = section.split_once('\n')?;
    let (meaning, rest) = rest.split_once("```")?;
    let mut blocks = rest.split("```");
    let mut block = || {
        let bad = blocks.next().and_then(example);
        blocks.next();
        bad
    };
    let (bad, good) = (block()?, block()?);
    Some(Explanation { code: code.trim(), meaning: meaning.trim(), bad, good })
}

fn example(block: &'static str) -> Option<Example> {
    let (kind, text) = block.split_once('\n')?;
    let kind = match kind.trim() {
        "yaml" => ExampleKind::Pipeline,
        "settings" => ExampleKind::Settings,
        _ => ExampleKind::Situation,
    };
    Some(Example { kind, text: text.trim_end_matches('\n') })
}
