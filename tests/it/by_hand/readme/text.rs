//! README as text: its blocks of commands, the command lines in its sentences, its first file.

use std::fs;
use std::path::Path;

/// Programs whose name begins a command line in a sentence.
const PROGRAMS: [&str; 7] =
    ["krouted", "cargo", "curl", "apt", "journalctl", "systemctl", "kafka-topics.sh"];

pub(super) fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// A text with the heading that it stands under, which comes first.
pub(super) type Under = (String, String);

/// All blocks of commands in order, each with the heading that it stands under; and the lines of the text around them, each
/// with its heading too. What is fenced is YAML, which `examples.rs` checks.
pub(super) fn parts(text: &str) -> (Vec<Under>, Vec<Under>) {
    let (mut heading, mut is_fenced, mut is_block) = (String::new(), false, false);
    let (mut blocks, mut around) = (Vec::<Under>::new(), Vec::new());
    for line in text.lines() {
        if let Some(language) = line.strip_prefix("```") {
            assert!(is_fenced || language == "yaml", "a fence of {language:?}: indent commands");
            is_fenced = !is_fenced;
            continue;
        }
        if is_fenced || line.is_empty() {
            continue;
        }
        if line.starts_with('#') {
            line.clone_into(&mut heading);
        }
        match line.strip_prefix("    ") {
            Some(command) if is_block => {
                let (_, block) = blocks.last_mut().unwrap();
                block.extend([command, "\n"]);
            }
            Some(command) => blocks.push((heading.clone(), format!("{command}\n"))),
            None => around.push((heading.clone(), line.to_owned())),
        }
        is_block = line.starts_with("    ");
    }
    (blocks, around)
}

/// The blocks of commands of one part of README, in order.
pub(crate) fn blocks(heading: &str) -> Vec<String> {
    let (blocks, _) = parts(&readme());
    let own = blocks.into_iter().filter(|(under, _)| under == heading);
    let blocks: Vec<String> = own.map(|(_, block)| block).collect();
    assert!(!blocks.is_empty(), "{heading:?} has no commands");
    blocks
}

/// What stands between backticks on a line, as it is read: in a table, a bar is written with a backslash.
pub(super) fn spans(line: &str) -> Vec<String> {
    line.split('`').skip(1).step_by(2).map(|span| span.replace("\\|", "|")).collect()
}

/// A command line in a sentence.
pub(super) fn is_command(span: &str) -> bool {
    span.split_once(' ').is_some_and(|(program, _)| PROGRAMS.contains(&program))
}

/// Whether it says what a command takes, in place of it.
pub(super) fn is_usage(span: &str) -> bool {
    let stands_for = |word: &str| {
        let is_name = |c: char| c.is_ascii_uppercase() || "[]|…".contains(c);
        word.len() > 1 && word.chars().all(is_name)
    };
    span.split_whitespace().any(|word| stands_for(word) || word.contains(['[', '|', '…']))
}

/// The pipeline file that README begins with.
pub(crate) fn first_file() -> String {
    let readme = readme();
    let (_, fenced) = readme.split_once("```yaml\n").unwrap();
    fenced.split_once("```\n").unwrap().0.to_owned()
}

#[test]
fn the_parts_of_readme_are_told_apart() {
    let text = "# A\n\nsay `krouted a b` and `c`\n\n    one\n    two\n\nor\n\n    three\n\n## B\n\n```yaml\na:\n    b\n```\n\n    four\n";
    let (blocks, around) = parts(text);
    let own = |parts: &[(&str, &str)]| -> Vec<Under> {
        parts.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    assert_eq!(blocks, own(&[("# A", "one\ntwo\n"), ("# A", "three\n"), ("## B", "four\n")]));
    assert_eq!(around[1], ("# A".to_owned(), "say `krouted a b` and `c`".to_owned()));
    let spans = spans(&around[1].1);
    assert_eq!(spans, ["krouted a b", "c"]);
    assert_eq!((is_command(&spans[0]), is_command(&spans[1])), (true, false));
    for (span, usage) in [
        ("krouted explain FILE", true),
        ("krouted init [NAME]", true),
        ("krouted schema [pipeline|settings]", true),
        ("krouted status -o json", false),
    ] {
        assert_eq!(is_usage(span), usage, "{span}");
    }
}
