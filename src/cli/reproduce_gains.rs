//! `hetsoc reproduce gains`.

use super::output::{print, print_json};
use super::{CliError, Format};
use crate::experiment::reproduce::gains::{
    ClaimReport, GainsOptions, GainsReport, gains, gains_page, number, published,
};
use clap::Args;
use std::fmt::Write;
use std::io::IsTerminal;

/// Arguments of `hetsoc reproduce gains`.
#[derive(Debug, Args)]
pub(super) struct GainsArguments {
    /// Claims by id, or systems such as `band`, comma separated [default: all].
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Threads [default: one for each core].
    #[arg(long)]
    jobs: Option<usize>,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Write the page with all claims and their cells instead, Markdown; an existing file is replaced.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["only", "format"])]
    report: Option<std::path::PathBuf>,
}

pub(super) fn run(arguments: &GainsArguments) -> Result<(), CliError> {
    if arguments.format == Format::Csv {
        return Err(CliError::Usage("reproduce gains prints table or json".to_owned()));
    }
    let jobs = arguments
        .jobs
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get));
    if let Some(path) = &arguments.report {
        let text = gains_page(jobs)?;
        return crate::export::write_file(path, true, |to| std::io::Write::write_all(to, text.as_bytes()))
            .map_err(|error| CliError::Output(error.to_string()));
    }
    let bar = if std::io::stderr().is_terminal() {
        indicatif::ProgressBar::new_spinner()
    } else {
        indicatif::ProgressBar::hidden()
    };
    let options = GainsOptions { only: arguments.only.clone(), jobs };
    let report = gains(&options, &|| bar.inc(1))?;
    bar.finish_and_clear();
    match arguments.format {
        Format::Json => print_json(&report),
        _ => print(&table(&report)),
    }
}

/// Renders the claims. Writing to a string cannot fail, so results of `writeln!` are dropped.
fn table(report: &GainsReport) -> String {
    let mut text = String::new();
    rows(&mut text, &report.claims, "claim");
    rows(&mut text, &report.afterwards, "tried afterwards");
    for claim in report.claims.iter().chain(&report.afterwards) {
        let _ = writeln!(text, "{}: {}", claim.claim.id, claim.why);
    }
    let _ = writeln!(text, "\n{}", report.definition);
    text
}

fn rows(text: &mut String, claims: &[ClaimReport], heading: &str) {
    if claims.is_empty() {
        return;
    }
    let counts = heading == "claim";
    let _ = writeln!(
        text,
        "{heading:<44} {:<28} {:>15} {:>13} {:>10} {:>11} {:>8} {:>8}  {}",
        "strategy",
        "published",
        "expected",
        "simulated",
        "over worst",
        "ceiling",
        "if free",
        if counts { "verdict" } else { "" }
    );
    for claim in claims {
        let [low, high] = claim.expected;
        let _ = writeln!(
            text,
            "{:<44} {:<28} {:>15} {:>13} {:>10} {:>11} {:>8} {:>8}  {}",
            claim.claim.id,
            claim.strategy.unwrap_or("-"),
            published(claim.claim.published),
            format!("{low:.2} - {high:.2}"),
            number(claim.simulated),
            number(claim.over_worst),
            number(claim.ceiling),
            number(claim.gain_if_free),
            if counts { claim.verdict.words() } else { "" }
        );
    }
    let _ = writeln!(text);
}
