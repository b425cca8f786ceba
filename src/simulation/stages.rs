//! Streams in a row: what completes in one admits requests of the next, and all of them count as one request from the first
//! arrival to the last completion.
//!
//! A chain is a root stream, whose requests arrive, and the stages behind it. A completed request of a stage admits some
//! requests of the next one ([`Trigger::Each`]), or the last of them all admits one ([`Trigger::Join`]). This one mechanism
//! serves cascades, processing before and after a model, loading before the first inference ([`Stage::once`]), and
//! generation token by token ([`Stage::repeat`] with [`Work::Growing`]).

use crate::random::{self, splitmix};
use crate::soc::ExecutorId;
use crate::units::{SimDuration, SimTime};
use rand::RngExt;
use rand_distr::{Distribution, Exp1, Geometric, Poisson, StandardNormal};
use std::collections::VecDeque;

/// How a stream takes part in a chain. The default is a stream of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// What starts its requests.
    pub trigger: Trigger,
    /// Only the first request of the chain runs it; those that come meanwhile wait, later ones skip it.
    pub once: bool,
    /// How often each request runs, one after the other, at least 1; generated tokens are repetitions.
    pub repeat: u32,
    /// How the work of single requests differs from the cost table.
    pub work: Work,
    /// Where it runs whatever the strategy does; `None` leaves the decision to the strategy.
    pub fixed: Option<ExecutorId>,
    /// For a root: whether the chain is counted as one request; true for every stream with stages behind it.
    pub is_chain: bool,
    /// The stream before it whose weights it uses, operator by operator: passes of one generation are one model in memory.
    pub weights_of: Option<u16>,
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            trigger: Trigger::Arrivals,
            once: false,
            repeat: 1,
            work: Work::Plain,
            fixed: None,
            is_chain: false,
            weights_of: None,
        }
    }
}

/// What starts the requests of a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// Its own arrivals.
    Arrivals,
    /// Every completed request of the stream before it in the chain admits this many.
    Each {
        /// The stream before it.
        after: u16,
        /// How many.
        count: Count,
    },
    /// One request when nothing of the chain's request is left to do before it.
    Join {
        /// The stream before it.
        after: u16,
    },
}

/// A number of requests, drawn for each completed request of the stage before.
#[derive(Debug, Clone, PartialEq)]
pub enum Count {
    /// Always so many.
    Fixed(u32),
    /// Every number between these is equally likely.
    Uniform(u32, u32),
    /// Poisson with this mean, above 0.
    Poisson(f64),
    /// Geometric from 0 on, with this mean, above 0.
    Geometric(f64),
    /// Numbers with their probabilities in proportion, positive in sum.
    Weighted(Vec<(u32, f64)>),
}

/// Most requests that one completion may admit.
pub const MOST_ADMITTED: u32 = 100_000;

impl Count {
    fn draw(&self, seed: u64, stream: u16, key: u64) -> u32 {
        let mut source = random::stream(seed, "objects", &[u64::from(stream), key]);
        let capped = |value: f64| value.min(f64::from(MOST_ADMITTED)) as u32;
        match self {
            Self::Fixed(count) => *count,
            Self::Uniform(least, most) => source.random_range(*least..=(*most).max(*least)),
            Self::Poisson(mean) => Poisson::new(*mean).map_or(0, |d| capped(d.sample(&mut source))),
            Self::Geometric(mean) => {
                Geometric::new(1.0 / (1.0 + mean)).map_or(0, |d| capped(d.sample(&mut source) as f64))
            }
            Self::Weighted(pairs) => {
                let total: f64 = pairs.iter().map(|(_, weight)| weight).sum();
                let mut left = source.random::<f64>() * total;
                for (count, weight) in pairs {
                    if left < *weight {
                        return *count;
                    }
                    left -= weight;
                }
                pairs.last().map_or(0, |(count, _)| *count)
            }
        }
    }
}

/// How the execution times of a request relate to the cost table.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// As they stand.
    Plain,
    /// Times a factor that is drawn for each request; means are 1.
    Drawn(Spread),
    /// The first request of the chain takes so many times as long (caches, page tables and clocks are cold).
    ColdFirst(f64),
    /// Repetition `i`, counted from 0, takes `1 + i * slope` times as long; one slope for each executor. A growing key-value
    /// cache adds the same to every token.
    Growing(Vec<f64>),
}

