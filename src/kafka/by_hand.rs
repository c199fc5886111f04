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
pub use reader::{From, Isolation, Mark, ReadOptions, Reader};
pub use sender::{
    NotCommitted, Outbound, Queued, SendOptions, Sender, Transaction, Unsent, Unwound,
};

use std::time::Duration;

use super::properties::{reach, set};
use super::raw::{ClientError, Conf, Failed};
use super::secret::Secrets;
use super::verdict;
use crate::config::Cluster;
use crate::worker::Fault;

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
    fn conf<'a>(
        &self,
        defaults: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Conf, Fault> {
        let mut conf = Conf::new();
        super::properties::set_all(&mut conf, defaults)?;
        reach(&mut conf, &self.cluster, &self.secrets)?;
        set(&mut conf, "client.id", &self.client_id)?;
        set(&mut conf, "allow.auto.create.topics", "false")?;
        Ok(conf)
    }

    /// The fault behind a question that was not answered.
    fn unanswered(&self, failed: &Failed, met: Vec<ClientError>) -> Fault {
        verdict::unanswered(&self.cluster.bootstrap_servers, failed, met)
    }
}
