//! Settings and certificates that change, and break.

use super::*;
use crate::model::ClusterName;

#[test]
fn a_cluster_that_the_settings_have_no_more_stays_while_a_definition_needs_it() {
    let world = World::new();
    let second = ClusterName::new("second").unwrap();
    let settings = |name: &str| {
        world.settings(&format!("  {name}: {{bootstrap_servers: 'two:9092'}}"), "");
    };
    settings("second");
    world.run(&[], async |reloads| {
        world.on_cluster("a", "one", "second");
        assert_eq!(changes(&world.start(reloads).await), ["a start"]);
        settings("secnd");
        for _ in 0..2 {
            let reloaded = world.change(reloads).await;
            assert_eq!((outcome(&reloaded), changes(&reloaded)), ("rejected", vec![]));
            assert!(reloads.clusters.get(&second).is_some());
        }
        // Nobody needs it any more.
        settings("third");
        world.on_cluster("a", "one", "third");
        assert_eq!(changes(&world.change(reloads).await), ["a regroup"]);
        assert!(reloads.clusters.get(&second).is_none());
    });
}

#[test]
fn a_certificate_that_cannot_be_read_is_a_finding_and_restarts_nothing() {
    let world = World::new();
    let ca = world.path("ca.pem");
    world.settings(
        &format!("  default: {{bootstrap_servers: 'one:9092', tls: {{ca: {}}}}}", ca.display()),
        "",
    );
    std::fs::write(&ca, "one").unwrap();
    world.run(&[], async |reloads| {
        world.file("a", "one");
        assert_eq!(outcome(&world.start(reloads).await), "applied");
        std::fs::remove_file(&ca).unwrap();
        let gone = world.change(reloads).await;
        assert_eq!((outcome(&gone), changes(&gone)), ("rejected", vec![]));
        assert!(gone.said.lines[0].contains("ca.pem:1:1: K0101"), "{:?}", gone.said.lines);
        std::fs::write(&ca, "one").unwrap();
        let back = world.change(reloads).await;
        assert_eq!((outcome(&back), changes(&back)), ("unchanged", vec![]));
        std::fs::write(&ca, "two").unwrap();
        assert_eq!(changes(&world.change(reloads).await), ["a restart"]);
    });
}

#[test]
fn all_or_nothing_counts_for_the_settings_and_by_them() {
    let world = World::new();
    let policy = "reload: {policy: all_or_nothing}";
    let cluster = |server: &str| format!("  default: {{bootstrap_servers: '{server}'}}");
    world.settings(&cluster("one:9092"), policy);
    world.run(&[], async |reloads| {
        world.file("a", "one");
        world.file("b", "one");
        assert_eq!(outcome(&world.start(reloads).await), "applied");
        // A broken file holds back the settings.
        world.text("a", BROKEN);
        world.settings(&cluster("two:9092"), policy);
        let rejected = world.change(reloads).await;
        assert_eq!((outcome(&rejected), changes(&rejected)), ("rejected", vec![]));
        // Broken settings hold back the files.
        world.file("a", "one");
        world.file("b", "two");
        world.settings("  default: {bootstrap_server: 'one:9092'}", policy);
        let rejected = world.change(reloads).await;
        assert_eq!((outcome(&rejected), changes(&rejected)), ("rejected", vec![]));
        world.settings(&cluster("two:9092"), policy);
        assert_eq!(changes(&world.change(reloads).await), ["a restart", "b restart"]);
    });
}

