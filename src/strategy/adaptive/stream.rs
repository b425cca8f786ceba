//! What adaptation remembers of one stream.

use super::super::adaptation::LevelUse;
use super::super::{PlanningView, RequestId, ServiceTarget, UnitGraph};
use super::levels::Level;
use crate::predict::{Beliefs, Estimates, Work};
use crate::soc::{ExecutorId, Platform};
use crate::units::SimDuration;

/// Weight of the newest in smoothed logarithms.
const WEIGHT: f64 = 0.25;

/// One cut of the graph.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    pub(super) level: Level,
    pub(super) graph: UnitGraph,
    /// Number of its first unit in the run.
    pub(super) first: u32,
}

/// A cut, and where its units run.
#[derive(Debug, Clone, Default)]
pub(super) struct Choice {
    pub(super) cut: usize,
    pub(super) places: Vec<ExecutorId>,
    /// Number of the choice, so that requests in flight know whether theirs has been left.
    pub(super) epoch: u32,
    /// Time from start to finish that it is believed to take, picoseconds.
    pub(super) believed: f64,
    /// Executors with the number of operators on each.
    pub(super) words: String,
}

/// A request that tries another choice.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    pub(super) request: RequestId,
    pub(super) choice: Choice,
    pub(super) before: SimDuration,
}

/// A request in flight.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flight {
    pub(super) cut: usize,
    pub(super) epoch: u32,
    /// Seconds that it was believed to take.
    pub(super) believed: f64,
    pub(super) overhead: SimDuration,
    pub(super) is_probe: bool,
}

/// What the present plan was made on: believed seconds.
#[derive(Debug, Clone, Default)]
struct Snapshot {
    /// Of the plan's operators where they run.
    plan: f64,
    /// Logarithm of observed / believed of the plan's level.
    bias: f64,
    /// Of all operators on each executor that can run any.
    executors: Vec<f64>,
}

#[derive(Debug, Clone)]
pub(super) struct Stream {
    /// Number in the run.
    pub(super) number: u16,
    pub(super) service: ServiceTarget,
    pub(super) period: Option<SimDuration>,
    pub(super) cuts: Vec<Cut>,
    /// Units of all cuts.
    pub(super) units: usize,
    pub(super) current: Choice,
    /// Executor of each operator under the current choice.
    homes: Vec<ExecutorId>,
    /// Laboratory time of each operator on each executor.
    offline: Vec<SimDuration>,
    executors: usize,
    snapshot: Snapshot,
    /// Smoothed logarithm of present / planned belief.
    pub(super) signal: f64,
    /// Logarithm of present / planned belief of the executor that has become faster most, among those that the plan leaves out.
    pub(super) unused: f64,
    pub(super) since_plan: u32,
    pub(super) since_probe: u32,
    pub(super) interval: u32,
    pub(super) probe: Option<Probe>,
    /// Whether the choice was changed where no beliefs could be read.
    pub(super) is_stale: bool,
    /// Smoothed logarithm of observed / believed of each cut that was tried.
    bias: Vec<Option<f64>>,
    /// Smoothed logarithm of seconds from admission to completion under the current choice.
    pub(super) typical: Option<f64>,
    pub(super) last_epoch: u32,
    /// Per slot and unit of the run: the executor.
    placed: Vec<ExecutorId>,
    pub(super) flights: Vec<Flight>,
    pub(super) uses: Vec<LevelUse>,
}

