//! The validation report: every fitted profile, its data, its error, its limits.

use std::fmt::Write;

use serde::Serialize;

use super::families::family;
use super::pair::score::PairScore;
use super::standing::{spread, standings};
use super::validate::{GroupScore, Validation};
use crate::config::Library;
use crate::physics::Form;
use crate::soc::FittedModel;

/// Coefficients told by the data: those narrower than their prior cannot be known here, so this counts the ones
/// with a relative width below 10 %.
fn narrow(model: &FittedModel) -> usize {
    model.coefficients.iter().filter(|c| c.width < 0.1).count()
}

/// A table with what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoredTable {
    /// The file, without its folder.
    pub name: String,
    /// The scores.
    #[serde(flatten)]
    pub validation: Validation,
}

/// Everything that was scored at once.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Everything {
    /// Tables of networks and of operators.
    pub tables: Vec<ScoredTable>,
    /// Tables of two processors on one piece of work.
    pub joint: Vec<PairScore>,
}

/// Groups that share profile, processor, precision and kind of row.
struct Line<'a> {
    profile: String,
    processor: &'a str,
    precision: &'a str,
    groups: Vec<&'a GroupScore>,
}

impl Line<'_> {
    /// Mean over the groups.
    fn mean(&self, of: fn(&GroupScore) -> f64) -> f64 {
        self.groups.iter().map(|group| of(group)).sum::<f64>() / self.groups.len().max(1) as f64
    }
}

fn lines(everything: &Everything) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for group in everything.tables.iter().flat_map(|table| &table.validation.groups) {
        let key = group.key();
        let profile = format!("{}/{}", key.soc_id(), key.runtime_id());
        let alike = |line: &&mut Line<'_>| {
            line.profile == profile
                && line.processor == group.processor
                && line.precision == group.precision
                && line.groups.first().is_some_and(|first| first.of == group.of)
        };
        match lines.iter_mut().find(alike) {
            Some(line) => line.groups.push(group),
            None => lines.push(Line {
                profile,
                processor: &group.processor,
                precision: &group.precision,
                groups: vec![group],
            }),
        }
    }
    lines.sort_by(|a, b| (&a.profile, a.processor, a.precision).cmp(&(&b.profile, b.processor, b.precision)));
    lines
}

/// All tables on one screen: a line for each profile, processor and precision, choices, joint runs.
#[must_use]
pub fn screen(everything: &Everything) -> String {
    let mut text = format!(
        "{:<27}{:<5}{:<8}{:>5}{:>9}{:>7}{:>7}{:>7}{:>11}{:>9}{:>18}\n",
        "profile", "", "", "sets", "networks", "MAPE", "worst", "bias", "within 10", "in 90 %", "left out"
    );
    for line in lines(everything) {
        let operators = line.groups.first().is_some_and(|group| group.of == "operators");
        let worst = line.groups.iter().map(|group| group.mape_percent).fold(0.0, f64::max);
        let most = line.groups.iter().map(|group| group.networks).max().unwrap_or(0);
        let held: Vec<f64> = line.groups.iter().filter_map(|group| group.interval_coverage_percent).collect();
        let held = match held.len() {
            0 => "-".to_owned(),
            count => format!("{:.0} %", held.iter().sum::<f64>() / count as f64),
        };
        let errors: Vec<f64> = line.groups.iter().filter_map(|group| group.left_out_percent).collect();
        let left_out =
            match (errors.iter().copied().reduce(f64::min), errors.iter().copied().reduce(f64::max)) {
                _ if operators => "single operators".to_owned(),
                (Some(least), Some(most)) => spread(least, most),
                _ => "not validated".to_owned(),
            };
        let precision = line.precision.split('(').next().unwrap_or_default();
        let _ = writeln!(
            text,
            "{:<27}{:<5}{precision:<8.7}{:>5}{most:>9}{:>6.1}%{worst:>6.1}%{:>+6.1}%{:>10.0}%{held:>9}{left_out:>18}",
            line.profile,
            line.processor,
            line.groups.len(),
            line.mean(|group| group.mape_percent),
            line.mean(|group| group.bias_percent),
            line.mean(|group| group.within_10_percent),
        );
    }
    let decisions: Vec<_> = everything.tables.iter().flat_map(|table| &table.validation.decisions).collect();
    if !decisions.is_empty() {
        let _ = writeln!(
            text,
            "\n{:<45}{:>9}{:>9}{:>22}{:>9}{:>7}",
            "choice", "networks", "fastest", "always the same one", "regret", "tau"
        );
    }
    for d in decisions {
        let tau = d.kendall_tau_b.map_or_else(|| "-".to_owned(), |tau| format!("{tau:.3}"));
        let constant = format!("{} {:.0} %", d.constant_choice, d.constant_choice_percent);
        let _ = writeln!(
            text,
            "{:<45}{:>9}{:>8.0}%{constant:>22}{:>8.2}%{tau:>7}",
            format!("{} {}", d.soc, d.alternatives),
            d.networks,
            d.top1_percent,
            d.mean_regret_percent
        );
    }
    let relative: Vec<_> = everything.tables.iter().flat_map(|table| &table.validation.relative).collect();
    if !relative.is_empty() {
        let mean = relative.iter().map(|r| r.mape_percent).sum::<f64>() / relative.len() as f64;
        let worst = relative.iter().map(|r| r.mape_percent).fold(0.0, f64::max);
        let _ = writeln!(
            text,
            "\ntime of {} core sets relative to one large core: MAPE {mean:.1} %, worst set {worst:.1} %",
            relative.len()
        );
    }
    text.push('\n');
    for score in &everything.joint {
        let plain = score
            .baselines
            .first()
            .map_or_else(String::new, |b| format!("{} {:.1} %", b.name, b.mape_percent));
        let _ = writeln!(
            text,
            "{} {}: {} rows, MAPE {:.1} %, bias {:+.1} %, {:.0} % within 10 % ({plain})",
            score.profile,
            score.table,
            score.rows_scored,
            score.mape_percent,
            score.bias_percent,
            score.within_10_percent
        );
    }
    for table in &everything.tables {
        let v = &table.validation;
        let _ = writeln!(text, "{}: {} of {} rows compared", table.name, v.rows_compared, v.rows);
    }
    text
}

