//! What nobody could be asked about, and who has something else to do.

use super::*;

/// Work that comes up with what the cluster has: `typo` is an unknown topic, and with `away` no broker answers.
fn cluster(is_away: &Arc<AtomicBool>) -> Work {
    let is_away = Arc::clone(is_away);
    Arc::new(move |job: &Job| {
        if is_away.load(Relaxed) {
            return Exit::Fault(Fault::new(FaultKind::BrokerAway, "away"));
        }
        if job.edition.pipeline.description.as_deref() == Some("typo") {
            return Exit::Fault(Fault::new(FaultKind::UnknownTopic, "no such topic"));
        }
        job.tell.say(WorkerNews::Ready);
        wait(job)
    })
}

async fn runs(handle: &Handle) -> Option<String> {
    let running = handle.running().await.unwrap();
    running.pipelines.values().next().unwrap().description.clone()
}

#[test]
fn a_swap_that_no_worker_could_be_asked_about_is_open_until_one_is_up_with_it() {
    let is_away = Arc::new(AtomicBool::new(true));
    with(cluster(&is_away), async |handle| {
        apply(handle, &described("one")).await;
        until(handle, |all| all[0].state == "backing_off").await;
        let applied = apply(handle, &described("two")).await;
        assert_eq!(applied.open, [PipelineName::new("p").unwrap()]);
        assert_eq!(runs(handle).await.as_deref(), Some("one"));
        is_away.store(false, Relaxed);
        until(handle, |all| all[0].state == "running" && !all[0].swapping).await;
        assert_eq!(runs(handle).await.as_deref(), Some("two"));
    });
}

#[test]
fn a_swap_that_no_worker_could_be_asked_about_goes_back_where_the_cluster_does_not_allow_it() {
    let is_away = Arc::new(AtomicBool::new(true));
    with(cluster(&is_away), async |handle| {
        apply(handle, &described("one")).await;
        until(handle, |all| all[0].state == "backing_off").await;
        apply(handle, &described("typo")).await;
        is_away.store(false, Relaxed);
        let status =
            until(handle, |all| all[0].state == "running" && all[0].refused.is_some()).await;
        assert_eq!(status[0].refused.as_ref().unwrap().kind, "unknown_topic");
        assert_eq!(status[0].description.as_deref(), Some("one"));
        assert!(!status[0].swapping);
    });
}

#[test]
fn a_restart_keeps_what_an_untried_definition_goes_back_to() {
    let is_away = Arc::new(AtomicBool::new(true));
    with(cluster(&is_away), async |handle| {
        apply(handle, &described("one")).await;
        until(handle, |all| all[0].state == "backing_off").await;
        apply(handle, &described("typo")).await;
        assert!(handle.restart(PipelineName::new("p").unwrap()).await.unwrap());
        is_away.store(false, Relaxed);
        let status = until(handle, |all| all[0].state == "running").await;
        assert_eq!(status[0].description.as_deref(), Some("one"));
    });
}

#[test]
fn a_worker_that_is_still_being_halted_begins_anew_with_the_new_definition() {
    let release = Arc::new(AtomicBool::new(false));
    let work: Work = {
        let release = Arc::clone(&release);
        Arc::new(move |job: &Job| {
            job.tell.say(WorkerNews::Ready);
            let is_new = job.edition.pipeline.description.as_deref() == Some("new");
            if job.id.number == 1 && !is_new {
                return Exit::Halted("at in[0]@7".into());
            }
            while !job.control.stop_requested() || !(is_new || release.load(Relaxed)) {
                pause();
            }
            Exit::Drained
        })
    };
    let of = |all: &[PipelineStatus], number: usize| all[0].workers[number].state;
    with(work, async |handle| {
        let two = |text: &str| {
            set(&[pipeline("p", |p| {
                p.workers = NonZeroU16::new(2).unwrap();
                p.description = Some(text.into());
            })])
        };
        apply(handle, &two("old")).await;
        until(handle, |all| of(all, 0) == "draining" && of(all, 1) == "halted").await;
        apply(handle, &two("new")).await;
        release.store(true, Relaxed);
        until(handle, |all| of(all, 0) == "running" && of(all, 1) == "running").await;
    });
}

#[test]
fn pipelines_that_exchange_their_groups_both_leave_before_either_comes() {
    let diary = Diary::default();
    let release = Arc::new(AtomicBool::new(false));
    let work: Work = {
        let (diary, release) = (Arc::clone(&diary), Arc::clone(&release));
        Arc::new(move |job: &Job| {
            let who = format!("{} in {}", job.id.pipeline, job.edition.pipeline.source.group);
            diary.lock().unwrap().push(format!("up {who}"));
            wait(job);
            // The second in the order of names is the slower one.
            while job.id.pipeline.as_str() == "b" && !release.load(Relaxed) {
                pause();
            }
            diary.lock().unwrap().push(format!("down {who}"));
            Exit::Drained
        })
    };
    let in_groups = |a: &str, b: &str| {
        let of = |name: &str, group: &str| {
            pipeline(name, |p| p.source.group = GroupId::new(group).unwrap())
        };
        set(&[of("a", a), of("b", b)])
    };
    with(work, async |handle| {
        apply(handle, &in_groups("one", "two")).await;
        until(handle, |_| all_up(&diary, 2)).await;
        apply(handle, &in_groups("two", "one")).await;
        let has = |line: &str| diary.lock().unwrap().iter().any(|l| l == line);
        until(handle, |_| has("down a in one")).await;
        // b in one waits for a only; a in two must wait for b.
        until(handle, |all| all.iter().any(|p| p.name == "a" && p.state == "starting")).await;
        assert!(!has("up a in two"), "{diary:?}");
        release.store(true, Relaxed);
        until(handle, |_| has("up a in two") && has("up b in one")).await;
    });
    let diary = diary.lock().unwrap();
    let at = |line: &str| diary.iter().position(|l| l == line).unwrap();
    assert!(at("down b in two") < at("up a in two"), "{diary:?}");
}

