//! Clocks by name, as plan files have them.

use super::super::{PlanningView, StrategyError};
use crate::predict::ClockDomain;
use crate::units::Hertz;

/// Clocks of domains, by id.
pub type NamedClocks = Vec<(String, Hertz)>;

/// The steps that `clocks` name, by domain.
///
/// # Errors
/// [`StrategyError::InvalidPlan`] when clocks are not simulated, or a domain or a step does not exist or may not be set.
pub(crate) fn resolve(
    clocks: &NamedClocks,
    streams: &[PlanningView<'_>],
) -> Result<Vec<Option<u16>>, StrategyError> {
    let Some((first, _)) = clocks.first() else { return Ok(Vec::new()) };
    let Some(beliefs) = streams.first().and_then(|view| view.clocks) else {
        return Err(StrategyError::InvalidPlan(format!(
            "it sets the clock of `{}`, but clocks are not simulated; add a [dynamics] table to the scenario, or remove `clocks` \
             from the plan",
            crate::diagnostics::printable(first)
        )));
    };
    let domains = beliefs.domains();
    let mut steps = vec![None; domains.len()];
    for (of, clock) in clocks {
        let name = crate::diagnostics::printable(of);
        let number = domains.iter().position(|domain| domain.id == *of).ok_or_else(|| {
            let known: Vec<&str> = domains.iter().map(|domain| domain.id.as_str()).collect();
            StrategyError::InvalidPlan(format!(
                "it sets the clock of `{name}`; there are {}",
                known.join(", ")
            ))
        })?;
        let domain = &domains[number];
        if !domain.settable {
            return Err(StrategyError::InvalidPlan(format!(
                "it sets the clock of `{name}`, which the scenario has fixed or given a governor of its own; remove one of both"
            )));
        }
        let near = |step: &usize| (domain.opps.points[*step].clock.0 - clock.0).abs() <= 0.5e6;
        let step = (domain.lowest..=domain.highest).find(near).ok_or_else(|| {
            StrategyError::InvalidPlan(format!(
                "`{name}` has no step at {} MHz that the scenario allows; there are {} MHz",
                clock.0 / 1e6,
                allowed(domain)
            ))
        })?;
        if steps[number].replace(step as u16).is_some() {
            return Err(StrategyError::InvalidPlan(format!("it sets the clock of `{name}` twice")));
        }
    }
    Ok(steps)
}

fn allowed(domain: &ClockDomain) -> String {
    let steps = domain.opps.points.get(domain.lowest..=domain.highest).unwrap_or_default();
    steps.iter().map(|opp| format!("{}", opp.clock.0 / 1e6)).collect::<Vec<_>>().join(", ")
}
