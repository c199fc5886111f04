//! The grammar of the settings file as types.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Part, RawProperties, Version};

/// The settings of a krouted daemon.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "settings")]
pub(in crate::config) struct RawSettings {
    /// Where an editor finds this schema; krouted does not read it.
    #[serde(rename = "$schema", default)]
    #[expect(dead_code, reason = "for editors")]
    pub(in crate::config) schema: Option<Part<String>>,
    /// The version of the grammar: 1.
    #[expect(dead_code, reason = "the schema has checked it")]
    pub(in crate::config) version: Part<Version>,
    /// Names this daemon: stable across restarts, unique among live daemons. Default: the hostname.
    pub(in crate::config) instance_id: Option<Part<String>>,
    /// The folder of the pipeline files, relative to this file. Default: `pipelines`.
    pub(in crate::config) pipelines: Option<Part<String>>,
    /// The folder of the JSON Schemas that `validate` steps name, relative to this file. Default: `schemas`.
    pub(in crate::config) schemas: Option<Part<String>>,
    /// The folder for what outlives the process. Default: `$STATE_DIRECTORY`, else `$XDG_STATE_HOME/krouted`.
    pub(in crate::config) state: Option<Part<String>>,
    /// How those who run the daemon talk to it.
    pub(in crate::config) admin: Option<Part<RawAdmin>>,
    /// The clusters that pipelines name. Default: `default` at `localhost:9092`.
    #[schemars(extend("minProperties" = 1))]
    pub(in crate::config) clusters: Option<Part<BTreeMap<String, Part<RawCluster>>>>,
    /// What becomes of good files beside bad ones.
    pub(in crate::config) reload: Option<Part<RawReload>>,
}

/// What becomes of good files beside bad ones.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct RawReload {
    /// `per_pipeline` (default): a file with findings keeps its last good definition, all others apply. `all_or_nothing`: one finding, and nothing changes.
    pub(in crate::config) policy: Option<Part<RawReloadPolicy>>,
}

/// Whether one bad file holds back the others.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(in crate::config) enum RawReloadPolicy {
    /// A file with findings keeps its last good definition, all others apply.
    PerPipeline,
    /// One finding, and nothing changes.
    AllOrNothing,
}

/// How those who run the daemon talk to it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct RawAdmin {
    /// The Unix socket that `krouted status`, `reload` and others use, relative to this file. Default: `admin.sock` in
    /// `$RUNTIME_DIRECTORY`, else in `$XDG_RUNTIME_DIR/krouted`.
    pub(in crate::config) socket: Option<Part<String>>,
    /// Where metrics, health and status are read by HTTP, a loopback address with its port: `127.0.0.1:9464`. Default: nowhere.
    pub(in crate::config) listen: Option<Part<String>>,
}

/// How a cluster is reached.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct RawCluster {
    /// `host:port`, several with commas between them.
    pub(in crate::config) bootstrap_servers: Part<String>,
    /// TLS to the brokers; `{}` trusts the system's authorities.
    pub(in crate::config) tls: Option<Part<RawTls>>,
    /// Authentication by SASL.
    pub(in crate::config) sasl: Option<Part<RawSasl>>,
    /// Properties of librdkafka for every client of this cluster.
    pub(in crate::config) properties: Option<Part<RawProperties>>,
}

/// TLS to the brokers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct RawTls {
    /// PEM file with the authorities that are trusted. Default: the system's.
    pub(in crate::config) ca: Option<Part<String>>,
    /// PEM file with our certificate, for mutual TLS; `key` belongs to it.
    pub(in crate::config) certificate: Option<Part<String>>,
    /// Where the key of `certificate` is.
    pub(in crate::config) key: Option<Part<RawSecret>>,
}

/// Authentication by SASL.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct RawSasl {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub(in crate::config) mechanism: Part<RawMechanism>,
    /// The user's name.
    pub(in crate::config) username: Part<String>,
    /// Where the password is.
    pub(in crate::config) password: Part<RawSecret>,
}

/// A SASL mechanism.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(in crate::config) enum RawMechanism {
    #[serde(rename = "PLAIN")]
    Plain,
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

/// Where a secret is; never the secret.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(in crate::config) enum RawSecret {
    /// A file of systemd's `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// A file that is read again whenever a client is made.
    File(String),
    /// A variable of the environment.
    Env(String),
}
