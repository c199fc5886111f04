//! The JSON Schema of a `validate` step, as its files say it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

/// A schema with all that it refers to. `config` has seen that it compiles; `program` compiles it.
#[derive(Clone, Debug, PartialEq)]
pub struct PayloadSchema {
    /// Its file, by its path below the schemas folder.
    pub file: Arc<str>,
    /// What the file says.
    pub root: Arc<Value>,
    /// What it refers to, directly or not, by absolute URI.
    pub others: Arc<BTreeMap<String, Value>>,
}

/// What the paths below the schemas folder stand behind, as URIs.
const BASE: &str = "schemas:///";

impl PayloadSchema {
    /// The URI that a file of the schemas folder has, besides the one that its `$id` gives it.
    pub fn uri_of(file: &str) -> String {
        format!("{BASE}{file}")
    }

    /// The file of a URI that [`uri_of`](Self::uri_of) made.
    pub fn file_of(uri: &str) -> Option<&str> {
        uri.strip_prefix(BASE)
    }
}