#[test]
fn what_has_settled_decides_whatever_the_files_say_since() {
    let world = World::new();
    let ca = world.path("ca.pem");
    let cluster = |server: &str| {
        format!("  default: {{bootstrap_servers: '{server}', tls: {{ca: {}}}}}", ca.display())
    };
    world.settings(&cluster("one:9092"), "");
    std::fs::write(&ca, "one").unwrap();
    world.run(&[], async |reloads| {
        world.file("a", "one");
        assert_eq!(outcome(&world.start(reloads).await), "applied");
        // Each is half written when the reload begins, and was whole when it was looked at.
        for spoil in ["settings", "certificate", "file"] {
            let settled = world.seen(reloads, Why::Event).await;
            match spoil {
                "settings" => world.settings("  default: {bootstrap_ser", ""),
                "certificate" => std::fs::write(&ca, "t").unwrap(),
                _ => world.text("a", BROKEN),
            }
            let reloaded = reloads.reload(Cause::Change, settled, Removals::Refused).await.unwrap();
            assert_eq!((outcome(&reloaded), changes(&reloaded)), ("unchanged", vec![]), "{spoil}");
            world.settings(&cluster("one:9092"), "");
            std::fs::write(&ca, "one").unwrap();
            world.file("a", "one");
        }
        // And what is known of a cluster is what has settled.
        world.settings(&cluster("two:9092"), "");
        let settled = world.seen(reloads, Why::Event).await;
        world.settings(&cluster("three:9092"), "");
        reloads.reload(Cause::Change, settled, Removals::Refused).await.unwrap();
        let known = reloads.clusters.get(&ClusterName::new("default").unwrap()).unwrap();
        assert_eq!(known.bootstrap_servers, "two:9092");
    });
}

#[test]
fn a_certificate_that_the_settings_name_newly_is_in_the_same_look() {
    let world = World::new();
    let cluster = |ca: &Path| {
        format!("  default: {{bootstrap_servers: 'one:9092', tls: {{ca: {}}}}}", ca.display())
    };
    world.run(&[], async |reloads| {
        world.file("a", "one");
        world.start(reloads).await;
        for name in ["one.pem", "two.pem"] {
            let ca = world.path(name);
            std::fs::write(&ca, "the same").unwrap();
            world.settings(&cluster(&ca), "");
            let reloaded = world.change(reloads).await;
            assert_eq!(
                (outcome(&reloaded), changes(&reloaded)),
                ("applied", vec!["a restart".into()])
            );
        }
        std::fs::write(world.path("two.pem"), "another").unwrap();
        assert_eq!(changes(&world.change(reloads).await), ["a restart"]);
    });
}

#[test]
fn a_change_that_only_a_restart_of_the_daemon_takes_is_said_until_it_is_taken_back() {
    let world = World::new();
    let cluster = "  default: {bootstrap_servers: 'one:9092'}";
    let shown = |reloads: &Reloads| {
        let document = reloads.overview.document(&InstanceId::new("test").unwrap(), &[], &[]);
        document["needs_restart"].clone()
    };
    world.run(&[], async |reloads| {
        world.file("a", "one");
        world.start(reloads).await;
        assert_eq!(shown(reloads), serde_json::json!([]));
        let good = std::fs::read_to_string(world.path("krouted.yaml")).unwrap();
        for (field, text) in [
            ("instance_id", good.replace("instance_id: test", "instance_id: other")),
            ("pipelines", format!("{good}pipelines: elsewhere/\n")),
            ("schemas", format!("{good}schemas: elsewhere/\n")),
            ("state", good.replace("state: ", "state: /elsewhere")),
            ("admin.socket", format!("{good}admin: {{socket: /elsewhere/admin.sock}}\n")),
            ("admin.listen", format!("{good}admin: {{listen: '127.0.0.1:9464'}}\n")),
        ] {
            std::fs::write(world.path("krouted.yaml"), text).unwrap();
            let reloaded = world.change(reloads).await;
            assert_eq!((outcome(&reloaded), changes(&reloaded)), ("unchanged", vec![]), "{field}");
            assert_eq!(shown(reloads), serde_json::json!([field]));
        }
        world.settings(cluster, "");
        world.change(reloads).await;
        assert_eq!(shown(reloads), serde_json::json!([]));
    });
}
