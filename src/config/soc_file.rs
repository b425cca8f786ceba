//! SoC and device profiles: TOML to validated types.

use std::collections::BTreeMap;

use super::check::{Checker, Inherited, Number, Rule};
use super::device_thermal::thermal;
use super::document::Document;
use super::soc_idle::{core_states, device_states, exit_limit, shared_states};
use super::soc_raw::{
    RawAccelerator, RawCluster, RawDevice, RawMemory, RawOpps, RawPower, RawPrivateCache, RawRates,
    RawSharedCache, RawSoc, RawVote,
};
use crate::diagnostics::{Diagnostic, InputError, printable};
use crate::soc::{
    Accelerator, Cluster, Device, Memory, Opp, OppTable, PowerModel, Precision, PrivateCache, ProcessorKind,
    Quantity, SharedCache, Soc, Vote,
};
use crate::units::{Bytes, BytesPerSec, Hertz, Watts};

const CLOCK_MHZ: Rule = Rule::positive("mhz").plausible(1.0, 10_000.0);
const RATE_GB_PER_S: Rule = Rule::positive("gb_per_s").plausible(0.1, 1000.0);

fn gb_per_s(quantity: Quantity) -> Quantity<BytesPerSec> {
    quantity.map(|v| BytesPerSec(v * 1e9))
}

fn kib(quantity: Quantity) -> Quantity<Bytes> {
    quantity.map(|v| Bytes(v * 1024.0))
}

fn milliwatts(quantity: Quantity) -> Quantity<Watts> {
    quantity.map(|v| Watts(v * 1e-3))
}

/// Reads a SoC profile.
///
/// # Errors
/// All faults found, in the order of the text; the codes are those of [`super::check::CHECKS`].
pub(super) fn soc(document: Document<'_>) -> Result<(Soc, Vec<Diagnostic>), InputError> {
    let (raw, origins) = document.read::<RawSoc>()?;
    let mut check = Checker::new(&origins);
    check.schema(&raw.schema);
    let id = check.id(&raw.id);
    let top = check.inherit(&Inherited::default(), raw.source.as_ref(), raw.confidence.as_ref());
    check.unique("processor", raw.cluster.iter().map(|c| &c.id).chain(raw.device.iter().map(|d| &d.id)));
    check.unique("cache", raw.cache.iter().map(|c| &c.id));
    let names: Vec<&str> = raw
        .cluster
        .iter()
        .map(|c| c.id.get_ref().as_str())
        .chain(raw.device.iter().map(|d| d.id.get_ref().as_str()))
        .collect();
    let memory = memory(&mut check, &raw.memory, &top, &names);
    let caches = raw.cache.iter().map(|cache| shared_cache(&mut check, cache, &top, &names)).collect();
    let clusters = raw.cluster.iter().map(|c| cluster(&mut check, c, &top)).collect::<Vec<_>>();
    let devices = raw.device.iter().map(|d| accelerator(&mut check, d, &top)).collect();
    if clusters.is_empty() {
        check.error("soc::out-of-range", &raw.id.span(), "the SoC has no CPU cluster", "add a [[cluster]]");
    }
    let idle_states = shared_states(&mut check, &raw.idle_state, &top, &raw.cluster);
    check.finish(Soc { id, title: raw.title, clusters, devices, caches, idle_states, memory })
}

