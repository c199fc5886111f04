//! One look at the folders: listen anew, then read, so that no change falls between the two.

use std::path::{Path, PathBuf};

use notify::event::EventKind;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::beside::{self, Beside};
use super::digest::{Digest, Parts};
use super::places::Places;
use super::{Events, Folders, revision};
use crate::config::Snapshot;

/// A folder that is replaced again and again while it is read must not keep the reader here; the events are kept.
const LOOKS_MAX: usize = 5;

/// What was found, and who listens from now on.
pub(super) struct Scanned {
    pub(super) listener: Option<RecommendedWatcher>,
    /// Why not all is listened to; the tick sees it all the same.
    pub(super) deaf: Option<String>,
    pub(super) found: Result<Found, String>,
}

/// What the folders hold.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) snapshot: Snapshot,
    pub(super) beside: Beside,
    /// Of all but the certificates and secrets.
    pub(super) core: Digest,
    /// Of all of it.
    pub(super) digest: Digest,
    pub(super) revision: Option<String>,
}

/// Looks at the folders; blocks. Each later event that concerns them puts a word into the channel, where there is none.
pub(super) fn scan(folders: &Folders, heard: &mpsc::Sender<()>) -> Scanned {
    let mut places = places(folders);
    for _ in 1..LOOKS_MAX {
        let scanned = look(folders, &places, heard);
        // A listener at a folder that is no longer the one that was read hears nothing.
        let after = self::places(folders);
        if places == after {
            return scanned;
        }
        places = after;
    }
    look(folders, &places, heard)
}

fn places(folders: &Folders) -> Places {
    let mut places = Places::default();
    places.add_folder(&folders.pipelines);
    if let Some(schemas) = &folders.schemas {
        places.add_folder(schemas);
    }
    for file in beside::all_paths(folders) {
        places.add_file(&file);
    }
    places
}

fn look(folders: &Folders, places: &Places, heard: &mpsc::Sender<()>) -> Scanned {
    let (listener, deaf) = match folders.events {
        Events::Native => listen(places, heard.clone()),
        Events::None => (None, None),
    };
    Scanned { listener, deaf, found: read(folders) }
}

fn listen(
    places: &Places,
    heard: mpsc::Sender<()>,
) -> (Option<RecommendedWatcher>, Option<String>) {
    let concern = places.clone();
    let handler = move |event: notify::Result<notify::Event>| {
        let counts = match event {
            // Opening and reading is what we do ourselves.
            Ok(event) => {
                let changes = !matches!(event.kind, EventKind::Access(_));
                event.need_rescan()
                    || (changes
                        && (event.paths.is_empty()
                            || event.paths.iter().any(|path| concern.concern(path))))
            }
            Err(_) => true,
        };
        if counts {
            // Full: one word is as good as two.
            heard.try_send(()).ok();
        }
    };
    let mut listener = match notify::recommended_watcher(handler) {
        Ok(listener) => listener,
        Err(error) => return (None, Some(error.to_string())),
    };
    let mut deaf = None;
    let whole = places.whole.iter().map(|path| (path, RecursiveMode::Recursive));
    let is_below = |path: &&PathBuf| places.whole.iter().any(|folder| path.starts_with(folder));
    let flat = places.flat.iter().filter(|path| !is_below(path));
    for (path, mode) in whole.chain(flat.map(|path| (path, RecursiveMode::NonRecursive))) {
        if let Err(error) = listener.watch(path, mode) {
            deaf = Some(format!("{}: {error}", path.display()));
        }
    }
    (Some(listener), deaf)
}

fn read(folders: &Folders) -> Result<Found, String> {
    let refused = |path: &Path, e: std::io::Error| format!("cannot read {}: {e}", path.display());
    let pipelines = std::slice::from_ref(&folders.pipelines);
    let snapshot = Snapshot::read_with(pipelines, folders.schemas.as_deref())
        .map_err(|e| refused(&folders.pipelines, e))?
        .without(folders.settings.as_deref());
    let beside = Beside::read(folders);

    let mut parts = Parts::new();
    parts.add_snapshot(&folders.pipelines.display().to_string(), &snapshot);
    parts.add_settings(&beside);
    let core = parts.clone().finish();
    parts.add_files(&beside);
    let digest = parts.finish();
    let revision = revision::of(&folders.pipelines);
    Ok(Found { snapshot, beside, core, digest, revision })
}
