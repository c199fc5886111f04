//! The settings file, read again.

use super::Reading;
use crate::config::{Finding, Settings, SnapshotFile, settings};
use crate::kafka::Librdkafka;

/// The settings that a file says, defaults without one, or what is wrong with it.
pub(super) fn read(
    reading: &Reading,
    file: Option<&SnapshotFile>,
) -> Result<Settings, Vec<Finding>> {
    let file = reading.settings_file.as_deref().zip(file);
    settings::read(file, &reading.environment, &Librdkafka)
}

/// The same for one who is there already.
pub(super) fn understand(
    reading: &Reading,
    file: Option<&SnapshotFile>,
    running: &Settings,
) -> (Option<Settings>, Vec<Finding>) {
    match read(reading, file) {
        Ok(mut settings) => {
            if reading.settings_file.is_none() {
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
