//! Pauses that are kept: over a new name, over a client that leaves, over a disk that is full for a while.

use super::*;

/// A pipeline of a group that its name does not give.
fn in_group(world: &World, file: &str, name: &str) {
    world.text(
        file,
        &format!(
            "version: 1\nname: {name}\ndelivery: at_most_once\n\
             source: {{topics: [in], start: latest, group: one}}\nsinks: {{out: {{kafka: {{topic: out}}}}}}\n"
        ),
    );
}

/// Waits until these are shown as paused by an operator: what leaves is shown until it has gone.
async fn until_by_operator(handle: &Handle, names: &[&str]) {
    let looks = async {
        loop {
            let all = handle.status().await.unwrap();
            let held = all.iter().filter(|p| p.paused_by.contains(&"operator"));
            if held.map(|p| p.name.as_str()).collect::<Vec<_>>() == names {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(SOON, looks).await.expect("not in time");
}

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
fn a_pause_goes_along_with_a_new_name_that_came_while_no_daemon_ran() {
    // As a stop leaves it, and as a kill -9 amid a rename of a running daemon does.
    for left in [&["a"][..], &["a", "b"], &["b"]] {
        let world = World::new();
        in_group(&world, "file", "a");
        world.daemon(&[], work(&world.answer), async |mut reloads, asker, _| {
            world.start(&mut reloads).await;
            assert_eq!(asker.pause(name("a")).await, Ok(Some(pauses::Kept::Kept)));
        });
        world.kept.lock().unwrap().paused = set(left);
        in_group(&world, "file", "b");
        world.daemon(&[], work(&world.answer), async |mut reloads, asker, handle| {
            let started = world.start(&mut reloads).await;
            assert_eq!(changes(&started), ["b rename"]);
            until_by_operator(&handle, &["b"]).await;
            assert_eq!(world.kept.lock().unwrap().paused, set(&["b"]));
            assert_eq!(asker.resume(name("b")).await, Ok(Some(pauses::Kept::Kept)));
            until_by_operator(&handle, &[]).await;
        });
        assert_eq!(world.kept.lock().unwrap().paused, set(&[]));
        world.daemon(&[], work(&world.answer), async |mut reloads, _, handle| {
            assert_eq!(changes(&world.start(&mut reloads).await), ["b start"]);
            until_by_operator(&handle, &[]).await;
        });
    }
}

#[test]
fn a_pause_is_kept_by_both_names_before_a_rename_and_by_the_new_one_before_the_old_is_forgotten() {
    let world = World::new();
    in_group(&world, "file", "a");
    world.file("c", "out");
    world.daemon(&[], work(&world.answer), async |mut reloads, asker, handle| {
        world.start(&mut reloads).await;
        assert_eq!(asker.pause(name("a")).await, Ok(Some(pauses::Kept::Kept)));
        world.kept.lock().unwrap().written.clear();
        in_group(&world, "file", "b");
        assert_eq!(changes(&world.change(&mut reloads).await), ["b rename"]);
        until_by_operator(&handle, &["b"]).await;
        let good = vec![name("a"), name("c")];
        let written = std::mem::take(&mut world.kept.lock().unwrap().written);
        assert_eq!(written, [(set(&["a", "b"]), good.clone()), (set(&["b"]), good)]);

        // What is not paused has nothing to take along.
        asker.resume(name("b")).await.unwrap();
        in_group(&world, "file", "d");
        world.change(&mut reloads).await;
        assert_eq!(world.kept.lock().unwrap().paused, set(&[]));
    });
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

#[test]
fn what_was_good_last_is_written_by_itself_once_there_is_room() {
    let world = World::new();
    world.file("a", "one");
    world.daemon(&[], work(&world.answer), async |mut reloads, asker, _| {
        world.start(&mut reloads).await;
        let disk = |disk| world.kept.lock().unwrap().disk = disk;
        disk(Disk::Full);
        world.file("a", "two");
        assert_eq!(outcome(&world.change(&mut reloads).await), "applied");
        reloads.try_again().await.unwrap();
        assert_eq!((world.kept(), world.outcomes().len()), (vec!["a one".to_owned()], 1));
        let said = unwritten(&asker).await;
        assert!(said.contains("what was good last: the disk is full"), "{said}");
        disk(Disk::Fine);
        reloads.try_again().await.unwrap();
        assert_eq!((world.kept(), world.outcomes().len()), (vec!["a two".to_owned()], 2));
        assert_eq!(unwritten(&asker).await, "");
    });
}

#[test]
fn the_name_that_a_pause_is_known_by_is_forgotten_after_the_pause_has_its_new_one() {
    let world = World::new();
    in_group(&world, "file", "a");
    world.daemon(&[], work(&world.answer), async |mut reloads, asker, _| {
        world.start(&mut reloads).await;
        assert_eq!(asker.pause(name("a")).await, Ok(Some(pauses::Kept::Kept)));
        let disk = |disk| world.kept.lock().unwrap().disk = disk;
        disk(Disk::NoPauses);
        in_group(&world, "file", "b");
        assert_eq!(changes(&world.change(&mut reloads).await), ["b rename"]);
        // What nobody's pause hangs on is written.
        assert_eq!((world.kept(), world.outcomes().len()), (vec!["a out".to_owned()], 2));
        world.kept.lock().unwrap().written.clear();
        disk(Disk::Fine);
        reloads.try_again().await.unwrap();
        let written = std::mem::take(&mut world.kept.lock().unwrap().written);
        assert_eq!(written, [(set(&["b"]), vec![name("a")])]);
        assert_eq!(world.kept(), ["b out"]);
    });
}
