//! Swaps that are not taken at once, or never.

use super::*;
use crate::proxy::Proxied;

#[test]
fn a_swap_to_a_topic_that_is_not_there_keeps_the_rules_before_and_says_so() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 1), cluster.topic("out", 1));
    scene.copy(&input, &out);
    let mut daemon = scene.run();

    let missing = crate::kafka::unique("missing");
    scene.copy(&input, &missing);
    let (code, said) = reload(&scene.host, &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(&format!("the topic {missing} does not exist")), "{said}");
    // It is tried again every now and then, and not refused meanwhile.
    eventually(SOON, "it is refused", || {
        let status = scene.host.status_of(&scene.name);
        assert_eq!(status["definition"], "last_good", "{status:#}");
        (status["refused"]["kind"] == "unknown_topic").then_some(())
    });
    cluster.produce(&input, &values(&["by the old rules"]));
    assert_eq!(scene.values(&out, 1), ["by the old rules"]);

    cluster.create(json!({"topic": missing, "partitions": 1, "configs": {}}));
    let (code, said) = reload(&scene.host, &[]);
    assert_eq!(code, 0, "{said}");
    cluster.produce(&input, &values(&["by the new rules"]));
    assert_eq!(scene.values(&missing, 1), ["by the new rules"]);
    assert_eq!(scene.values(&out, 1), ["by the old rules"]);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_refused_swap_is_tried_again_by_itself_and_is_good_last_then() {
    let cluster = shared();
    let scene = Scene::new(cluster);
    let (input, out) = (cluster.topic("in", 1), cluster.topic("out", 1));
    scene.copy(&input, &out);
    let mut daemon = scene.run();
    let missing = crate::kafka::unique("missing");
    scene.copy(&input, &missing);
    assert_eq!(reload(&scene.host, &[]).0, 1);
    let history = || scene.host.status()["history"].clone();
    assert_eq!(history()[0]["outcome"]["outcome"], "refused", "{:#}", history());

    cluster.create(json!({"topic": missing, "partitions": 1, "configs": {}}));
    eventually(SOON, "it is tried again", || {
        let last = &history()[0];
        // The last try before the topic was made may be one of these.
        (last["cause"] == "retry" && last["outcome"]["outcome"] == "applied").then_some(())
    });
    assert_eq!(scene.host.status_of(&scene.name)["definition"], "current");

    // What is good last is what rules now: while the file is broken, and at a start.
    scene.host.pipeline("pipeline.yaml", &format!("version: 1\nname: {}\n", scene.name));
    assert_eq!(reload(&scene.host, &[]).0, 1);
    cluster.produce(&input, &values(&["1"]));
    assert_eq!(scene.values(&missing, 1), ["1"]);
    assert_eq!(daemon.terminate(), Some(0));
    let mut daemon = scene.run();
    cluster.produce(&input, &values(&["2"]));
    assert_eq!(scene.values(&missing, 2), ["1", "2"]);
    assert_eq!(scene.values(&out, 0), Vec::<String>::new());
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_swap_that_no_worker_is_up_for_is_open_until_the_broker_is_back() {
    let proxied = Proxied::start(&[]);
    let (direct, through) = (proxied.broker.cluster(), proxied.cluster());
    let scene = Scene::new(&through);
    let (input, out) = (direct.topic("in", 1), direct.topic("out", 1));
    let (new, missing) = (direct.topic("new", 1), crate::kafka::unique("missing"));
    scene.copy(&input, &out);
    proxied.proxy.refuse();
    let mut daemon = scene.host.run();
    scene.host.wait_for_state(&scene.name, "backing_off");

    // What the cluster will not allow goes back once it can be asked.
    scene.copy(&input, &missing);
    let (code, said) = reload(&scene.host, &[]);
    assert_eq!(code, 75, "{said}");
    assert_eq!(scene.host.status_of(&scene.name)["swapping"], true);
    let table = scene.host.krouted(&["status"]).out;
    assert!(table.contains("swapping: the new definition is not taken"), "{table}");
    direct.produce(&input, &values(&["by the old rules"]));
    proxied.proxy.accept();
    assert_eq!(scene.values(&out, 1), ["by the old rules"]);
    eventually(SOON, "it is refused", || {
        let status = scene.host.status_of(&scene.name);
        (status["swapping"] == false && status["refused"]["kind"] == "unknown_topic").then_some(())
    });

    scene.copy(&input, &new);
    assert_eq!(reload(&scene.host, &[]).0, 0);
    direct.produce(&input, &values(&["by the new rules"]));
    assert_eq!(scene.values(&new, 1), ["by the new rules"]);
    assert_eq!(daemon.terminate(), Some(0));
}
