//! What is known about the error of each shipped profile, and how many of its numbers are assumptions.

use serde::Serialize;

use crate::config::Library;
use crate::config::library::ProfileKind;
use crate::physics::{Clocks, Numbers, Parts, compile};
use crate::soc::{Confidence, RuntimeProfile, Soc};

/// A runtime profile that ships.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// `soc/runtime`.
    pub profile: String,
    /// Executors with a model fitted to measurements.
    pub fitted_models: usize,
    /// Mean absolute error of these on what their fits had not seen, least and most, per cent; absent without any.
    pub left_out_percent: Option<(f64, f64)>,
    /// The same of constants of two processors on one piece of work, on layers left out; absent without any.
    pub layers_left_out_percent: Option<(f64, f64)>,
    /// Numbers that all its executors lean on.
    pub numbers: usize,
    /// Those of them that are assumptions, per cent.
    pub assumed_percent: f64,
}

impl Standing {
    /// The error in words, or `not validated`.
    #[must_use]
    pub fn error(&self) -> String {
        match self.left_out_percent {
            Some((least, most)) => spread(least, most),
            None => match self.layers_left_out_percent {
                Some((least, most)) => format!("joint runs {}", spread(least, most)),
                None => "not validated".to_owned(),
            },
        }
    }
}

/// Least and most error in words.
#[must_use]
pub fn spread(least: f64, most: f64) -> String {
    if most - least < 0.05 { format!("{most:.1} %") } else { format!("{least:.1} to {most:.1} %") }
}

fn ends(errors: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    errors.map(|error| (error, error)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// Where a runtime profile on its SoC stands.
#[must_use]
pub fn standing(soc: &Soc, runtime: &RuntimeProfile) -> Standing {
    let clocks = Clocks::default();
    let parts = Parts { soc, device: None, runtime, executors: &[], clocks: &clocks };
    let numbers = compile(&parts).map_or_else(|_| Numbers::default(), |machine| machine.numbers);
    Standing {
        profile: format!("{}/{}", soc.id, runtime.id),
        fitted_models: runtime.fitted.len(),
        left_out_percent: ends(runtime.fitted.iter().filter_map(|model| Some(model.measured_error()?.0))),
        layers_left_out_percent: ends(runtime.co_execution.iter().map(|pair| pair.leave_layer_out)),
        numbers: numbers.len(),
        assumed_percent: 100.0 * numbers.count(Confidence::Assumed) as f64 / numbers.len().max(1) as f64,
    }
}

/// All shipped runtime profiles, in the order of their ids.
#[must_use]
pub fn standings() -> Vec<Standing> {
    let ids = Library.ids(ProfileKind::Runtime);
    ids.iter()
        .filter_map(|id| {
            let (soc, name) = id.split_once('/')?;
            let silicon = Library.soc(soc, &[]).ok()?.value;
            let runtime = Library.runtime(soc, name, &[]).ok()?.value;
            Some(Standing { profile: (*id).to_owned(), ..standing(&silicon, &runtime) })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_says_where_it_stands() {
        let all = standings();
        assert_eq!(all.len(), Library.ids(ProfileKind::Runtime).len());
        for standing in &all {
            assert!(
                standing.numbers > 0 && (0.0..=100.0).contains(&standing.assumed_percent),
                "{standing:?}"
            );
        }
        let of = |id: &str| all.iter().find(|s| s.profile == id).map(Standing::error).unwrap();
        assert!(of("snapdragon-855/tflite").starts_with("2.9 to "), "{}", of("snapdragon-855/tflite"));
        assert_eq!(of("bcm2712/llama-cpp"), "not validated");
        assert!(of("x86-pair/onnxruntime").starts_with("joint runs 9"), "{}", of("x86-pair/onnxruntime"));
    }
}
