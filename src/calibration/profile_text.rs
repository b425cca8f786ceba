//! Fitted models as text of a runtime profile.

use std::fmt::Write;

use crate::soc::{FittedModel, RuntimeProfile};

/// The `[[fitted]]` tables of models.
#[must_use]
pub fn fitted_tables(models: &[FittedModel]) -> String {
    let mut text = String::new();
    let quoted = |value: &str| toml::Value::String(value.to_owned()).to_string();
    for model in models {
        let (low, high) = model.interval;
        let _ = write!(
            text,
            "\n[[fitted]]\nid = {}\nexecutor = {}\nprecision = \"{}\"\nform = \"{}\"\nmeasured_with = {}\n\
             networks = {}\nfamilies = {}\nleave_family_out_percent = {:.2}\ninterval_90 = [{low:.4}, {high:.4}]\n\
             source = {}\nconfidence = \"{}\"\n",
            quoted(&model.id),
            quoted(&model.executor),
            model.precision.id(),
            model.form,
            quoted(&model.measured_with),
            model.networks,
            model.families,
            model.leave_family_out,
            quoted(&model.provenance.source),
            model.provenance.confidence.id(),
        );
        if !model.residual.is_empty() {
            text.push_str("# Class, place in the space of shapes, weight, mean logarithm of measured / equations.\nresidual = [\n");
            for anchor in &model.residual {
                let numbers =
                    anchor.position.iter().map(|x| format!("{x:.2}")).collect::<Vec<_>>().join(", ");
                let _ = writeln!(
                    text,
                    "    [{}.0, {numbers}, {:.2}, {:.3}],",
                    anchor.class, anchor.weight, anchor.residual
                );
            }
            text.push_str("]\n");
        }
        text.push_str("\n# Value, standard deviation of its logarithm.\n[fitted.coefficients]\n");
        for coefficient in &model.coefficients {
            let _ = writeln!(
                text,
                "{} = [{}, {}]",
                coefficient.name,
                significant(coefficient.value, 5),
                significant(coefficient.width, 2)
            );
        }
    }
    text
}

/// A runtime profile that adds models to the built-in one `base`. `adapted` says on what the first estimates serve, where the base is of another
/// SoC.
#[must_use]
pub fn extending_profile(
    base: &str,
    runtime: &RuntimeProfile,
    adapted: bool,
    models: &[FittedModel],
) -> String {
    let quoted = |value: &str| toml::Value::String(value.to_owned()).to_string();
    let list = |values: &[String]| values.iter().map(|v| quoted(v)).collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "# Written by `hetsoc calibrate`.\nschema = 1\nextends = {}\nid = {}\nsoc = {}\n",
        quoted(base),
        quoted(&runtime.id),
        quoted(&runtime.soc),
    );
    if adapted {
        let _ = writeln!(text, "core_sets = [{}]", list(&runtime.core_sets));
        text.push_str(
            "\n# First estimates of the base, for operators and executors without a fitted model.\n",
        );
        for performance in &runtime.performances {
            let (id, on) = (quoted(&performance.id), list(&performance.on));
            let _ = write!(text, "[[performance]]\nid = {id}\non = [{on}]\n\n");
        }
    }
    text.push_str(&fitted_tables(models));
    text
}

/// A number with so many significant digits, without an exponent.
pub(super) fn significant(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0.0".to_owned();
    }
    let decimals = (digits - 1 - value.abs().log10().floor() as i32).max(1);
    let text = format!("{value:.*}", decimals as usize);
    let trimmed = text.trim_end_matches('0');
    if trimmed.ends_with('.') { format!("{trimmed}0") } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        assert_eq!(significant(0.024_719_7, 4), "0.02472");
        assert_eq!(significant(46.659_157, 4), "46.66");
        assert_eq!(significant(180.0, 4), "180.0");
        assert_eq!(significant(0.0, 4), "0.0");
    }
}
