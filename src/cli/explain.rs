//! `hetsoc explain`: why a request took as long as it did, or why two runs differ.

use super::against::AgainstArguments;
use super::difference_table;
use super::output::{print, print_json, print_warning};
use super::target::TargetArguments;
use super::{CliError, Format};
use crate::diagnostics::printable;
use crate::experiment::{ExplainError, ExplainOptions, Explanation, explain, explain_difference};
use clap::Args;
use std::fmt::Write;

/// Arguments of `hetsoc explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    #[command(flatten)]
    target: TargetArguments,
    #[command(flatten)]
    against: AgainstArguments,
    /// Stream of the request, by name [default: the first].
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,
    /// Number of the request, from 0 [default: the slowest that counts; of two runs, all that both finish].
    #[arg(long, value_name = "N")]
    request: Option<u32>,
    /// How many operators of the critical path get a what-if bound, longest first [default: 5; one run only].
    #[arg(long, value_name = "N")]
    what_if: Option<usize>,
    /// How many operators of two runs the table shows, those that differ most first [default: 15].
    #[arg(long, value_name = "N")]
    rows: Option<usize>,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub(super) fn run(arguments: &ExplainArguments) -> Result<(), CliError> {
    if arguments.format == Format::Csv {
        return Err(CliError::Usage(
            "an explanation is no table of one kind; use --format table or json".to_owned(),
        ));
    }
    let mut assembled = arguments.target.assemble()?;
    let options = ExplainOptions {
        stream: arguments.stream.clone(),
        request: arguments.request,
        operators: arguments.what_if.unwrap_or(5),
    };
    if arguments.against.is_given() {
        if arguments.what_if.is_some() {
            return Err(CliError::Usage(
                "--what-if bounds one run; leave it out with --against...".to_owned(),
            ));
        }
        let mut other = arguments.against.assemble(&arguments.target)?;
        let difference = explain_difference(&mut assembled, &mut other, &options).map_err(told)?;
        for warning in &difference.warnings {
            print_warning(warning);
        }
        return match arguments.format {
            Format::Json => print_json(&difference),
            _ => print(&difference_table::table(&difference, arguments.rows.unwrap_or(15))),
        };
    }
    if arguments.rows.is_some() {
        return Err(CliError::Usage(
            "--rows is for two runs; name the other one, as with --against-strategy NAME".to_owned(),
        ));
    }
    let explanation = explain(&mut assembled, &options).map_err(told)?;
    for warning in &explanation.warnings {
        print_warning(warning);
    }
    match arguments.format {
        Format::Json => print_json(&explanation),
        _ => print(&table(&explanation)),
    }
}

fn told(error: ExplainError) -> CliError {
    match error {
        ExplainError::Simulation(error) => CliError::Simulation(error),
        ExplainError::Nothing(message) => CliError::NothingMatched(message),
        other => CliError::Unexpected(other.to_string()),
    }
}

fn ms(ps: i128) -> f64 {
    ps as f64 / 1e9
}

fn table(e: &Explanation) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let mut line = |content: std::fmt::Arguments<'_>| {
        let _ = writeln!(text, "{content}");
    };
    line(format_args!(
        "request {} of {}, strategy {}: {:.3} ms from arrival to finish\n",
        e.request,
        printable(&e.stream),
        e.strategy,
        e.latency_ms
    ));
    line(format_args!("{:<46} {:>10} {:>8}", "where the time went (critical path)", "ms", "%"));
    for part in &e.parts {
        line(format_args!("{:<46} {:>10.3} {:>8.1}", part.part.words(), ms(part.time_ps), part.percent));
    }
    line(format_args!("{:<46} {:>10.3} {:>8.1}", "all", e.latency_ms, 100.0));
    line(format_args!(
        "\n{:>9} {:>9}  {:<14} {:<20} {:<64} why there",
        "at ms", "ms", "on", "bound by", "step"
    ));
    for step in &e.path {
        let row = format!(
            "{:>9.3} {:>9.3}  {:<14} {:<20} {:<64} {}",
            step.start_ms,
            ms(i128::from(step.time_ps)),
            printable(step.executor.as_deref().unwrap_or("-")),
            step.bound.as_deref().unwrap_or("-"),
            printable(&step.what),
            printable(step.why.as_deref().unwrap_or_default())
        );
        line(format_args!("{}", row.trim_end()));
    }
    line(format_args!("\n{:<64} {:>10} {:>8}", "what if (bounds under the same plan)", "ms", "saves %"));
    for bound in &e.what_if {
        let change = format!("if {}", printable(&bound.change));
        match (bound.latency_ps, bound.saves_percent) {
            (Some(ps), Some(saves)) => {
                line(format_args!("{change:<64} {:>10.3} {saves:>8.1}", ms(i128::from(ps))))
            }
            _ => line(format_args!("{change:<64} {:>10} {:>8}", "-", "-")),
        }
    }
    line(format_args!("\nA bound is the {}.", e.what_if_definition));
    text
}
