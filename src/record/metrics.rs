//! Latencies and request counts, streaming: 8 bytes for each completed request and 8 for each open one.

use std::collections::VecDeque;

use super::labels::RunLabels;
use crate::simulation::observer::{Observer, RequestId};
use crate::units::SimTime;

/// An observer that counts requests and keeps the latency of each completed one, per stream and in the
/// order of completion. Latency is the time from arrival to finish, queueing included.
#[derive(Debug, Clone)]
pub struct Metrics {
    streams: Vec<StreamMetrics>,
}

/// What [`Metrics`] knows of one stream.
#[derive(Debug, Clone)]
pub struct StreamMetrics {
    /// The first requests, by number, that are kept apart.
    pub warm_up: u32,
    /// Requests that arrived, warm-up included, like the two counts below.
    pub arrived: u64,
    /// Requests that finished.
    pub completed: u64,
    /// Requests that a queue dropped.
    pub dropped: u64,
    /// Latencies in picoseconds of the completed requests after the warm-up.
    latencies: Vec<u64>,
    /// The same for warm-up requests.
    warm_up_latencies: Vec<u64>,
    /// Arrival times of requests from number `first_open` on; `NEVER` once over.
    open: VecDeque<SimTime>,
    first_open: u32,
}

impl StreamMetrics {
    fn new(warm_up: u32) -> Self {
        Self {
            warm_up,
            arrived: 0,
            completed: 0,
            dropped: 0,
            latencies: Vec::new(),
            warm_up_latencies: Vec::new(),
            open: VecDeque::new(),
            first_open: 0,
        }
    }

    /// Latencies after the warm-up in milliseconds, in order of completion.
    #[must_use]
    pub fn latencies_ms(&self) -> Vec<f64> {
        self.latencies.iter().map(|&ps| ps as f64 / 1e9).collect()
    }

    /// Latencies of warm-up requests in milliseconds, in order of completion.
    #[must_use]
    pub fn warm_up_latencies_ms(&self) -> Vec<f64> {
        self.warm_up_latencies.iter().map(|&ps| ps as f64 / 1e9).collect()
    }

    /// Requests that arrived and are neither finished nor dropped.
    #[must_use]
    pub const fn in_flight(&self) -> u64 {
        self.arrived.saturating_sub(self.completed).saturating_sub(self.dropped)
    }

    fn open(&mut self, number: u32, now: SimTime) {
        self.arrived += 1;
        if self.open.is_empty() {
            self.first_open = number;
        }
        let Some(position) = number.checked_sub(self.first_open) else { return };
        // Numbers come in order of arrival; a gap would be a request that nobody announced.
        while self.open.len() < position as usize {
            self.open.push_back(SimTime::NEVER);
        }
        self.open.push_back(now);
    }

    /// Takes a request out of the open ones and tells when it had arrived.
    fn close(&mut self, number: u32) -> Option<SimTime> {
        let position = number.checked_sub(self.first_open)? as usize;
        let arrived = std::mem::replace(self.open.get_mut(position)?, SimTime::NEVER);
        while self.open.front() == Some(&SimTime::NEVER) {
            self.open.pop_front();
            self.first_open += 1;
        }
        (arrived != SimTime::NEVER).then_some(arrived)
    }
}

impl Metrics {
    /// An observer for the streams of `labels`.
    #[must_use]
    pub fn new(labels: &RunLabels) -> Self {
        Self { streams: labels.streams.iter().map(|s| StreamMetrics::new(s.warm_up)).collect() }
    }

    /// What is known of each stream.
    #[must_use]
    pub fn streams(&self) -> &[StreamMetrics] {
        &self.streams
    }

    /// Latencies of all streams after their warm-ups in milliseconds: stream by stream, each in order of
    /// completion.
    #[must_use]
    pub fn latencies_ms(&self) -> Vec<f64> {
        self.streams.iter().flat_map(|s| s.latencies.iter().map(|&ps| ps as f64 / 1e9)).collect()
    }

    fn stream(&mut self, request: RequestId) -> &mut StreamMetrics {
        let index = usize::from(request.stream);
        while self.streams.len() <= index {
            self.streams.push(StreamMetrics::new(0));
        }
        &mut self.streams[index]
    }
}

impl Observer for Metrics {
    fn arrived(&mut self, _now: SimTime, request: RequestId, nominal: SimTime) {
        self.stream(request).open(request.number, nominal);
    }

    fn dropped(&mut self, _now: SimTime, request: RequestId) {
        let stream = self.stream(request);
        stream.dropped += 1;
        stream.close(request.number);
    }

    fn finished(&mut self, now: SimTime, request: RequestId) {
        let stream = self.stream(request);
        stream.completed += 1;
        let Some(arrived) = stream.close(request.number) else { return };
        let latency = now.since(arrived).0;
        if request.number < stream.warm_up {
            stream.warm_up_latencies.push(latency);
        } else {
            stream.latencies.push(latency);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::labels::StreamLabels;

    fn metrics(warm_up: u32) -> Metrics {
        let streams = vec![StreamLabels { warm_up, ..StreamLabels::default() }];
        Metrics::new(&RunLabels { streams, ..RunLabels::default() })
    }

    fn id(number: u32) -> RequestId {
        RequestId { stream: 0, number }
    }

    #[test]
    fn latencies_and_counts() {
        let mut m = metrics(1);
        for n in 0..4 {
            m.arrived(SimTime(u64::from(n) * 10_000_000_000), id(n), SimTime(u64::from(n) * 10_000_000_000));
        }
        m.finished(SimTime(35_000_000_000), id(0));
        m.dropped(SimTime(36_000_000_000), id(1));
        m.finished(SimTime(40_000_000_000), id(3));
        let s = &m.streams()[0];
        assert_eq!((s.arrived, s.completed, s.dropped, s.in_flight()), (4, 2, 1, 1));
        assert_eq!(s.warm_up_latencies_ms(), [35.0]);
        assert_eq!(s.latencies_ms(), [10.0]);
        m.finished(SimTime(50_000_000_000), id(2));
        assert_eq!(m.streams()[0].latencies_ms(), [10.0, 30.0]);
    }

    #[test]
    fn open_requests_do_not_pile_up() {
        let mut m = metrics(0);
        for n in 0..100_000 {
            m.arrived(SimTime(u64::from(n)), id(n), SimTime(u64::from(n)));
            if n >= 3 {
                m.finished(SimTime(u64::from(n)), id(n - 3));
            }
        }
        assert_eq!(m.streams()[0].open.len(), 3);
        assert_eq!(m.streams()[0].in_flight(), 3);
        assert_eq!(m.streams()[0].latencies.len(), 99_997);
        assert!(m.streams()[0].latencies.iter().all(|&l| l == 3));
    }
}
