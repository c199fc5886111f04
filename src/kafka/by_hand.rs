//! Records in and out by hand: a [`Sender`] that knows what became of each line, a [`Reader`] that commits only what its
//! caller has written out.
//!
//! Both ask the cluster first, so that an unknown topic or a broker that is away is said before anything is done. Neither is
//! part of a pipeline, and neither uses a pipeline's ids.

mod ledger;
mod reader;
mod sender;
#[cfg(test)]
mod tests;

pub use ledger::{Account, Ack, LineFailure};
pub use reader::{From, Isolation, ReadOptions, Reader};
pub use sender::{Outbound, SendOptions, Sender, Transaction};

use std::time::Duration;

use super::properties::{reach, set};
use super::raw::{ClientError, Conf, Failed, TopicMetadata, code, error_text};
use super::secret::Secrets;
use super::verdict;
use crate::config::Cluster;
use crate::worker::{Fault, FaultKind};

/// The first question; a broker that is there answers in milliseconds, one that starts in seconds.
const ASK_MAX: Duration = Duration::from_secs(10);

/// A cluster, and who asks.
#[derive(Clone, Debug)]
pub struct Access {
    /// How it is reached.
    pub cluster: Cluster,
    /// Where secret references lead to.
    pub secrets: Secrets,
    /// How the brokers' logs name us.
    pub client_id: String,
}

impl Access {
    /// What every client of it begins with.
    fn conf<const N: usize>(&self, defaults: [(&str, &str); N]) -> Result<Conf, Fault> {
        let mut conf = Conf::new();
        super::properties::set_all(&mut conf, defaults)?;
        reach(&mut conf, &self.cluster, &self.secrets)?;
        set(&mut conf, "client.id", &self.client_id)?;
        set(&mut conf, "allow.auto.create.topics", "false")?;
        Ok(conf)
    }

    /// The fault behind a question that was not answered: what the client's threads met tells more than "timed out".
    fn unanswered(&self, failed: &Failed, mut met: Vec<ClientError>) -> Fault {
        met.retain(|e| e.code != code::ALL_BROKERS_DOWN);
        let told = |kind| met.iter().find(|e| verdict::help(e.code) == Some(kind));
        if let Some(error) = told(FaultKind::Authorization) {
            return Fault::new(FaultKind::Authorization, error.text.clone());
        }
        match verdict::help(failed.code) {
            Some(FaultKind::BrokerAway) | None => {
                let why =
                    told(FaultKind::BrokerAway).map_or(failed.text.as_str(), |e| e.text.as_str());
                let servers = &self.cluster.bootstrap_servers;
                Fault::new(FaultKind::BrokerAway, format!("no broker answers at {servers}: {why}"))
            }
            Some(kind) => Fault::new(kind, failed.to_string()),
        }
    }
}

/// A topic that is there and may be seen.
fn known(topic: &TopicMetadata) -> Result<(), Fault> {
    let (name, err) = (&topic.name, topic.err);
    match verdict::help(err) {
        None if err == 0 && !topic.partitions.is_empty() => Ok(()),
        None | Some(FaultKind::UnknownTopic) => {
            Err(Fault::new(FaultKind::UnknownTopic, format!("the topic {name} does not exist")))
        }
        Some(kind) => Err(Fault::new(kind, format!("topic {name}: {}", error_text(err)))),
    }
}