impl Stream {
    pub(super) fn new(view: &PlanningView<'_>, cuts: Vec<(Level, UnitGraph)>, interval: u32) -> Self {
        let executors = view.platform.executors.len();
        let mut first = 0;
        let cuts: Vec<Cut> = cuts
            .into_iter()
            .map(|(level, graph)| {
                let cut = Cut { level, first, graph };
                first += cut.graph.len() as u32;
                cut
            })
            .collect();
        let time = |operator: u32, e: usize| view.estimates.execution(operator, ExecutorId(e as u16));
        let offline: Vec<SimDuration> = (0..view.dag.len() as u32)
            .flat_map(|operator| (0..executors).map(move |e| (operator, e)))
            .map(|(operator, e)| time(operator, e).unwrap_or(Estimates::UNSUPPORTED))
            .collect();
        Self {
            number: view.stream,
            service: view.service,
            period: view.period,
            units: first as usize,
            current: Choice::default(),
            homes: vec![ExecutorId(0); view.dag.len()],
            offline,
            executors,
            snapshot: Snapshot::default(),
            signal: 0.0,
            unused: 0.0,
            since_plan: 0,
            since_probe: 0,
            interval,
            probe: None,
            is_stale: false,
            bias: vec![None; cuts.len()],
            typical: None,
            last_epoch: 0,
            placed: Vec::new(),
            flights: Vec::new(),
            uses: cuts
                .iter()
                .map(|cut| LevelUse { stream: view.stream, level: cut.level.name(), ..LevelUse::default() })
                .collect(),
            cuts,
        }
    }

    /// Takes a choice.
    pub(super) fn adopt(&mut self, choice: Choice) {
        let graph = &self.cuts[choice.cut].graph;
        for (unit, &place) in (0u32..).zip(&choice.places) {
            for &operator in graph.operators(unit) {
                self.homes[operator as usize] = place;
            }
        }
        self.current = choice;
        self.typical = None;
    }

    fn laboratory(&self, operator: u32, executor: ExecutorId) -> Option<SimDuration> {
        let time = self.offline[operator as usize * self.executors + usize::from(executor.0)];
        (time != Estimates::UNSUPPORTED).then_some(time)
    }

    fn believed(
        &self,
        beliefs: Option<&dyn Beliefs>,
        operator: u32,
        executor: ExecutorId,
    ) -> Option<SimDuration> {
        let known = self.laboratory(operator, executor)?;
        match beliefs {
            Some(beliefs) => beliefs.operator(Work { stream: self.number, operator, executor }),
            None => Some(known),
        }
    }

    /// Believed time of a unit of a cut, invocation included. `is_hopeful`: where the current choice does not run an operator, what is believed of it is old,
    /// and it may take no longer than in the laboratory.
    pub(super) fn work(
        &self,
        beliefs: Option<&dyn Beliefs>,
        is_hopeful: bool,
        cut: usize,
        unit: u32,
        executor: ExecutorId,
    ) -> Option<SimDuration> {
        let graph = &self.cuts[cut].graph;
        graph.operators(unit).iter().try_fold(graph.invocation(unit, executor), |sum, &operator| {
            let mut time = self.believed(beliefs, operator, executor)?;
            if is_hopeful && self.homes[operator as usize] != executor {
                time = time.min(self.laboratory(operator, executor)?);
            }
            Some(sum + time)
        })
    }

    fn seconds_of_plan(&self, beliefs: Option<&dyn Beliefs>) -> f64 {
        (0u32..)
            .zip(&self.homes)
            .filter_map(|(operator, &home)| self.believed(beliefs, operator, home))
            .map(SimDuration::seconds)
            .sum()
    }

    fn seconds_of_executor(&self, beliefs: Option<&dyn Beliefs>, executor: ExecutorId) -> f64 {
        (0..self.homes.len() as u32)
            .filter_map(|operator| self.believed(beliefs, operator, executor))
            .map(SimDuration::seconds)
            .sum()
    }

    /// Remembers what the present plan is made on.
    pub(super) fn remember(&mut self, beliefs: Option<&dyn Beliefs>) {
        let executors = (0..self.executors as u16).map(ExecutorId);
        self.snapshot = Snapshot {
            plan: self.seconds_of_plan(beliefs),
            bias: self.bias(self.current.cut),
            executors: executors.map(|e| self.seconds_of_executor(beliefs, e)).collect(),
        };
        (self.signal, self.unused) = (0.0, 0.0);
        self.since_plan = 0;
        self.is_stale = false;
    }

