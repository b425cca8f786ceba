//! `hetsoc validate --all`: every table at hand, on one screen.

use super::output::{print, print_json, print_warning, read_text};
use super::validate::{draw, write_report};
use super::validate_pair::{JOINT, joint_score};
use super::validate_table::{Place, Scoring, Sources};
use super::{CliError, Format};
use crate::calibration::Validation;
use crate::calibration::report::{Everything, ScoredTable, screen};
use crate::diagnostics::SourceText;
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Tables that ship with the program: what they are called, their text.
const CODL: (&str, &str) = ("codl_mace.csv", include_str!("../../soc-profiles/measurements/codl_mace.csv"));
const CODL_LIST: (&str, &str) = ("codl.csv", include_str!("../../workloads/lists/codl.csv"));
const JOINT_TABLES: [(&str, &str); 3] = [
    ("coexec.csv", include_str!("../../soc-profiles/measurements/x86/coexec.csv")),
    ("branch_placement.csv", include_str!("../../soc-profiles/measurements/x86/branch_placement.csv")),
    ("fallback_chain.csv", include_str!("../../soc-profiles/measurements/x86/fallback_chain.csv")),
];

/// The operator list that tables of the data folder refer to.
const LIST: &str = "cnn_operator_lists.csv";

/// Tables of the data folder, where their networks come from, and the largest spread that counts.
const TABLES: [(&str, Option<Place>, Option<f64>); 7] = [
    ("cnn_vit_end_to_end.csv", None, None),
    ("gpu_operator_latency.csv", None, None),
    ("ncnn_end_to_end.csv", Some(Place::First), None),
    ("ai_hub_end_to_end.csv", Some(Place::Only), Some(1.2)),
    ("paddle_lite_end_to_end.csv", Some(Place::Only), None),
    ("rknn_end_to_end.csv", Some(Place::Only), None),
    ("mlperf_mobile_end_to_end.csv", Some(Place::Only), None),
];

/// Arguments of `hetsoc validate --all`.
#[derive(Debug, Args)]
pub(super) struct AllArguments {
    /// Score all profiles on every table that ships with the program, and on those of --data.
    #[arg(long, conflicts_with_all = ["operators", "measurements", "soc", "device", "profile", "max_spread", JOINT[0], JOINT[1], JOINT[2]])]
    pub(super) all: bool,
    /// Folder with more measurement tables by the names of docs/FORMATS.md, section `Data folder` [default: `data` in the folder that the
    /// environment variable HETSOC_SHARED names].
    #[arg(long, value_name = "DIR", requires = "all")]
    data: Option<PathBuf>,
}

impl AllArguments {
    /// Scores and prints; returns the result for conditions.
    pub(super) fn run(
        &self,
        report: Option<&Path>,
        plot: Option<&Path>,
        format: Format,
    ) -> Result<serde_json::Value, CliError> {
        if format == Format::Csv {
            return Err(CliError::Usage("validate prints table or json".to_owned()));
        }
        let embedded = |(name, text): (&str, &str)| SourceText::new(format!("<embedded:{name}>"), text);
        let own = Scoring {
            sources: Sources { lists: vec![embedded(CODL_LIST)], ..Sources::default() },
            ..Scoring::default()
        };
        let mut everything = Everything::default();
        everything
            .tables
            .push(ScoredTable { name: CODL.0.to_owned(), validation: own.score(&embedded(CODL))? });
        match self.folder()? {
            Some(folder) => self.folder_tables(&folder, &mut everything)?,
            None => print_warning(
                "only the tables that ship with the program are scored; name a folder with more with --data",
            ),
        }
        for (kind, table) in JOINT.into_iter().zip(JOINT_TABLES) {
            everything.joint.push(joint_score(kind, &embedded(table))?);
        }
        if let Some(path) = report {
            write_report(path, &everything)?;
        }
        if let Some(path) = plot {
            let all: Vec<&Validation> = everything.tables.iter().map(|table| &table.validation).collect();
            draw(path, &all)?;
        }
        match format {
            Format::Json => print_json(&everything)?,
            Format::Table | Format::Csv => print(&screen(&everything))?,
        }
        serde_json::to_value(&everything).map_err(|error| CliError::Unexpected(error.to_string()))
    }

    /// The folder asked for, or that of the environment if it is there.
    fn folder(&self) -> Result<Option<PathBuf>, CliError> {
        if let Some(folder) = &self.data {
            if folder.is_dir() {
                return Ok(Some(folder.clone()));
            }
            return Err(CliError::Usage(format!("--data {} is not a folder", folder.display())));
        }
        let shared = std::env::var_os("HETSOC_SHARED").map(|shared| Path::new(&shared).join("data"));
        Ok(shared.filter(|folder| folder.is_dir()))
    }

    fn folder_tables(&self, folder: &Path, everything: &mut Everything) -> Result<(), CliError> {
        let list = folder.join(LIST);
        let mut lists: Vec<Arc<SourceText>> = Vec::new();
        if list.is_file() {
            lists.push(read_text(&list)?);
        }
        let mut found = 0;
        for (name, library, max_spread) in TABLES {
            let path = folder.join(name);
            if !path.is_file() || (library.is_none() && lists.is_empty()) {
                continue;
            }
            found += 1;
            let sources = Sources { paths: Vec::new(), lists: lists.clone(), library };
            let scoring = Scoring { sources, max_spread, ..Scoring::default() };
            let validation = scoring.score(&read_text(&path)?)?;
            everything.tables.push(ScoredTable { name: name.to_owned(), validation });
        }
        if found == 0 {
            let names: Vec<&str> = TABLES.iter().map(|(name, _, _)| *name).collect();
            return Err(CliError::NothingMatched(format!(
                "{} has none of the tables {}",
                folder.display(),
                names.join(", ")
            )));
        }
        Ok(())
    }
}
