//! What is said of the end of a worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::model::{InstanceId, PipelineName, WorkerId};
use crate::supervisor::lifecycle::Effect;
use crate::supervisor::report;
use crate::worker::{Exit, Fault, FaultKind};

/// Counts what an operator sees at the default level.
#[derive(Clone, Default)]
struct Said(Arc<AtomicU64>);

impl Subscriber for Said {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        self.0.fetch_add(u64::from(*event.metadata().level() <= Level::INFO), Relaxed);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn fault(kind: FaultKind, cause: &str) -> Exit {
    Exit::Fault(Fault::new(kind, cause))
}

#[test]
fn the_same_fault_is_said_once_and_another_again() {
    let id = WorkerId {
        pipeline: PipelineName::new("a").unwrap(),
        instance: InstanceId::new("test").unwrap(),
        number: 0,
    };
    let away = fault(FaultKind::BrokerAway, "no broker answers");
    let otherwise = fault(FaultKind::BrokerAway, "no broker answers: connection refused");
    let denied = fault(FaultKind::Authorization, "denied");
    let lines = Said::default();
    let mut said = None;
    tracing::subscriber::with_default(lines.clone(), || {
        for (exit, expected) in
            [(&away, 1), (&away, 1), (&otherwise, 1), (&denied, 2), (&denied, 2), (&away, 3)]
        {
            report::exit(&id, exit, Effect::Arm(Duration::from_secs(1)), &mut said);
            assert_eq!(lines.0.load(Relaxed), expected, "{exit:?}");
        }
        // After a committed window the supervisor forgets what was said.
        said = None;
        report::exit(&id, &away, Effect::Arm(Duration::from_secs(1)), &mut said);
    });
    assert_eq!(lines.0.load(Relaxed), 4);
}
