//! How much faster or slower a set of cores is than one large core: what placement decisions hang on.

use serde::Serialize;

use super::decisions::Pairs;
use super::tables::GroupKey;
use crate::statistics::error_metrics;

/// What core sets are compared with.
pub const REFERENCE: &str = "1large";

/// How well the time of a core set relative to one large core is predicted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RelativeScore {
    /// Chip as named by the source.
    pub soc: String,
    /// Runtime and version.
    pub runtime: String,
    /// Precision.
    pub precision: String,
    /// The core set.
    pub cores: String,
    /// Networks measured on both.
    pub networks: usize,
    /// Mean absolute error of time / time on one large core, per cent.
    pub mape_percent: f64,
    /// Mean signed error.
    pub bias_percent: f64,
    /// Share within 10 %.
    pub within_10_percent: f64,
}

/// Scores every core set of every table that also has rows of one large core.
#[must_use]
pub fn relative(compared: &[(GroupKey, Pairs)]) -> Vec<RelativeScore> {
    let mut found = Vec::new();
    for (key, pairs) in compared.iter().filter(|(key, _)| key.processor == "cpu" && key.cores != REFERENCE) {
        let reference = GroupKey { cores: REFERENCE.to_owned(), ..key.clone() };
        let Some((_, one)) = compared.iter().find(|(known, _)| *known == reference) else { continue };
        let both = pairs.iter().filter_map(|(network, set)| Some((set, one.get(network)?)));
        let (predicted, measured): (Vec<f64>, Vec<f64>) =
            both.map(|(set, one)| (set.0 / one.0, set.1 / one.1)).unzip();
        let Some(errors) = error_metrics(&predicted, &measured) else { continue };
        found.push(RelativeScore {
            soc: key.soc.clone(),
            runtime: key.runtime.clone(),
            precision: key.precision.clone(),
            cores: key.cores.clone(),
            networks: errors.count,
            mape_percent: errors.mape,
            bias_percent: errors.bias,
            within_10_percent: errors.within_10,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_factor_on_both_sets_is_no_error_of_their_ratio() {
        let key = |cores: &str| GroupKey {
            soc: "chip".into(),
            processor: "cpu".into(),
            cores: cores.into(),
            runtime: "r-1".into(),
            precision: "fp32".into(),
        };
        let pairs = |a: (f64, f64), b: (f64, f64)| Pairs::from([("a".to_owned(), a), ("b".to_owned(), b)]);
        let one = (key("1large"), pairs((2.0, 1.0), (4.0, 2.0)));
        let set = (key("2large"), pairs((1.0, 0.5), (2.2, 1.0)));
        let found = relative(&[one, set]);
        assert_eq!((found.len(), found[0].networks, found[0].cores.as_str()), (1, 2, "2large"));
        assert!((found[0].mape_percent - 5.0).abs() < 1e-9, "{found:?}");
        assert!(relative(&[(key("2large"), Pairs::new())]).is_empty());
    }
}
