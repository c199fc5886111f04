//! What tells one content from another.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::beside::Beside;
use crate::config::{Snapshot, Unread};

/// Certificates, keys and secrets are small; a bundle of all public authorities has a quarter of a megabyte.
pub const FILE_BYTES_MAX: u64 = 16 << 20;

/// SHA-256 of a content; its text is hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of a regular file of at most [`FILE_BYTES_MAX`]; blocks. The error says why not: a lower-case fragment.
    pub fn of_file(path: &Path) -> Result<Self, String> {
        let refused = |error: io::Error| error.to_string();
        // A pipe would be waited for, a device would never end.
        if !fs::metadata(path).map_err(refused)?.is_file() {
            return Err("it is no regular file".to_owned());
        }
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(refused)?;
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(refused)?;
        if u64::try_from(bytes.len()).is_ok_and(|len| len <= FILE_BYTES_MAX) {
            Ok(Self::of(&bytes))
        } else {
            Err(format!("it has more than {FILE_BYTES_MAX} bytes"))
        }
    }
}

/// Takes in parts, each with its length, so that no two lists of parts look alike.
#[derive(Clone)]
pub(super) struct Parts(Sha256);

impl Parts {
    pub(super) fn new() -> Self {
        Self(Sha256::new())
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.0.update(len.to_be_bytes());
        self.0.update(bytes);
    }

    /// All files, by what their paths are below the folder, and all schemas.
    pub(super) fn add_snapshot(&mut self, folder: &str, snapshot: &Snapshot) {
        self.add(snapshot.files.len().to_string().as_bytes());
        for file in &snapshot.files {
            let below = file.path.strip_prefix(folder).unwrap_or(&file.path);
            self.add_file(below, &file.content);
        }
        for (file, content) in &snapshot.schemas.files {
            self.add_file(file, content);
        }
    }

    /// The settings file.
    pub(super) fn add_settings(&mut self, beside: &Beside) {
        if let Some(file) = &beside.settings {
            self.add_file(&file.path, &file.content);
        }
    }

    /// The certificates and secrets, by their paths.
    pub(super) fn add_files(&mut self, beside: &Beside) {
        for (path, digest) in &beside.files {
            self.add(path.as_os_str().as_encoded_bytes());
            match digest {
                Ok(digest) => self.add(&digest.0),
                Err(why) => self.add(why.as_bytes()),
            }
        }
    }

    fn add_file(&mut self, below: &str, content: &Result<Vec<u8>, Unread>) {
        self.add(below.as_bytes());
        match content {
            Ok(bytes) => {
                self.add(b"content");
                self.add(bytes);
            }
            Err(Unread::TooLarge) => self.add(b"too large"),
            Err(Unread::Moves) => self.add(b"moves"),
            Err(Unread::Refused(why)) => {
                self.add(b"refused");
                self.add(why.as_bytes());
            }
        }
    }

    pub(super) fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}
