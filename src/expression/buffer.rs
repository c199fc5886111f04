//! Memory for strings and slots that an expression makes on its way: each thread keeps what it has had, so that a record in the
//! steady state allocates nothing.

use std::cell::{Cell, RefCell};

use crate::json::Slot;

/// An expression needs one or two at a time, a deep one a few more.
const KEPT_MAX: usize = 16;
/// What one unusual record made large is given back.
const KEPT_BYTES_MAX: usize = 1 << 20;

thread_local! {
    static KEPT: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static SLOTS: Cell<Vec<Slot>> = const { Cell::new(Vec::new()) };
}

/// The bytes of a string that was made.
#[derive(Debug)]
pub(super) struct Buffer(pub(super) Vec<u8>);

impl Buffer {
    /// An empty one.
    pub(super) fn take() -> Self {
        let kept = KEPT.try_with(|kept| kept.try_borrow_mut().ok()?.pop());
        Self(kept.ok().flatten().unwrap_or_default())
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if !(1..=KEPT_BYTES_MAX).contains(&self.0.capacity()) {
            return;
        }
        self.0.clear();
        let own = std::mem::take(&mut self.0);
        // At the end of the thread there is nobody to keep it for.
        let _kept = KEPT.try_with(|kept| match kept.try_borrow_mut() {
            Ok(mut kept) if kept.len() < KEPT_MAX => kept.push(own),
            _ => {}
        });
    }
}

/// Runs with so many slots, all missing.
pub(super) fn with_slots<T>(count: usize, run: impl FnOnce(&mut [Slot]) -> T) -> T {
    let mut slots = SLOTS.take();
    slots.clear();
    slots.resize(count, Slot::Missing);
    let result = run(&mut slots);
    SLOTS.set(slots);
    result
}