fn memory(check: &mut Checker<'_>, raw: &RawMemory, top: &Inherited, names: &[&str]) -> Memory {
    let own = check.inherit(top, raw.source.as_ref(), raw.confidence.as_ref());
    let peak = gb_per_s(check.quantity(&raw.peak_gb_per_s, &own, RATE_GB_PER_S.named("peak_gb_per_s")));
    let achievable =
        gb_per_s(check.quantity(&raw.achievable_gb_per_s, &own, RATE_GB_PER_S.named("achievable_gb_per_s")));
    if peak.value.0 > 0.0 && achievable.value.0 > peak.value.0 {
        check.error(
            "soc::memory-rate",
            &raw.achievable_gb_per_s.span(),
            format!(
                "achievable_gb_per_s = {} exceeds peak_gb_per_s = {}",
                achievable.value.0 / 1e9,
                peak.value.0 / 1e9
            ),
            "the achievable rate is what measurements see of the peak",
        );
    }
    let clocks = check.inherit(&own, raw.clocks.source.as_ref(), raw.clocks.confidence.as_ref());
    check.ascending("soc::clock-order", raw.clocks.mhz.get_ref(), CLOCK_MHZ);
    if raw.clocks.mhz.get_ref().is_empty() {
        check.error(
            "soc::clock-order",
            &raw.clocks.mhz.span(),
            "the memory has no clock",
            "give at least one",
        );
    }
    let clock_provenance = check.provenance(&clocks, &raw.clocks.mhz.span());
    let votes = raw.vote.iter().map(|vote| self::vote(check, vote, &own, names)).collect();
    Memory {
        title: raw.title.clone(),
        peak,
        achievable,
        clocks: raw.clocks.mhz.get_ref().iter().map(|c| Hertz(c.get_ref() * 1e6)).collect(),
        clock_provenance,
        votes,
        interference: raw.interference.as_ref().map(|number| {
            check.quantity(number, &own, Rule::not_negative("interference").plausible(0.0, 2.0))
        }),
        slowdowns: raw
            .slowdown
            .iter()
            .map(|raw| super::soc_slowdown::slowdown(check, raw, &own, names))
            .collect(),
        joules_per_byte: check
            .quantity(
                &raw.dram_pj_per_byte,
                &own,
                Rule::not_negative("dram_pj_per_byte").plausible(1.0, 1000.0),
            )
            .map(|v| v * 1e-12),
    }
}

fn vote(check: &mut Checker<'_>, raw: &RawVote, outer: &Inherited, names: &[&str]) -> Vote {
    let own = check.inherit(outer, raw.source.as_ref(), raw.confidence.as_ref());
    check.reference("cluster or device", &raw.of, names);
    let at = raw.at_mhz.get_ref();
    check.ascending("soc::clock-order", at, CLOCK_MHZ);
    raw.memory_mhz.iter().for_each(|clock| {
        check.value(*clock.get_ref(), &clock.span(), CLOCK_MHZ);
    });
    if at.len() != raw.memory_mhz.len() || at.is_empty() {
        check.error(
            "soc::clock-order",
            &raw.at_mhz.span(),
            format!("{} own clocks but {} memory clocks", at.len(), raw.memory_mhz.len()),
            "give one memory clock for each own clock",
        );
    }
    let steps =
        at.iter().zip(&raw.memory_mhz).map(|(a, m)| (Hertz(a.get_ref() * 1e6), Hertz(m.get_ref() * 1e6)));
    Vote {
        of: raw.of.get_ref().clone(),
        steps: steps.collect(),
        provenance: check.provenance(&own, &raw.at_mhz.span()),
    }
}

fn shared_cache(
    check: &mut Checker<'_>,
    raw: &RawSharedCache,
    top: &Inherited,
    names: &[&str],
) -> SharedCache {
    let own = check.inherit(top, raw.source.as_ref(), raw.confidence.as_ref());
    let id = check.id(&raw.id);
    let size_rule = Rule::positive("size_kib").plausible(16.0, 65_536.0);
    let size = kib(check.quantity(&raw.size_kib, &own, size_rule));
    let users = raw.user.iter().map(|user| {
        check.reference("cluster or device", &user.of, names);
        let most = Rule::within("most_kib", 0.0, size.value.0 / 1024.0);
        (user.of.get_ref().clone(), kib(check.quantity(&user.most_kib, &own, most)))
    });
    let users = users.collect();
    let bandwidth = gb_per_s(check.quantity(&raw.max_gb_per_s, &own, RATE_GB_PER_S.named("max_gb_per_s")));
    SharedCache { id, size, bandwidth, users }
}