    /// Compares present beliefs with those of the plan. Returns by which factor the plan is believed to take longer.
    pub(super) fn watch(&mut self, beliefs: &dyn Beliefs) -> f64 {
        let now = self.seconds_of_plan(Some(beliefs));
        let work = logarithm(now, self.snapshot.plan);
        let present = work + self.bias(self.current.cut) - self.snapshot.bias;
        self.signal += WEIGHT * (present - self.signal);
        // Others change only by sensors, or by what is learnt elsewhere: seldom looked at.
        if self.since_plan.is_multiple_of(4) {
            self.unused = (0..self.executors as u16)
                .map(ExecutorId)
                .filter(|executor| !self.homes.contains(executor))
                .map(|e| {
                    let planned = self.snapshot.executors[usize::from(e.0)];
                    logarithm(self.seconds_of_executor(Some(beliefs), e), planned)
                })
                .fold(0.0, f64::min);
        }
        work.exp()
    }

    /// Whether an executor would be faster if what is believed of what it does not run now were old.
    pub(super) fn may_be_wrong(&self, beliefs: &dyn Beliefs, margin: f64) -> bool {
        (0..self.executors as u16).map(ExecutorId).any(|executor| {
            let (mut believed, mut hoped) = (0.0, 0.0);
            for (operator, &home) in (0u32..).zip(&self.homes) {
                let pair = self.believed(Some(beliefs), operator, executor);
                if let Some((time, known)) = pair.zip(self.laboratory(operator, executor)) {
                    believed += time.seconds();
                    hoped += if home == executor { time } else { time.min(known) }.seconds();
                }
            }
            hoped < believed * (1.0 - margin)
        })
    }

    /// Logarithm of observed / believed of a cut; one that was never tried is no worse than that of the current choice, nor than believed.
    pub(super) fn bias(&self, cut: usize) -> f64 {
        let current = self.bias[self.current.cut].unwrap_or(0.0);
        self.bias[cut].unwrap_or(current.min(0.0))
    }

    /// Learns from a request of the current choice.
    pub(super) fn learn(&mut self, cut: usize, seconds: f64, believed: f64) {
        if seconds > 0.0 && believed > 0.0 {
            let bias = self.bias[cut].get_or_insert(0.0);
            *bias += WEIGHT * ((seconds / believed).ln() - *bias);
            let typical = self.typical.get_or_insert(seconds.ln());
            *typical += WEIGHT * (seconds.ln() - *typical);
        }
    }

    /// Notes where the units of a request go.
    pub(super) fn place(&mut self, slot: u32, choice: Option<&Choice>, flight: Flight) {
        let slot = slot as usize;
        if self.flights.len() <= slot {
            self.flights.resize(slot + 1, Flight::default());
            self.placed.resize((slot + 1) * self.units, ExecutorId(0));
        }
        self.flights[slot] = flight;
        let choice = choice.unwrap_or(&self.current);
        let first = slot * self.units + self.cuts[choice.cut].first as usize;
        self.placed[first..first + choice.places.len()].copy_from_slice(&choice.places);
    }

    /// Where a unit of a request goes.
    pub(super) fn placed(&self, slot: u32, unit: u32) -> Option<ExecutorId> {
        self.placed.get(slot as usize * self.units + unit as usize).copied()
    }

    /// Executors of units of a cut, with the number of operators on each.
    pub(super) fn words(&self, cut: usize, places: &[ExecutorId], platform: &Platform) -> String {
        let mut counts = vec![0usize; platform.executors.len()];
        for (unit, place) in (0u32..).zip(places) {
            counts[usize::from(place.0)] += self.cuts[cut].graph.operators(unit).len();
        }
        let used = platform.executors.iter().zip(counts).filter(|(_, count)| *count > 0);
        used.map(|(executor, count)| format!("{} {count}", executor.name)).collect::<Vec<_>>().join(" + ")
    }
}

fn logarithm(now: f64, then: f64) -> f64 {
    if now > 0.0 && then > 0.0 { (now / then).ln() } else { 0.0 }
}
