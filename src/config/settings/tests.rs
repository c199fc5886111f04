use super::*;
use crate::config::AnyProperty;

fn environment(set: &[(&str, &str)]) -> Environment {
    Environment::Known(set.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
}

fn state(set: &[(&str, &str)]) -> PathBuf {
    load(None, &environment(set), &AnyProperty).unwrap().settings.state
}

#[test]
fn without_a_file_everything_has_a_default() {
    let loaded = load(None, &environment(&[("HOME", "/home/k")]), &AnyProperty).unwrap();
    assert_eq!(loaded.file, None);
    assert_eq!(loaded.settings.pipelines, Path::new("pipelines"));
    let clusters: Vec<_> = loaded.settings.clusters.iter().collect();
    assert_eq!(clusters[0].0.as_str(), "default");
    assert_eq!(clusters[0].1.bootstrap_servers, "localhost:9092");
}

#[test]
fn state_lies_where_systemd_says_else_where_the_user_keeps_it() {
    let (systemd, xdg, home) =
        (("STATE_DIRECTORY", "/s"), ("XDG_STATE_HOME", "/x"), ("HOME", "/h"));
    assert_eq!(state(&[systemd, xdg, home]), Path::new("/s"));
    assert_eq!(state(&[xdg, home]), Path::new("/x/krouted"));
    assert_eq!(state(&[home]), Path::new("/h/.local/state/krouted"));
    assert_eq!(state(&[]), Path::new("/var/lib/krouted"));
}

#[test]
fn paths_are_relative_to_the_file() {
    let yaml = "version: 1\ninstance_id: a\npipelines: here\nstate: /there\n\
                clusters: {default: {bootstrap_servers: 'b:1', tls: {ca: '${CA:-ca.pem}'}}}\n";
    let source = SourceText::new("conf/krouted.yaml", yaml);
    let mut findings = Findings::default();
    let settings =
        text(&source, Path::new("conf"), &Environment::Unknown, &AnyProperty, &mut findings)
            .unwrap();
    assert_eq!(settings.pipelines, Path::new("conf/here"));
    assert_eq!(settings.state, Path::new("/there"));
    let cluster = settings.clusters.values().next().unwrap();
    assert_eq!(cluster.tls.as_ref().unwrap().ca.as_deref(), Some(Path::new("conf/ca.pem")));
}

#[test]
fn an_unknown_environment_leaves_references_as_they_stand() {
    let yaml = "version: 1\ninstance_id: a\nclusters: {default: {bootstrap_servers: '${B}'}}\n";
    let source = SourceText::new("krouted.yaml", yaml);
    let mut findings = Findings::default();
    let settings =
        text(&source, Path::new(""), &Environment::Unknown, &AnyProperty, &mut findings).unwrap();
    assert_eq!(settings.clusters.values().next().unwrap().bootstrap_servers, "${B}");
    assert!(text(&source, Path::new(""), &environment(&[]), &AnyProperty, &mut findings).is_err());
}

#[test]
fn the_socket_of_a_broken_file_is_found_as_far_as_it_can_be_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("krouted.yaml");
    let socket = |text: &str| {
        std::fs::write(&file, text).unwrap();
        socket_of_broken(&file)
    };
    let below = Some(folder.path().join("run/a.sock"));
    for text in [
        "version: 2\nadmin: {socket: run/a.sock}\n",
        "clusterz: {}\nadmin:\n  listen: nowhere\n  socket: 'run/a.sock' # here\n",
        "clusters: [\nadmin: {listen: x, socket: \"run/a.sock\"}\n",
        "clusters: [\n# socket: old\nadmin:\n  websocket: x\n  socket: run/a.sock # here\n",
    ] {
        assert_eq!(socket(text), below, "{text}");
    }
    assert_eq!(socket("admin: {socket: /run/a.sock}\nx: 1\n"), Some("/run/a.sock".into()));
    for text in ["", "clusters: [\n", "admin: {listen: x}\n", "x: [\n# socket: old\n"] {
        assert_eq!(socket(text), None, "{text}");
    }
    assert_eq!(socket_of_broken(Path::new("/dev/zero")), None);
}
