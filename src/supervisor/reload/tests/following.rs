//! A folder that is followed: while it comes and goes, while others ask, while a worker or a disk is slow.

use super::*;

/// Lets it follow its folder until the test is over.
async fn following(reloads: Reloads, test: impl Future<Output = ()>) {
    tokio::select! {
        () = reloads.run() => panic!("it follows for ever"),
        () = test => {}
    }
}

/// Waits until this runs: `name topic`, in the order of the names.
async fn until_runs(handle: &Handle, within: Duration, expected: &[String]) {
    let looks = async {
        while shown(handle.running().await.unwrap().pipelines.values()) != expected {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(within, looks).await.expect("not in time");
}

#[test]
fn a_worker_that_takes_no_new_rules_holds_up_no_change_of_another_file() {
    let world = World::new();
    world.daemon(&[], work(&world.answer), async |reloads, _, handle| {
        for name in ["a", SLOW] {
            world.file(name, "one");
        }
        following(reloads, async {
            until_runs(&handle, SOON, &["a one".into(), "slow one".into()]).await;
            world.file(SLOW, "two");
            let swaps = async {
                while !handle.status().await.unwrap().iter().any(|p| p.swapping) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(SOON, swaps).await.expect("not in time");
            // It is waited for now.
            world.file("a", "two");
            until_runs(&handle, SOON, &["a two".into(), "slow one".into()]).await;
        })
        .await;
    });
}

#[test]
fn all_who_ask_at_once_share_a_look_and_nobody_is_told_a_lie() {
    let world = World::new();
    world.daemon(&[], work(&world.answer), async |reloads, asker, _| {
        world.file("a", "one");
        following(reloads, async {
            let mut all = tokio::task::JoinSet::new();
            for _ in 0..200 {
                let asker = asker.clone();
                all.spawn(async move { asker.reload(Removals::Refused).await.map(|_| ()) });
            }
            let all = tokio::time::timeout(SOON, all.join_all()).await.expect("not in time");
            assert_eq!(all, vec![Ok(()); 200]);
        })
        .await;
    });
}

#[test]
fn who_cannot_be_answered_is_told_to_ask_again() {
    let world = World::new();
    world.daemon(&[], work(&world.answer), async |mut reloads, asker, _| {
        // Nobody serves yet.
        for _ in 0..REQUESTS_MAX {
            assert_eq!(asker.poke(Removals::Allowed), Ok(()));
        }
        assert_eq!(asker.poke(Removals::Allowed), Err(Unanswered::Busy));
        let mut answers = Vec::new();
        for _ in 0..=request::QUESTIONS_MAX {
            let (reply, answer) = oneshot::channel();
            let question = Request::Reload { removals: Removals::Refused, reply };
            reloads.serve(question).await.unwrap();
            answers.push(answer);
        }
        let last = answers.pop().unwrap().await.unwrap();
        assert_eq!(last.map(|_| ()), Err(Unanswered::Busy));
        assert!(answers.iter_mut().all(|answer| answer.try_recv().is_err()), "they wait");
        drop(reloads);
        assert_eq!(asker.poke(Removals::Allowed), Err(Unanswered::Gone));
    });
}

#[test]
fn a_pause_waits_for_its_disk_and_nobody_else_does() {
    let world = World::new();
    world.daemon(&[], work(&world.answer), async |mut reloads, asker, handle| {
        for name in ["a", "b"] {
            world.file(name, "one");
        }
        world.start(&mut reloads).await;
        let disk = |disk| world.kept.lock().unwrap().disk = disk;
        disk(Disk::Hangs);
        let meanwhile = async {
            let paused = async {
                while handle.paused().await.unwrap().is_empty() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::time::timeout(SOON, paused).await.expect("not in time");
            assert_eq!(
                asker.status(&InstanceId::new("test").unwrap()).await.unwrap()["version"],
                1
            );
            disk(Disk::Fine);
        };
        let (a, b, ()) = tokio::join!(asker.pause(name("a")), asker.pause(name("b")), meanwhile);
        assert_eq!((a.unwrap(), b.unwrap()), (Some(pauses::Kept::Kept), Some(pauses::Kept::Kept)));
        assert_eq!(world.kept.lock().unwrap().paused, [name("a"), name("b")].into());

        disk(Disk::Full);
        let lost = Some(pauses::Kept::Lost("the disk is full".to_owned()));
        assert_eq!(asker.resume(name("a")).await.unwrap(), lost);
        assert_eq!(asker.pause(name("c")).await.unwrap(), None);
    });
}

#[test]
fn a_thousand_files_that_change_at_once_all_run_as_they_say() {
    const COUNT: usize = 1_000;
    let world = World::new();
    // So many threads must not keep the machine busy.
    let work: Work = Arc::new(|job: &Job| {
        job.tell.say(WorkerNews::Ready);
        while !job.control.stop_requested() {
            if let Some(edition) = job.control.take_offer() {
                job.tell.say(WorkerNews::Taken(edition.clone()));
                job.rules.publish(&edition);
            }
            pause_for(Duration::from_millis(100));
        }
        Exit::Drained
    });
    let name = |n: usize| format!("p{n:04}");
    let expected = |topic: &str| -> Vec<String> {
        (0..COUNT).map(|n| format!("{} {topic}", name(n))).collect()
    };
    world.daemon(&[], work, async |reloads, _, handle| {
        following(reloads, async {
            for topic in ["one", "two"] {
                (0..COUNT).for_each(|n| world.file(&name(n), topic));
                until_runs(&handle, 10 * SOON, &expected(topic)).await;
            }
            for n in 1..COUNT / 2 {
                world.remove(&name(n));
            }
            let left = expected("two").into_iter().enumerate();
            let left = left.filter(|(n, _)| !(1..COUNT / 2).contains(n)).map(|(_, line)| line);
            until_runs(&handle, 10 * SOON, &left.collect::<Vec<_>>()).await;
        })
        .await;
    });
}

#[test]
fn a_folder_that_can_be_read_again_is_news_though_it_says_what_it_said() {
    let world = World::new();
    world.run(&[], async |reloads| {
        world.file("a", "one");
        world.start(reloads).await;
        reloads.unreadable(Cause::Change, "cannot read it".to_owned()).await.unwrap();
        assert!(reloads.overview.sentence().contains("unreadable"));
        world.change(reloads).await;
        assert_eq!(world.outcomes(), ["applied", "unreadable", "unchanged"]);
        assert!(!reloads.overview.sentence().contains("unreadable"));
        world.change(reloads).await;
        assert_eq!(world.outcomes().len(), 3);
    });
}

#[test]
fn a_swap_that_is_taken_late_does_not_hide_a_held_or_unreadable_folder() {
    let world = World::new();
    let names = ["a", "b", "c", "d"];
    world.run(&[], async |reloads| {
        for name in names {
            world.file(name, "one");
        }
        world.start(reloads).await;
        for is_held in [true, false] {
            let topic = if is_held { "two" } else { "three" };
            world.answer.store(REFUSES, Relaxed);
            world.file("a", topic);
            assert_eq!(outcome(&world.change(reloads).await), "refused");
            if is_held {
                names[1..].iter().for_each(|name| world.remove(name));
                assert_eq!(outcome(&world.change(reloads).await), "held");
            } else {
                reloads.unreadable(Cause::Change, "cannot read it".to_owned()).await.unwrap();
            }
            let before = world.outcomes();
            let reloads_before = reloads.overview.reloads();
            world.answer.store(TAKES, Relaxed);
            reloads.try_again().await.unwrap();
            assert!(reloads.unfinished.is_none());
            assert_eq!(world.kept()[0], format!("a {topic}"));
            assert_eq!(world.outcomes(), before);
            assert_eq!(reloads.overview.reloads(), reloads_before);
            names[1..].iter().for_each(|name| world.file(name, "one"));
            world.change(reloads).await;
        }
    });
}

#[test]
fn what_is_not_removed_is_said_while_nothing_newer_is_known_of_the_folder() {
    let world = World::new();
    world.run(&[], async |reloads| {
        for name in ["a", "b", "c"] {
            world.file(name, "one");
        }
        world.start(reloads).await;
        world.answer.store(REFUSES, Relaxed);
        world.file("a", "two");
        world.text("b", "version: 1\nname: [");
        world.remove("c");
        let why = world.change(reloads).await.removals_held_back;
        assert!(why.is_some());
        let shown = |reloads: &Reloads| {
            let document = reloads.overview.document(&InstanceId::new("test").unwrap(), &[], &[]);
            document["removals_held_back"].as_str().map(str::to_owned)
        };
        world.answer.store(TAKES, Relaxed);
        reloads.try_again().await.unwrap();
        assert_eq!(world.outcomes().last(), Some(&"rejected"));
        assert_eq!(shown(reloads), why);
        reloads.unreadable(Cause::Change, "cannot read it".to_owned()).await.unwrap();
        assert_eq!(shown(reloads), why);
    });
}

#[test]
fn a_state_disk_that_hangs_holds_up_no_change_and_has_the_newest_when_it_answers() {
    let world = World::new();
    world.daemon(&[], work(&world.answer), async |reloads, asker, handle| {
        world.file("a", "one");
        following(reloads, async {
            until_runs(&handle, SOON, &["a one".into()]).await;
            asker.reload(Removals::Refused).await.unwrap();
            assert_eq!(world.kept(), ["a one"]);
            let disk = |disk| world.kept.lock().unwrap().disk = disk;
            disk(Disk::Hangs);
            for topic in ["two", "three", "four"] {
                world.file("a", topic);
                until_runs(&handle, SOON, &[format!("a {topic}")]).await;
            }
            let answered = tokio::time::timeout(SOON, asker.reload(Removals::Refused)).await;
            assert_eq!(outcome(&answered.unwrap().unwrap()), "unchanged");
            let lost = Some(pauses::Kept::Lost(keeper::hanging()));
            assert_eq!(asker.pause(name("a")).await.unwrap(), lost);
            let said = unwritten(&asker).await;
            assert!(said.contains(&keeper::hanging()), "{said}");
            assert_eq!(world.kept(), ["a one"]);

            disk(Disk::Fine);
            let over = async {
                while !unwritten(&asker).await.is_empty() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::time::timeout(SOON, over).await.expect("it is not over");
            assert_eq!(world.kept(), ["a four"]);
            assert_eq!(world.kept.lock().unwrap().paused, [name("a")].into());
            assert_eq!(asker.resume(name("a")).await.unwrap(), Some(pauses::Kept::Kept));
        })
        .await;
    });
}

#[test]
fn the_last_twenty_generations_are_kept_and_shown_the_newest_first() {
    let world = World::new();
    let numbers = |document: &serde_json::Value| -> Vec<u64> {
        let history = document["history"].as_array().unwrap();
        history.iter().map(|generation| generation["number"].as_u64().unwrap()).collect()
    };
    world.run(&[], async |reloads| {
        for version in 1..=25 {
            world.file("a", &format!("v{version}"));
            let why = if version == 1 { Why::First } else { Why::Event };
            assert_eq!(outcome(&world.look(reloads, why, Removals::Refused).await), "applied");
        }
        let document = reloads.overview.document(&InstanceId::new("test").unwrap(), &[], &[]);
        assert_eq!(numbers(&document), (6..=25).rev().collect::<Vec<_>>());
        assert_eq!(document["generation"], document["history"][0]);
        for field in ["digest", "at", "revision", "cause", "outcome", "findings", "changes"] {
            assert!(document["generation"].get(field).is_some(), "{field}: {document:#}");
        }
        assert_eq!(world.outcomes().len(), 20);
    });
}
