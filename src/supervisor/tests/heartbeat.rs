//! What feeds systemd's watchdog is the loop itself, not a clock beside it.

use std::collections::BTreeSet;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::Duration;

use crate::model::InstanceId;
use crate::supervisor::Supervisor;
use crate::worker::{Exit, Job};

/// How many signs of life have come since the last question.
fn beats(systemd: &UnixDatagram) -> usize {
    let mut buffer = [0; 64];
    let heard = std::iter::from_fn(|| systemd.recv(&mut buffer).ok());
    heard.inspect(|size| assert_eq!(*size, "WATCHDOG=1".len())).count()
}

#[test]
fn the_watchdog_is_fed_while_the_loop_turns_and_not_while_it_is_blocked() {
    let (us, systemd) = UnixDatagram::pair().unwrap();
    systemd.set_nonblocking(true).unwrap();
    us.set_nonblocking(true).unwrap();
    let heartbeat = Box::new(move || {
        us.send(b"WATCHDOG=1").unwrap();
    });
    let work: crate::supervisor::Work = Arc::new(|_: &Job| Exit::Drained);
    let instance = InstanceId::new("test").unwrap();
    let (supervisor, _handle) = Supervisor::new(&instance, BTreeSet::new(), work, heartbeat);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let mut supervised = Box::pin(supervisor.run(std::future::pending()));
        let mut turn = async |seconds| {
            tokio::select! {
                _ = &mut supervised => panic!("it ended"),
                () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
            }
        };
        for _ in 0..3 {
            turn(3).await;
            assert!(beats(&systemd) >= 2, "the loop turned");
        }
        // As where the loop waits for something that never comes: time passes, and it is not polled.
        tokio::time::sleep(Duration::from_mins(2)).await;
        assert_eq!(beats(&systemd), 0, "the loop was blocked");
        turn(3).await;
        assert!(beats(&systemd) >= 2, "the loop turns again");
    });
}
