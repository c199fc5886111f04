//! YAML text -> findings or [`Pipeline`](crate::pipeline::Pipeline): source text and places, raw grammar, check, catalog
//! across files, settings, snapshot of a folder. Secrets stay references.
//!
//! ```text
//! Snapshot -> text -> yaml (values and places) -> schema -> raw types -> check -> catalog -> Pipelines and findings
//! ```
//!
//! The command line, and later reload, take a [`Snapshot`], [`check()`] it, and [`render`] the findings.

mod cases;
mod catalog;
mod check;
mod cluster;
pub mod codes;
mod envelope;
mod environment;
mod finding;
mod load;
pub mod online;
mod properties;
mod raw;
pub mod schema;
pub mod settings;
mod snapshot;
mod text;
mod yaml;

pub use cases::Ran;
pub use check::{PlacedCase, Places};
pub use cluster::{Cluster, Mechanism, Sasl, SecretRef, Tls};
pub use envelope::envelope;
pub use environment::Environment;
pub use finding::{Counts, Finding, Findings, Output, Reported, Severity, render};
pub use load::{
    Checked, CheckedDefinition, CheckedFile, check, groups_of_last_good, unreadable_files,
};
pub use properties::{AnyProperty, ClientProperties, PropertyScope};
pub use settings::{ReloadPolicy, Settings};
pub use snapshot::{FILE_BYTES_MAX, SchemaFiles, Snapshot, SnapshotFile, Stamp, Unread, stamp};
pub use text::{Place, SourceText};
