use super::*;
use crate::config::Tls;
use std::collections::BTreeMap;

fn name(text: &str) -> ClusterName {
    ClusterName::new(text).unwrap()
}

fn cluster(server: &str, ca: Option<&Path>) -> Cluster {
    let tls = ca.map(|path| Tls { ca: Some(path.to_owned()), identity: None });
    Cluster {
        bootstrap_servers: server.to_owned(),
        tls,
        sasl: None,
        properties: BTreeMap::default(),
    }
}

/// By what the files hold now.
fn read(clusters: &ByName) -> (Connections, Vec<Unreadable>) {
    let digests = files(clusters).into_iter();
    of(clusters, &digests.map(|path| (path.clone(), Digest::of_file(&path))).collect())
}

#[test]
fn what_cannot_be_read_or_is_gone_and_needed_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, "one").unwrap();
    let (a, b, c) = (name("a"), name("b"), name("c"));
    let all = |server: &str| -> ByName {
        [(a.clone(), cluster(server, Some(&ca))), (b.clone(), cluster(server, None))].into()
    };
    let (before, unreadable) = read(&all("one:9092"));
    assert_eq!(unreadable, []);

    std::fs::remove_file(&ca).unwrap();
    let (read_now, unreadable) = read(&all("two:9092"));
    assert_eq!((unreadable.len(), &unreadable[0].cluster, &unreadable[0].path), (1, &a, &ca));
    let now = read_now.clone().after(&before, &unreadable, []);
    assert_eq!((&now.texts[&a], &now.clusters[&a]), (&before.texts[&a], &before.clusters[&a]));
    assert_eq!((&now.texts[&b], &now.clusters[&b]), (&read_now.texts[&b], &read_now.clusters[&b]));
    // Where there is nothing before it, it is as it is.
    assert_eq!(read_now.clone().after(&Connections::default(), &unreadable, []), read_now);

    let (without, _) = read(&BTreeMap::new());
    assert_eq!(without.clone().after(&before, &[], [&b, &c]).clusters.len(), 1);
    assert!(without.after(&before, &[], []).clusters.is_empty());
}

#[test]
fn a_file_that_was_not_read_is_none_that_could_be() {
    let clusters: ByName = [(name("a"), cluster("one:9092", Some(Path::new("/ca.pem"))))].into();
    let (_, unreadable) = of(&clusters, &BTreeMap::new());
    assert_eq!(unreadable[0].why, "it was not read");
}
