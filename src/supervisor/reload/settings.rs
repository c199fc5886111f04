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
    // In full: a new field is either here or taken by a reload.
    let Settings { instance_id, pipelines, schemas, state, socket, listen, clusters: _, reload: _ } =
        new;
    let differs = [
        ("instance_id", running.instance_id != *instance_id),
        ("pipelines", running.pipelines != *pipelines),
        ("schemas", running.schemas != *schemas),
        ("state", running.state != *state),
        ("admin.socket", running.socket != *socket),
        ("admin.listen", running.listen != *listen),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}
