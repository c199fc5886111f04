//! `check --online`: each pipeline that is good by itself, held against its cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cli::run as daemon;
use crate::config::online::{Unasked, online};
use crate::config::{Checked, Environment, Settings};
use crate::kafka::{Connection, survey};
use crate::model::{ClusterName, WorkerId};

/// Adds what the clusters say to the findings; a pipeline with findings of its own is not asked about.
pub(super) fn ask(checked: &mut Checked, settings: &Settings, environment: &Environment) {
    let secrets = daemon::secrets(environment);
    // A cluster that does not answer is waited for once, not once for each pipeline.
    let mut unreachable: BTreeMap<ClusterName, Unasked> = BTreeMap::new();
    let mut found = Vec::new();
    for pipeline in &checked.pipelines {
        let (Some(places), Some(cluster)) =
            (checked.places.get(&pipeline.name), settings.clusters.get(&pipeline.cluster))
        else {
            continue;
        };
        let answer = match unreachable.get(&pipeline.cluster) {
            Some(unasked) => Err(unasked.clone()),
            None => survey(&Connection {
                id: WorkerId {
                    pipeline: pipeline.name.clone(),
                    instance: settings.instance_id.clone(),
                    number: 0,
                },
                cluster: cluster.clone(),
                secrets: secrets.clone(),
                pipeline: Arc::clone(pipeline),
            }),
        };
        found.extend(online(pipeline, places, &answer));
        // Where topics were told and the rest was not, the next pipeline's topics may be told too.
        match answer {
            Err(
                unasked @ (Unasked::Away(_)
                | Unasked::Silent(_)
                | Unasked::Login(_)
                | Unasked::Settings(_)),
            ) => {
                unreachable.insert(pipeline.cluster.clone(), unasked);
            }
            Ok(_) | Err(Unasked::Other(_)) => {}
        }
    }
    checked.add(found);
}
