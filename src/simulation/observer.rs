//! What a run tells those who watch it. The engine and the strategies do not know who listens.

pub use super::dynamics::PowerSource;
use crate::soc::{ExecutorId, ResourceId};
pub use crate::strategy::{PlacedUnit, RequestId};
use crate::units::{Celsius, Hertz, SimDuration, SimTime};

/// What a resource does. Idle is the absence of all of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Activity {
    /// Computes.
    Busy,
    /// Runs dispatch, conversion, synchronisation or profiling.
    Overhead,
    /// Holds work that waits for a partner, data or memory.
    Blocked,
    /// Holds work that the operating system has descheduled.
    Suspended,
}

impl Activity {
    /// All activities, in the order of the time identity.
    pub const ALL: [Self; 4] = [Self::Busy, Self::Overhead, Self::Blocked, Self::Suspended];

    /// Lower-case name used in reports.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Overhead => "overhead",
            Self::Blocked => "blocked",
            Self::Suspended => "suspended",
        }
    }
}

/// A span of one resource's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// The resource.
    pub resource: ResourceId,
    /// What it did.
    pub activity: Activity,
    /// For what.
    pub work: PlacedUnit,
    /// For which operator of the lowered graph; `None` for the unit as a whole (invocation, waiting).
    pub operator: Option<u32>,
    /// From.
    pub start: SimTime,
    /// To; later than `start`.
    pub end: SimTime,
}

/// A tensor that crossed from one executor to another, or from or to the host.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TransferRecord {
    /// The request.
    pub request: RequestId,
    /// Tensor number in the stream's lowered graph (edge number for plain task graphs).
    pub tensor: u32,
    /// Producing unit and its executor; `None` for the host.
    pub from: Option<(u32, ExecutorId)>,
    /// Consuming unit and its executor; `None` for the host.
    pub to: Option<(u32, ExecutorId)>,
    /// Bytes moved.
    pub bytes: f64,
    /// When it began.
    pub start: SimTime,
    /// When the data had arrived.
    pub end: SimTime,
}

/// Time that an operator lost while it ran, in seconds. Negative where a clock is above the reference.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Lost {
    /// Competing work had the core or device.
    pub suspended: f64,
    /// Main memory granted less than was demanded.
    pub bandwidth: f64,
    /// Shared caches held less of its data than alone.
    pub cache: f64,
    /// Clocks were not the reference ones.
    pub clocks: f64,
}

/// Receives what happens. Every method does nothing by default, and a run with the observer `()` pays
/// nothing for it.
pub trait Observer {
    /// A request arrived. Its latency counts from `nominal`, which is earlier than `now` when the queue's policy
    /// held the source back.
    fn arrived(&mut self, _now: SimTime, _request: RequestId, _nominal: SimTime) {}
    /// A request was dropped by its queue's policy, on arrival or while it waited.
    fn dropped(&mut self, _now: SimTime, _request: RequestId) {}
    /// A request left its queue: its units may be placed.
    fn admitted(&mut self, _now: SimTime, _request: RequestId) {}
    /// A request is complete: its outputs are where the application reads them.
    fn finished(&mut self, _now: SimTime, _request: RequestId) {}
    /// A strategy placed a unit; `believed` is what it expected the unit's execution to take.
    fn placed(&mut self, _now: SimTime, _unit: PlacedUnit, _believed: SimDuration) {}
    /// A unit began to occupy its executor.
    fn unit_started(&mut self, _now: SimTime, _unit: PlacedUnit) {}
    /// A unit ended.
    fn unit_finished(&mut self, _now: SimTime, _unit: PlacedUnit) {}
    /// An operator ended; it began (overhead included) at `start`.
    fn operator_finished(&mut self, _now: SimTime, _start: SimTime, _unit: PlacedUnit, _operator: u32) {}
    /// While an operator that ends, or its dispatching, ran, it lost so much time; of several workers what the last one lost.
    fn slowed(&mut self, _now: SimTime, _unit: PlacedUnit, _operator: u32, _lost: Lost) {}
    /// A resource spent a span of time.
    fn interval(&mut self, _interval: Interval) {}
    /// A tensor crossed; reported when its end is known.
    fn transferred(&mut self, _transfer: TransferRecord) {}
    /// From `now` on, DRAM traffic is `bytes_per_second`.
    fn bandwidth(&mut self, _now: SimTime, _bytes_per_second: f64) {}
    /// A chain's request, named after its root, arrived at `origin`.
    fn opened(&mut self, _now: SimTime, _root: RequestId, _origin: SimTime) {}
    /// A request of a stage is complete; the chain's request `root_number` that it belongs to arrived at `origin`.
    fn advanced(&mut self, _now: SimTime, _request: RequestId, _origin: SimTime, _root_number: u32) {}
    /// A chain's request, named after its root, is over: served in whole, or a stage dropped a part of it.
    fn served(&mut self, _now: SimTime, _root: RequestId, _origin: SimTime, _whole: bool) {}
    /// From `now` on, a clock domain runs at `clock`; domains are those of the run's dynamics.
    fn frequency(&mut self, _now: SimTime, _domain: u16, _clock: Hertz) {}
    /// From `now` on, heat lets a clock domain run at `clock` at most.
    fn capped(&mut self, _now: SimTime, _domain: u16, _clock: Hertz) {}
    /// From `now` on, a part of the hardware draws `watts`.
    fn power(&mut self, _now: SimTime, _source: PowerSource, _watts: f64) {}
    /// A unit that ends drew `joules` from a part of the hardware while it held it.
    fn drew(&mut self, _now: SimTime, _unit: PlacedUnit, _source: PowerSource, _joules: f64) {}
    /// A thermal node has this temperature.
    fn temperature(&mut self, _now: SimTime, _node: u16, _temperature: Celsius) {}
    /// From `now` on, a client occupies `bytes` of a shared cache.
    fn cache(&mut self, _now: SimTime, _cache: u16, _client: u16, _bytes: f64) {}
    /// A frame of a render load was shown at `now`, or its vsync was missed.
    fn frame(&mut self, _now: SimTime, _source: u16, _missed: bool) {}
    /// The run is over.
    fn ended(&mut self, _now: SimTime) {}
}

