//! `delivery`: the guarantee, and the limits of its windows.

use std::num::NonZeroU32;
use std::time::Duration;

use bytesize::ByteSize;
use jiff::SignedDuration;

use crate::model::Guarantee;
use crate::pipeline::{Delivery, WindowLimits};

use super::super::raw::{Bare, Part, RawDelivery, RawWindow};
use super::super::yaml::At;
use super::{Absent, Context, Got};

/// A third of the transaction's timeout of 15 s: a window must be able to commit before the broker gives it up.
const EXACTLY_ONCE_INTERVAL_MAX: Duration = Duration::from_secs(5);
const AT_LEAST_ONCE_INTERVAL_MAX: Duration = Duration::from_mins(1);
const INTERVAL_MIN: Duration = Duration::from_millis(1);
const BYTES_MIN: u64 = 1 << 10;
const BYTES_MAX: u64 = 1 << 30;

/// Checks the guarantee and its limits.
pub(super) fn check(
    part: &Part<Bare<RawDelivery>>,
    at: At<'_>,
    context: &mut Context<'_>,
) -> Got<Delivery> {
    let Bare(raw) = context.read(part, at)?;
    Ok(match raw {
        RawDelivery::ExactlyOnce(window) => {
            Delivery::ExactlyOnce(limits(window, Guarantee::ExactlyOnce, at, context)?)
        }
        RawDelivery::AtLeastOnce(window) => {
            Delivery::AtLeastOnce(limits(window, Guarantee::AtLeastOnce, at, context)?)
        }
        RawDelivery::AtMostOnce(_) => Delivery::AtMostOnce,
    })
}

fn limits(
    raw: &RawWindow,
    guarantee: Guarantee,
    at: At<'_>,
    context: &mut Context<'_>,
) -> Got<WindowLimits> {
    let default = WindowLimits::default();
    let at = at.field(guarantee.as_str());
    let commit_interval = interval(raw, guarantee, at.field("commit_interval"), context);
    let max_records = context
        .optional(raw.max_records.as_ref(), at.field("max_records"))
        .and_then(|n| n.map(|n| NonZeroU32::new(*n).ok_or(Absent::Reported)).transpose());
    let max_bytes = bytes(raw, at.field("max_bytes"), context);
    Ok(WindowLimits {
        commit_interval: commit_interval?.unwrap_or(default.commit_interval),
        max_records: max_records?.unwrap_or(default.max_records),
        max_bytes: max_bytes?.unwrap_or(default.max_bytes),
    })
}

fn interval(
    raw: &RawWindow,
    guarantee: Guarantee,
    at: At<'_>,
    context: &mut Context<'_>,
) -> Got<Option<Duration>> {
    let Some(text) = context.optional(raw.commit_interval.as_ref(), at)? else { return Ok(None) };
    let parsed: Result<SignedDuration, _> = text.parse();
    let Ok(interval) = parsed else {
        return Err(context.findings.bad_duration(at.place(), text).into());
    };
    let (interval_max, shown) = match guarantee {
        Guarantee::ExactlyOnce => (EXACTLY_ONCE_INTERVAL_MAX, "5s"),
        Guarantee::AtLeastOnce | Guarantee::AtMostOnce => (AT_LEAST_ONCE_INTERVAL_MAX, "60s"),
    };
    match Duration::try_from(interval) {
        Ok(interval) if (INTERVAL_MIN..=interval_max).contains(&interval) => Ok(Some(interval)),
        _ => {
            Err(context.findings.interval_out_of_bounds(at.place(), text, guarantee, shown).into())
        }
    }
}

fn bytes(raw: &RawWindow, at: At<'_>, context: &mut Context<'_>) -> Got<Option<u64>> {
    let Some(text) = context.optional(raw.max_bytes.as_ref(), at)? else { return Ok(None) };
    match text.parse::<ByteSize>() {
        Ok(size) if (BYTES_MIN..=BYTES_MAX).contains(&size.as_u64()) => Ok(Some(size.as_u64())),
        Ok(_) => Err(context.findings.bytes_out_of_bounds(at.place(), text).into()),
        Err(_) => Err(context.findings.bad_size(at.place(), text).into()),
    }
}
