//! What outlives the process, for the one who reloads.

use std::collections::BTreeSet;

use crate::model::PipelineName;
use crate::supervisor::reload::{Generation, Memory};
use crate::supervisor::wanted::LastGood;

/// Keeps nothing.
pub(super) struct Forgetful;

impl Memory for Forgetful {
    fn keep(&mut self, _: &LastGood, _: &[Generation]) {}
    fn keep_paused(&mut self, _: &BTreeSet<PipelineName>) {}
}
