//! From a device profile to a network and a throttling table.

use super::limits::{Caps, ThrottleStep, ThrottleTable};
use super::network::{Link, Network, NetworkError, Node};
use crate::soc::{ThermalBody, VendorThrottling};

/// Node of the SoC and memory; every processor and the memory heat it.
pub const DIE: usize = 0;
/// Node of board, frame and battery; the rest of the device heats it.
pub const CASE: usize = 1;
/// Node of the outside, which the vendor's table reads and which loses heat to ambient.
pub const SKIN: usize = 2;

/// The ladder die - case - skin - ambient of a body: `1 / (film x surface)` to ambient, `specific heat x mass` shared
/// between case and skin.
///
/// # Errors
/// [`NetworkError`] when a number is out of range.
pub fn network(body: &ThermalBody) -> Result<Network, NetworkError> {
    let capacity = body.specific_heat.value * body.mass_g.value;
    let skin = body.skin_share.value;
    let node = |capacity, to_ambient| Node { capacity, to_ambient };
    let link = |from, to, resistance: f64| Link { from, to, conductance: 1.0 / resistance };
    Network::new(
        &[
            node(body.die_capacity.value, 0.0),
            node(capacity * (1.0 - skin), 0.0),
            node(capacity * skin, body.film.value * body.surface()),
        ],
        &[link(DIE, CASE, body.die_to_case.value), link(CASE, SKIN, body.case_to_skin.value)],
    )
}

/// The vendor's table, ready to be played.
#[must_use]
pub fn throttle_table(throttling: &VendorThrottling) -> ThrottleTable {
    let step = |step: &crate::soc::VendorStep| ThrottleStep {
        trip: step.trip,
        clear: step.clear,
        caps: Caps { clocks: step.clocks.clone(), offline: step.offline.clone() },
    };
    ThrottleTable::new(throttling.steps.iter().map(step).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soc::Quantity;
    use crate::units::Celsius;

    #[test]
    fn geometry_sets_resistance_and_capacity() {
        let q = Quantity::neutral;
        let body = ThermalBody {
            size_mm: [q(160.0), q(75.0), q(8.0)],
            mass_g: q(180.0),
            film: q(5.0),
            specific_heat: q(0.35),
            skin_share: q(0.3),
            die_capacity: q(0.6),
            die_to_case: q(4.0),
            case_to_skin: q(1.0),
            ambient: q(25.0).map(Celsius),
            hardware_limit: q(125.0).map(Celsius),
            throttling: None,
        };
        // 2 (160 x 75 + 160 x 8 + 75 x 8) mm^2 = 0.02776 m^2: 7.205 K/W.
        assert!((body.surface() - 0.02776).abs() < 1e-12);
        let network = network(&body).unwrap();
        let steady = network.steady(&[3.0, 1.0, 0.0], Celsius(25.0));
        let skin = 25.0 + 4.0 / (5.0 * 0.02776);
        for (node, expected) in [(SKIN, skin), (CASE, skin + 4.0), (DIE, skin + 16.0)] {
            assert!((steady[node].0 - expected).abs() < 1e-8, "{steady:?}");
        }
        let slowest = network.time_constants()[2];
        assert!((63.0 * 7.205 * 0.9..63.0 * 7.205 * 1.2).contains(&slowest), "{slowest}");
    }
}
