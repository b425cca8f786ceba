//! The clock of main memory: the highest of the votes that its clients cast by their own clocks.
//!
//! Interconnect votes of the device trees (`sm8150.dtsi`, `sm8150-gpu.dtsi`); the clients and their tables are in
//! the SoC profile. On Snapdragon 855 a GPU at 585 MHz alone votes 1017 MHz, 16.3 GB/s at the interface.

use crate::soc::Memory;
use crate::units::Hertz;

/// The clock that the `voters` (id and own clock of every client that votes at present) ask for together: the
/// highest vote on the next step of the memory; its slowest step when nobody votes. A client without a table of
/// votes asks for the fastest step, because nothing is known that would hold the memory back. No steps: 0 Hz.
#[must_use]
pub fn voted_memory_clock<'a>(memory: &Memory, voters: impl IntoIterator<Item = (&'a str, Hertz)>) -> Hertz {
    let fastest = memory.clocks.last().copied().unwrap_or(Hertz(0.0));
    let mut clock = memory.clocks.first().copied().unwrap_or(Hertz(0.0));
    for (id, own) in voters {
        let vote = memory.votes.iter().find(|vote| vote.of == id).and_then(|vote| vote.memory_clock(own));
        let vote = vote.unwrap_or(fastest);
        // Half a kilohertz of slack, as in every table of clocks.
        let step = memory.clocks.iter().copied().find(|step| step.0 + 500.0 >= vote.0).unwrap_or(fastest);
        if step.0 > clock.0 {
            clock = step;
        }
    }
    clock
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soc::{Confidence, Provenance, Quantity, Vote};
    use crate::units::BytesPerSec;

    #[test]
    fn the_highest_vote_wins() {
        let provenance = Provenance { source: "test".into(), confidence: Confidence::Assumed };
        let vote = |of: &str, steps: &[(f64, f64)]| Vote {
            of: of.into(),
            steps: steps.iter().map(|(own, memory)| (Hertz(own * 1e6), Hertz(memory * 1e6))).collect(),
            provenance: provenance.clone(),
        };
        let rate = |gb: f64| Quantity::new(BytesPerSec(gb * 1e9), provenance.clone());
        let memory = Memory {
            title: "LPDDR4X".into(),
            peak: rate(34.1),
            achievable: rate(29.5),
            clocks: [200.0, 451.0, 768.0, 1017.0, 2092.0].map(|mhz| Hertz(mhz * 1e6)).to_vec(),
            clock_provenance: provenance.clone(),
            votes: vec![
                vote("gpu", &[(257.0, 300.0), (427.0, 768.0), (585.0, 1017.0)]),
                vote("silver", &[(672.0, 200.0), (1785.6, 768.0)]),
            ],
            interference: None,
            slowdowns: Vec::new(),
            joules_per_byte: Quantity::new(4e-11, provenance.clone()),
        };
        let clock = |voters: &[(&str, f64)]| {
            voted_memory_clock(&memory, voters.iter().map(|(id, mhz)| (*id, Hertz(mhz * 1e6)))).0 / 1e6
        };
        assert_eq!(clock(&[]), 200.0);
        assert_eq!(clock(&[("gpu", 585.0)]), 1017.0);
        assert_eq!(clock(&[("gpu", 257.0)]), 451.0, "300 MHz is no step of this memory");
        assert_eq!(clock(&[("gpu", 345.0), ("silver", 300.0)]), 768.0);
        assert_eq!(clock(&[("npu", 100.0)]), 2092.0);
        // 16 B per cycle: 16.3 GB/s at the interface, 14.3 of the 29.5 GB/s that are achievable.
        assert!((memory.bandwidth(Hertz(1.017e9)).0 / 1e9 - 14.34).abs() < 0.01);
    }
}
