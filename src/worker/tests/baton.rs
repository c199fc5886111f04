//! Several workers, one at a time: each poll hands over to whom the schedule says, so that a run can be repeated.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

#[derive(Clone, Debug)]
pub(super) struct Baton(Arc<(Mutex<Turn>, Condvar)>);

#[derive(Debug)]
struct Turn {
    whose: usize,
    there: Vec<bool>,
    schedule: Vec<u8>,
    at: usize,
}

impl Baton {
    /// For so many workers; the schedule begins again at its end.
    pub(super) fn new(workers: usize, schedule: Vec<u8>) -> Self {
        let turn = Turn { whose: 0, there: vec![true; workers], schedule, at: 0 };
        Self(Arc::new((Mutex::new(turn), Condvar::new())))
    }

    /// The place behind this one.
    pub(super) fn next(&self, place: usize) -> usize {
        let turn = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        (place + 1) % turn.there.len()
    }

    /// Hands over, and waits until it is this place's turn again.
    pub(super) fn pass(&self, place: usize) {
        let mut turn = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turn.there.len() == 1 {
            return;
        }
        if turn.whose == place {
            turn.choose();
            self.0.1.notify_all();
        }
        drop(
            self.0
                .1
                .wait_while(turn, |turn| turn.whose != place)
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    /// The worker has ended for good.
    pub(super) fn leave(&self, place: usize) {
        let mut turn = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        turn.there[place] = false;
        if turn.whose == place && turn.there.contains(&true) {
            turn.choose();
        }
        self.0.1.notify_all();
    }
}

impl Turn {
    /// By turns as the schedule says and one after the other, so that nobody waits for ever.
    fn choose(&mut self) {
        let scheduled = self.schedule.get(self.at % self.schedule.len().max(1)).copied();
        let there: Vec<usize> = (0..self.there.len()).filter(|p| self.there[*p]).collect();
        let choice = match self.at % 2 {
            0 => usize::from(scheduled.unwrap_or(0)),
            _ => self.at / 2,
        };
        self.at += 1;
        self.whose = there[choice % there.len()];
    }
}
