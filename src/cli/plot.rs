//! `hetsoc plot`: one figure of a run.

use super::CliError;
use super::output::{print, print_warning};
use super::run::{latency_figure, simulate};
use super::target::TargetArguments;
use crate::plot::{Canvas, GanttOptions, gantt};
use crate::units::{SimDuration, SimTime};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// Arguments of `hetsoc plot`.
#[derive(Debug, Args)]
pub(super) struct PlotArguments {
    #[command(flatten)]
    target: TargetArguments,
    /// Which figure.
    #[arg(long, value_enum, default_value = "gantt")]
    figure: Figure,
    /// Where it goes; the ending, .svg or .png, decides the format.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Start of the span of simulated time to show, such as `10ms` [default: the whole of a short run, else the first request].
    #[arg(long, requires = "to")]
    from: Option<SimDuration>,
    /// End of that span.
    #[arg(long, requires = "from")]
    to: Option<SimDuration>,
    /// Overwrite the file if it exists.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Figure {
    /// What every resource did when.
    Gantt,
    /// Distribution of latencies.
    Latency,
}

pub(super) fn run(arguments: &PlotArguments) -> Result<(), CliError> {
    check_figure_path(&arguments.output, arguments.force)?;
    let window = match (arguments.from, arguments.to) {
        (Some(from), Some(to)) if from >= to => {
            return Err(CliError::Usage(format!("--from {from} is not before --to {to}")));
        }
        (Some(from), Some(to)) => Some((SimTime::ZERO + from, SimTime::ZERO + to)),
        _ => None,
    };
    let mut assembled = arguments.target.assemble()?;
    let result = simulate(&mut assembled, true)?;
    for warning in &result.summary.warnings {
        print_warning(warning);
    }
    let Some(record) = &result.record else {
        return Err(CliError::Unexpected("the run kept no record".to_owned()));
    };
    let canvas = match arguments.figure {
        Figure::Gantt => gantt(record, GanttOptions { window }),
        Figure::Latency => latency_figure(&result.summary, record),
    };
    write_figure_file(&arguments.output, &canvas, arguments.force)?;
    print(&format!("written to {}\n", arguments.output.display()))
}

/// Refuses a figure that could not be written, before anything is computed.
pub(super) fn check_figure_path(path: &Path, force: bool) -> Result<(), CliError> {
    if !matches!(path.extension().and_then(|e| e.to_str()), Some("svg" | "png")) {
        return Err(CliError::Usage(format!("`{}` must end in .svg or .png", path.display())));
    }
    if path.exists() && !force {
        return Err(CliError::Output(format!("{} exists; --force overwrites it", path.display())));
    }
    Ok(())
}

/// Writes a figure; the ending decides the format.
pub(super) fn write_figure_file(path: &Path, canvas: &Canvas, force: bool) -> Result<(), CliError> {
    let png = path.extension().is_some_and(|e| e == "png");
    crate::export::write_file(path, force, |to| {
        use std::io::Write;
        if png { to.write_all(&canvas.to_png(2.0)?) } else { to.write_all(canvas.to_svg().as_bytes()) }
    })
    .map_err(|error| CliError::Output(error.to_string()))
}