impl Observer for () {}

/// Passes every event on to each of the observers given.
macro_rules! forward {
    ($self:ident => $($target:expr),+) => {
        fn arrived(&mut $self, now: SimTime, request: RequestId, nominal: SimTime) {
            $($target.arrived(now, request, nominal);)+
        }
        fn dropped(&mut $self, now: SimTime, request: RequestId) {
            $($target.dropped(now, request);)+
        }
        fn admitted(&mut $self, now: SimTime, request: RequestId) {
            $($target.admitted(now, request);)+
        }
        fn finished(&mut $self, now: SimTime, request: RequestId) {
            $($target.finished(now, request);)+
        }
        fn placed(&mut $self, now: SimTime, unit: PlacedUnit, believed: SimDuration) {
            $($target.placed(now, unit, believed);)+
        }
        fn unit_started(&mut $self, now: SimTime, unit: PlacedUnit) {
            $($target.unit_started(now, unit);)+
        }
        fn unit_finished(&mut $self, now: SimTime, unit: PlacedUnit) {
            $($target.unit_finished(now, unit);)+
        }
        fn operator_finished(&mut $self, now: SimTime, start: SimTime, unit: PlacedUnit, operator: u32) {
            $($target.operator_finished(now, start, unit, operator);)+
        }
        fn slowed(&mut $self, now: SimTime, unit: PlacedUnit, operator: u32, lost: Lost) {
            $($target.slowed(now, unit, operator, lost);)+
        }
        fn interval(&mut $self, interval: Interval) {
            $($target.interval(interval);)+
        }
        fn transferred(&mut $self, transfer: TransferRecord) {
            $($target.transferred(transfer);)+
        }
        fn bandwidth(&mut $self, now: SimTime, bytes_per_second: f64) {
            $($target.bandwidth(now, bytes_per_second);)+
        }
        fn opened(&mut $self, now: SimTime, root: RequestId, origin: SimTime) {
            $($target.opened(now, root, origin);)+
        }
        fn advanced(&mut $self, now: SimTime, request: RequestId, origin: SimTime, root_number: u32) {
            $($target.advanced(now, request, origin, root_number);)+
        }
        fn served(&mut $self, now: SimTime, root: RequestId, origin: SimTime, whole: bool) {
            $($target.served(now, root, origin, whole);)+
        }
        fn frequency(&mut $self, now: SimTime, domain: u16, clock: Hertz) {
            $($target.frequency(now, domain, clock);)+
        }
        fn capped(&mut $self, now: SimTime, domain: u16, clock: Hertz) {
            $($target.capped(now, domain, clock);)+
        }
        fn power(&mut $self, now: SimTime, source: PowerSource, watts: f64) {
            $($target.power(now, source, watts);)+
        }
        fn drew(&mut $self, now: SimTime, unit: PlacedUnit, source: PowerSource, joules: f64) {
            $($target.drew(now, unit, source, joules);)+
        }
        fn temperature(&mut $self, now: SimTime, node: u16, temperature: Celsius) {
            $($target.temperature(now, node, temperature);)+
        }
        fn cache(&mut $self, now: SimTime, cache: u16, client: u16, bytes: f64) {
            $($target.cache(now, cache, client, bytes);)+
        }
        fn frame(&mut $self, now: SimTime, source: u16, missed: bool) {
            $($target.frame(now, source, missed);)+
        }
        fn ended(&mut $self, now: SimTime) {
            $($target.ended(now);)+
        }
    };
}

/// A borrowed observer, so that it can be read after the run.
impl<O: Observer> Observer for &mut O {
    forward!(self => (**self));
}

/// Two observers at once.
impl<A: Observer, B: Observer> Observer for (A, B) {
    forward!(self => self.0, self.1);
}
