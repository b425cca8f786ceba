//! The validation report: every fitted profile, its data, its error, its limits.

use std::fmt::Write;

use super::families::family;
use super::validate::Validation;
use crate::config::Library;
use crate::config::library::ProfileKind;
use crate::physics::Form;
use crate::soc::FittedModel;

/// Coefficients told by the data: those narrower than their prior cannot be known here, so this counts the ones
/// with a relative width below 10 %.
fn narrow(model: &FittedModel) -> usize {
    model.coefficients.iter().filter(|c| c.width < 0.1).count()
}

/// The report in Markdown. Errors on families left out are those that the profiles carry; the rest comes from `validation`,
/// which compares the shipped profiles with tables that they were fitted to.
#[must_use]
pub fn markdown(validation: &Validation) -> String {
    let mut text = "# How far predictions can be trusted\n\n\
        Written by `hetsoc validate --operators OPS --measurements TABLE --report docs/VALIDATION.md`. Every prediction is a simulated\n\
        inference: one request, alone, without run-to-run variation, at the highest clocks.\n\n\
        ## Fitted profiles\n\
        *Unseen families*: mean absolute error on architecture families that the fit had not seen (leave one family out). *Interval*: what\n\
        measured / predicted stays within for 90 % of networks of unseen families.\n\n\
        | profile | executor | precision | form | measured with | networks (families) | unseen families | interval | coefficients known within 10 % |\n\
        |---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    let mut sources: Vec<String> = Vec::new();
    for id in Library.ids(ProfileKind::Runtime) {
        let Some((soc, name)) = id.split_once('/') else { continue };
        let Ok(loaded) = Library.runtime(soc, name, &[]) else { continue };
        for model in &loaded.value.fitted {
            let _ = writeln!(
                text,
                "| {id} | {} | {} | {} | {} | {} ({}) | {:.1} % | {:.2} to {:.2} | {} of {} |",
                model.executor,
                model.precision.id(),
                model.form,
                model.measured_with,
                model.networks,
                model.families,
                model.leave_family_out,
                model.interval.0,
                model.interval.1,
                narrow(model),
                model.coefficients.len()
            );
            let source = model.provenance.source.to_string();
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
    }
    let _ = writeln!(text, "\nMeasurements: {}.", sources.join("; "));
    text.push_str(
        "\n## The shipped profiles on the tables that they were fitted to\n\
         The errors here are smaller than those on unseen families, because the networks are known.\n\n\
         | soc | executor | runtime | precision | networks | MAPE | bias | median | p90 | within 5 % | within 10 % |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for g in validation.groups.iter().filter(|g| g.calibrated) {
        let executor =
            if g.cores.is_empty() { g.processor.clone() } else { format!("{}-{}", g.processor, g.cores) };
        let _ = writeln!(
            text,
            "| {} | {executor} | {} | {} | {} | {:.1} % | {:+.1} % | {:.1} % | {:.1} % | {:.0} % | {:.0} % |",
            g.soc,
            g.runtime,
            g.precision,
            g.networks,
            g.mape_percent,
            g.bias_percent,
            g.median_ape_percent,
            g.p90_ape_percent,
            g.within_5_percent,
            g.within_10_percent
        );
    }
    text.push_str(
        "\n| soc | choice among | networks | fastest found | constant choice | regret (constant) | tau |\n|---|---|---|---|---|---|---|\n",
    );
    for d in &validation.decisions {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.0} % | {} {:.0} % | {:.2} % ({:.2} %) | {} |",
            d.soc,
            d.alternatives,
            d.networks,
            d.top1_percent,
            d.constant_choice,
            d.constant_choice_percent,
            d.mean_regret_percent,
            d.constant_choice_regret_percent,
            d.kendall_tau_b.map_or_else(|| "-".to_owned(), |tau| format!("{tau:.3}"))
        );
    }
    let skipped: usize = validation.skipped.iter().map(|s| s.rows).sum();
    let _ = writeln!(
        text,
        "\n{} of {} rows were compared; {skipped} have no profile or no operators (`hetsoc validate` names them).",
        validation.rows_compared, validation.rows
    );
    text.push_str(&limits());
    text
}

/// What the numbers do not say.
fn limits() -> String {
    let forms: Vec<&str> = Form::ALL.iter().map(|form| form.id()).collect();
    format!(
        "\n## Limits\n\
         - Everything without a row above is a first estimate from published peaks and efficiencies: other SoCs, other runtimes, and operators\n  \
           outside of the fitted forms ({}), such as softmax, layer normalisation, resizing. A run says how many of its numbers are assumed.\n\
         - A set of cores without a row runs like as many of its slowest cores.\n\
         - Priors and a few choices (tile sizes, resident waves, the tightness of priors) were made while looking at the same 77 networks; on\n  \
           families that nobody has looked at, expect one to three points more.\n\
         - Exynos 9820 and A12 Bionic: only core counts, highest clocks and cache sizes are known, from secondary sources; power is assumed.\n\
         - Networks were measured at the highest clocks; at other clocks compute scales with the clock and traffic with the memory rate, which\n  \
           physics says and no measurement here checks.\n\
         - Winograd kernels on Adreno never run in these networks; their factor is declared from two other GPUs.\n\
         - int8 on several little cores holds run-to-run effects of 10 to 20 % between nearly identical networks.\n\
         - A list leaves element-wise operators out; they are reconstructed from the shapes, for ResNet-18 one residual sum too many.\n  \
           Padding before a dense window of \"same\" size counts as the window's own, as in the measured conversions. ResNet-18\n  \
           from its graph and from its list differ by at most 0.4 % in fp32 and 2.0 % in int8.\n\
         - Families are those of the operator list; squeeze-and-excite ResNets count as one family (`{}`).\n",
        forms.join(", "),
        family("other:seresnet18")
    )
}
