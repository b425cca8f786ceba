//! Totals of tensors that crossed.

use crate::simulation::observer::{Observer, TransferRecord};
use crate::soc::{Crossing, Platform};
use crate::units::SimDuration;

/// An observer that adds up transfers.
#[derive(Debug, Clone)]
pub struct TransferTotals {
    executors: usize,
    crossings: Vec<Crossing>,
    host_in: Vec<Crossing>,
    host_out: Vec<Crossing>,
    /// Transfers, host inputs and outputs included.
    pub count: u64,
    /// Bytes moved.
    pub bytes: f64,
    /// Sum of the transfers' durations, latency included, conversion excluded; concurrent transfers
    /// count each.
    pub time: SimDuration,
    /// Sum of the times for which consumers were occupied rewriting layouts, from the crossing's
    /// conversion rate.
    pub conversion: SimDuration,
    /// Bytes whose layout consumers rewrote.
    pub converted_bytes: f64,
}

impl TransferTotals {
    /// An observer for a run on `platform`.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        Self {
            executors: platform.executors.len(),
            crossings: platform.crossings.clone(),
            host_in: platform.host_in.clone(),
            host_out: platform.host_out.clone(),
            count: 0,
            bytes: 0.0,
            time: SimDuration::ZERO,
            conversion: SimDuration::ZERO,
            converted_bytes: 0.0,
        }
    }

    fn crossing(&self, transfer: &TransferRecord) -> Option<&Crossing> {
        match (transfer.from, transfer.to) {
            (Some((_, from)), Some((_, to))) => {
                self.crossings.get(usize::from(from.0) * self.executors + usize::from(to.0))
            }
            (None, Some((_, to))) => self.host_in.get(usize::from(to.0)),
            (Some((_, from)), None) => self.host_out.get(usize::from(from.0)),
            (None, None) => None,
        }
    }
}

impl Observer for TransferTotals {
    fn transferred(&mut self, transfer: TransferRecord) {
        self.count += 1;
        self.bytes += transfer.bytes;
        self.time += transfer.end.since(transfer.start);
        if let Some(crossing) = self.crossing(&transfer) {
            let time = crossing.conversion_time(transfer.bytes);
            self.conversion += time;
            self.converted_bytes += if time > SimDuration::ZERO { transfer.bytes } else { 0.0 };
        }
    }
}
