//! The dials of the study of granularity, and the scenario of each of their settings.

use super::granularity::GranularityOptions;
use crate::config::scenario_text;
use crate::diagnostics::{InputError, SourceText};
use crate::experiment::compare::{Case, CaseKey};
use serde::Serialize;
use std::path::Path;

/// The dials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dial {
    /// Neighbouring operators placed together at least.
    Operators,
    /// 10^6 multiply-accumulates that an operator has at least to be cut between CPU and GPU.
    Slices,
    /// As `Operators`, but frames come in bursts, and a burst is over when its last frame is.
    Burst,
}

impl Dial {
    /// All.
    pub const ALL: [Self; 3] = [Self::Operators, Self::Slices, Self::Burst];

    /// The dial of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dial| dial.id() == name)
    }

    /// Name in tables.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Operators => "operators",
            Self::Slices => "slices",
            Self::Burst => "burst",
        }
    }

    /// Settings from fine to coarse; the last is everything in one piece.
    pub(super) const fn settings(self) -> &'static [u32] {
        match self {
            Self::Operators | Self::Burst => &[1, 2, 4, 8, 16, 32, 1000],
            Self::Slices => &[0, 50, 110, 250, 500, 1000, 1_000_000],
        }
    }

    /// Requests in flight. Slices use both processors for one request; units of whole operators need others beside it.
    pub(super) const fn in_flight(self, burst: u32) -> u32 {
        match self {
            Self::Operators => 3,
            Self::Slices => 1,
            Self::Burst => burst,
        }
    }

    fn strategy(self, setting: u32) -> String {
        match self {
            Self::Operators | Self::Burst => format!("eft[min-unit={setting}]"),
            Self::Slices => format!("mulayer-like[fallback={CPU},min-mmacs={setting}]"),
        }
    }
}

/// The processor beside the GPU.
pub(super) const CPU: &str = "cpu-1large3med";
/// The GPU, as executor and as resource.
pub(super) const GPU: &str = "gpu";

pub(super) fn case(
    options: &GranularityOptions,
    dial: Dial,
    competitors: u32,
    setting: u32,
) -> Result<Case, InputError> {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let device = super::sigma::DEVICE;
    let competitor = |number: u32| {
        let place = options.on.get(number as usize % options.on.len().max(1));
        let on = place.map_or_else(String::new, |on| format!("on = {}\n", quoted(on)));
        format!("[[background]]\nname = \"competitor-{number}\"\nkind = \"thread\"\n{on}")
    };
    let background: Vec<String> = (0..competitors).map(competitor).collect();
    let model = quoted(&options.network);
    let streams: Vec<String> = match dial {
        // The next burst comes when all of the last one is done. The camera takes no time to speak of.
        Dial::Burst => vec![format!(
            "[[stream]]\nname = \"burst\"\ncpu_time = {{ mean = \"1us\" }}\narrivals = {{ kind = \"back-to-back\" }}\n\
             [[stream.stage]]\nname = \"frame\"\nmodel = {model}\nmax_in_flight = {0}\n\
             count = {{ kind = \"fixed\", count = {0} }}\n\
             [[stream.stage]]\nname = \"done\"\ncpu_time = {{ mean = \"1us\" }}\njoin = true\n",
            options.burst
        )],
        Dial::Operators | Dial::Slices => (1..=dial.in_flight(options.burst))
            .map(|number| {
                format!(
                    "[[stream]]\nname = \"network-{number}\"\nmodel = {model}\narrivals = {{ kind = \"back-to-back\" }}\n"
                )
            })
            .collect(),
    };
    let requests = match dial {
        Dial::Burst => options.requests.div_ceil(options.burst.max(1)),
        Dial::Operators | Dial::Slices => options.requests,
    };
    let text = format!(
        "schema = 1\ndevice = \"{device}\"\nruntime = \"mace\"\nexecutors = [\"{CPU}\", \"{GPU}\"]\n\
         [scenario]\nname = \"granularity\"\nseed = {}\n[strategy]\nname = \"single\"\n[stop]\nrequests = {}\n[dynamics]\n{}{}",
        options.seed,
        requests,
        background.concat(),
        streams.concat(),
    );
    let mut spec = scenario_text(&SourceText::new("<study>", text), Path::new(""), &[])?.value;
    let strategy = dial.strategy(setting);
    // These texts are this file's own; `single` would be played in place of one that does not parse.
    if let Ok(parsed) = strategy.parse() {
        spec.strategy = parsed;
    }
    spec.predictor = options.predictor.clone();
    let key = CaseKey {
        network: options.network.clone(),
        device: device.to_owned(),
        runtime: "mace".to_owned(),
        condition: format!("{competitors} competitors"),
        strategy,
        granularity: String::new(),
    };
    Ok(Case { key, spec, overrides: Vec::new(), dims: Vec::new() })
}
