//! `clusters` of the settings file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::check::{Absent, Context, Got, properties};
use crate::config::cluster::{Cluster, Mechanism, Sasl, SecretRef, Tls};
use crate::config::properties::PropertyScope;
use crate::config::raw::Part;
use crate::config::raw::settings::{RawCluster, RawMechanism, RawSasl, RawSecret, RawTls};
use crate::config::yaml::At;
use crate::model::ClusterName;
use crate::pipeline::Properties;

type Clusters = BTreeMap<ClusterName, Cluster>;

/// One cluster, `default`, on this host.
pub(super) fn default() -> Clusters {
    let cluster = Cluster {
        bootstrap_servers: "localhost:9092".to_owned(),
        tls: None,
        sasl: None,
        properties: Properties::new(),
    };
    ClusterName::new("default").map(|name| (name, cluster)).into_iter().collect()
}

/// Checks all clusters.
pub(super) fn check(
    part: Option<&Part<BTreeMap<String, Part<RawCluster>>>>,
    at: At<'_>,
    folder: &Path,
    context: &mut Context<'_>,
) -> Got<Option<Clusters>> {
    let Some(map) = context.optional(part, at)? else { return Ok(None) };
    let mut clusters = Vec::new();
    for (name, part) in map {
        let at = at.field(name);
        let name = ClusterName::new(name).map_err(|why| {
            Absent::from(context.findings.bad_name(at.key(), "cluster", name, &why))
        });
        clusters.push((name, cluster(part, at, folder, context)));
    }
    clusters.into_iter().map(|(name, cluster)| Ok((name?, cluster?))).collect::<Got<_>>().map(Some)
}

fn cluster(
    part: &Part<RawCluster>,
    at: At<'_>,
    folder: &Path,
    context: &mut Context<'_>,
) -> Got<Cluster> {
    let raw = context.read(part, at)?;
    let bootstrap_servers = servers(&raw.bootstrap_servers, at.field("bootstrap_servers"), context);
    let tls = match context.optional(raw.tls.as_ref(), at.field("tls")) {
        Ok(Some(raw)) => tls(raw, at.field("tls"), folder, context).map(Some),
        Ok(None) => Ok(None),
        Err(absent) => Err(absent),
    };
    let sasl = match context.optional(raw.sasl.as_ref(), at.field("sasl")) {
        Ok(Some(raw)) => sasl(raw, at.field("sasl"), folder, context).map(Some),
        Ok(None) => Ok(None),
        Err(absent) => Err(absent),
    };
    let properties = properties::check(
        raw.properties.as_ref(),
        at.field("properties"),
        PropertyScope::Cluster,
        None,
        context,
    );
    Ok(Cluster {
        bootstrap_servers: bootstrap_servers?,
        tls: tls?,
        sasl: sasl?,
        properties: properties?,
    })
}

fn servers(part: &Part<String>, at: At<'_>, context: &mut Context<'_>) -> Got<String> {
    let text = context.read(part, at)?;
    let text = match context.interpolated(text, at) {
        // Nobody connects to it where the environment is unknown.
        Err(Absent::Unknown) => return Ok(text.clone()),
        other => other?,
    };
    for server in text.split(',') {
        if !is_address(server.trim()) {
            return Err(context.findings.bad_bootstrap_server(at.place(), server.trim()).into());
        }
    }
    Ok(text)
}

/// `host:port` or `[::1]:port`.
fn is_address(server: &str) -> bool {
    let Some((host, port)) = server.rsplit_once(':') else { return false };
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    let is_host = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '/');
    let is_port = port.parse::<u16>().is_ok_and(|p| p > 0);
    is_host && is_port && (is_bracketed || !host.contains(':'))
}

fn tls(raw: &RawTls, at: At<'_>, folder: &Path, context: &mut Context<'_>) -> Got<Tls> {
    let ca = super::path(raw.ca.as_ref(), at.field("ca"), folder, context);
    let at_certificate = at.field("certificate");
    let certificate = super::path(raw.certificate.as_ref(), at_certificate, folder, context);
    let key = match context.optional(raw.key.as_ref(), at.field("key")) {
        Ok(Some(raw)) => secret(raw, at.field("key"), folder, context).map(Some),
        Ok(None) => Ok(None),
        Err(absent) => Err(absent),
    };
    let identity = match (certificate?, key?) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => {
            let place = at_certificate.key();
            return Err(context.findings.half_an_identity(place, "certificate", "key").into());
        }
        (None, Some(_)) => {
            let place = at.field("key").key();
            return Err(context.findings.half_an_identity(place, "key", "certificate").into());
        }
    };
    Ok(Tls { ca: ca?, identity })
}

fn sasl(raw: &RawSasl, at: At<'_>, folder: &Path, context: &mut Context<'_>) -> Got<Sasl> {
    let mechanism = context.read(&raw.mechanism, at.field("mechanism")).map(|m| match m {
        RawMechanism::Plain => Mechanism::Plain,
        RawMechanism::ScramSha256 => Mechanism::ScramSha256,
        RawMechanism::ScramSha512 => Mechanism::ScramSha512,
    });
    let username = match context.read(&raw.username, at.field("username")) {
        Ok(name) if name.is_empty() => {
            Err(context.findings.empty_text(at.field("username").place(), "username").into())
        }
        Ok(name) => Ok(name.clone()),
        Err(absent) => Err(absent),
    };
    let password = match context.read(&raw.password, at.field("password")) {
        Ok(raw) => secret(raw, at.field("password"), folder, context),
        Err(absent) => Err(absent),
    };
    Ok(Sasl { mechanism: mechanism?, username: username?, password: password? })
}

/// A reference; whether it leads anywhere is known where a client is made.
fn secret(raw: &RawSecret, at: At<'_>, folder: &Path, context: &mut Context<'_>) -> Got<SecretRef> {
    match raw {
        RawSecret::Credential(name) => {
            let is_file_name =
                !name.is_empty() && !name.contains('/') && name != "." && name != "..";
            if !is_file_name {
                let place = at.field("credential").place();
                return Err(context.findings.bad_secret_name(place, "a credential", name).into());
            }
            Ok(SecretRef::Credential(name.clone()))
        }
        RawSecret::File(text) => {
            let at = at.field("file");
            let text = context.known_text(text, at)?;
            if text.is_empty() {
                return Err(context.findings.empty_text(at.place(), "file").into());
            }
            Ok(SecretRef::File(folder.join(PathBuf::from(text))))
        }
        RawSecret::Env(name) => {
            if name.is_empty() || name.contains(['=', '\0', '$']) {
                let place = at.field("env").place();
                return Err(context.findings.bad_secret_name(place, "a variable", name).into());
            }
            Ok(SecretRef::Env(name.clone()))
        }
    }
}
