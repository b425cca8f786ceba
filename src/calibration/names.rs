//! Which network of the operators a name in a measurement table means: the committed mapping `workloads/names.toml`.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::networks::Network;
use super::tables::Measurement;

const TEXT: &str = include_str!("../../workloads/names.toml");

/// How well a graph fits the measured network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Match {
    /// The same architecture.
    Exact,
    /// The same but for details; rows are compared.
    Approximate,
    /// Another network of the same name; rows are not compared.
    Different,
}

/// An entry of the mapping.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Name {
    /// As tables write it.
    pub name: String,
    /// Ids of the runtimes whose tables write it so.
    pub runtimes: Vec<String>,
    /// Names of graphs that it means, the first that is at hand counts.
    pub graphs: Vec<String>,
    /// How well they fit.
    #[serde(rename = "match")]
    pub fit: Match,
    /// Why, where it is not exact.
    #[serde(default)]
    pub note: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    network: Vec<Name>,
}

/// The mapping.
#[must_use]
pub fn names() -> &'static [Name] {
    static NAMES: OnceLock<Vec<Name>> = OnceLock::new();
    // A test holds that the embedded text is valid.
    NAMES.get_or_init(|| {
        let file = toml::from_str::<File>(TEXT);
        file.map(|file| if file.schema == 1 { file.network } else { Vec::new() }).unwrap_or_default()
    })
}

/// A row's name that was read as another network's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Renamed {
    /// As the table writes it.
    pub name: String,
    /// The network.
    pub network: String,
    /// How well it fits.
    #[serde(rename = "match")]
    pub fit: Match,
}

/// Gives every row the name of the network that it means, where the operators have no network of its own name. Returns what was renamed, in order
/// of first appearance.
pub fn rename(rows: &mut [Measurement], networks: &[Network]) -> Vec<Renamed> {
    let mut renamed: Vec<Renamed> = Vec::new();
    for row in rows {
        let Some(entry) = entry(row) else { continue };
        if entry.fit == Match::Different || networks.iter().any(|network| network.name == row.model) {
            continue;
        }
        let meant = entry.graphs.iter().find_map(|graph| networks.iter().find(|n| is_called(&n.name, graph)));
        let Some(network) = meant else { continue };
        let found = Renamed { name: row.model.clone(), network: network.name.clone(), fit: entry.fit };
        if !renamed.contains(&found) {
            renamed.push(found);
        }
        row.model.clone_from(&network.name);
    }
    renamed
}

/// The entry of a row.
#[must_use]
pub fn entry(row: &Measurement) -> Option<&'static Name> {
    entry_of(&row.model, row.group.runtime_id())
}

/// The entry of a name in the tables of a runtime.
#[must_use]
pub fn entry_of(name: &str, runtime: &str) -> Option<&'static Name> {
    names().iter().find(|entry| entry.name == name && entry.runtimes.iter().any(|known| known == runtime))
}

/// Whether a row is of another network that shares the name of one at hand.
#[must_use]
pub fn is_another(row: &Measurement) -> bool {
    entry(row).is_some_and(|entry| entry.fit == Match::Different)
}

/// Whether a network goes by a name; hyphens, underscores and dots are alike in names of files and ids.
#[must_use]
pub fn is_called(name: &str, graph: &str) -> bool {
    let plain = |text: &str| text.replace(['-', '.'], "_");
    plain(name) == plain(graph)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::read_measurements;
    use crate::diagnostics::SourceText;
    use crate::graph::library::MODELS;
    use crate::graph::lowered::LoweredGraph;

    #[test]
    fn the_mapping_is_valid_and_names_known_graphs() {
        let file: File = toml::from_str(TEXT).unwrap();
        assert_eq!(file.schema, 1);
        for entry in &file.network {
            let library = entry.graphs.iter().any(|graph| MODELS.iter().any(|m| is_called(m.id, graph)));
            assert!(library || entry.note.contains("operator list"), "{entry:?}");
            assert!(entry.fit == Match::Exact || !entry.note.is_empty(), "{entry:?}");
        }
        let key = |entry: &Name| (entry.name.clone(), entry.runtimes.clone());
        for (i, entry) in file.network.iter().enumerate() {
            assert!(file.network[..i].iter().all(|other| key(other) != key(entry)), "{entry:?}");
        }
    }

    #[test]
    fn rows_get_the_name_of_the_graph_that_they_mean() {
        let text = "soc,processor,cores,runtime,precision,model,latency_ms\n\
            x,cpu,1t/big,ncnn,fp32,resnet50_v1,9\nx,cpu,1t/big,ncnn,fp32,googlenet,9\nx,cpu,1t/big,other,fp32,resnet50_v1,9\n";
        let mut rows = read_measurements(&SourceText::new("t.csv", text)).unwrap();
        let network = |name: &str| Network {
            name: name.to_owned(),
            family: name.to_owned(),
            graph: LoweredGraph::default(),
        };
        let renamed = rename(&mut rows, &[network("resnet50"), network("googlenet")]);
        let models: Vec<&str> = rows.iter().map(|row| row.model.as_str()).collect();
        assert_eq!(models, ["resnet50", "googlenet", "resnet50_v1"]);
        assert_eq!(renamed.len(), 1);
        assert!(is_another(&rows[1]) && !is_another(&rows[0]));
    }
}
