//! A plan as people read it.

use super::{Change, Kind, Plan};

/// One paragraph for each change, then what it comes to; what stays as it is is only counted.
pub fn text(plan: &Plan) -> String {
    let mut out = String::new();
    let said = |change: &&Change| {
        change.kind != Kind::Unchanged || !change.fields.is_empty() || change.drift.is_some()
    };
    for change in plan.changes.iter().filter(said) {
        out.push_str(&paragraph(change));
    }
    out.push_str(&summary(plan));
    if let Some(held) = plan.held {
        let (removed, running) = (held.removed, held.running);
        out = format!(
            "{out}held: it would stop {removed} of {running} running pipelines; `krouted reload --allow-removals` applies it\n"
        );
    }
    out
}

fn paragraph(change: &Change) -> String {
    let from = match &change.kind {
        Kind::Rename { from } => format!(" (was {from})"),
        Kind::Unchanged
        | Kind::Swap { .. }
        | Kind::Restart
        | Kind::Regroup
        | Kind::Start
        | Kind::Stop => String::new(),
    };
    let first = format!("{:<9} {}{from}", change.kind.as_str(), change.name);
    let fields = match change.fields.as_slice() {
        [] => String::new(),
        fields => format!("          by {}\n", fields.join(", ")),
    };
    let drift = match &change.drift {
        Some(drift) => format!("          {drift}\n"),
        None => String::new(),
    };
    format!("{first}\n{fields}          {}\n{drift}", change.effect)
}

fn summary(plan: &Plan) -> String {
    const KINDS: [&str; 7] = ["start", "stop", "swap", "restart", "rename", "regroup", "unchanged"];
    let counts = KINDS.iter().filter_map(|kind| {
        let count = plan.changes.iter().filter(|change| change.kind.as_str() == *kind).count();
        (count > 0).then(|| format!("{count} {kind}"))
    });
    let counts: Vec<_> = counts.collect();
    if counts.is_empty() { "no pipelines\n".to_owned() } else { format!("{}\n", counts.join(", ")) }
}
