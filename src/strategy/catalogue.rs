//! Names and parameters of the strategies that plan operators, tasks and sub-graphs.

use super::list::{
    Batch, CommunicationMean, Cpop, Dls, Etf, Heft, ListScheduler, ListStrategy, Lookahead, MaxMin, Mct, Met, MinMin, Olb,
    Peft, Sufferage,
};
use super::registry::{StrategyEntry, StrategySpec};
use super::{Strategy, StrategyError};
use crate::soc::Platform;

const INSERTION: (&str, &str) = ("insertion", "`true` fills gaps, `false` appends (default: true)");
const BATCH: (&str, &str) =
    ("batch", "`rescan` after every placement, or `level` by level as SAGA (default: rescan)");

const fn entry(
    name: &'static str,
    summary: &'static str,
    parameters: &'static [(&'static str, &'static str)],
) -> StrategyEntry {
    StrategyEntry { name, summary, parameters }
}

/// What [`build`] knows.
pub(super) const ENTRIES: &[StrategyEntry] = &[
    entry(
        "heft",
        "list scheduling: by upward rank, each where it finishes first (Topcuoglu)",
        &[INSERTION, ("mean", "communication averaged over `pairs`, or `self-diluted` as SAGA (default: pairs)")],
    ),
    entry("cpop", "list scheduling: the critical path on one executor (Topcuoglu)", &[INSERTION]),
    entry("peft", "list scheduling: finish time plus an optimistic cost table (Arabnejad)", &[INSERTION]),
    entry("lookahead-heft", "HEFT that tries the readers of every operator (Bittencourt)", &[INSERTION]),
    entry("dls", "list scheduling: the pair with the highest dynamic level (Sih, Lee)", &[]),
    entry(
        "etf",
        "list scheduling: the pair that can start first (Hwang)",
        &[
            ("by", "compare `start`, or `finish` as DS3 (default: start)"),
            ("tie", "`level` or `index`, which is Graham's list (default: level)"),
        ],
    ),
    entry("mct", "in topological order, each where it completes first", &[]),
    entry("met", "in topological order, each where it runs fastest, queues ignored", &[]),
    entry("olb", "in topological order, each on the executor that is free first", &[]),
    entry("min-min", "of the ready operators' best completions the smallest", &[BATCH]),
    entry("max-min", "of the ready operators' best completions the largest", &[BATCH]),
    entry("sufferage", "the ready operator that loses most without its best executor", &[]),
];

/// Builds a strategy of [`ENTRIES`]; `None` for another name.
pub(super) fn build(
    spec: &StrategySpec,
    _platform: &Platform,
) -> Result<Option<Box<dyn Strategy>>, StrategyError> {
    let insertion = || spec.choice("insertion", &[("true", true), ("false", false)]);
    let batch = || spec.choice("batch", &[("rescan", Batch::Rescan), ("level", Batch::Level)]);
    Ok(Some(match spec.name.as_str() {
        "heft" => {
            let means =
                [("pairs", CommunicationMean::Pairs), ("self-diluted", CommunicationMean::SelfDiluted)];
            list(Heft { mean: spec.choice("mean", &means)?, insertion: insertion()? })
        }
        "cpop" => list(Cpop { insertion: insertion()? }),
        "peft" => list(Peft { insertion: insertion()? }),
        "lookahead-heft" => list(Lookahead { insertion: insertion()? }),
        "dls" => list(Dls),
        "etf" => list(Etf {
            by_finish: spec.choice("by", &[("start", false), ("finish", true)])?,
            tie_by_index: spec.choice("tie", &[("level", false), ("index", true)])?,
        }),
        "mct" => list(Mct),
        "met" => list(Met),
        "olb" => list(Olb),
        "min-min" => list(MinMin { batch: batch()? }),
        "max-min" => list(MaxMin { batch: batch()? }),
        "sufferage" => list(Sufferage),
        _ => return Ok(None),
    }))
}

fn list(scheduler: impl ListScheduler + 'static) -> Box<dyn Strategy> {
    Box::new(ListStrategy(scheduler))
}
