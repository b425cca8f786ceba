//! The page about CoDL's experiment, written from the simulation itself.

use super::codl::{CodlReport, codl};
use super::codl_ablations::{Ablation, codl_ablations, hit_rates, synchronization_curve};
use super::runs::ReproduceError;
use crate::config::codl_artifact::CHIPS;
use std::fmt::Write;

const ABOUT: &str = include_str!("codl_page.md");

/// The page, Markdown: what is repeated and how, the tables of all chips, the ablations, the error curve, the predictors.
///
/// # Errors
/// [`ReproduceError`].
pub fn codl_page() -> Result<String, ReproduceError> {
    let mut text = ABOUT.to_owned();
    for (soc, _) in CHIPS {
        chip(&mut text, &codl(soc, &[])?);
    }
    ablations(&mut text, &codl_ablations()?);
    let _ = writeln!(
        text,
        "\n## Error against the constant of synchronisation\nSnapdragon 855, images, published plans; the profiles hold 850 us.\n"
    );
    let mut head = false;
    for point in synchronization_curve()? {
        if !head {
            let names: Vec<&str> = point.errors.iter().map(|(name, _)| *name).collect();
            let _ = writeln!(
                text,
                "| us | {} | mean abs |\n|---|{}",
                names.join(" | "),
                "---|".repeat(names.len() + 1)
            );
            head = true;
        }
        let errors: Vec<String> = point.errors.iter().map(|(_, error)| format!("{error:+.1} %")).collect();
        let _ = writeln!(
            text,
            "| {} | {} | {:.1} % |",
            point.synchronization_us,
            errors.join(" | "),
            point.mape_percent
        );
    }
    let _ = writeln!(
        text,
        "\n## Predictors\nShare of the 166 convolutions of the five networks that a planner's predictor tells within 10 % of what the simulation charges, Snapdragon 855,\nimages. Published: 84.0 % (CoDL), 10.5 % (linear).\n\n| predictor | processor | within 10 % |\n|---|---|---|"
    );
    for rate in hit_rates()? {
        let share = rate.within_10_percent.map_or_else(|| "-".to_owned(), |share| format!("{share:.1} %"));
        let _ = writeln!(text, "| {} | {} | {share} |", rate.predictor, rate.processor);
    }
    Ok(text)
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.digits$}"))
}

fn chip(text: &mut String, report: &CodlReport) {
    let known = report.rows.iter().any(|row| row.published_latency_ms.is_some());
    let _ = writeln!(text, "\n## {}\n", report.soc);
    let _ = writeln!(
        text,
        "| network | strategy | plan | ms |{}\n|---|---|---|---|{}",
        if known { " W | J | published ms | error | published W | J |" } else { "" },
        if known { "---|---|---|---|---|---|" } else { "" }
    );
    for row in &report.rows {
        let note = row.note.as_ref().filter(|_| row.latency_ms.is_none()).map_or("", String::as_str);
        let latency = if note.is_empty() { number(row.latency_ms, 1) } else { note.to_owned() };
        let _ = write!(text, "| {} | {} | {} | {latency} |", row.network, row.strategy, row.plan);
        let _ = if known {
            let error = row.error_percent.map_or_else(|| "-".to_owned(), |e| format!("{e:+.1} %"));
            writeln!(
                text,
                " {} | {} | {} | {error} | {} | {} |",
                number(row.power_w, 2),
                number(row.energy_j, 2),
                number(row.published_latency_ms, 0),
                number(row.published_power_w, 2),
                number(row.published_energy_j, 2)
            )
        } else {
            writeln!(text)
        };
    }
}

fn ablations(text: &mut String, rows: &[Ablation]) {
    let _ = writeln!(
        text,
        "\n## Ablations, Snapdragon 855\nPlans by search with the cost models as predictor, unless named.\n\n| figure | of | what | simulated | published | error |\n|---|---|---|---|---|---|"
    );
    for row in rows {
        let error = row.error_percent.map_or_else(|| "-".to_owned(), |e| format!("{e:+.0} %"));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} {} | {:.2} | {error} |",
            row.figure,
            row.subject,
            row.variant,
            number(row.simulated, 2),
            row.unit,
            row.published
        );
    }
}
