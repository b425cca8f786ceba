//! What a strategy decided online, as a plan.

use crate::strategy::{Dispatch, PlacedUnit, Plan, TransferStart};
use crate::units::SimTime;

/// The plan that puts every unit where it ran, in the order in which units started. `operators` are start, unit and operator number of
/// all that finished of one request, in order of finishing; replayed, they run alike if the strategy left no processor
/// idle on purpose and data moved from its producer's finish.
#[must_use]
pub fn played_plan(operators: impl IntoIterator<Item = (SimTime, PlacedUnit, u32)>) -> Plan {
    let mut units: Vec<(SimTime, PlacedUnit, Vec<u32>)> = Vec::new();
    let mut at = std::collections::BTreeMap::new();
    for (start, unit, operator) in operators {
        let next = units.len();
        let number = *at.entry(unit.unit).or_insert(next);
        if number == next {
            units.push((start, unit, Vec::new()));
        }
        units[number].2.push(operator);
    }
    // Stable: what took no time finished first, and comes first.
    units.sort_by_key(|unit| unit.0);
    let mut plan = Plan::new(Dispatch::InOrder, TransferStart::ProducerFinish);
    for (_, unit, operators) in &units {
        plan.push(operators, Some(unit.executor));
    }
    plan
}
