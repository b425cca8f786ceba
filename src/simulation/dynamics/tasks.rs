//! Competing work, as a run is told about it.

use crate::random::Stream;
use crate::soc::ResourceId;
use crate::units::{SimDuration, SimTime};
use rand_distr::{Distribution, Exp1, Open01, StandardNormal};

/// A source of competing work.
#[derive(Debug, Clone, PartialEq)]
pub struct BackgroundSetup {
    /// Name, for reports.
    pub name: String,
    /// What it is.
    pub kind: BackgroundKind,
    /// Bytes per second that it demands of main memory while it runs.
    pub memory_rate: f64,
    /// Weight with which it shares main memory, above 0; 1 for executors.
    pub memory_weight: f64,
    /// Whether memory serves it before everybody else, like a display, whose late lines are visible.
    pub first: bool,
    /// When it is active.
    pub pattern: Pattern,
}

/// What competes.
#[derive(Debug, Clone, PartialEq)]
pub enum BackgroundKind {
    /// A thread under the fair scheduler.
    Thread {
        /// The cores that it may use, at least one; several: the scheduler moves it to an idle one.
        cores: Vec<ResourceId>,
        /// Its weight; 1024 at nice 0.
        weight: u64,
    },
    /// Frames drawn on a device, one for each refresh of the display.
    Render {
        /// The device.
        device: ResourceId,
        /// Time between refreshes.
        period: SimDuration,
        /// Time to draw a frame at the reference clock.
        frame: Span,
        /// Whether it interrupts a running operator, or waits for its end.
        immediate: bool,
    },
    /// Traffic of something that is not simulated: camera, display, modem.
    Traffic,
}

/// When competing work is active.
#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    /// All the time.
    Always,
    /// Bursts with gaps between them. Bursts of threads are processor time on the fastest core at its fastest clock,
    /// those of traffic are time.
    Bursts {
        /// From the end of one burst to the start of the next.
        gap: Span,
        /// How long a burst is.
        length: Span,
    },
    /// A recorded load: from each time on, this share of the rate, or for threads whether there is work (above 0).
    Trace(Vec<(SimTime, f64)>),
}

/// A random span of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Span {
    /// Always the same.
    Constant(SimDuration),
    /// Exponential with this mean.
    Exponential(SimDuration),
    /// Log-normal with this median and standard deviation of the logarithm.
    LogNormal(SimDuration, f64),
    /// Pareto with this least value and shape, above 0.
    Pareto(SimDuration, f64),
}

impl Span {
    /// Draws a span, at least 1 ns so that sources make progress, and at most a day.
    pub(super) fn draw(&self, stream: &mut Stream) -> SimDuration {
        let of = |base: SimDuration, factor: f64| {
            let span = (base.0 as f64 * factor).clamp(1e3, 86_400e12);
            SimDuration(span.round() as u64)
        };
        match *self {
            Self::Constant(span) => of(span, 1.0),
            Self::Exponential(mean) => {
                let draw: f64 = Exp1.sample(stream);
                of(mean, draw)
            }
            Self::LogNormal(median, sigma) => {
                let draw: f64 = StandardNormal.sample(stream);
                of(median, (sigma * draw).exp())
            }
            Self::Pareto(least, shape) => {
                let draw: f64 = Open01.sample(stream);
                of(least, draw.powf(-1.0 / shape))
            }
        }
    }
}

/// What a source of competing work came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BackgroundOutcome {
    /// Its name.
    pub name: String,
    /// Time for which it ran.
    pub busy: SimDuration,
    /// Bursts or frames that it completed.
    pub completed: u64,
    /// Refreshes of the display that found no new frame.
    pub missed: u64,
    /// Whether it draws for a display.
    pub draws: bool,
    /// Bytes that main memory served it.
    pub bytes: f64,
}
