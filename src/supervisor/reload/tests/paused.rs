//! Pauses that are kept: over a client that leaves, over a disk that is full for a while.

use super::*;

fn set(names: &[&str]) -> BTreeSet<PipelineName> {
    names.iter().map(|n| name(n)).collect()
}

/// Waits until these are held.
async fn until_held(handle: &Handle, names: &[&str]) {
    let looks = async {
        while handle.paused().await.unwrap() != set(names) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(SOON, looks).await.expect("not in time");
}

#[test]
fn a_pause_that_nobody_waits_for_any_more_is_kept_all_the_same() {
    let world = World::new();
    for name in ["a", "b"] {
        world.file(name, "one");
    }
    world.daemon(&[], work(&world.answer), async |mut reloads, asker, handle| {
        world.start(&mut reloads).await;
        let disk = |disk| world.kept.lock().unwrap().disk = disk;
        disk(Disk::Hangs);
        // The second one waits for the first one's disk, and neither client for either.
        for (pausing, held) in [("a", &["a"][..]), ("b", &["a", "b"])] {
            tokio::select! {
                kept = asker.pause(name(pausing)) => panic!("the disk hangs: {kept:?}"),
                () = until_held(&handle, held) => {}
            }
        }
        disk(Disk::Fine);
        let kept = async {
            while world.kept.lock().unwrap().paused != set(&["a", "b"]) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(SOON, kept).await.expect("it is not kept");
    });
}

#[test]
fn a_pause_that_could_not_be_written_is_written_later_and_once() {
    let world = World::new();
    world.file("a", "one");
    world.daemon(&[], work(&world.answer), async |mut reloads, asker, _| {
        world.start(&mut reloads).await;
        let disk = |disk| world.kept.lock().unwrap().disk = disk;
        disk(Disk::Full);
        let lost = Some(pauses::Kept::Lost("the disk is full".to_owned()));
        assert_eq!(asker.pause(name("a")).await.unwrap(), lost);
        reloads.try_again().await.unwrap();
        assert_eq!(world.kept.lock().unwrap().paused, set(&[]));
        disk(Disk::Fine);
        for _ in 0..3 {
            reloads.try_again().await.unwrap();
        }
        let kept = world.kept.lock().unwrap();
        assert_eq!((&kept.paused, kept.written.len()), (&set(&["a"]), 1));
    });
}