fn cluster(check: &mut Checker<'_>, raw: &RawCluster, top: &Inherited) -> Cluster {
    let own = check.inherit(top, raw.source.as_ref(), raw.confidence.as_ref());
    let cores =
        check.value(*raw.cores.get_ref() as f64, &raw.cores.span(), Rule::within("cores", 1.0, 256.0));
    let kind = raw.core_kind.get_ref();
    if kind.is_empty() || !kind.chars().all(|c| c.is_ascii_lowercase()) {
        let message = format!("core_kind `{}` is not a word", printable(kind));
        check.error(
            "soc::id",
            &raw.core_kind.span(),
            message,
            "core sets like 1large3med need lower-case letters only",
        );
    }
    Cluster {
        id: check.id(&raw.id),
        core_kind: kind.clone(),
        core_type: raw.core_type.clone(),
        cores: cores as u32,
        ops_per_cycle: rates(check, &raw.ops_per_cycle, &own),
        opps: opps(check, &raw.opps, &own),
        private_caches: private_caches(check, &raw.private_cache, &own),
        core_bandwidth: gb_per_s(check.quantity(
            &raw.core_gb_per_s,
            &own,
            RATE_GB_PER_S.named("core_gb_per_s"),
        )),
        cluster_bandwidth: gb_per_s(check.quantity(
            &raw.cluster_gb_per_s,
            &own,
            RATE_GB_PER_S.named("cluster_gb_per_s"),
        )),
        power: power(check, &raw.power, &own),
        idle_states: core_states(check, &raw.idle_state, &own),
    }
}

fn accelerator(check: &mut Checker<'_>, raw: &RawAccelerator, top: &Inherited) -> Accelerator {
    let own = check.inherit(top, raw.source.as_ref(), raw.confidence.as_ref());
    let kinds = [ProcessorKind::Gpu, ProcessorKind::Dsp, ProcessorKind::Npu];
    let kind = kinds.into_iter().find(|k| k.id() == raw.kind.get_ref()).unwrap_or_else(|| {
        let known: Vec<&str> = kinds.iter().map(|k| k.id()).collect();
        check.reference("kind of device", &raw.kind, &known);
        ProcessorKind::Gpu
    });
    let count = |key| Rule::within(key, 1.0, 65_536.0);
    Accelerator {
        id: check.id(&raw.id),
        kind,
        title: raw.title.clone(),
        ops_per_cycle: rates(check, &raw.ops_per_cycle, &own),
        opps: opps(check, &raw.opps, &own),
        private_caches: private_caches(check, &raw.private_cache, &own),
        bandwidth: gb_per_s(check.quantity(&raw.max_gb_per_s, &own, RATE_GB_PER_S.named("max_gb_per_s"))),
        compute_units: check.quantity(&raw.compute_units, &own, count("compute_units")),
        wave_width: check.quantity(&raw.wave_width, &own, count("wave_width")),
        max_workgroup: check.quantity(&raw.max_workgroup, &own, count("max_workgroup")),
        power: power(check, &raw.power, &own),
        idle_states: device_states(check, &raw.idle_state, &own),
        cpu_exit_limit: exit_limit(check, raw.cpu_exit_limit_us.as_ref(), &own),
    }
}

fn rates(check: &mut Checker<'_>, raw: &RawRates, outer: &Inherited) -> BTreeMap<Precision, Quantity> {
    let own = check.inherit(outer, raw.source.as_ref(), raw.confidence.as_ref());
    [(Precision::Fp32, &raw.fp32), (Precision::Fp16, &raw.fp16), (Precision::Int8, &raw.int8)]
        .into_iter()
        .filter_map(|(precision, number)| {
            let rule = Rule::positive("ops_per_cycle").plausible(1.0, 1e6);
            Some((precision, check.quantity(number.as_ref()?, &own, rule)))
        })
        .collect()
}