/// A distribution of factors with mean 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spread {
    /// Between `1 - width` and `1 + width`, width in (0, 1].
    Uniform(f64),
    /// Exponential.
    Exponential,
    /// Log-normal with this coefficient of variation, above 0.
    LogNormal(f64),
}

impl Spread {
    fn draw(self, seed: u64, stream: u16, key: u64) -> f64 {
        let mut source = random::stream(seed, "stage-work", &[u64::from(stream), key]);
        match self {
            Self::Uniform(width) => 1.0 + width * (2.0 * source.random::<f64>() - 1.0),
            Self::Exponential => Exp1.sample(&mut source),
            Self::LogNormal(variation) => {
                let variance = (1.0 + variation * variation).ln();
                let normal: f64 = StandardNormal.sample(&mut source);
                (variance.sqrt() * normal - 0.5 * variance).exp()
            }
        }
    }
}

/// What one chain came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChainOutcome {
    /// The root stream.
    pub root: u16,
    /// All its streams in order, the root first.
    pub stages: Vec<u16>,
    /// Requests that arrived.
    pub offered: u64,
    /// Requests of which a stage dropped a part.
    pub lost: u64,
    /// Requests under way at the end.
    pub unfinished: u64,
    /// Number and time from nominal arrival to the end of everything, of every request that was served in whole.
    pub latencies: Vec<(u32, SimDuration)>,
}

/// A request of a stage, as part of a chain's request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Member {
    /// Its root, a position in [`Chains::roots`].
    pub root: u32,
    /// Names its random draws, whatever the order in which stages run.
    pub key: u64,
    /// How often it has run.
    pub step: u32,
}

/// A chain's request under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Root {
    pub chain: usize,
    pub number: u32,
    pub origin: SimTime,
    /// Requests of all stages that are under way.
    pub live: u32,
    /// Position in the chain up to which joins have been started.
    pub joined: usize,
    pub lost: bool,
}

/// State of one stream in a chain.
#[derive(Debug, Clone, Default)]
pub(super) struct Link {
    pub chain: Option<usize>,
    /// The stream behind it.
    pub next: Option<u16>,
    /// Members by number from `first` on.
    pub members: VecDeque<Option<Member>>,
    pub first: u32,
    /// Number of the next request, for streams without arrivals.
    pub numbers: u32,
    /// For stages that run once: whether they have run, and who waits for that.
    pub has_run: bool,
    pub waiting: VecDeque<Member>,
}

/// All chains of a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Chains {
    pub outcomes: Vec<ChainOutcome>,
    pub links: Vec<Link>,
    pub roots: Vec<Root>,
    free: Vec<u32>,
}

impl Chains {
    pub(super) fn new<'a>(stages: impl Iterator<Item = &'a Stage>) -> Self {
        let stages: Vec<&Stage> = stages.collect();
        let mut chains = Self { links: vec![Link::default(); stages.len()], ..Self::default() };
        for (stream, stage) in (0u16..).zip(&stages) {
            if let Trigger::Each { after, .. } | Trigger::Join { after } = stage.trigger
                && let Some(link) = chains.links.get_mut(after as usize)
            {
                link.next = Some(stream);
            }
        }
        for (stream, stage) in (0u16..).zip(&stages) {
            if !stage.is_chain || stage.trigger != Trigger::Arrivals {
                continue;
            }
            let mut members = vec![stream];
            let mut at = stream;
            // A circle cannot be reached from a stream with arrivals, but a fault must not hang.
            while let Some(next) = chains.links[at as usize].next.filter(|_| members.len() <= stages.len()) {
                members.push(next);
                at = next;
            }
            for &member in &members {
                chains.links[member as usize].chain = Some(chains.outcomes.len());
            }
            chains.outcomes.push(ChainOutcome { root: stream, stages: members, ..ChainOutcome::default() });
        }
        chains
    }

    pub(super) fn is_member(&self, stream: u16) -> bool {
        self.links[stream as usize].chain.is_some()
    }

    /// Opens a chain's request.
    pub(super) fn open(&mut self, chain: usize, number: u32, origin: SimTime) -> Member {
        self.outcomes[chain].offered += 1;
        let root = Root { chain, number, origin, live: 1, joined: 0, lost: false };
        let id = match self.free.pop() {
            Some(id) => {
                self.roots[id as usize] = root;
                id
            }
            None => {
                self.roots.push(root);
                (self.roots.len() - 1) as u32
            }
        };
        Member { root: id, key: splitmix(u64::from(number)), step: 0 }
    }

    pub(super) fn close(&mut self, root: u32) {
        self.free.push(root);
    }

    /// The chain of every request that is under way.
    pub(super) fn live_roots(&self) -> Vec<usize> {
        self.roots.iter().filter(|root| root.live > 0).map(|root| root.chain).collect()
    }

    /// Notes a member under the number of its request.
    pub(super) fn enter(&mut self, stream: u16, number: u32, member: Member) {
        let link = &mut self.links[stream as usize];
        if link.members.is_empty() {
            link.first = number;
        }
        while link.members.len() < number.saturating_sub(link.first) as usize {
            link.members.push_back(None);
        }
        link.members.push_back(Some(member));
    }

    pub(super) fn member(&self, stream: u16, number: u32) -> Option<Member> {
        let link = &self.links[stream as usize];
        *link.members.get(number.checked_sub(link.first)? as usize)?
    }

    pub(super) fn leave(&mut self, stream: u16, number: u32) -> Option<Member> {
        let link = &mut self.links[stream as usize];
        let member = link.members.get_mut(number.checked_sub(link.first)? as usize)?.take();
        while link.members.front() == Some(&None) {
            link.members.pop_front();
            link.first += 1;
        }
        member
    }

    /// The stage behind the last started join that joins, as (position, stream).
    pub(super) fn next_join(&self, root: &Root, stages: impl Fn(u16) -> bool) -> Option<(usize, u16)> {
        let chain = &self.outcomes[root.chain].stages;
        chain.iter().copied().enumerate().skip(root.joined + 1).find(|(_, stream)| stages(*stream))
    }
}

