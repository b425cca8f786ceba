//! Figures of `hetsoc validate`: one for each profile, a colour for each executor and precision.

use super::CliError;
use super::output::print_warning;
use super::plot::{check_figure_path, write_figure_file};
use crate::calibration::Validation;
use crate::plot::validation::{Series, validation};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Most groups with a colour of their own; more share a colour for each processor and precision.
const COLOURS: usize = 10;

/// Writes the figures.
pub(super) fn write(path: &Path, validations: &[&Validation]) -> Result<(), CliError> {
    check_figure_path(path, true)?;
    let mut profiles: BTreeMap<String, Vec<(Series, String)>> = BTreeMap::new();
    for v in validations {
        for (group, points) in v.groups.iter().zip(&v.points) {
            let key = group.key();
            let suffix = if group.of == "operators" { "-operators" } else { "" };
            let profile = format!("{}-{}{suffix}", key.soc_id(), key.runtime_id());
            let tip = |p: &crate::calibration::validate::Point| {
                let error = 100.0 * (p.predicted / p.measured - 1.0);
                format!(
                    "{}: {:.3} ms measured, {:.3} predicted, {error:+.1} %",
                    p.network, p.measured, p.predicted
                )
            };
            let series = Series {
                name: format!("{} {}", key.executor(), group.precision),
                points: points.iter().map(|p| (p.measured, p.predicted)).collect(),
                tips: points.iter().map(tip).collect(),
            };
            let kind = format!("{} {}", group.processor, group.precision);
            profiles.entry(profile).or_default().push((series, kind));
        }
    }
    let several = profiles.len() > 1;
    for (profile, series) in profiles {
        let crowded = series.len() > COLOURS;
        let mut drawn: Vec<Series> = Vec::new();
        for (one, kind) in series {
            let name = if crowded { kind } else { one.name };
            match drawn.iter_mut().find(|known| known.name == name) {
                Some(known) => {
                    known.points.extend(one.points);
                    known.tips.extend(one.tips);
                }
                None => drawn.push(Series { name, ..one }),
            }
        }
        let to = if several { beside(path, &profile) } else { path.to_owned() };
        write_figure_file(&to, &validation(&profile, &drawn), true)?;
        print_warning(&format!("figure written to {}", to.display()));
    }
    Ok(())
}

/// The path with the profile in its name.
fn beside(path: &Path, profile: &str) -> PathBuf {
    let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let ending = path.extension().map_or_else(String::new, |e| e.to_string_lossy().into_owned());
    path.with_file_name(format!("{stem}-{profile}.{ending}"))
}
