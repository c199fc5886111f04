//! One state file: read with doubt, written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Damage, Forgotten};
use crate::watch::Digest;

/// The version of the format.
const VERSION: u64 = 1;
/// Owner alone.
const MODE: u32 = 0o600;
/// A state file is some kilobytes for each pipeline; what is above was not written by us.
const BYTES_MAX: u64 = 256 << 20;
/// Damaged files of one kind that are kept for an engineer.
const ASIDE_MAX: usize = 10;

/// The content; nothing where there is no file. The error says why it cannot be understood.
pub(super) fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, String> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > BYTES_MAX => {
            return Err(format!("it is larger than {BYTES_MAX} bytes"));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    }
    let bytes = fs::read(path).map_err(|e| e.to_string())?;
    let mut document: Value = serde_json::from_slice(&bytes).map_err(|e| e.to_string())?;
    let version = document.get("version").and_then(Value::as_u64);
    if version != Some(VERSION) {
        return Err(match version {
            Some(version) => format!("it has version {version}, and {VERSION} is known here"),
            None => "it has no version".to_owned(),
        });
    }
    let content = document.get_mut("content").map(Value::take).ok_or("it has no content")?;
    if document.get("sha256").and_then(Value::as_str) != Some(checksum(&content).as_str()) {
        return Err("its checksum is not that of its content".to_owned());
    }
    serde_json::from_value(content).map(Some).map_err(|e| e.to_string())
}

/// Replaces the file. Whenever power fails, the old content or the new one is there.
pub(super) fn write(path: &Path, content: &impl Serialize) -> io::Result<()> {
    let content = serde_json::to_value(content)?;
    let sha256 = checksum(&content);
    let document = json!({"version": VERSION, "sha256": sha256, "content": content});
    let temporary = temporary(path);
    let mut file =
        File::options().write(true).create(true).truncate(true).mode(MODE).open(&temporary)?;
    let written = file
        .write_all(format!("{document}\n").as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        // On a full disk it would be in the way; the error that counts is the first one.
        drop(fs::remove_file(&temporary));
        return Err(error);
    }
    File::open(folder(path))?.sync_all()
}

/// Removes what a crash left half written. Something else of that name, which would be in the way of every write, gets another
/// one, and is reported; where that fails too, the first write says so.
pub(super) fn remove_temporary(path: &Path) -> Option<Damage> {
    let temporary = temporary(path);
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let place = rename_aside(&temporary, path).ok()?;
            Some(Damage {
                path: temporary,
                moved_to: Some(place),
                why: format!("it cannot be removed: {error}"),
                forgotten: Forgotten::NothingOfOurs,
            })
        }
        Ok(()) | Err(_) => None,
    }
}

/// Gives the file another name, that of no other one; gives that.
pub(super) fn move_aside(path: &Path) -> io::Result<PathBuf> {
    rename_aside(path, path)
}

/// The same by the name of another one.
fn rename_aside(from: &Path, path: &Path) -> io::Result<PathBuf> {
    let aside = |number: usize| path.with_extension(format!("json.damaged-{number}"));
    let free = (1..ASIDE_MAX).map(aside).find(|path| !path.exists());
    let to = free.unwrap_or_else(|| aside(ASIDE_MAX));
    fs::rename(from, &to)?;
    Ok(to)
}

fn temporary(path: &Path) -> PathBuf {
    path.with_extension("json.tmp")
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn checksum(content: &Value) -> String {
    Digest::of(content.to_string().as_bytes()).to_string()
}
