//! `[[memory.slowdown]]` of SoC profiles: slow-down of a processor beside others' memory traffic, in three regions.

use serde::Deserialize;
use toml::Spanned;

use super::check::{Checker, Inherited, Number, Rule};
use crate::physics::three_regions::ThreeRegions;
use crate::simulation::dynamics::DomainSetup;
use crate::soc::{Memory, Quantity, Slowdown};
use crate::units::BytesPerSec;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSlowdown {
    of: Spanned<String>,
    normal_from_gb_per_s: Number,
    intensive_from_gb_per_s: Option<Number>,
    minor_loss_percent: Number,
    normal_percent_per_gb_per_s: Number,
    intensive_percent_per_gb_per_s: Option<Number>,
    onset_gb_per_s: Number,
    balance_gb_per_s: Number,
    source: Option<Spanned<String>>,
    confidence: Option<Spanned<String>>,
}

/// Checks one table: numbers in their ranges, regions and limits in order, a processor that exists.
pub(super) fn slowdown(
    check: &mut Checker<'_>,
    raw: &RawSlowdown,
    outer: &Inherited,
    names: &[&str],
) -> Slowdown {
    let own = check.inherit(outer, raw.source.as_ref(), raw.confidence.as_ref());
    check.reference("cluster or device", &raw.of, names);
    let rate = |check: &mut Checker<'_>, number: &Number, rule: Rule| {
        check.quantity(number, &own, rule).map(|v| BytesPerSec(v * 1e9))
    };
    let demand = |key| Rule::not_negative(key).plausible(0.0, 1000.0);
    let normal_from = rate(check, &raw.normal_from_gb_per_s, demand("normal_from_gb_per_s"));
    let onset = rate(check, &raw.onset_gb_per_s, demand("onset_gb_per_s"));
    let balance = rate(check, &raw.balance_gb_per_s, demand("balance_gb_per_s"));
    if balance.value.0 < onset.value.0 {
        let message = format!(
            "balance_gb_per_s = {} is below onset_gb_per_s = {}",
            raw.balance_gb_per_s.get_ref().value,
            raw.onset_gb_per_s.get_ref().value
        );
        let help = "the loss begins at the onset and stops growing at the balance point";
        check.error("soc::out-of-range", &raw.balance_gb_per_s.span(), message, help);
    }
    // Per cent per GB/s to a fraction per byte per second.
    let slope = |key| Rule::within(key, 0.0, 100.0);
    let intensive = match (&raw.intensive_from_gb_per_s, &raw.intensive_percent_per_gb_per_s) {
        (Some(from), Some(percent)) => {
            let start = rate(check, from, demand("intensive_from_gb_per_s"));
            if start.value.0 < normal_from.value.0 {
                let message = format!(
                    "intensive_from_gb_per_s = {} is below normal_from_gb_per_s = {}",
                    from.get_ref().value,
                    raw.normal_from_gb_per_s.get_ref().value
                );
                let help = "the regions follow each other: minor, normal, intensive";
                check.error("soc::out-of-range", &from.span(), message, help);
            }
            let slope = check.quantity(percent, &own, slope("intensive_percent_per_gb_per_s"));
            Some((start, slope.map(|v| v * 1e-11)))
        }
        (Some(alone), None) | (None, Some(alone)) => {
            check.error(
                "config::missing-key",
                &alone.span(),
                "the intensive region has only one of its two keys".to_owned(),
                "give intensive_from_gb_per_s and intensive_percent_per_gb_per_s, or neither",
            );
            None
        }
        (None, None) => None,
    };
    let minor = Rule::within("minor_loss_percent", 0.0, 99.0);
    Slowdown {
        of: raw.of.get_ref().clone(),
        normal_from,
        intensive,
        minor_loss: check.quantity(&raw.minor_loss_percent, &own, minor).map(|v| v * 1e-2),
        normal_rate: check
            .quantity(&raw.normal_percent_per_gb_per_s, &own, slope("normal_percent_per_gb_per_s"))
            .map(|v| v * 1e-11),
        onset,
        balance,
    }
}

/// What a run needs of the tables: one entry for each clock domain, empty when no domain has any.
pub(super) fn by_domain(memory: &Memory, domains: &[DomainSetup]) -> Vec<Option<ThreeRegions>> {
    if memory.slowdowns.is_empty() {
        return Vec::new();
    }
    let of = |domain: &DomainSetup| memory.slowdowns.iter().find(|slowdown| slowdown.of == domain.id);
    let rate = |quantity: &Quantity<BytesPerSec>| quantity.value.0;
    domains
        .iter()
        .map(|domain| {
            of(domain).map(|own| ThreeRegions {
                normal_from: rate(&own.normal_from),
                intensive_from: own.intensive.as_ref().map_or(f64::INFINITY, |(from, _)| rate(from)),
                minor_loss: own.minor_loss.value,
                normal_rate: own.normal_rate.value,
                intensive_rate: own.intensive.as_ref().map_or(0.0, |(_, slope)| slope.value),
                onset: rate(&own.onset),
                balance: rate(&own.balance),
                peak: rate(&memory.peak),
            })
        })
        .collect()
}
