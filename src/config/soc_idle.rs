//! The `[[cluster.idle_state]]`, `[[device.idle_state]]` and `[[idle_state]]` tables of a SoC profile.

use serde::Deserialize;
use toml::Spanned;

use super::check::{Checker, Inherited, Number, Rule};
use super::soc_raw::RawCluster;
use crate::diagnostics::printable;
use crate::soc::{IdleStateProfile, Quantity, SharedIdleState};
use crate::units::SimDuration;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIdleState {
    name: Spanned<String>,
    entry_us: Number,
    exit_us: Number,
    residency_us: Number,
    power_share: Number,
    source: Option<Spanned<String>>,
    confidence: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDeviceIdle {
    name: Spanned<String>,
    after_ms: Number,
    exit_us: Number,
    power_share: Number,
    source: Option<Spanned<String>>,
    confidence: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSharedIdle {
    name: Spanned<String>,
    of: Vec<Spanned<String>>,
    entry_us: Number,
    exit_us: Number,
    residency_us: Number,
    power_share: Number,
    source: Option<Spanned<String>>,
    confidence: Option<Spanned<String>>,
}

const SHARE: Rule = Rule::within("power_share", 0.0, 1.0);

fn micros(
    check: &mut Checker<'_>,
    number: &Number,
    own: &Inherited,
    key: &'static str,
) -> Quantity<SimDuration> {
    let rule = Rule::within(key, 0.0, 1e6).plausible(0.0, 100_000.0);
    check.quantity(number, own, rule).map(SimDuration::from_micros)
}

/// The numbers of a state of cores. Its residency contains entry and exit, or it would not be worth it.
fn state(
    check: &mut Checker<'_>,
    name: &Spanned<String>,
    [entry, exit, residency, share]: [&Number; 4],
    own: &Inherited,
) -> IdleStateProfile {
    let state = IdleStateProfile {
        name: check.id(name),
        entry: micros(check, entry, own, "entry_us"),
        exit: micros(check, exit, own, "exit_us"),
        residency: micros(check, residency, own, "residency_us"),
        power_share: check.quantity(share, own, SHARE),
    };
    if state.residency.value < state.entry.value + state.exit.value {
        let message = format!(
            "residency_us = {} is shorter than entry_us + exit_us = {}",
            state.residency.value.micros(),
            (state.entry.value + state.exit.value).micros()
        );
        check.error(
            "soc::out-of-range",
            &residency.span(),
            message,
            "the residency is the shortest span that is worth it",
        );
    }
    state
}

/// States of one core.
pub(super) fn core_states(
    check: &mut Checker<'_>,
    raw: &[RawIdleState],
    outer: &Inherited,
) -> Vec<IdleStateProfile> {
    check.unique("idle state", raw.iter().map(|state| &state.name));
    let mut states: Vec<IdleStateProfile> = Vec::new();
    for one in raw {
        let own = check.inherit(outer, one.source.as_ref(), one.confidence.as_ref());
        let numbers = [&one.entry_us, &one.exit_us, &one.residency_us, &one.power_share];
        let found = state(check, &one.name, numbers, &own);
        deeper(check, &states, &found, one.residency_us.span());
        states.push(found);
    }
    states
}

fn deeper(
    check: &mut Checker<'_>,
    known: &[IdleStateProfile],
    found: &IdleStateProfile,
    place: std::ops::Range<usize>,
) {
    if known.last().is_some_and(|last| {
        last.residency.value >= found.residency.value || last.power_share.value < found.power_share.value
    }) {
        let message = format!("idle state `{}` is not deeper than the one before it", printable(&found.name));
        check.error("soc::out-of-range", &place, message, "list states from shallow to deep");
    }
}

/// States of a device.
pub(super) fn device_states(
    check: &mut Checker<'_>,
    raw: &[RawDeviceIdle],
    outer: &Inherited,
) -> Vec<IdleStateProfile> {
    check.unique("idle state", raw.iter().map(|state| &state.name));
    let mut states: Vec<IdleStateProfile> = Vec::new();
    for one in raw {
        let own = check.inherit(outer, one.source.as_ref(), one.confidence.as_ref());
        let after = Rule::within("after_ms", 0.0, 1e6).plausible(0.0, 10_000.0);
        let found = IdleStateProfile {
            name: check.id(&one.name),
            entry: Quantity::neutral(0.0).map(SimDuration::from_micros),
            exit: micros(check, &one.exit_us, &own, "exit_us"),
            residency: check
                .quantity(&one.after_ms, &own, after)
                .map(|ms| SimDuration::from_seconds(ms * 1e-3)),
            power_share: check.quantity(&one.power_share, &own, SHARE),
        };
        deeper(check, &states, &found, one.after_ms.span());
        states.push(found);
    }
    states
}

/// States of several clusters.
pub(super) fn shared_states(
    check: &mut Checker<'_>,
    raw: &[RawSharedIdle],
    outer: &Inherited,
    clusters: &[RawCluster],
) -> Vec<SharedIdleState> {
    check.unique("idle state", raw.iter().map(|state| &state.name));
    check.unique("cluster of a shared idle state", raw.iter().flat_map(|state| &state.of));
    let names: Vec<&str> = clusters.iter().map(|cluster| cluster.id.get_ref().as_str()).collect();
    raw.iter()
        .map(|one| {
            let own = check.inherit(outer, one.source.as_ref(), one.confidence.as_ref());
            for of in &one.of {
                let known = check.reference("cluster", of, &names);
                let own_states = clusters.iter().find(|cluster| cluster.id.get_ref() == of.get_ref());
                if known && own_states.is_some_and(|cluster| cluster.idle_state.is_empty()) {
                    let message =
                        format!("`{}` has no idle state of its own to be in", printable(of.get_ref()));
                    check.error(
                        "soc::unknown-reference",
                        &of.span(),
                        message,
                        "add a [[cluster.idle_state]]",
                    );
                }
            }
            if one.of.is_empty() {
                let message = "a shared idle state of no cluster";
                check.error("soc::out-of-range", &one.name.span(), message, "name clusters in `of`");
            }
            let numbers = [&one.entry_us, &one.exit_us, &one.residency_us, &one.power_share];
            SharedIdleState {
                state: state(check, &one.name, numbers, &own),
                of: one.of.iter().map(|of| of.get_ref().clone()).collect(),
            }
        })
        .collect()
}

/// The exit latency that a device's driver lets cores have.
pub(super) fn exit_limit(
    check: &mut Checker<'_>,
    raw: Option<&Number>,
    own: &Inherited,
) -> Option<Quantity<SimDuration>> {
    raw.map(|number| micros(check, number, own, "cpu_exit_limit_us"))
}
