//! What a claim is: a published gain, and the strategy, baseline, workload and device that it is looked for with.

use serde::Serialize;

/// A gain as its source states it: the strategy over the baseline, above 1 when the strategy is better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gain {
    /// Mean over networks.
    Mean(f64),
    /// The largest that was found.
    UpTo(f64),
    /// Least and most.
    Between(f64, f64),
}

impl Gain {
    /// The range in which a simulated gain counts as shown. What a gain has above 1 may be off by a factor of two either way: devices,
    /// networks and runtimes differ from the published ones. Where the source states a range, it is that.
    #[must_use]
    pub fn expected(self) -> [f64; 2] {
        match self {
            Self::Mean(gain) | Self::UpTo(gain) => [1.0 + (gain - 1.0) / 2.0, 1.0 + (gain - 1.0) * 2.0],
            Self::Between(least, most) => [least, most],
        }
    }

    /// Sums up the gains of the cells: the geometric mean, or the largest for what was published as `up to`.
    #[must_use]
    pub fn of_cells(self, gains: &[f64]) -> Option<f64> {
        match self {
            _ if gains.is_empty() => None,
            Self::UpTo(_) => Some(gains.iter().copied().fold(f64::MIN, f64::max)),
            Self::Mean(_) | Self::Between(..) => {
                Some((gains.iter().map(|gain| gain.ln()).sum::<f64>() / gains.len() as f64).exp())
            }
        }
    }
}

/// Arrivals, and with them the metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Workload {
    /// Frames of one network that are all there at the start; so many may be in progress. Metric: frames per second until the last is done.
    Frames {
        /// How many there are.
        frames: u32,
        /// How many may be in progress.
        in_flight: u32,
    },
    /// Every network of a set so many times, one request of each in progress, the next as soon as it is complete. Metric: rounds (one
    /// request of every network) per second until the last is done.
    Rounds {
        /// Requests of each network.
        rounds: u32,
    },
    /// Poisson requests, as many of every network of a set. Load 1 is what comes in as fast as one processor at a time could serve it, each network on the
    /// processor where it is fastest; a request is in time when it is complete `slack` times that network's time after it came. Metric: share of
    /// requests in time. Cells in which the best baseline keeps fewer than 5 % in time are left out.
    Deadlines {
        /// Requests of each network.
        requests: u32,
        /// Loads; each is a cell of its own.
        loads: &'static [f64],
        /// Deadline over the network's time alone on the processor where it is fastest.
        slack: f64,
        /// Runs with other arrivals, the same for all strategies.
        seeds: u32,
    },
    /// One request, alone. Metric: 1 / latency.
    Single,
    /// One request, alone, of a network that NN-Stretch rebuilt for these processors; baselines run the network as it was, on the processor that they name. Metric:
    /// 1 / latency.
    Stretched {
        /// Processors as the artifact's configurations name them.
        processors: &'static str,
    },
}

impl Workload {
    /// The metric in words.
    #[must_use]
    pub const fn metric(self) -> &'static str {
        match self {
            Self::Frames { .. } => "frames/s",
            Self::Rounds { .. } => "rounds/s",
            Self::Deadlines { .. } => "share in time",
            Self::Single | Self::Stretched { .. } => "1/latency",
        }
    }
}

/// A strategy and the executors that it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Alternative {
    /// The strategy with its parameters.
    pub strategy: &'static str,
    /// Executors.
    pub executors: &'static [&'static str],
}

/// Where a claim is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Device, if one is shipped for the SoC.
    pub device: Option<&'static str>,
    /// SoC.
    pub soc: &'static str,
    /// Runtime.
    pub runtime: &'static str,
}

/// One published gain and how it is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Claim {
    /// Name.
    pub id: &'static str,
    /// Published system.
    pub system: &'static str,
    /// What its source says.
    pub published: Gain,
    /// Words of the source, what they were measured on as far as it is known, and which source.
    pub source: &'static str,
    /// Where.
    pub place: Place,
    /// Sets of networks; each is a cell (at every load, where there are loads).
    pub networks: &'static [&'static [&'static str]],
    /// Arrivals and metric.
    pub workload: Workload,
    /// The strategy, in its variants. The claim's gain is that of the variant with the largest.
    pub strategies: &'static [Alternative],
    /// What it is compared with: in every cell with the best of these, or the worst if `worst`.
    pub baselines: &'static [Alternative],
    /// Whether the worst baseline counts.
    pub worst: bool,
}
