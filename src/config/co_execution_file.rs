//! The `[[co_execution]]` tables of runtime profiles: TOML to validated types.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::check::{Checker, Inherited, Rule};
use crate::diagnostics::{nearest, printable};
use crate::physics::co_execution::NAMES;
use crate::soc::{CoExecution, Coefficient, ExecutorName};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCoExecution {
    pub(super) id: Spanned<String>,
    first: Spanned<String>,
    second: Spanned<String>,
    measured_with: String,
    layers: u32,
    rows: u32,
    leave_layer_out_percent: Spanned<f64>,
    source: Option<Spanned<String>>,
    confidence: Option<Spanned<String>>,
    /// Working set in bytes and gigabytes per second.
    streaming: Spanned<Vec<[f64; 2]>>,
    /// Name to value and standard deviation of its logarithm.
    coefficients: Spanned<BTreeMap<Spanned<String>, Spanned<[f64; 2]>>>,
}

/// Checks one way of co-execution.
pub(super) fn co_execution(
    check: &mut Checker<'_>,
    raw: &RawCoExecution,
    top: &Inherited,
) -> Option<CoExecution> {
    let own = check.inherit(top, raw.source.as_ref(), raw.confidence.as_ref());
    let provenance = check.provenance(&own, &raw.id.span());
    let id = check.id(&raw.id);
    let [first, second] = [&raw.first, &raw.second].map(|name| {
        let parsed = name.get_ref().parse::<ExecutorName>().ok().filter(|name| name.precision.is_none());
        if parsed.is_none() {
            let message = format!("`{}` is not an executor without a precision", printable(name.get_ref()));
            check.error("soc::executor-name", &name.span(), message, "write cpu-1large or gpu");
        }
        parsed.map(|name| name.base())
    });
    let given = raw.coefficients.get_ref();
    for name in given.keys().filter(|name| !NAMES.contains(&name.get_ref().as_str())) {
        let hint = nearest(name.get_ref(), NAMES.iter().copied())
            .map_or_else(String::new, |near| format!("did you mean `{near}`? "));
        check.error(
            "config::unknown-key",
            &name.span(),
            format!("co-execution has no coefficient `{}`", printable(name.get_ref())),
            format!("{hint}known: {}", NAMES.join(", ")),
        );
    }
    let mut coefficients = Vec::new();
    let mut missing = Vec::new();
    for name in NAMES {
        let Some((_, pair)) = given.iter().find(|(key, _)| key.get_ref() == name) else {
            missing.push(name);
            continue;
        };
        let [value, width] = *pair.get_ref();
        let value = check.value(value, &pair.span(), Rule::within("a coefficient", 1e-12, 1e9));
        let width = check.value(width, &pair.span(), Rule::within("the width of a coefficient", 0.0, 100.0));
        coefficients.push(Coefficient { name: name.to_owned(), value, width });
    }
    if !missing.is_empty() {
        check.error(
            "soc::missing-coefficient",
            &raw.coefficients.span(),
            format!("`{id}` lacks {} of the coefficients of co-execution", missing.len()),
            format!("add {}, or calibrate again", missing.join(", ")),
        );
    }
    let streaming = raw.streaming.get_ref();
    let fine = |point: &[f64; 2]| point.iter().all(|x| x.is_finite() && *x > 0.0);
    let rising = streaming.windows(2).all(|pair| pair[0][0] < pair[1][0]);
    if streaming.is_empty() || !rising || !streaming.iter().all(fine) {
        check.error(
            "soc::out-of-range",
            &raw.streaming.span(),
            "`streaming` is no curve",
            "write [bytes, gigabytes per second] with increasing bytes, all above 0",
        );
    }
    let leave_layer_out = check.value(
        *raw.leave_layer_out_percent.get_ref(),
        &raw.leave_layer_out_percent.span(),
        Rule::within("leave_layer_out_percent", 0.0, 1e6).plausible(0.0, 50.0),
    );
    Some(CoExecution {
        id,
        first: first?,
        second: second?,
        measured_with: raw.measured_with.clone(),
        layers: raw.layers,
        rows: raw.rows,
        leave_layer_out,
        coefficients,
        streaming: streaming.iter().map(|&[bytes, rate]| (bytes, rate)).collect(),
        provenance,
    })
}
