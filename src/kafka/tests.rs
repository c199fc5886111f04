//! Without a broker: verdicts by table, properties as librdkafka holds them, and what errors make of a port, injected into
//! librdkafka's mock cluster. The mock keeps no transactions: nothing here is evidence for exactly-once.

mod backlog;
mod mock;
mod prepare;
mod properties;
mod verdicts;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Connection, Secrets};
use crate::config::Cluster;
use crate::model::{InstanceId, WorkerId};
use crate::pipeline::Pipeline;

fn connection(bootstrap_servers: &str, pipeline: Pipeline) -> Connection {
    Connection {
        id: WorkerId {
            pipeline: pipeline.name.clone(),
            instance: InstanceId::new("test").unwrap(),
            number: 0,
        },
        cluster: Cluster {
            bootstrap_servers: bootstrap_servers.to_owned(),
            tls: None,
            sasl: None,
            properties: BTreeMap::new(),
        },
        secrets: Secrets::default(),
        pipeline: Arc::new(pipeline),
    }
}
