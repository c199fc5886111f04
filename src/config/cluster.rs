//! How a cluster is reached. Secrets are references here; `kafka` resolves them at each client's making.

use std::path::{Path, PathBuf};

use crate::pipeline::Properties;

/// One cluster of the settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// `host:port`, several with commas between them.
    pub bootstrap_servers: String,
    /// Absent: no TLS.
    pub tls: Option<Tls>,
    /// Absent: no authentication but what mutual TLS gives.
    pub sasl: Option<Sasl>,
    /// Passed to every client of this cluster.
    pub properties: Properties,
}

impl Cluster {
    /// The files whose content is part of the connection: certificates, and secrets in files.
    pub fn files(&self) -> Vec<&Path> {
        let tls = self.tls.as_ref();
        let identity = tls.and_then(|tls| tls.identity.as_ref());
        let secrets = identity.map(|(_, key)| key).into_iter();
        let secrets = secrets.chain(self.sasl.as_ref().map(|sasl| &sasl.password));
        let secrets = secrets.filter_map(|secret| match secret {
            SecretRef::File(path) => Some(path.as_path()),
            SecretRef::Credential(_) | SecretRef::Env(_) => None,
        });
        let authorities = tls.and_then(|tls| tls.ca.as_deref());
        let certificate = identity.map(|(certificate, _)| certificate.as_path());
        authorities.into_iter().chain(certificate).chain(secrets).collect()
    }
}

/// TLS to the brokers.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tls {
    /// PEM file with the authorities; absent: the system's.
    pub ca: Option<PathBuf>,
    /// PEM files with our certificate and its key: mutual TLS.
    pub identity: Option<(PathBuf, SecretRef)>,
}

/// Authentication by SASL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sasl {
    /// Which mechanism.
    pub mechanism: Mechanism,
    /// The user's name.
    pub username: String,
    /// Where the password is.
    pub password: SecretRef,
}

/// A SASL mechanism that the one binary has built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616
    Plain,
    /// RFC 7677
    ScramSha256,
    /// RFC 7677
    ScramSha512,
}

impl Mechanism {
    /// The name that Kafka and the settings file use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// Where a secret is; never the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// A file of systemd's `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// A file that is read again whenever a client is made.
    File(PathBuf),
    /// A variable of the environment.
    Env(String),
}
