//! Requests of the supervisor, served between two windows: another edition, pause and resume.

use super::{Port, Shell, Tally, limits_of};
use crate::worker::control::{Edition, Job, News};
use crate::worker::fault::Failure;
use crate::worker::machine::{Event, State};

impl<P: Port> Shell<'_, P> {
    /// Closes the open window where something is asked, then does it.
    pub(super) fn attend(&mut self) {
        let Job { control, rules, .. } = self.job;
        let pause = control.is_paused();
        let newer = rules.newer_than(&self.edition);
        if newer.is_none() && !control.is_offered() && pause == self.paused {
            return;
        }
        self.drive(Event::Close);
        // A commit that failed is rewound by now, or the worker has ended.
        if self.state == State::Idle
            && let Some(newer) = newer
        {
            self.follow(newer);
        }
        if self.state != State::Idle {
            return;
        }
        self.take_offer();
        if pause != self.paused {
            self.turn_reading();
        }
    }

    /// Another worker of the pipeline has it already, and partitions of that one may come: either it rules here too, or this
    /// worker ends and begins anew with it.
    fn follow(&mut self, newer: Edition) {
        let job = self.job;
        match self.port.prepare(&newer.pipeline, &|| job.control.stop_requested()) {
            Ok(()) => {
                self.job.tell.say(News::Taken(newer.clone()));
                self.go_by(newer);
            }
            Err(fault) => self.drive(Event::Failed(Failure::Fault(fault))),
        }
    }

    /// The port gets ready for the edition first: what it cannot serve is refused, and the one before goes on.
    fn take_offer(&mut self) {
        let offered = self.job.control.take_offer();
        let Some(offered) = offered.filter(|o| o.number > self.edition.number) else { return };
        let job = self.job;
        let prepared = self.port.prepare(&offered.pipeline, &|| job.control.stop_requested());
        if let Err(fault) = prepared {
            self.job.tell.say(News::Refused(offered, fault));
            return;
        }
        // Told first: the supervisor hears of those who follow behind it.
        self.job.tell.say(News::Taken(offered.clone()));
        self.job.rules.publish(&offered);
        self.go_by(offered);
    }

    fn go_by(&mut self, edition: Edition) {
        self.limits = limits_of(edition.pipeline.delivery);
        self.window.set_limits(self.limits);
        self.scratch = edition.program.state();
        self.tally = Tally::of(&edition.pipeline);
        // What a sink refused before may suit the new one.
        self.isolation.forget();
        self.edition = edition;
    }

    /// From reading to pause and back.
    fn turn_reading(&mut self) {
        let (done, news) = if self.paused {
            (self.port.resume(), News::Resumed)
        } else {
            (self.port.pause(), News::Paused)
        };
        match done {
            Ok(()) => {
                self.paused = !self.paused;
                self.job.tell.say(news);
            }
            Err(failure) => self.drive(Event::Failed(failure)),
        }
    }
}
