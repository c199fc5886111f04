//! Requests of the supervisor, served between two windows: another edition, pause and resume.

use super::{Port, Shell, limits_of};
use crate::worker::control::News;
use crate::worker::machine::{Event, State};

impl<P: Port> Shell<'_, P> {
    /// Closes the open window where something is asked, then does it.
    pub(super) fn attend(&mut self) {
        let control = &self.job.control;
        let pause = control.is_paused();
        if !control.is_offered() && pause == self.paused {
            return;
        }
        self.drive(Event::Close);
        // A commit that failed is rewound by now, or the worker has ended.
        if self.state != State::Idle {
            return;
        }
        self.take_offer();
        if pause != self.paused {
            self.turn_reading();
        }
    }

    /// The port gets ready for the edition first: what it cannot serve is refused, and the one before goes on.
    fn take_offer(&mut self) {
        let Some(offered) = self.job.control.take_offer() else { return };
        if let Err(fault) = self.port.prepare(&offered.pipeline) {
            self.job.tell.say(News::Refused(offered, fault));
            return;
        }
        self.limits = limits_of(offered.pipeline.delivery);
        self.window.set_limits(self.limits);
        self.scratch = offered.program.state();
        // What a sink refused before may suit the new one.
        self.isolation.forget();
        self.edition = offered.clone();
        self.job.tell.say(News::Taken(offered));
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
