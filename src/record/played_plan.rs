//! What a strategy decided online, as a plan.

use crate::strategy::{Dispatch, PlacedUnit, Plan, TransferStart};
use crate::units::SimTime;

/// An operator that finished: start, end, the unit it ran in, its number.
pub type PlayedOperator = (SimTime, SimTime, PlacedUnit, u32);

/// The plan that puts every unit where it ran, in the order in which units started; one after the other if they ran so. `operators` are those
/// of one request, in order of finishing. Replayed, they run alike if the strategy left no processor idle on purpose
/// beside others that worked, and data moved from its producer's finish.
#[must_use]
pub fn played_plan(operators: impl IntoIterator<Item = PlayedOperator>) -> Plan {
    let mut units: Vec<(SimTime, SimTime, PlacedUnit, Vec<u32>)> = Vec::new();
    let mut at = std::collections::BTreeMap::new();
    for (start, end, unit, operator) in operators {
        let next = units.len();
        let number = *at.entry(unit.unit).or_insert(next);
        if number == next {
            units.push((start, end, unit, Vec::new()));
        }
        units[number].1 = end;
        units[number].3.push(operator);
    }
    // Stable: what took no time finished first, and comes first.
    units.sort_by_key(|unit| unit.0);
    let one_by_one = units.windows(2).all(|pair| pair[0].1 <= pair[1].0);
    let dispatch = if one_by_one { Dispatch::Sequential } else { Dispatch::InOrder };
    let mut plan = Plan::new(dispatch, TransferStart::ProducerFinish);
    for (_, _, unit, operators) in &units {
        plan.push(operators, Some(unit.executor));
    }
    plan
}