#[test]
fn a_pause_of_a_pipeline_that_is_gone_is_lifted_by_its_name() {
    let work: Work = Arc::new(wait);
    with(work, async |handle| {
        let name = || PipelineName::new("p").unwrap();
        apply(handle, &described("one")).await;
        assert!(handle.pause(name()).await.unwrap());
        apply(handle, &set(&[])).await;
        assert_eq!(handle.paused().await.unwrap(), [name()].into());
        assert!(handle.resume(name()).await.unwrap());
        assert_eq!(handle.paused().await.unwrap(), [].into());
        assert!(!handle.resume(name()).await.unwrap());
        assert!(!handle.pause(name()).await.unwrap());
        apply(handle, &described("one")).await;
        let status = until(handle, |all| !all.is_empty()).await;
        assert_eq!(status[0].paused_by, Vec::<&str>::new());
    });
}

#[test]
fn who_waits_for_swaps_is_answered_when_there_is_something_else_to_do() {
    let taker = Arc::new(Taker { tells: true.into(), ..Taker::default() });
    with(taker.work(), async |handle| {
        taker.runs_one(handle).await;
        let two = described("two");
        let hurried = async {
            until(handle, |all| all[0].swapping).await;
            handle.hurry().await.unwrap();
        };
        let both = async { tokio::join!(async { apply(handle, &two).await }, hurried) };
        // It would be waited for longer.
        let (applied, ()) = tokio::time::timeout(SOON, both).await.expect("not in time");
        assert_eq!(applied.open, [PipelineName::new("p").unwrap()]);
    });
}

#[test]
fn what_is_offered_already_is_not_offered_anew_however_often_its_file_is_read() {
    let taker = Arc::new(Taker { looks: true.into(), ..Taker::default() });
    with(taker.work(), async |handle| {
        taker.runs_one(handle).await;
        taker.takes_two_and_does_not_tell(handle).await;
        let told = async {
            until(handle, |all| all[0].swapping).await;
            taker.tells.store(true, Relaxed);
        };
        // Read again, it is another value that says the same.
        let again = described("two");
        let (applied, ()) = tokio::join!(async { apply(handle, &again).await }, told);
        assert_eq!(applied, Applied::default());
        until(handle, |_| taker.rules() == ["one", "two"]).await;
        assert_eq!(taker.has_taken.load(Relaxed), 1);
    });
}

#[test]
fn what_was_taken_after_the_plan_was_made_is_not_offered_anew() {
    let taker = Arc::new(Taker { looks: true.into(), ..Taker::default() });
    with(taker.work(), async |handle| {
        taker.runs_one(handle).await;
        taker.takes_two_and_does_not_tell(handle).await;
        let again = described("two");
        let planned = plan(&handle.running().await.unwrap(), &again, Removals::Allowed);
        taker.tells.store(true, Relaxed);
        until(handle, |all| !all[0].swapping).await;
        assert_eq!(handle.apply(planned, again).await.unwrap(), Applied::default());
        assert_eq!(taker.has_taken.load(Relaxed), 1);
    });
    assert_eq!(taker.rules(), ["one", "two"]);
}

#[test]
fn an_offer_of_a_worker_that_is_left_behind_is_for_the_next_start() {
    let (halts, hangs) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(true)));
    let work: Work = {
        let (halts, hangs) = (Arc::clone(&halts), Arc::clone(&hangs));
        Arc::new(move |job: &Job| {
            job.tell.say(WorkerNews::Ready);
            if job.edition.pipeline.description.as_deref() == Some("new") {
                return wait(job);
            }
            // The first takes no offer and hears of no end.
            while job.id.number == 0 && hangs.load(Relaxed) {
                pause();
            }
            while job.id.number == 1 && !halts.load(Relaxed) {
                pause();
            }
            Exit::Halted("at in[0]@7".into())
        })
    };
    let of = |all: &[PipelineStatus], number: usize| all[0].workers[number].state;
    let two = |text: &str| {
        set(&[pipeline("p", |p| {
            p.workers = NonZeroU16::new(2).unwrap();
            p.description = Some(text.into());
        })])
    };
    let ((), left) = with(work, async |handle| {
        apply(handle, &two("old")).await;
        until(handle, |all| of(all, 0) == "running" && of(all, 1) == "running").await;
        let new = two("new");
        let ends = async {
            until(handle, |all| all[0].swapping).await;
            halts.store(true, Relaxed);
            until(handle, |all| of(all, 0) == "draining" && of(all, 1) == "halted").await;
            handle.hurry().await.unwrap();
        };
        tokio::join!(async { apply(handle, &new).await }, ends);
        tokio::time::pause();
        tokio::time::advance(crate::supervisor::DRAIN_MAX + Duration::from_secs(1)).await;
        tokio::time::resume();
        until(handle, |all| of(all, 0) == "running" && of(all, 1) == "running").await;
        until(handle, |all| !all[0].swapping).await;
        assert_eq!(runs(handle).await.as_deref(), Some("new"));
        assert_eq!(handle.left_behind().await.unwrap().len(), 1);
        hangs.store(false, Relaxed);
        until(handle, |all| all[0].left_behind == 0).await;
    });
    assert_eq!(left, []);
}
