//! YAML text -> findings or [`Pipeline`](crate::pipeline::Pipeline): source text and places, raw grammar, check, catalog
//! across files, settings, snapshot of a folder. Secrets stay references.

mod cluster;

pub use cluster::{Cluster, Mechanism, Sasl, SecretRef, Tls};
