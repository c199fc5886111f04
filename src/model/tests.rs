use super::*;

#[test]
fn a_topic_name_is_what_a_broker_accepts() {
    for good in ["a", "A.b_c-9", &"x".repeat(249)] {
        assert!(TopicName::new(good).is_ok(), "{good}");
    }
    for (bad, why) in [
        ("", "is empty"),
        (".", "'.' is not legal as a topic's name"),
        ("..", "'..' is not legal as a topic's name"),
        ("a b", "has the character ' ', legal are A-Z, a-z, 0-9, '.', '_' and '-'"),
        ("ä", "has the character 'ä', legal are A-Z, a-z, 0-9, '.', '_' and '-'"),
        (&"x".repeat(250), "has 250 bytes, at most 249 are legal"),
    ] {
        assert_eq!(TopicName::new(bad).unwrap_err().to_string(), why, "{bad}");
    }
}

#[test]
fn a_pipeline_name_begins_with_a_letter_or_digit() {
    assert!(PipelineName::new("0-user.events").is_ok());
    assert_eq!(
        PipelineName::new("-a").unwrap_err().to_string(),
        "begins with '-', a letter or digit is needed"
    );
    assert!(PipelineName::new("User").is_err());
    assert!(PipelineName::new(&"x".repeat(64)).is_err());
}

#[test]
fn a_worker_is_named_by_pipeline_instance_and_number() {
    let id = WorkerId {
        pipeline: PipelineName::new("user.events").unwrap(),
        instance: InstanceId::new("host-a.example").unwrap(),
        number: 3,
    };
    assert_eq!(id.to_string(), "krouted/user.events/host-a.example/3");
}

#[test]
fn the_last_of_repeated_headers_is_found_and_null_is_not_absent() {
    let headers = HeaderList(vec![
        (b"a".to_vec(), Some(b"1".to_vec())),
        (b"a".to_vec(), None),
        (b"b".to_vec(), Some(b"".to_vec())),
    ]);
    assert_eq!(headers.last(b"a"), Some(None));
    assert_eq!(headers.last(b"b"), Some(Some(&b""[..])));
    assert_eq!(headers.last(b"c"), None);
    assert_eq!(NoHeaders.last(b"a"), None);
}
