//! The supervisor on work that does as it is told: no broker, real threads, tokio's own time.

mod left;
mod names;
mod untried;

use std::collections::BTreeSet;
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::model::{GroupId, InstanceId, PipelineName, WorkerId};
use crate::pipeline::{Delivery, Pipeline, sample};
use crate::supervisor::plan::{Removals, Set, plan};
use crate::supervisor::{Applied, Handle, PipelineStatus, Supervisor, Work};
use crate::worker::{Exit, Fault, FaultKind, Job, WorkerNews};

/// Everything here takes milliseconds.
const SOON: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(5);

/// What the threads did, in order.
type Diary = Arc<Mutex<Vec<String>>>;

fn pipeline(name: &str, change: impl FnOnce(&mut Pipeline)) -> Arc<Pipeline> {
    let mut pipeline = sample::pipeline(Delivery::ExactlyOnce(sample::limits(10)));
    pipeline.name = PipelineName::new(name).unwrap();
    pipeline.source.group = GroupId::new(&format!("krouted.{name}")).unwrap();
    change(&mut pipeline);
    Arc::new(pipeline)
}

fn set(pipelines: &[Arc<Pipeline>]) -> Set {
    let pipelines = pipelines.iter().map(|p| (p.name.clone(), Arc::clone(p))).collect();
    Set { pipelines, ..Set::default() }
}

/// Waits as a worker does, until it is asked to end.
fn idle(diary: &Diary, job: &Job) -> Exit {
    let say = |what: &str| diary.lock().unwrap().push(format!("{what} {}", short(&job.id)));
    say("up");
    while !job.control.stop_requested() {
        pause();
    }
    say("down");
    Exit::Drained
}

fn short(id: &WorkerId) -> String {
    format!("{}/{}", id.pipeline, id.number)
}

#[expect(clippy::disallowed_methods, reason = "a thread of a test has nothing else to do")]
fn pause() {
    std::thread::sleep(PAUSE);
}

/// Runs a supervisor beside the test, and ends it.
fn with<T>(work: Work, test: impl AsyncFnOnce(&Handle) -> T) -> (T, Vec<WorkerId>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let instance = InstanceId::new("test").unwrap();
    let (supervisor, handle) = Supervisor::new(&instance, BTreeSet::new(), work, Box::new(|| {}));
    runtime.block_on(async {
        let (end, ended) = oneshot::channel();
        let supervised = supervisor.run(async {
            ended.await.ok();
        });
        let tested = async {
            let result = test(&handle).await;
            end.send(()).ok();
            result
        };
        let (left, result) = tokio::join!(supervised, tested);
        (result, left)
    })
}

async fn apply(handle: &Handle, wanted: &Set) -> Applied {
    let running = handle.running().await.unwrap();
    let plan = plan(&running, wanted, Removals::Allowed);
    handle.apply(plan, wanted.clone()).await.unwrap()
}

