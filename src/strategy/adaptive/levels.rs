//! Levels of granularity, and the cuts that they make.

use super::super::partition::groups;
use super::super::registry::StrategySpec;
use super::super::{Dispatch, Granularity, Plan, PlanningView, StrategyError, TransferStart};
use crate::soc::Network;

/// A level of granularity: operators that a unit has at least, where some executor can run so many together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Level(pub(super) usize);

impl Level {
    pub(super) const TASK: Self = Self(usize::MAX);
    const OPERATOR: Self = Self(1);

    pub(super) fn name(self) -> String {
        match self {
            Self::TASK => "task".to_owned(),
            Self::OPERATOR => "operator".to_owned(),
            Self(operators) => operators.to_string(),
        }
    }

    /// Whether a scenario that asks for a granularity allows it: that is the finest allowed.
    fn is_allowed(self, granularity: Granularity) -> bool {
        match granularity {
            Granularity::Task => self == Self::TASK,
            Granularity::SubGraph => self != Self::OPERATOR,
            Granularity::Operator => true,
            Granularity::Slice => false,
        }
    }
}

/// Reads `task+16+4+operator`; coarse to fine.
pub(super) fn parse(spec: &StrategySpec) -> Result<Vec<Level>, StrategyError> {
    let text = spec.parameters.get("levels").map_or("task+16+4+operator", String::as_str);
    let mut levels = Vec::new();
    for word in text.split('+').map(str::trim) {
        levels.push(match word {
            "task" => Level::TASK,
            "operator" => Level::OPERATOR,
            number => match number.parse::<u32>() {
                Ok(operators) if operators >= 2 => Level(operators as usize),
                _ => {
                    let problem = format!(
                        "levels are `task`, whole numbers of operators from 2 on, and `operator`, with + between them, not `{}`",
                        crate::diagnostics::printable(number)
                    );
                    return Err(spec.problem(problem));
                }
            },
        });
    }
    levels.sort_unstable_by(|a, b| b.cmp(a));
    levels.dedup();
    Ok(levels)
}

/// The cuts of a stream, coarse to fine, without those that equal a coarser one; and what to say about it.
pub(super) fn cuts(
    view: &PlanningView<'_>,
    levels: &[Level],
    notes: &mut Vec<String>,
) -> Result<Vec<(Level, Plan)>, StrategyError> {
    let allowed: Vec<Level> = levels.iter().copied().filter(|l| l.is_allowed(view.granularity)).collect();
    if allowed.is_empty() {
        return Err(StrategyError::Granularity {
            strategy: "adaptive",
            granularity: view.granularity.id(),
            offered: "`task`, `sub-graph` and `operator`, as far as its `levels` reach",
        });
    }
    // A bus cannot have moved data before a placement is known.
    let start = match view.platform.network {
        Network::SharedBus(_) => TransferStart::Assignment,
        Network::ContentionFree => TransferStart::ProducerFinish,
    };
    let mut cuts: Vec<(Level, Plan)> = Vec::new();
    for level in allowed {
        let mut plan = Plan::new(Dispatch::AtReady, start);
        groups(view, level.0).iter().for_each(|group| plan.push(group, None));
        match cuts.iter().find(|(_, other)| *other == plan) {
            Some((same, _)) => notes.push(format!(
                "stream {}: level {} cuts like {}, and is left out",
                view.stream,
                level.name(),
                same.name()
            )),
            None => cuts.push((level, plan)),
        }
    }
    Ok(cuts)
}