/// The report in Markdown. Errors on families left out are those that the profiles carry; the rest comes from `everything`,
/// which compares the shipped profiles with tables, most of which they were fitted to.
#[must_use]
pub fn markdown(everything: &Everything) -> String {
    let mut text = "# How far predictions can be trusted\n\n\
        Written by `hetsoc validate --all --data DIR --report docs/VALIDATION.md`. Every prediction is a simulated inference: one request,\n\
        alone, without run-to-run variation, at the highest clocks. Mechanisms one by one: [ABLATION.md](ABLATION.md); equations, errors on\n\
        choices among unseen families: [COST-MODELS.md](COST-MODELS.md).\n\n\
        ## Shipped profiles\n\
        *Left out*: mean absolute error on architecture families (with fewer than 12 networks: on networks) that the fit had not seen, least\n\
        and most of the executors. *Assumed*: share of the numbers behind all executors that nobody measured.\n\n\
        | profile | fitted executors | measured with | networks | left out | numbers, assumed |\n|---|---|---|---|---|---|\n"
        .to_owned();
    let mut sources: Vec<String> = Vec::new();
    let mut fitted = "\n## Fitted models\n\
        *Interval*: what measured / predicted stays within for 90 % of networks left out.\n\n\
        | profile | executor | precision | form | measured with | networks (families) | left out | interval | coefficients known within 10 % |\n\
        |---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for standing in standings() {
        let id = &standing.profile;
        let Some((soc, name)) = id.split_once('/') else { continue };
        let Ok(loaded) = Library.runtime(soc, name, &[]) else { continue };
        let models = &loaded.value.fitted;
        let mut with: Vec<&str> = models.iter().map(|model| model.measured_with.as_str()).collect();
        with.sort_unstable();
        with.dedup();
        let counts = models.iter().map(|model| model.networks);
        let networks = match (counts.clone().min(), counts.max()) {
            (Some(least), Some(most)) if least < most => format!("{least} to {most}"),
            (_, Some(most)) => most.to_string(),
            _ => "-".to_owned(),
        };
        let _ = writeln!(
            text,
            "| {id} | {} | {} | {networks} | {} | {}, {:.0} % |",
            standing.fitted_models,
            if with.is_empty() { "-".to_owned() } else { with.join(", ") },
            standing.error(),
            standing.numbers,
            standing.assumed_percent
        );
        for model in models {
            let error = model.measured_error().map_or_else(
                || "derived, not validated | -".to_owned(),
                |(mape, (low, high))| format!("{mape:.1} % | {low:.2} to {high:.2}"),
            );
            let _ = writeln!(
                fitted,
                "| {id} | {} | {} | {} | {} | {} ({}) | {} | {} of {} |",
                model.executor,
                model.precision.id(),
                model.form,
                model.measured_with,
                model.networks,
                model.families,
                error,
                narrow(model),
                model.coefficients.len()
            );
            let source = model.provenance.source.to_string();
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
    }
    text.push_str(
        "\n`not validated`: no measured networks stand behind it; rates and efficiencies are published peaks and estimates (llama-cpp:\n\
         a few token rates, see COST-MODELS.md).\n",
    );
    text.push_str(&fitted);
    let _ = writeln!(text, "\nMeasurements: {}.", sources.join("; "));
    text.push_str(
        "\n## The shipped profiles on the visible tables\n\
         Where a table is one that the profile was fitted to, errors are smaller than those on what was left out, because the networks are\n\
         known. `first estimate`: no fit. Rows of single operators count operators.\n\n\
         | table | soc | executor | runtime | precision | compared | MAPE | bias | median | p90 | within 5 % | within 10 % | 90 % interval holds |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for table in &everything.tables {
        for g in &table.validation.groups {
            let _ = writeln!(text, "| {} | {}", table.name, row(g));
        }
    }
    for table in &everything.tables {
        for group in &table.validation.groups {
            if let Some(right) = group.kernel_choice_percent {
                let _ = write!(
                    text,
                    "\nKernels of single operators, {} {}: chosen as measured for {right:.1} %.",
                    group.soc, group.processor
                );
            }
        }
    }
    text.push_str(
        "\n\n### Time of core sets relative to one large core\n| soc | runtime | precision | cores | networks | MAPE | bias | within 10 % |\n|---|---|---|---|---|---|---|---|\n",
    );
    for r in everything.tables.iter().flat_map(|table| &table.validation.relative) {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {:.1} % | {:+.1} % | {:.0} % |",
            r.soc,
            r.runtime,
            r.precision,
            r.cores,
            r.networks,
            r.mape_percent,
            r.bias_percent,
            r.within_10_percent
        );
    }
    text.push_str(
        "\n### Choices\n| soc | choice among | networks | fastest found | constant choice | regret (constant) | tau |\n|---|---|---|---|---|---|---|\n",
    );
    for d in everything.tables.iter().flat_map(|table| &table.validation.decisions) {
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
    if !everything.joint.is_empty() {
        text.push_str(
            "\n### Two processors on one piece of work\n| profile | table | rows | MAPE | bias | within 10 % | constants fitted to other layers | plain |\n|---|---|---|---|---|---|---|---|\n",
        );
    }
    for score in &everything.joint {
        let plain: Vec<String> =
            score.baselines.iter().map(|b| format!("{} {:.1} %", b.name, b.mape_percent)).collect();
        let others = score.leave_layer_out_mape_percent;
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.1} % | {:+.1} % | {:.0} % | {} | {} |",
            score.profile,
            score.table,
            score.rows_scored,
            score.mape_percent,
            score.bias_percent,
            score.within_10_percent,
            others.map_or_else(|| "-".to_owned(), |mape| format!("{mape:.1} %")),
            plain.join("; ")
        );
    }
    text.push_str("\n### Rows\n");
    for table in &everything.tables {
        let v = &table.validation;
        let skipped: usize = v.skipped.iter().map(|s| s.rows).sum();
        let _ = writeln!(
            text,
            "- {}: {} of {} compared; {skipped} have no profile, no operators or another network (`hetsoc validate` names them).",
            table.name, v.rows_compared, v.rows
        );
    }
    text.push_str(&limits());
    text
}

/// The columns behind the table's name.
fn row(g: &GroupScore) -> String {
    let held = match g.interval_coverage_percent {
        Some(held) => format!("{held:.0} %"),
        None if g.calibrated => "-".to_owned(),
        None => "first estimate".to_owned(),
    };
    format!(
        "{} | {} | {} | {} | {} {} | {:.1} % | {:+.1} % | {:.1} % | {:.1} % | {:.0} % | {:.0} % | {held} |",
        g.soc,
        g.key().executor(),
        g.runtime,
        g.precision,
        if g.of == "operators" { g.rows } else { g.networks },
        g.of,
        g.mape_percent,
        g.bias_percent,
        g.median_ape_percent,
        g.p90_ape_percent,
        g.within_5_percent,
        g.within_10_percent
    )
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