async fn until(handle: &Handle, done: impl Fn(&[PipelineStatus]) -> bool) -> Vec<PipelineStatus> {
    let asked = async {
        loop {
            let status = handle.status().await.unwrap();
            if done(&status) {
                return status;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(SOON, asked).await.expect("not in time")
}

fn all_up(diary: &Diary, count: usize) -> bool {
    diary.lock().unwrap().iter().filter(|line| line.starts_with("up")).count() == count
}

#[test]
fn a_restart_starts_the_new_behind_the_end_of_the_old_and_leaves_the_neighbour_alone() {
    let diary = Diary::default();
    let work: Work = {
        let diary = Arc::clone(&diary);
        Arc::new(move |job: &Job| idle(&diary, job))
    };
    let ((), left) = with(work, async |handle| {
        let near = pipeline("near", |_| {});
        apply(handle, &set(&[pipeline("p", |_| {}), Arc::clone(&near)])).await;
        until(handle, |_| all_up(&diary, 2)).await;
        let two = pipeline("p", |p| p.workers = NonZeroU16::new(2).unwrap());
        apply(handle, &set(&[two, near])).await;
        until(handle, |_| all_up(&diary, 4)).await;
    });
    assert!(left.is_empty());
    let diary = diary.lock().unwrap();
    let at = |line: &str| diary.iter().position(|l| l == line).unwrap();
    let second = diary.iter().rposition(|l| l == "up p/0").unwrap();
    assert!(at("up p/0") < at("down p/0") && at("down p/0") < second, "{diary:?}");
    assert!(at("down p/0") < at("up p/1"), "{diary:?}");
    assert!(at("down near/0") > second, "{diary:?}");
}

#[test]
fn the_newest_definition_wins_however_slowly_the_old_one_drains() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let release = Arc::new(Mutex::new(false));
    let work: Work = {
        let (seen, release) = (Arc::clone(&seen), Arc::clone(&release));
        Arc::new(move |job: &Job| {
            seen.lock().unwrap().push(job.edition.pipeline.workers.get());
            while !job.control.stop_requested() || !*release.lock().unwrap() {
                pause();
            }
            Exit::Drained
        })
    };
    let workers = |n: u16| set(&[pipeline("p", |p| p.workers = NonZeroU16::new(n).unwrap())]);
    with(work, async |handle| {
        apply(handle, &workers(1)).await;
        until(handle, |_| seen.lock().unwrap().len() == 1).await;
        // Removed, added again, changed twice, all while it drains.
        apply(handle, &set(&[])).await;
        apply(handle, &workers(1)).await;
        apply(handle, &workers(3)).await;
        apply(handle, &workers(2)).await;
        *release.lock().unwrap() = true;
        until(handle, |_| seen.lock().unwrap().len() == 3).await;
        let status = handle.status().await.unwrap();
        assert_eq!(status[0].workers.len(), 2);
    });
    assert_eq!(*seen.lock().unwrap(), [1, 2, 2]);
}

#[test]
fn a_swap_of_a_pipeline_that_waits_for_its_next_attempt_begins_at_once() {
    let work: Work = Arc::new(|job: &Job| {
        if job.edition.pipeline.description.is_none() {
            return Exit::Fault(Fault::new(FaultKind::UnknownTopic, "no such topic"));
        }
        job.tell.say(WorkerNews::Ready);
        idle(&Diary::default(), job)
    });
    with(work, async |handle| {
        apply(handle, &set(&[pipeline("p", |_| {})])).await;
        let status = until(handle, |all| all[0].state == "backing_off").await;
        let reason = status[0].workers[0].reason.as_ref().unwrap();
        assert_eq!(reason.kind, "unknown_topic");
        // The pause of such a fault is half a minute.
        let better = pipeline("p", |p| p.description = Some("better".into()));
        let applied = apply(handle, &set(&[better])).await;
        assert_eq!(applied, Applied::default());
        until(handle, |all| all[0].state == "running").await;
    });
}

/// Work that takes offers where it may look at them, and tells so where it may.
#[derive(Default)]
struct Taker {
    looks: AtomicBool,
    tells: AtomicBool,
    has_taken: AtomicUsize,
    rules: Mutex<Vec<Option<String>>>,
}

impl Taker {
    fn work(self: &Arc<Self>) -> Work {
        let taker = Arc::clone(self);
        Arc::new(move |job: &Job| {
            taker.rules.lock().unwrap().push(job.edition.pipeline.description.clone());
            while !job.control.stop_requested() {
                pause();
                if !taker.looks.load(Relaxed) {
                    continue;
                }
                let Some(edition) = job.control.take_offer() else { continue };
                taker.has_taken.fetch_add(1, Relaxed);
                while !taker.tells.load(Relaxed) {
                    pause();
                }
                job.tell.say(WorkerNews::Taken(edition.clone()));
                job.rules.publish(&edition);
                taker.rules.lock().unwrap().push(edition.pipeline.description.clone());
            }
            Exit::Drained
        })
    }

    async fn runs_one(&self, handle: &Handle) {
        apply(handle, &described("one")).await;
        until(handle, |_| self.rules() == ["one"]).await;
    }

    async fn takes_two_and_does_not_tell(&self, handle: &Handle) {
        let two = described("two");
        tokio::select! {
            _ = apply(handle, &two) => panic!("it is not told"),
            _ = until(handle, |_| self.has_taken.load(Relaxed) == 1) => {}
        }
    }

    fn rules(&self) -> Vec<String> {
        self.rules.lock().unwrap().iter().map(|text| text.clone().unwrap()).collect()
    }
}

fn described(text: &str) -> Set {
    set(&[pipeline("p", |p| p.description = Some(text.into()))])
}

#[test]
fn an_offer_that_nobody_took_is_withdrawn() {
    let taker = Arc::new(Taker { tells: true.into(), ..Taker::default() });
    with(taker.work(), async |handle| {
        taker.runs_one(handle).await;
        let two = described("two");
        tokio::select! {
            _ = apply(handle, &two) => panic!("it is not taken"),
            _ = until(handle, |all| all[0].swapping) => {}
        }
        assert_eq!(apply(handle, &described("one")).await, Applied::default());
        until(handle, |all| !all[0].swapping).await;
        taker.looks.store(true, Relaxed);
        apply(handle, &described("three")).await;
    });
    assert_eq!(taker.rules(), ["one", "three"]);
}

#[test]
fn an_offer_that_was_taken_before_it_was_withdrawn_is_taken_back() {
    let taker = Arc::new(Taker { looks: true.into(), ..Taker::default() });
    with(taker.work(), async |handle| {
        taker.runs_one(handle).await;
        taker.takes_two_and_does_not_tell(handle).await;
        apply(handle, &described("one")).await;
        taker.tells.store(true, Relaxed);
        until(handle, |_| taker.rules() == ["one", "two", "one"]).await;
        until(handle, |all| !all[0].swapping).await;
        let running = handle.running().await.unwrap();
        let running = running.pipelines.values().next().unwrap().description.clone();
        assert_eq!(running.as_deref(), Some("one"));
    });
}

#[test]
fn an_offer_that_was_taken_after_the_plan_to_keep_what_ran_was_made_is_taken_back() {
    let taker = Arc::new(Taker { looks: true.into(), ..Taker::default() });
    with(taker.work(), async |handle| {
        taker.runs_one(handle).await;
        taker.takes_two_and_does_not_tell(handle).await;
        let one = described("one");
        let plan = plan(&handle.running().await.unwrap(), &one, Removals::Allowed);
        taker.tells.store(true, Relaxed);
        until(handle, |all| !all[0].swapping).await;
        assert_eq!(handle.apply(plan, one).await.unwrap(), Applied::default());
        until(handle, |_| taker.rules() == ["one", "two", "one"]).await;
        let running = handle.running().await.unwrap();
        assert!(running.pipelines.values().all(|p| p.description.as_deref() == Some("one")));
    });
}

#[test]
fn an_offer_that_was_taken_before_a_newer_one_gives_way_to_that() {
    let taker = Arc::new(Taker { looks: true.into(), ..Taker::default() });
    with(taker.work(), async |handle| {
        taker.runs_one(handle).await;
        taker.takes_two_and_does_not_tell(handle).await;
        let newer = async {
            until(handle, |all| all[0].swapping).await;
            taker.tells.store(true, Relaxed);
        };
        let (applied, ()) = tokio::join!(async { apply(handle, &described("three")).await }, newer);
        assert_eq!(applied, Applied::default());
        // It tells that it has taken it before it writes that down.
        until(handle, |_| taker.rules() == ["one", "two", "three"]).await;
        // Nothing is offered again and again.
        until(handle, |all| !all[0].swapping).await;
        assert_eq!(taker.has_taken.load(Relaxed), 2);
    });
}

#[test]
fn a_refusal_is_forgotten_when_what_runs_is_wanted_again() {
    let work: Work = Arc::new(|job: &Job| {
        while !job.control.stop_requested() {
            pause();
            if let Some(edition) = job.control.take_offer() {
                let fault = Fault::new(FaultKind::UnknownTopic, "no such topic");
                job.tell.say(WorkerNews::Refused(edition, fault));
            }
        }
        Exit::Drained
    });
    with(work, async |handle| {
        let one = described("one");
        apply(handle, &one).await;
        until(handle, |all| all[0].workers[0].attempts == 1).await;
        assert_eq!(apply(handle, &described("two")).await.refused.len(), 1);
        assert!(handle.status().await.unwrap()[0].refused.is_some());
        // The cluster has not changed its mind.
        assert!(handle.restart(PipelineName::new("p").unwrap()).await.unwrap());
        until(handle, |all| all.len() == 1 && all[0].workers[0].state == "starting").await;
        assert!(handle.status().await.unwrap()[0].refused.is_some());
        // The very same definition: the file is broken now, say.
        assert_eq!(apply(handle, &one).await, Applied::default());
        assert!(handle.status().await.unwrap()[0].refused.is_none());
    });
}

#[test]
fn a_stop_policy_halts_all_workers_until_the_definition_changes_or_a_restart() {
    let halts = Arc::new(Mutex::new(0));
    let work: Work = {
        let halts = Arc::clone(&halts);
        Arc::new(move |job: &Job| {
            if job.id.number == 0 {
                *halts.lock().unwrap() += 1;
                return Exit::Halted("at in[0]@7".into());
            }
            idle(&Diary::default(), job)
        })
    };
    let is_halted = |all: &[PipelineStatus]| all[0].workers.iter().all(|w| w.state == "halted");
    with(work, async |handle| {
        let two = |text: &str| {
            set(&[pipeline("p", |p| {
                p.workers = NonZeroU16::new(2).unwrap();
                p.description = Some(text.into());
            })])
        };
        apply(handle, &two("one")).await;
        until(handle, is_halted).await;
        assert!(handle.restart(PipelineName::new("p").unwrap()).await.unwrap());
        until(handle, |all| *halts.lock().unwrap() == 2 && is_halted(all)).await;
        apply(handle, &two("two")).await;
        until(handle, |all| *halts.lock().unwrap() == 3 && is_halted(all)).await;
        assert!(!handle.restart(PipelineName::new("other").unwrap()).await.unwrap());
    });
}

#[test]
fn a_worker_that_is_stopped_by_the_rules_before_goes_on_by_those_of_now() {
    for is_told_late in [false, true] {
        let (offered, anew) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let work: Work = {
            let (offered, anew) = (Arc::clone(&offered), Arc::clone(&anew));
            Arc::new(move |job: &Job| {
                job.tell.say(WorkerNews::Ready);
                if job.edition.pipeline.description.as_deref() == Some("two") {
                    anew.fetch_add(1, Relaxed);
                    return idle(&Diary::default(), job);
                }
                while !job.control.stop_requested() {
                    pause();
                    if let Some(edition) = job.control.take_offer() {
                        // In one of the two orders the halt of the other is heard first.
                        if is_told_late {
                            offered.store(true, Relaxed);
                            while !job.control.stop_requested() {
                                pause();
                            }
                        }
                        job.tell.say(WorkerNews::Taken(edition.clone()));
                        job.rules.publish(&edition);
                        offered.store(true, Relaxed);
                    }
                    if job.id.number == 1 && offered.load(Relaxed) {
                        return Exit::Halted("at in[0]@7".into());
                    }
                }
                Exit::Drained
            })
        };
        with(work, async |handle| {
            let two = |text: &str| {
                set(&[pipeline("p", |p| {
                    p.workers = NonZeroU16::new(2).unwrap();
                    p.description = Some(text.into());
                })])
            };
            apply(handle, &two("one")).await;
            until(handle, |all| all[0].state == "running").await;
            apply(handle, &two("two")).await;
            let expected = if is_told_late { 2 } else { 1 };
            until(handle, |all| {
                all[0].state == "running" && anew.load(Relaxed) == expected && !all[0].swapping
            })
            .await;
        });
    }
}

#[test]
fn what_has_ended_has_no_lag_and_no_partitions() {
    let work: Work = Arc::new(|job: &Job| {
        job.tell.say(WorkerNews::Ready);
        job.gauges.lag.store(7, Relaxed);
        job.gauges.partitions.store(2, Relaxed);
        match job.id.number {
            0 => Exit::Halted("at in[0]@7".into()),
            _ => panic!("a bug"),
        }
    });
    with(work, async |handle| {
        let two = pipeline("p", |p| p.workers = NonZeroU16::new(2).unwrap());
        apply(handle, &set(&[two])).await;
        until(handle, |all| {
            let ended = |w: &crate::supervisor::WorkerStatus| w.state == "halted";
            all[0].workers.iter().all(ended)
                && (all[0].totals.lag, all[0].totals.partitions) == (0, 0)
        })
        .await;
    });
}

#[test]
fn two_hundred_pipelines_start_a_few_at_a_time_and_stop_together() {
    let (now, most) = (Arc::new(Mutex::new(0_usize)), Arc::new(Mutex::new(0)));
    let work: Work = {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        Arc::new(move |job: &Job| {
            // It never says that it is up, so it counts as one that starts until it ends.
            *now.lock().unwrap() += 1;
            let count = *now.lock().unwrap();
            let mut most = most.lock().unwrap();
            *most = count.max(*most);
            drop(most);
            let exit = if job.control.stop_requested() { Exit::Drained } else { wait(job) };
            *now.lock().unwrap() -= 1;
            exit
        })
    };
    let all: Vec<_> = (0..200).map(|n| pipeline(&format!("p{n}"), |_| {})).collect();
    let (started, left) = with(work, async |handle| {
        apply(handle, &set(&all)).await;
        handle.status().await.unwrap().len()
    });
    assert_eq!(started, 200);
    assert!(left.is_empty());
    assert!(*most.lock().unwrap() <= 16, "{most:?} at once");
}

fn wait(job: &Job) -> Exit {
    while !job.control.stop_requested() {
        pause();
    }
    Exit::Drained
}