fn opps(check: &mut Checker<'_>, raw: &RawOpps, outer: &Inherited) -> OppTable {
    let own = check.inherit(outer, raw.source.as_ref(), raw.confidence.as_ref());
    let volt = check.inherit(&own, raw.volt_source.as_ref(), raw.volt_confidence.as_ref());
    let (clocks, volts) = (raw.mhz.get_ref(), raw.volt.get_ref());
    if clocks.len() != volts.len() || clocks.is_empty() {
        let message = format!("{} clocks but {} voltages", clocks.len(), volts.len());
        check.error(
            "soc::opp-length",
            &raw.volt.span(),
            message,
            "give one voltage for each clock, at least one of both",
        );
    }
    check.ascending("soc::opp-order", clocks, CLOCK_MHZ);
    for value in volts {
        check.value(*value.get_ref(), &value.span(), Rule::positive("volt").plausible(0.3, 1.6));
    }
    for pair in volts.windows(2) {
        let (a, b) = (pair[0].get_ref(), pair[1].get_ref());
        if b < a {
            let message = format!("voltage falls from {a} to {b} while the clock rises");
            check.warning("soc::opp-power", &pair[1].span(), message, "check the order of the voltages");
        }
    }
    OppTable {
        points: clocks
            .iter()
            .zip(volts)
            .map(|(c, v)| Opp { clock: Hertz(c.get_ref() * 1e6), voltage: *v.get_ref() })
            .collect(),
        clocks: check.provenance(&own, &raw.mhz.span()),
        voltages: check.provenance(&volt, &raw.volt.span()),
    }
}

fn private_caches(check: &mut Checker<'_>, raw: &[RawPrivateCache], outer: &Inherited) -> Vec<PrivateCache> {
    raw.iter()
        .map(|cache| {
            let own = check.inherit(outer, cache.source.as_ref(), cache.confidence.as_ref());
            let size = Rule::positive("size_kib").plausible(4.0, 65_536.0);
            let rate = Rule::positive("bytes_per_cycle").plausible(1.0, 4096.0);
            PrivateCache {
                size: kib(check.quantity(&cache.size_kib, &own, size)),
                bytes_per_cycle: check.quantity(&cache.bytes_per_cycle, &own, rate),
            }
        })
        .collect()
}

fn power(check: &mut Checker<'_>, raw: &RawPower, outer: &Inherited) -> PowerModel {
    let own = check.inherit(outer, raw.source.as_ref(), raw.confidence.as_ref());
    let dynamic = Rule::not_negative("dynamic_uw_per_mhz_v2").plausible(1.0, 100_000.0);
    let milli = |key| Rule::not_negative(key).plausible(0.0, 20_000.0);
    let optional = |check: &mut Checker<'_>, number: Option<&Number>, neutral, rule| match number {
        Some(number) => check.quantity(number, &own, rule),
        None => Quantity::neutral(neutral),
    };
    PowerModel {
        // uW per MHz and V^2 is 1e-12 W per Hz and V^2.
        dynamic: check.quantity(&raw.dynamic_uw_per_mhz_v2, &own, dynamic).map(|v| v * 1e-12),
        awake: milliwatts(check.quantity(&raw.awake_mw, &own, milli("awake_mw"))),
        idle: milliwatts(check.quantity(&raw.idle_mw, &own, milli("idle_mw"))),
        blocked_activity: check.quantity(
            &raw.blocked_activity,
            &own,
            Rule::within("blocked_activity", 0.0, 1.0),
        ),
        busy_activity: optional(
            check,
            raw.busy_activity.as_ref(),
            1.0,
            Rule::within("busy_activity", 0.1, 4.0),
        ),
        leakage: milliwatts(optional(check, raw.leakage_mw.as_ref(), 0.0, milli("leakage_mw"))),
        leakage_per_kelvin: optional(
            check,
            raw.leakage_per_k.as_ref(),
            0.0,
            Rule::within("leakage_per_k", 0.0, 0.2),
        ),
    }
}

/// Reads a device profile; the SoC that it names is not looked up.
///
/// # Errors
/// All faults found, in the order of the text.
pub(super) fn device(document: Document<'_>) -> Result<(Device, Vec<Diagnostic>), InputError> {
    let (raw, origins) = document.read::<RawDevice>()?;
    let mut check = Checker::new(&origins);
    check.schema(&raw.schema);
    let top = check.inherit(&Inherited::default(), raw.source.as_ref(), raw.confidence.as_ref());
    let power = Rule::not_negative("base_power_mw").plausible(0.0, 20_000.0);
    let thermal = raw.thermal.as_ref().map(|raw| thermal(&mut check, raw, &top));
    let device = Device {
        id: check.id(&raw.id),
        soc: check.id(&raw.soc),
        title: raw.title,
        base_power: milliwatts(check.quantity(&raw.base_power_mw, &top, power)),
        thermal,
    };
    check.finish(device)
}
