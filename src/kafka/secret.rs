//! Secrets, read when a client is made and not kept.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::config::SecretRef;
use crate::worker::{Fault, FaultKind};

/// A password, or a private key.
const SECRET_BYTES_MAX: u64 = 1 << 20;

/// Where secret references lead to.
#[derive(Clone, Default)]
pub struct Secrets {
    /// systemd's `$CREDENTIALS_DIRECTORY`.
    pub credentials_directory: Option<PathBuf>,
    /// The environment as it was at the start.
    pub environment: BTreeMap<String, String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl Secrets {
    /// The secret's text, without a line end behind it.
    pub(super) fn read(&self, reference: &SecretRef) -> Result<String, Fault> {
        let fault = |text: String| Fault::new(FaultKind::Configuration, text);
        match reference {
            SecretRef::Credential(name) => {
                let folder = self.credentials_directory.as_ref().ok_or_else(|| {
                    fault(format!("credential {name}: $CREDENTIALS_DIRECTORY is not set, so systemd passes none; use file: or env:"))
                })?;
                read_file(&folder.join(name)).map_err(|e| {
                    fault(format!("credential {name}: {e}; a new credential needs a restart of the unit, a file: reference does not"))
                })
            }
            SecretRef::File(path) => {
                read_file(path).map_err(|e| fault(format!("secret file {}: {e}", path.display())))
            }
            SecretRef::Env(name) => self
                .environment
                .get(name)
                .cloned()
                .ok_or_else(|| fault(format!("secret: the variable {name} is not set"))),
        }
    }
}

fn read_file(path: &Path) -> io::Result<String> {
    // A pipe would hold the worker until somebody writes.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut text = String::new();
    let len = File::open(path)?.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text)?;
    if u64::try_from(len).is_ok_and(|len| len > SECRET_BYTES_MAX) {
        return Err(io::Error::other(format!("it has more than {SECRET_BYTES_MAX} bytes")));
    }
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
