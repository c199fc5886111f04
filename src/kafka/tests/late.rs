//! `at_least_once`: commits whose answer comes while the next window is under way.

use std::time::Duration;

use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Err};

use super::mock::{Mock, read};
use crate::kafka::late::LateCommit;
use crate::kafka::raw::PartitionList;
use crate::pipeline::{Delivery, sample};
use crate::worker::{Clock, Failure, Fault, FaultKind, News, Port as _, SystemClock};

const DEADLINE: Duration = Duration::from_secs(20);
const DENIED: Err = Err::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
const MOVING: Err = Err::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
const BROKEN: Err = Err::RD_KAFKA_RESP_ERR_UNKNOWN;

fn member() -> Mock {
    let mut mock = Mock::with(Delivery::AtLeastOnce(sample::limits(100)));
    mock.join();
    mock
}

/// A member whose first window stands.
fn at_work() -> Mock {
    let mut mock = member();
    mock.begin();
    assert_eq!(mock.port.commit(&read(0)), Ok(()));
    assert_eq!(committed(&mut mock), 1, "the first is waited for");
    mock
}

fn committed(mock: &mut Mock) -> i64 {
    let mut list = PartitionList::of([("in", 0, 0)]);
    mock.port.consumer.committed(&mut list, DEADLINE).unwrap();
    list.to_vec()[0].offset
}

#[test]
fn who_may_not_commit_learns_it_before_the_first_window_counts() {
    let mut mock = member();
    mock.inject(Api::OffsetCommit, &[DENIED]);
    mock.begin();
    let failure = mock.port.commit(&read(0)).unwrap_err();
    assert_eq!(failure.into_fault().kind, FaultKind::Authorization);
}

#[test]
fn a_commit_is_answered_while_the_next_window_is_open() {
    let mut mock = at_work();
    mock.begin();
    assert_eq!(mock.port.commit(&read(1)), Ok(()));
    mock.begin();
    let clock = SystemClock::default();
    while committed(&mut mock) != 2 {
        assert!(clock.now() < DEADLINE, "it is not committed");
    }
    assert_eq!(mock.port.commit(&read(2)), Ok(()));
    assert_eq!(mock.port.settle_commit(), Ok(()));
    assert_eq!(committed(&mut mock), 3);
}

#[test]
fn a_refusal_comes_up_while_the_next_window_is_open() {
    let mut mock = at_work();
    mock.inject(Api::OffsetCommit, &[DENIED]);
    mock.begin();
    assert_eq!(mock.port.commit(&read(1)), Ok(()));
    mock.begin();
    let clock = SystemClock::default();
    let is_denied = |news: &News| {
        let News::Failed(Failure::Fault(Fault { kind, .. })) = news else { return false };
        *kind == FaultKind::Authorization
    };
    while !mock.news().iter().any(is_denied) {
        assert!(clock.now() < DEADLINE, "nothing is said");
    }
}

#[test]
fn a_window_is_not_committed_behind_one_whose_commit_failed() {
    let mut mock = at_work();
    mock.inject(Api::OffsetCommit, &[BROKEN]);
    mock.begin();
    assert_eq!(mock.port.commit(&read(1)), Ok(()));
    mock.begin();
    let failure = mock.port.commit(&read(2)).unwrap_err();
    assert!(matches!(failure, Failure::Abort(_)), "{failure:?}");
    assert_eq!(committed(&mut mock), 1);
    assert_eq!(mock.port.abort(), Ok(()));
    assert_eq!(mock.port.rewind(), Ok(()));
    mock.begin();
    assert_eq!(mock.port.commit(&read(2)), Ok(()));
    assert_eq!(mock.port.settle_commit(), Ok(()));
    assert_eq!(committed(&mut mock), 3);
}

#[test]
fn a_commit_between_two_generations_of_the_group_is_made_again() {
    let mut mock = at_work();
    mock.inject(Api::OffsetCommit, &[MOVING, MOVING]);
    mock.begin();
    assert_eq!(mock.port.commit(&read(1)), Ok(()));
    assert_eq!(mock.port.settle_commit(), Ok(()));
    assert_eq!(committed(&mut mock), 2);
}

/// Each of these ends what the worker knows of its partitions.
#[test]
fn who_pauses_rewinds_or_leaves_has_waited_for_the_answer() {
    type Call = fn(&mut Mock);
    let calls: [Call; 3] = [
        |mock| mock.port.pause().unwrap(),
        |mock| mock.port.rewind().unwrap(),
        |mock| mock.port.close(),
    ];
    for (n, call) in calls.into_iter().enumerate() {
        let mut mock = at_work();
        mock.delay(Duration::from_millis(200));
        mock.begin();
        assert_eq!(mock.port.commit(&read(1)), Ok(()));
        assert!(matches!(mock.port.late, LateCommit::Open(..)), "{n}");
        call(&mut mock);
        assert!(matches!(mock.port.late, LateCommit::Settled), "{n}");
    }
}
