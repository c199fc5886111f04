//! What `produce` and `consume` share: the cluster, expressions, the wish to stop, and how a fault ends a command.

mod expression;
mod standard;
mod stop;

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::{Misuse, Outcome, Stream, run as daemon, say};
use crate::config::{Counts, Environment, Output, Settings, render, settings};
use crate::kafka::Librdkafka;
use crate::kafka::by_hand::Access;
use crate::model::ClusterName;
use crate::worker::{Fault, FaultKind};

pub(super) use expression::{As, Expressions, Judged, Selected};
pub(super) use standard::{Kind, Standard};
pub(super) use stop::Stop;

/// Which cluster.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// The cluster, as the settings name it.
    #[arg(long, value_name = "NAME", default_value = "default")]
    cluster: String,
    /// The settings file; default: ./krouted.yaml, then /etc/krouted/krouted.yaml, where there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Target {
    /// How it is reached, and the daemon's own id; where the settings are broken, that was said.
    pub(super) fn access(&self, command: &str) -> Result<Option<(Access, Settings)>> {
        let environment = Environment::of_process();
        let file = settings::find(self.config.as_deref());
        let loaded = match settings::load(file.as_deref(), &environment, &Librdkafka) {
            Ok(loaded) => loaded,
            Err(findings) => {
                let counts = Counts { files: 1, pipelines: 0 };
                say(Stream::Errors, &render(&findings, counts, Output::Text));
                return Ok(None);
            }
        };
        let settings = loaded.settings;
        let name = ClusterName::new(&self.cluster)
            .or_else(|why| Misuse::of(format!("--cluster {}: {why}", self.cluster)))?;
        let Some(cluster) = settings.clusters.get(&name) else {
            let known: Vec<_> = settings.clusters.keys().map(ToString::to_string).collect();
            bail!("the settings have no cluster {name}; they have {}", known.join(", "));
        };
        let access = Access {
            cluster: cluster.clone(),
            secrets: daemon::secrets(&environment),
            client_id: format!("krouted/~{command}/{}", settings.instance_id),
        };
        Ok(Some((access, settings)))
    }
}

/// How a command ends by a fault.
pub(super) fn outcome(kind: FaultKind) -> Outcome {
    match kind {
        FaultKind::BrokerAway => Outcome::Later,
        FaultKind::Configuration => Outcome::Configuration,
        FaultKind::Authorization
        | FaultKind::UnknownTopic
        | FaultKind::Unsupported
        | FaultKind::Fenced
        | FaultKind::Client => Outcome::Failed,
    }
}

/// What an operator can do about it, where that is not plain.
pub(super) fn hint(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::BrokerAway => {
            "  check bootstrap_servers, the brokers and the network, then try again\n"
        }
        FaultKind::Authorization => "  check user, password, certificate and ACLs\n",
        FaultKind::UnknownTopic => "  create the topic, or correct its name\n",
        FaultKind::Configuration => "  correct the settings file or the secret\n",
        FaultKind::Unsupported | FaultKind::Fenced | FaultKind::Client => "",
    }
}

/// Says a fault that came before anything was done, and what that is: `sent`, say.
pub(super) fn refuse(fault: &Fault, done: &str) -> Outcome {
    let hint = hint(fault.kind);
    say(Stream::Errors, &format!("error: {fault}\n{hint}  nothing was {done}\n"));
    outcome(fault.kind)
}

/// Says that the command line cannot be understood.
pub(super) fn misused(text: &str) -> Outcome {
    say(Stream::Errors, &format!("error: {text}\n"));
    Outcome::Usage
}

/// A number with its noun.
pub(super) fn records(count: u64) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{count} records") }
}
