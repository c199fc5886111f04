//! The schemas folder at one moment.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::{Listed, Unread, below, identified, read};

/// The `*.json` files of the schemas folder, those in folders below it included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaFiles {
    /// As findings show it.
    pub folder: String,
    /// By the path below the folder, with `/`.
    pub files: BTreeMap<String, Result<Vec<u8>, Unread>>,
}

impl SchemaFiles {
    pub(super) fn read(folder: Option<&Path>, listed: &[Listed]) -> Self {
        let Some(folder) = folder else { return Self::default() };
        let name = |path: &Path| {
            let below = path.strip_prefix(folder).ok()?;
            let parts: Option<Vec<&str>> = below.iter().map(|part| part.to_str()).collect();
            parts.map(|parts| parts.join("/"))
        };
        let file = |(path, _): &Listed| Some((name(path)?, read(path).content));
        Self {
            folder: folder.display().to_string(),
            files: listed.iter().filter_map(file).collect(),
        }
    }
}

/// All files of the folder, sorted; none where there is no folder.
pub(super) fn list(folder: Option<&Path>) -> io::Result<Vec<Listed>> {
    let mut found = Vec::new();
    if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
        below(folder, 0, &["json"], &mut found)?;
    }
    found.sort();
    Ok(found.into_iter().map(identified).collect())
}
