//! Scoring one measurement table: which networks, which profiles.

use super::CliError;
use super::calibrate::load_all;
use crate::calibration::names::{is_another, rename};
use crate::calibration::networks::{library_networks, listed_networks};
use crate::calibration::operator_scores::validate_operators;
use crate::calibration::tables::groups;
use crate::calibration::validate::FindProfiles;
use crate::calibration::{
    GroupKey, Measurement, Network, Validation, is_operator_table, read_measurements,
    read_operator_measurements, validate,
};
use crate::config::Library;
use crate::diagnostics::SourceText;
use crate::soc::{RuntimeProfile, Soc};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Where networks come from; the first that has one counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources {
    /// Operator lists and folders of models.
    pub(super) paths: Vec<PathBuf>,
    /// Operator lists that were read already.
    pub(super) lists: Vec<Arc<SourceText>>,
    /// Whether the embedded models count, too.
    pub(super) library: Option<Place>,
}

/// Where the embedded models stand among the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// They go before lists.
    First,
    /// Nothing else counts.
    Only,
}

impl Sources {
    fn load(&self, lowering: &str) -> Result<Vec<Network>, CliError> {
        let mut networks = match self.library {
            Some(_) => library_networks(lowering)?,
            None => Vec::new(),
        };
        if self.library == Some(Place::Only) {
            return Ok(networks);
        }
        let mut more = load_all(&self.paths, lowering)?;
        for list in &self.lists {
            more.extend(listed_networks(list, lowering)?);
        }
        for network in more {
            if !networks.iter().any(|known| known.name == network.name) {
                networks.push(network);
            }
        }
        Ok(networks)
    }
}

/// How a table is scored.
#[derive(Debug, Clone, Default)]
pub(super) struct Scoring {
    pub(super) sources: Sources,
    /// The SoC asked for.
    pub(super) soc: Option<Soc>,
    /// The runtime profile in place of the embedded ones.
    pub(super) runtime: Option<RuntimeProfile>,
    /// Part of the names of devices.
    pub(super) device: Option<String>,
    /// Largest spread over releases.
    pub(super) max_spread: Option<f64>,
}

impl Scoring {
    pub(super) fn score(&self, text: &Arc<SourceText>) -> Result<Validation, CliError> {
        if is_operator_table(text) {
            return self.operators(text);
        }
        let mut rows = read_measurements(text)?;
        super::calibrate::keep_steady(&mut rows, self.max_spread)?;
        if let Some(device) = &self.device {
            rows.retain(|row| row.device.contains(device.as_str()));
        }
        if let Some(soc) = &self.soc {
            let keys: Vec<GroupKey> = groups(&rows).into_iter().map(|(key, _)| key).collect();
            let named = super::calibrate_goal::soc_of_rows(Some(soc), &keys)?;
            rows.retain(|row| row.group.soc == named);
        }
        let find = |key: &GroupKey| self.find(key);
        let mut parts: Vec<Validation> = Vec::new();
        for (lowering, mut rows) in self.split(rows, &find) {
            let networks = self.sources.load(&lowering)?;
            let total = rows.len();
            let others = rows.iter().filter(|row| is_another(row)).cloned().collect::<Vec<_>>();
            rows.retain(|row| !is_another(row));
            let renamed = rename(&mut rows, &networks);
            let mut part = validate(&networks, &rows, &find)?;
            part.rows = total;
            part.names = renamed;
            part.leave_out(&others);
            parts.push(part);
        }
        Ok(Validation::joined(parts))
    }

    /// A table of single operators.
    fn operators(&self, text: &Arc<SourceText>) -> Result<Validation, CliError> {
        if self.device.is_some() || self.max_spread.is_some() {
            return Err(CliError::Usage(
                "--device and --max-spread are for tables of whole networks".to_owned(),
            ));
        }
        let mut rows = read_operator_measurements(text)?;
        if let Some(soc) = &self.soc {
            let mut keys: Vec<GroupKey> = rows.iter().map(|row| row.group.clone()).collect();
            keys.dedup();
            let named = super::calibrate_goal::soc_of_rows(Some(soc), &keys)?;
            rows.retain(|row| row.group.soc == named);
        }
        let find = |key: &GroupKey| self.find(key);
        let mut lowerings: BTreeMap<String, Vec<_>> = BTreeMap::new();
        let mut known: BTreeMap<GroupKey, String> = BTreeMap::new();
        for row in rows {
            let lowering = known.entry(row.group.clone()).or_insert_with(|| self.lowering(&row.group, &find));
            lowerings.entry(lowering.clone()).or_default().push(row);
        }
        let mut parts = Vec::new();
        for (lowering, rows) in lowerings {
            parts.push(validate_operators(&self.sources.load(&lowering)?, &rows, &find));
        }
        Ok(Validation::joined(parts))
    }

    fn find(&self, key: &GroupKey) -> Result<(Soc, RuntimeProfile), String> {
        let soc = match &self.soc {
            Some(soc) => soc.clone(),
            None => Library
                .soc(&key.soc_id(), &[])
                .map(|loaded| loaded.value)
                .map_err(|_| format!("no SoC profile `{}`", key.soc_id()))?,
        };
        let runtime = match &self.runtime {
            Some(runtime) if runtime.id == key.runtime_id() => runtime.clone(),
            _ => Library
                .runtime(&soc.id, key.runtime_id(), &[])
                .map(|loaded| loaded.value)
                .map_err(|_| format!("no runtime profile `{}/{}`", soc.id, key.runtime_id()))?,
        };
        Ok((soc, runtime))
    }

    /// The lowering rules of a group; for groups without a profile those of the profile asked for.
    fn lowering(&self, key: &GroupKey, find: FindProfiles<'_>) -> String {
        let fallback = || self.runtime.as_ref().map_or_else(|| "tflite".to_owned(), |r| r.lowering.clone());
        find(key).map_or_else(|_| fallback(), |(_, runtime)| runtime.lowering)
    }

    /// Rows by the lowering rules of their runtimes.
    fn split(&self, rows: Vec<Measurement>, find: FindProfiles<'_>) -> BTreeMap<String, Vec<Measurement>> {
        let mut known: BTreeMap<GroupKey, String> = BTreeMap::new();
        let mut split: BTreeMap<String, Vec<Measurement>> = BTreeMap::new();
        for row in rows {
            let lowering = known.entry(row.group.clone()).or_insert_with(|| self.lowering(&row.group, find));
            split.entry(lowering.clone()).or_default().push(row);
        }
        split
    }
}
