//! The settings file, read again.

use super::Reading;
use crate::config::{Finding, Settings, settings};
use crate::kafka::Librdkafka;

/// The settings as the file says now, or what is wrong with it.
pub(super) fn load(reading: &Reading, running: &Settings) -> (Option<Settings>, Vec<Finding>) {
    let file = reading.settings_file.as_deref();
    match settings::load(file, &reading.environment, &Librdkafka) {
        Ok(loaded) => {
            let mut settings = loaded.settings;
            if file.is_none() {
                // They are beside the pipelines, wherever those are.
                settings.schemas.clone_from(&running.schemas);
            }
            (Some(settings), Vec::new())
        }
        Err(findings) => (None, findings),
    }
}

/// The fields that only a restart of the daemon takes, where they differ.
pub(super) fn needing_restart(running: &Settings, new: &Settings) -> Vec<&'static str> {
    let differs = [
        ("instance_id", running.instance_id != new.instance_id),
        ("pipelines", running.pipelines != new.pipelines),
        ("schemas", running.schemas != new.schemas),
        ("state", running.state != new.state),
        ("admin.socket", running.socket != new.socket),
        ("admin.listen", running.listen != new.listen),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}
