//! The `[[fitted]]` tables of runtime profiles: TOML to validated types.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::check::{Checker, Inherited, Rule};
use super::runtime_file::word;
use crate::diagnostics::{nearest, printable};
use crate::physics::Form;
use crate::soc::{Anchor, Coefficient, ExecutorName, FittedModel, Precision, Target};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFitted {
    pub(super) id: Spanned<String>,
    executor: Spanned<String>,
    precision: Spanned<String>,
    form: Spanned<String>,
    measured_with: String,
    networks: Spanned<u32>,
    families: u32,
    leave_family_out_percent: Spanned<f64>,
    /// 5 % and 95 % quantile of measured / predicted.
    interval_90: Spanned<[f64; 2]>,
    source: Option<Spanned<String>>,
    confidence: Option<Spanned<String>>,
    /// Class, five coordinates, weight, mean logarithmic residual.
    #[serde(default)]
    residual: Vec<Spanned<[f64; 8]>>,
    /// Name to value and standard deviation of its logarithm.
    coefficients: Spanned<BTreeMap<Spanned<String>, Spanned<[f64; 2]>>>,
}

/// Checks a fitted model; names of executors against the SoC are checked when both are brought together.
pub(super) fn fitted(check: &mut Checker<'_>, raw: &RawFitted, top: &Inherited) -> Option<FittedModel> {
    let own = check.inherit(top, raw.source.as_ref(), raw.confidence.as_ref());
    let provenance = check.provenance(&own, &raw.id.span());
    let id = check.id(&raw.id);
    let executor: Option<ExecutorName> = raw.executor.get_ref().parse().ok();
    let Some(executor) = executor.filter(|name| name.precision.is_none()) else {
        let message =
            format!("`{}` is not an executor without a precision", printable(raw.executor.get_ref()));
        check.error("soc::executor-name", &raw.executor.span(), message, "write cpu-1large, cpu-3med or gpu");
        return None;
    };
    let precision = word(check, "precision", &raw.precision, &Precision::ALL.map(Precision::id))
        .and_then(|_| Precision::from_id(raw.precision.get_ref()))?;
    let form = Form::ALL[word(check, "form", &raw.form, &Form::ALL.map(Form::id))?];
    let cores = match &executor.target {
        Target::Cores(groups) => groups.iter().map(|(count, _)| *count as usize).sum(),
        Target::Device(_) => 1,
    };
    let known: Vec<&str> = form.coefficients(cores).iter().map(|info| info.name).collect();
    let given = raw.coefficients.get_ref();
    for name in given.keys() {
        if !known.contains(&name.get_ref().as_str()) {
            let hint = nearest(name.get_ref(), known.iter().copied())
                .map_or_else(String::new, |near| format!("did you mean `{near}`? "));
            let message = format!(
                "form `{}` on {cores} core(s) has no coefficient `{}`",
                form.id(),
                printable(name.get_ref())
            );
            check.error(
                "config::unknown-key",
                &name.span(),
                message,
                format!("{hint}known: {}", known.join(", ")),
            );
        }
    }
    let mut coefficients = Vec::new();
    let mut missing = Vec::new();
    for name in known {
        match given.iter().find(|(key, _)| key.get_ref() == name) {
            Some((_, pair)) => {
                let [value, width] = *pair.get_ref();
                let value =
                    check.value(value, &pair.span(), Rule::within("a fitted coefficient", 1e-12, 1e9));
                let width =
                    check.value(width, &pair.span(), Rule::within("the width of a coefficient", 0.0, 100.0));
                coefficients.push(Coefficient { name: name.to_owned(), value, width });
            }
            None => missing.push(name),
        }
    }
    if !missing.is_empty() {
        check.error(
            "soc::missing-coefficient",
            &raw.coefficients.span(),
            format!("`{}` lacks {} of the coefficients of form `{}`", id, missing.len(), form.id()),
            format!("add {}, or calibrate again", missing.join(", ")),
        );
    }
    let leave_family_out = check.value(
        *raw.leave_family_out_percent.get_ref(),
        &raw.leave_family_out_percent.span(),
        Rule::within("leave_family_out_percent", 0.0, 1e6).plausible(0.0, 50.0),
    );
    let [low, high] = *raw.interval_90.get_ref();
    let ordered = Rule::within("interval_90", 1e-6, 1e6);
    let low = check.value(low, &raw.interval_90.span(), ordered);
    let high = check.value(high, &raw.interval_90.span(), ordered);
    if low > high {
        let message = format!("interval_90 = [{low}, {high}] is upside down");
        check.error("soc::out-of-range", &raw.interval_90.span(), message, "write the lower quantile first");
    }
    let residual = raw.residual.iter().filter_map(|row| anchor(check, row)).collect();
    Some(FittedModel {
        id,
        executor: executor.base(),
        precision,
        form: form.id().to_owned(),
        measured_with: raw.measured_with.clone(),
        networks: *raw.networks.get_ref(),
        families: raw.families,
        leave_family_out,
        interval: (low, high),
        coefficients,
        residual,
        provenance,
    })
}

fn anchor(check: &mut Checker<'_>, row: &Spanned<[f64; 8]>) -> Option<Anchor> {
    let [class, a, b, c, d, e, weight, residual] = *row.get_ref();
    let fine = (0.0..64.0).contains(&class)
        && class.fract() == 0.0
        && [a, b, c, d, e].iter().all(|x| x.abs() < 1e4)
        && (0.0..1e9).contains(&weight)
        && residual.abs() <= 2.0;
    if !fine {
        let message = "this is no anchor of a residual";
        let help = "write [class, five coordinates, weight, mean logarithmic residual of at most 2]";
        check.error("soc::out-of-range", &row.span(), message, help);
        return None;
    }
    Some(Anchor { class: class as u8, position: [a, b, c, d, e], weight, residual })
}
