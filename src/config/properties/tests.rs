use super::*;

fn is_passed(scope: PropertyScope, name: &str, guarantee: Option<Guarantee>) -> bool {
    refused(scope, name, "read_uncommitted", guarantee).is_none()
}

#[test]
fn what_breaks_a_guarantee_is_refused_in_every_scope() {
    for scope in [PropertyScope::Cluster, PropertyScope::Consumer, PropertyScope::Topic] {
        for name in [
            "enable.auto.commit",
            "acks",
            "transactional.id",
            "max.in.flight",
            "group.id",
            "client.id",
            "bootstrap.servers",
            "sasl.password",
            "ssl.ca.pem",
            "error_cb",
            "message.timeout.ms",
            "message.send.max.retries",
            "test.mock.num.brokers",
        ] {
            assert!(!is_passed(scope, name, None), "{name} in {scope:?}");
        }
        assert!(is_passed(scope, "socket.keepalive.enable", None));
    }
}

#[test]
fn a_connection_is_set_for_a_cluster_only() {
    assert!(is_passed(PropertyScope::Cluster, "ssl.endpoint.identification.algorithm", None));
    assert!(!is_passed(PropertyScope::Consumer, "ssl.endpoint.identification.algorithm", None));
    assert!(!is_passed(PropertyScope::Topic, "ssl.cipher.suites", None));
}

#[test]
fn reading_uncommitted_is_a_choice_but_under_exactly_once() {
    let consumer =
        |guarantee| is_passed(PropertyScope::Consumer, "isolation.level", Some(guarantee));
    assert!(!consumer(Guarantee::ExactlyOnce));
    assert!(consumer(Guarantee::AtLeastOnce));
    assert!(consumer(Guarantee::AtMostOnce));
    assert!(!is_passed(PropertyScope::Cluster, "isolation.level", None));
}
