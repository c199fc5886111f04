use super::*;

fn one_finding() -> Vec<Finding> {
    let source = SourceText::new("a,b:c%.yaml", "name: ä no\n");
    let mut findings = Findings::default();
    findings.ambiguous_scalar(Place::new(&source, 9..11), "50% of\nit");
    findings.sorted()
}

#[test]
fn the_annotations_of_github_are_escaped() {
    let text = render(&one_finding(), Counts::default(), Output::Github);
    assert_eq!(
        text,
        "::error file=a%2Cb%3Ac%25.yaml,line=1,col=9,endColumn=11,title=krouted K0112::`no` is a text here, \
         and 50%25 of%0Ait for other YAML readers%0Ahelp: quote it: 'no'\n"
    );
}

#[test]
fn the_json_document_has_a_version_and_places() {
    let text = render(&one_finding(), Counts { files: 1, pipelines: 2 }, Output::Json);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["version"], 1);
    assert_eq!(document["pipelines"], 2);
    assert_eq!(document["errors"], 1);
    let finding = &document["findings"][0];
    assert_eq!(finding["code"], "K0112");
    assert_eq!(finding["severity"], "error");
    assert_eq!((&finding["line"], &finding["column"]), (&1.into(), &9.into()));
    assert_eq!(finding["bytes"], serde_json::json!([9, 11]));
    assert_eq!(finding["related"], serde_json::Value::Null);
}

#[test]
fn findings_are_sorted_said_once_and_bounded_per_file() {
    let source = SourceText::new("a.yaml", &"x\n".repeat(500));
    let mut findings = Findings::default();
    for at in (0..500).rev().chain(0..500) {
        findings.tag(Place::new(&source, at * 2..at * 2 + 1), "!t");
    }
    let sorted = findings.sorted();
    assert_eq!(sorted.len(), PER_FILE_MAX);
    assert!(sorted.is_sorted_by_key(|f| f.place.span().start));
}

#[test]
fn a_secret_is_never_drawn() {
    let source = SourceText::new("a.yaml", "password: hunter2\n");
    let mut findings = Findings::default();
    findings.secret_as_text(Place::new(&source, 0..8));
    for output in [Output::Text, Output::Json, Output::Github] {
        let text = render(&findings.clone().sorted(), Counts::default(), output);
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn every_code_belongs_to_one_message() {
    let sources = ["case", "catalog", "online", "schema", "semantic", "settings", "steps", "yaml"];
    let mut codes: Vec<String> = Vec::new();
    for name in sources {
        let path = format!("{}/src/config/finding/{name}.rs", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        // One code may be for two forms of one thing; then both constructors are in one file, side by side.
        let mut here: Vec<_> = text
            .match_indices("\"K")
            .map(|(i, _)| text.get(i + 1..i + 6).unwrap().to_owned())
            .collect();
        here.dedup();
        codes.extend(here);
    }
    let count = codes.len();
    codes.sort();
    codes.dedup();
    assert_eq!(codes.len(), count, "a code is used for two things");
}
