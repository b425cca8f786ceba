//! Runtime profiles: TOML to validated types.

use serde::Deserialize;
use toml::Spanned;

use super::check::{Checker, Inherited, Number, RawQuantity, Rule};
use super::co_execution_file::{RawCoExecution, co_execution};
use super::document::Document;
use super::fitted_file::{RawFitted, fitted};
use crate::diagnostics::{Diagnostic, InputError, nearest, printable};
use crate::graph::lowered::OperatorClass;
use crate::soc::{
    Accepts, ExecutorName, Kernel, Performance, Precision, ProcessorKind, Quantity, RuntimeCrossing,
    RuntimeProfile, Sharing, Split, SupportTable,
};
use crate::units::{BytesPerSec, SimDuration};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRuntime {
    schema: Spanned<i64>,
    id: Spanned<String>,
    soc: Spanned<String>,
    title: String,
    lowering: Spanned<String>,
    #[expect(dead_code, reason = "resolved before the document is read")]
    extends: Option<String>,
    source: Option<Spanned<String>>,
    confidence: Option<Spanned<String>>,
    core_sets: Vec<Spanned<String>>,
    performance: Vec<RawPerformance>,
    #[serde(default)]
    crossing: Vec<RawCrossing>,
    #[serde(default)]
    fitted: Vec<RawFitted>,
    #[serde(default)]
    co_execution: Vec<RawCoExecution>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPerformance {
    id: Spanned<String>,
    on: Spanned<Vec<Spanned<String>>>,
    precision: Spanned<String>,
    support: Spanned<String>,
    source: Option<Spanned<String>>,
    confidence: Option<Spanned<String>>,
    invocation_us: Number,
    kernel_overhead_us: Number,
    thread_overhead_us: Option<Number>,
    combination_exponent: Number,
    bandwidth_share: Number,
    inference_variation: Number,
    operator_variation: Number,
    sharing: Option<RawSharing>,
    kernel: Spanned<Vec<RawKernel>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSharing {
    transform_ns_per_element: Number,
    map_ns_per_element: Number,
    synchronization_us: Number,
    release_us: Number,
    enqueue_us: Option<Number>,
    source: Option<Spanned<String>>,
    confidence: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKernel {
    id: Spanned<String>,
    classes: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    accepts: RawAccepts,
    efficiency: Number,
    arithmetic_saving: Option<Number>,
    channel_block: Option<Number>,
    pixel_block: Option<Number>,
    width_block: Option<Number>,
    depth_block: Option<Number>,
    depth_half: Option<Number>,
    workgroup: Option<Number>,
    split: Option<Spanned<String>>,
    source: Option<Spanned<String>>,
    confidence: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawAccepts {
    kernel: Option<u64>,
    stride: Option<u64>,
    dilation: Option<u64>,
    #[serde(default)]
    min_in_channels: u64,
    #[serde(default)]
    min_out_channels: u64,
    #[serde(default)]
    min_out_pixels: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCrossing {
    from: Spanned<String>,
    to: Spanned<String>,
    map_us: Number,
    synchronization_us: Number,
    remote_call_us: Option<Number>,
    wake_up_us: Option<Number>,
    copy_gb_per_s: Number,
    layout_gb_per_s: Number,
    source: Option<Spanned<String>>,
    confidence: Option<Spanned<String>>,
}

const KINDS: [ProcessorKind; 4] =
    [ProcessorKind::Cpu, ProcessorKind::Gpu, ProcessorKind::Dsp, ProcessorKind::Npu];

/// Reads a runtime profile; `support_table` finds an operator-support table by its id, `support_ids` lists them.
///
/// # Errors
/// All faults found, in the order of the text. Names that refer to the SoC are checked when both are
/// brought together ([`crate::physics::machine`]).
pub(super) fn runtime(
    document: Document<'_>,
    support_ids: &[&str],
    support_table: &dyn Fn(&str) -> Option<SupportTable>,
) -> Result<(RuntimeProfile, Vec<Diagnostic>), InputError> {
    let (raw, origins) = document.read::<RawRuntime>()?;
    let mut check = Checker::new(&origins);
    check.schema(&raw.schema);
    let top = check.inherit(&Inherited::default(), raw.source.as_ref(), raw.confidence.as_ref());
    check.unique("performance", raw.performance.iter().map(|p| &p.id));
    let performances = raw
        .performance
        .iter()
        .filter_map(|p| performance(&mut check, p, &top, support_ids, support_table))
        .collect();
    let crossings = raw.crossing.iter().filter_map(|c| crossing(&mut check, c, &top)).collect();
    check.unique("fitted model", raw.fitted.iter().map(|f| &f.id));
    let fitted = raw.fitted.iter().filter_map(|f| fitted(&mut check, f, &top)).collect();
    check.unique("way of co-execution", raw.co_execution.iter().map(|c| &c.id));
    let co_execution = raw.co_execution.iter().filter_map(|c| co_execution(&mut check, c, &top)).collect();
    for set in &raw.core_sets {
        if format!("cpu-{}", set.get_ref()).parse::<ExecutorName>().is_err() {
            let message = format!("`{}` is not a core set", printable(set.get_ref()));
            check.error(
                "soc::executor-name",
                &set.span(),
                message,
                "write counts and kinds, like 1large3med",
            );
        }
    }
    let profile = RuntimeProfile {
        id: check.id(&raw.id),
        soc: check.id(&raw.soc),
        title: raw.title,
        lowering: check.id(&raw.lowering),
        core_sets: raw.core_sets.into_iter().map(Spanned::into_inner).collect(),
        performances,
        crossings,
        fitted,
        co_execution,
    };
    check.finish(profile)
}

fn performance(
    check: &mut Checker<'_>,
    raw: &RawPerformance,
    top: &Inherited,
    support_ids: &[&str],
    support_table: &dyn Fn(&str) -> Option<SupportTable>,
) -> Option<Performance> {
    let own = check.inherit(top, raw.source.as_ref(), raw.confidence.as_ref());
    check.id(&raw.id);
    let precision = word(check, "precision", &raw.precision, &Precision::ALL.map(Precision::id))
        .and_then(|_| Precision::from_id(raw.precision.get_ref()));
    let support = if check.reference("operator-support table", &raw.support, support_ids) {
        support_table(raw.support.get_ref())
    } else {
        None
    };
    if raw.on.get_ref().is_empty() {
        check.error("soc::out-of-range", &raw.on.span(), "`on` is empty", "name core kinds or one device");
    }
    let kernels: Vec<Kernel> =
        raw.kernel.get_ref().iter().filter_map(|kernel| self::kernel(check, kernel, &own)).collect();
    check.unique("kernel", raw.kernel.get_ref().iter().map(|k| &k.id));
    let takes_all = |k: &RawKernel| {
        k.classes.get_ref().iter().any(|c| c.get_ref() == "any")
            && k.accepts.kernel.is_none()
            && k.accepts.stride.is_none()
            && k.accepts.dilation.is_none()
            && k.accepts.min_in_channels + k.accepts.min_out_channels + k.accepts.min_out_pixels == 0
    };
    if !raw.kernel.get_ref().last().is_some_and(takes_all) {
        check.error(
            "soc::no-fallback",
            &raw.kernel.span(),
            "the last kernel does not take every operator",
            "end the list with a kernel whose classes are [\"any\"] and that has no `accepts`",
        );
    }
    let micros = |key| Rule::within(key, 0.0, 1e6).plausible(0.0, 20_000.0);
    let variation = |key| Rule::within(key, 0.0, 2.0);
    let sharing = raw.sharing.as_ref().map(|raw| sharing(check, raw, &own));
    let invocation = duration(check, &raw.invocation_us, &own, micros("invocation_us"));
    let kernel_overhead = duration(check, &raw.kernel_overhead_us, &own, micros("kernel_overhead_us"));
    let thread_overhead =
        optional(check, raw.thread_overhead_us.as_ref(), &own, micros("thread_overhead_us"), 0.0)
            .map(SimDuration::from_micros);
    Some(Performance {
        id: raw.id.get_ref().clone(),
        on: raw.on.get_ref().iter().map(|name| name.get_ref().clone()).collect(),
        invocation,
        kernel_overhead,
        thread_overhead,
        combination: check.quantity(
            &raw.combination_exponent,
            &own,
            Rule::within("combination_exponent", 1.0, 1e3).or_infinite(),
        ),
        bandwidth_share: check.quantity(
            &raw.bandwidth_share,
            &own,
            Rule::within("bandwidth_share", 0.01, 1.0),
        ),
        inference_variation: check.quantity(&raw.inference_variation, &own, variation("inference_variation")),
        operator_variation: check.quantity(&raw.operator_variation, &own, variation("operator_variation")),
        kernels,
        sharing,
        precision: precision?,
        support: support?,
    })
}

fn sharing(check: &mut Checker<'_>, raw: &RawSharing, outer: &Inherited) -> Sharing {
    let own = check.inherit(outer, raw.source.as_ref(), raw.confidence.as_ref());
    let nanos = |key| Rule::within(key, 0.0, 1e6).plausible(0.0, 100.0);
    let micros = |key| Rule::within(key, 0.0, 1e6).plausible(0.0, 20_000.0);
    let seconds = |quantity: Quantity| quantity.map(|v| v * 1e-9);
    Sharing {
        transform: seconds(check.quantity(
            &raw.transform_ns_per_element,
            &own,
            nanos("transform_ns_per_element"),
        )),
        map: seconds(check.quantity(&raw.map_ns_per_element, &own, nanos("map_ns_per_element"))),
        synchronization: duration(check, &raw.synchronization_us, &own, micros("synchronization_us")),
        release: duration(check, &raw.release_us, &own, micros("release_us")),
        enqueue: raw.enqueue_us.as_ref().map(|raw| duration(check, raw, &own, micros("enqueue_us"))),
    }
}

fn kernel(check: &mut Checker<'_>, raw: &RawKernel, outer: &Inherited) -> Option<Kernel> {
    let own = check.inherit(outer, raw.source.as_ref(), raw.confidence.as_ref());
    let known: Vec<&str> = OperatorClass::ALL.iter().map(|c| c.id()).chain(["any"]).collect();
    for class in raw.classes.get_ref() {
        check.reference("operator class", class, &known);
    }
    if raw.classes.get_ref().is_empty() {
        check.error(
            "soc::out-of-range",
            &raw.classes.span(),
            "`classes` is empty",
            "name operator classes, or \"any\"",
        );
    }
    let block = |key| Rule::within(key, 1.0, 65_536.0);
    let split = match &raw.split {
        None => Split::Both,
        Some(name) => match word(check, "split", name, &["channels", "pixels", "both"])? {
            0 => Split::Channels,
            1 => Split::Pixels,
            _ => Split::Both,
        },
    };
    Some(Kernel {
        id: check.id(&raw.id),
        classes: raw.classes.get_ref().iter().map(|c| c.get_ref().clone()).collect(),
        accepts: Accepts {
            kernel: raw.accepts.kernel,
            stride: raw.accepts.stride,
            dilation: raw.accepts.dilation,
            min_in_channels: raw.accepts.min_in_channels,
            min_out_channels: raw.accepts.min_out_channels,
            min_out_pixels: raw.accepts.min_out_pixels,
        },
        efficiency: check.quantity(&raw.efficiency, &own, Rule::positive("efficiency").plausible(1e-4, 1.0)),
        arithmetic_saving: optional(
            check,
            raw.arithmetic_saving.as_ref(),
            &own,
            Rule::within("arithmetic_saving", 1.0, 10.0),
            1.0,
        ),
        channel_block: optional(check, raw.channel_block.as_ref(), &own, block("channel_block"), 1.0),
        pixel_block: optional(check, raw.pixel_block.as_ref(), &own, block("pixel_block"), 1.0),
        width_block: optional(check, raw.width_block.as_ref(), &own, block("width_block"), 1.0),
        depth_block: optional(check, raw.depth_block.as_ref(), &own, block("depth_block"), 1.0),
        depth_half: optional(check, raw.depth_half.as_ref(), &own, Rule::within("depth_half", 0.0, 1e6), 0.0),
        workgroup: optional(
            check,
            raw.workgroup.as_ref(),
            &own,
            Rule::within("workgroup", 0.0, 65_536.0),
            0.0,
        ),
        split,
    })
}

fn crossing(check: &mut Checker<'_>, raw: &RawCrossing, top: &Inherited) -> Option<RuntimeCrossing> {
    let own = check.inherit(top, raw.source.as_ref(), raw.confidence.as_ref());
    let names = KINDS.map(ProcessorKind::id);
    let from = word(check, "kind of processor", &raw.from, &names)?;
    let to = word(check, "kind of processor", &raw.to, &names)?;
    let micros = |key| Rule::within(key, 0.0, 1e6).plausible(0.0, 20_000.0);
    let rate = |key| Rule::positive(key).plausible(0.01, 1000.0).or_infinite();
    let bytes = |quantity: Quantity| quantity.map(|v| BytesPerSec(v * 1e9));
    Some(RuntimeCrossing {
        from: KINDS[from],
        to: KINDS[to],
        map: duration(check, &raw.map_us, &own, micros("map_us")),
        synchronization: duration(check, &raw.synchronization_us, &own, micros("synchronization_us")),
        remote_call: optional(check, raw.remote_call_us.as_ref(), &own, micros("remote_call_us"), 0.0)
            .map(SimDuration::from_micros),
        wake_up: optional(check, raw.wake_up_us.as_ref(), &own, micros("wake_up_us"), 0.0)
            .map(SimDuration::from_micros),
        copy: bytes(check.quantity(&raw.copy_gb_per_s, &own, rate("copy_gb_per_s"))),
        layout: bytes(check.quantity(&raw.layout_gb_per_s, &own, rate("layout_gb_per_s"))),
    })
}

fn duration(
    check: &mut Checker<'_>,
    number: &Number,
    inherited: &Inherited,
    rule: Rule,
) -> Quantity<SimDuration> {
    check.quantity(number, inherited, rule).map(SimDuration::from_micros)
}

/// A number that has a neutral value; leaving it out states that the effect does not exist.
fn optional(
    check: &mut Checker<'_>,
    number: Option<&Spanned<RawQuantity>>,
    inherited: &Inherited,
    rule: Rule,
    neutral: f64,
) -> Quantity {
    match number {
        Some(number) => check.quantity(number, inherited, rule),
        None => Quantity::neutral(neutral),
    }
}

/// The position of a word among the known ones.
pub(super) fn word(
    check: &mut Checker<'_>,
    what: &str,
    name: &Spanned<String>,
    known: &[&str],
) -> Option<usize> {
    let position = known.iter().position(|k| *k == name.get_ref());
    if position.is_none() {
        let mut help = format!("known: {}", known.join(", "));
        if let Some(near) = nearest(name.get_ref(), known.iter().copied()) {
            help = format!("did you mean `{near}`? {help}");
        }
        let message = format!("there is no {what} `{}`", printable(name.get_ref()));
        check.error("config::unknown-value", &name.span(), message, help);
    }
    position
}
