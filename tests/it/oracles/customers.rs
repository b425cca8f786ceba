//! Customers of queueing stations: where they come from, where they go, how much they need, and what became of them.

use hetsoc::random::Stream;
use rand_distr::{Distribution, Exp1, StandardNormal, StandardUniform};
use std::collections::VecDeque;

/// Law of a service or of a gap.
#[derive(Debug, Clone)]
pub enum Law {
    Constant(f64),
    Exponential(f64),
    /// Sum of so many exponentials, with this mean: cv = 1 / sqrt(k).
    Erlang(u32, f64),
    /// Two exponentials with balanced means; mean and cv > 1.
    Hyper(f64, f64),
    LogNormal(f64, f64),
    /// The first with this probability, else the second.
    TwoPoint(f64, f64, f64),
    /// One after the other.
    Listed(VecDeque<f64>),
}

impl Law {
    pub fn listed(values: &[f64]) -> Self {
        Self::Listed(values.iter().copied().collect())
    }

    pub fn draw(&mut self, random: &mut Stream) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Exponential(mean) => *mean * exponential(random),
            Self::Erlang(stages, mean) => {
                *mean / f64::from(*stages) * (0..*stages).map(|_| exponential(random)).sum::<f64>()
            }
            Self::Hyper(mean, cv) => {
                let squared = *cv * *cv;
                let p = 0.5 * (1.0 + ((squared - 1.0) / (squared + 1.0)).sqrt());
                let branch = if uniform(random) < p { p } else { 1.0 - p };
                *mean / (2.0 * branch) * exponential(random)
            }
            Self::LogNormal(mean, cv) => {
                let variance = (1.0 + *cv * *cv).ln();
                let normal: f64 = StandardNormal.sample(random);
                *mean * (variance.sqrt() * normal - 0.5 * variance).exp()
            }
            Self::TwoPoint(p, first, second) => {
                if uniform(random) < *p {
                    *first
                } else {
                    *second
                }
            }
            Self::Listed(values) => values.pop_front().unwrap_or(0.0),
        }
    }
}

fn exponential(random: &mut Stream) -> f64 {
    Exp1.sample(random)
}

fn uniform(random: &mut Stream) -> f64 {
    StandardUniform.sample(random)
}

/// Where customers of a class come from.
#[derive(Debug, Clone)]
pub enum Origin {
    Open(Law),
    /// At these times.
    Listed(VecDeque<f64>),
    /// So many that start over whenever they are done.
    Closed(usize),
}

/// A class of customers: its route, with the service law of each station on it.
#[derive(Debug, Clone)]
pub struct Class {
    pub origin: Origin,
    pub route: Vec<(usize, Law)>,
    /// Visits all stations of the route at once, and is done when the last is.
    pub fork: bool,
}

/// What happened to one class in a window of time.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub offered: u64,
    pub dropped: u64,
    pub done: u64,
    pub sojourn: f64,
    pub wait: f64,
    /// Customers that waited at all.
    pub delayed: u64,
    /// Customers whose sojourn is at most each of the thresholds.
    pub within: Vec<u64>,
    /// Number and sojourns of customers of the size that is watched.
    pub sized: (u64, f64),
}
