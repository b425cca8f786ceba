//! The loop that drives a model, and what can go wrong with it.

use crate::units::SimTime;

/// Something that evolves by events.
pub trait Model {
    /// Why a model cannot go on.
    type Error: From<EngineError>;

    /// When the next event happens; [`SimTime::NEVER`] when nothing is going to.
    fn next_time(&self) -> SimTime;

    /// Makes the next event happen. Called with the time that [`Model::next_time`] has just given.
    ///
    /// # Errors
    /// Whatever keeps the model from going on.
    fn step(&mut self, now: SimTime) -> Result<(), Self::Error>;

    /// Work that is not done yet, by name, at most a handful: the culprits of a stall or a livelock. Empty when the
    /// model is finished.
    fn pending(&self) -> Vec<String>;
}

/// When to give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Stop before the first event after this time.
    pub until: SimTime,
    /// Stop after this many events.
    pub events: u64,
    /// So many events at one and the same time are a livelock.
    pub events_at_one_time: u64,
}

impl Default for Limits {
    /// No limit of time or events; a million events at one time are a livelock.
    fn default() -> Self {
        Self { until: SimTime::NEVER, events: u64::MAX, events_at_one_time: 1_000_000 }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunEnd {
    /// Time of the last event.
    pub time: SimTime,
    /// Events handled.
    pub events: u64,
    /// Whether a limit ended it before the model was finished.
    pub truncated: bool,
}

/// A run that cannot end by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Nothing can happen any more although work is left.
    #[error("the run stalled at {time}: nothing can happen, but work is left: {}", .culprits.join(", "))]
    Stalled {
        /// When.
        time: SimTime,
        /// What is left.
        culprits: Vec<String>,
    },
    /// Events keep happening without time passing.
    #[error("livelock at {time}: {events} events without time passing; involved: {}", .culprits.join(", "))]
    Livelock {
        /// When.
        time: SimTime,
        /// How many.
        events: u64,
        /// What is going on.
        culprits: Vec<String>,
    },
    /// An event was scheduled in the past: a fault of the model.
    #[error("an event at {event} was due before the present {now}")]
    TimeReversed {
        /// Time of the event.
        event: SimTime,
        /// The present.
        now: SimTime,
    },
}

/// Drives `model` until it is finished or a limit is reached.
///
/// # Errors
/// [`EngineError`] for a stall, a livelock or an event in the past, and the model's own errors.
pub fn run<M: Model>(model: &mut M, limits: Limits) -> Result<RunEnd, M::Error> {
    let mut now = SimTime::ZERO;
    let mut events = 0u64;
    let mut at_this_time = 0u64;
    loop {
        let next = model.next_time();
        if next == SimTime::NEVER {
            let culprits = model.pending();
            return if culprits.is_empty() {
                Ok(RunEnd { time: now, events, truncated: false })
            } else {
                Err(EngineError::Stalled { time: now, culprits }.into())
            };
        }
        if next > limits.until || events >= limits.events {
            return Ok(RunEnd { time: now, events, truncated: true });
        }
        if next > now {
            now = next;
            at_this_time = 0;
        } else if next < now {
            return Err(EngineError::TimeReversed { event: next, now }.into());
        }
        at_this_time += 1;
        if at_this_time > limits.events_at_one_time {
            let culprits = model.pending();
            return Err(EngineError::Livelock { time: now, events: at_this_time - 1, culprits }.into());
        }
        events += 1;
        model.step(now)?;
    }
}