/// The factor on the execution times of a request, drawn when it starts; [`Work::Growing`] adds its own.
pub(super) fn drawn_factor(work: &Work, seed: u64, stream: u16, member: Member, number: u32) -> f64 {
    match work {
        Work::Plain | Work::Growing(_) => 1.0,
        Work::Drawn(spread) => spread.draw(seed, stream, splitmix(member.key ^ u64::from(member.step))),
        Work::ColdFirst(factor) => {
            if number == 0 {
                *factor
            } else {
                1.0
            }
        }
    }
}

/// How many requests a completion admits into `stream`.
pub(super) fn admitted(count: &Count, seed: u64, stream: u16, member: Member) -> u32 {
    count.draw(seed, stream, member.key)
}

/// The name of the random draws of the `i`-th request that a member admits into `stream`.
pub(super) fn child_key(member: Member, stream: u16, i: u32) -> u64 {
    splitmix(member.key ^ (u64::from(stream) << 32) ^ (u64::from(i) + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_spreads_have_their_means() {
        let mean = |count: &Count| {
            (0..20_000).map(|i| f64::from(count.draw(7, 1, splitmix(i)))).sum::<f64>() / 20_000.0
        };
        for (count, expected) in [
            (Count::Fixed(3), 3.0),
            (Count::Uniform(0, 4), 2.0),
            (Count::Poisson(2.5), 2.5),
            (Count::Geometric(1.5), 1.5),
            (Count::Weighted(vec![(0, 1.0), (4, 3.0)]), 3.0),
        ] {
            assert!((mean(&count) - expected).abs() < 0.06, "{count:?}: {}", mean(&count));
        }
        let spreads = [Spread::Uniform(0.5), Spread::Exponential, Spread::LogNormal(0.4)];
        for (spread, deviation) in spreads.into_iter().zip([0.5 / 3f64.sqrt(), 1.0, 0.4]) {
            let draws: Vec<f64> = (0..40_000).map(|i| spread.draw(3, 0, splitmix(i))).collect();
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / draws.len() as f64;
            assert!((mean - 1.0).abs() < 0.02, "{spread:?}: mean {mean}");
            assert!((variance.sqrt() / deviation - 1.0).abs() < 0.03, "{spread:?}: {}", variance.sqrt());
        }
    }

    #[test]
    fn draws_depend_on_seed_and_key_only() {
        let spread = Spread::LogNormal(0.3);
        assert_eq!(spread.draw(1, 2, 3), spread.draw(1, 2, 3));
        assert_ne!(spread.draw(1, 2, 3), spread.draw(2, 2, 3));
        assert_ne!(spread.draw(1, 2, 3), spread.draw(1, 2, 4));
    }
}
