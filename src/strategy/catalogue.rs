//! Names and parameters of the strategies that plan operators, tasks and sub-graphs.

use super::adaptive::Adaptive;
use super::exact::{Exact, LocalSearch};
use super::frequency::{Frequency, Goal, Minimise, Scope};
use super::list::{
    Batch, CommunicationMean, Cpop, Dls, Etf, Heft, ListScheduler, ListStrategy, Lookahead, MaxMin, Mct, Met,
    MinMin, Olb, Peft, Sufferage,
};
use super::registry::{StrategyEntry, StrategySpec};
use super::sub_graph::{Band, BandScheduler, BranchParallel, Contention, HaxConn, Hetero2Pipe, PipeIt};
use super::task::{Discipline, Fixed, TaskLevel};
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

const HOME: (&str, &str) = ("executor", "executor name for all models (default: balanced over all)");

/// What [`build`] knows.
pub(super) const ENTRIES: &[StrategyEntry] = &[
    entry(
        "heft",
        "list scheduling: by upward rank, each where it finishes first (Topcuoglu)",
        &[
            INSERTION,
            ("mean", "communication averaged over `pairs`, or `self-diluted` as SAGA (default: pairs)"),
        ],
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
    entry(
        "exact",
        "branch and bound with proof or gap; dynamic programming for chains",
        &[("effort", "elementary steps of the search at most (default: 30000000)")],
    ),
    entry(
        "local-search",
        "seeded local search that improves the plan of another strategy",
        &[
            ("base", "name of the other strategy, without parameters (default: heft)"),
            ("iterations", "moves tried (default: 2000)"),
            ("seed", "of the moves (default: 0)"),
        ],
    ),
    entry(
        "frequency",
        "clocks (and placement) for a deadline or an energy budget; needs [dynamics]",
        &[
            (
                "base",
                "name of the strategy that places, without parameters (default: placement is chosen too)",
            ),
            ("minimise", "`energy` of a request, `latency`, or `edp`, their product (default: energy)"),
            ("deadline-ms", "for every request from its arrival (default: what the streams say)"),
            ("energy-mj", "energy of a request at most (default: no limit)"),
            ("margin", "per cent of deadlines and of busy processors' time that stay free (default: 10)"),
            (
                "scope",
                "energy of the whole `device`, of the `soc` with memory, or `active`: beyond an idle SoC (default: device)",
            ),
            ("effort", "operators looked at for each placement at most (default: 1000000)"),
        ],
    ),
    entry(
        "fixed",
        "every model on the executor given for it",
        &[(
            "executors",
            "executor names in the order of the streams, with + between them (default: the first)",
        )],
    ),
    entry("edf", "models in queues by earliest deadline; granularity is preemption", &[HOME]),
    entry("least-slack", "models in queues by least slack; granularity is preemption", &[HOME]),
    entry(
        "priority",
        "models in queues by priority, preempted between units",
        &[HOME, ("rule", "`static` as the streams say, or `rate-monotonic` (default: static)")],
    ),
    entry(
        "band",
        "unit sub-graphs of several models on workers (Band)",
        &[
            ("scheduler", "`sel`, `fixed`, `round-robin`, `heft`, `heft-reserve` or `lst` (default: sel)"),
            ("window", "requests looked at, 0 for all (default: 0)"),
            ("min-units", "operators in an accelerator's sub-graph at least (default: 7)"),
        ],
    ),
    entry(
        "branch-parallel",
        "branches between fork and join beside each other",
        &[("by", "`lpt` or `heft` (default: lpt)")],
    ),
    entry("pipe-it-like", "a pipeline over the processors, balanced layer by layer", &[]),
    entry("hetero2pipe-like", "pipelines of several models, cut optimally and put into order", &[]),
    entry(
        "haxconn-like",
        "models that change once between two accelerators, contention counted",
        &[
            ("first", "executor name (default: the fastest for all models)"),
            ("second", "executor name (default: the next)"),
            (
                "contention",
                "slow-down in per cent while both work, or `demand`: from memory traffic (default: 10)",
            ),
        ],
    ),
    ADAPTIVE,
];

const ADAPTIVE: StrategyEntry = entry(
    "adaptive",
    "plans again when beliefs leave the plan's, at the granularity believed best; needs a predictor that learns",
    &[
        (
            "levels",
            "`task`, operators to a unit, `operator`, with + between them (default: task+16+4+operator)",
        ),
        ("threshold", "departure of beliefs in per cent that makes it plan again (default: 20)"),
        ("dwell", "requests of a stream from one plan to the next at least (default: 8)"),
        ("probe", "requests from one trial of what is out of use to the next, 0 for none (default: 16)"),
        ("objective", "`latency`, `throughput` or `deadline` (default: latency)"),
        ("replan-us", "time that planning takes (default: 500)"),
        ("switch-us", "time that changing the plan takes (default: 0)"),
    ],
);

/// Builds a strategy of [`ENTRIES`]; `None` for another name.
pub(super) fn build(
    spec: &StrategySpec,
    platform: &Platform,
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
        "exact" => Box::new(Exact::new(u64::from(spec.number("effort", 30_000_000)?))),
        "local-search" => {
            let name = spec.parameters.get("base").map_or("heft", String::as_str);
            if name == "local-search" {
                return Err(spec.problem("base is another strategy than itself".to_owned()));
            }
            let base = StrategySpec { name: name.to_owned(), ..StrategySpec::default() }.build(platform)?;
            let iterations = u64::from(spec.number("iterations", 2000)?);
            Box::new(LocalSearch::new(base, iterations, u64::from(spec.number("seed", 0)?)))
        }
        "frequency" => frequency(spec, platform)?,
        "fixed" => {
            let names = spec.parameters.get("executors").map_or("", String::as_str);
            let named = |name: &str| {
                let one = [("executor".to_owned(), name.to_owned())].into();
                StrategySpec { name: spec.name.clone(), parameters: one }.executor("executor", platform)
            };
            let executors = names.split('+').map(str::trim).filter(|name| !name.is_empty());
            Box::new(Fixed {
                executors: executors.map(named).filter_map(Result::transpose).collect::<Result<_, _>>()?,
            })
        }
        "edf" => task(spec, platform, Discipline::EarliestDeadline)?,
        "least-slack" => task(spec, platform, Discipline::LeastSlack)?,
        "priority" => {
            let rules = [("static", Discipline::Priority), ("rate-monotonic", Discipline::RateMonotonic)];
            task(spec, platform, spec.choice("rule", &rules)?)?
        }
        "band" => {
            let schedulers = [
                ("sel", BandScheduler::ShortestExpected),
                ("fixed", BandScheduler::Fixed),
                ("round-robin", BandScheduler::RoundRobin),
                ("heft", BandScheduler::Heft { reserve: false }),
                ("heft-reserve", BandScheduler::Heft { reserve: true }),
                ("lst", BandScheduler::LeastSlack),
            ];
            let (window, least) = (spec.number("window", 0)?, spec.number("min-units", 7)?);
            Box::new(Band::new(spec.choice("scheduler", &schedulers)?, window, least, platform))
        }
        "branch-parallel" => {
            Box::new(BranchParallel { by_heft: spec.choice("by", &[("lpt", false), ("heft", true)])? })
        }
        "pipe-it-like" => Box::new(PipeIt),
        "hetero2pipe-like" => Box::new(Hetero2Pipe),
        "haxconn-like" => Box::new(HaxConn {
            pair: (spec.executor("first", platform)?, spec.executor("second", platform)?),
            contention: match spec.parameters.get("contention").map(String::as_str) {
                Some("demand") => Contention::Demand,
                _ => Contention::Percent(spec.number("contention", 10)?),
            },
        }),
        "adaptive" => Box::new(Adaptive::new(spec)?),
        _ => return Ok(None),
    }))
}

fn frequency(spec: &StrategySpec, platform: &Platform) -> Result<Box<dyn Strategy>, StrategyError> {
    let base = match spec.parameters.get("base").map(String::as_str) {
        None => None,
        Some("frequency") => return Err(spec.problem("base is another strategy than itself".to_owned())),
        Some(name) => {
            Some(StrategySpec { name: name.to_owned(), ..StrategySpec::default() }.build(platform)?)
        }
    };
    let margin = spec.number("margin", 10)?;
    if margin > 99 {
        return Err(spec.problem(format!("margin is 0 to 99 per cent, not {margin}")));
    }
    let goals = [("energy", Minimise::Energy), ("latency", Minimise::Latency), ("edp", Minimise::Edp)];
    let scopes = [("device", Scope::Device), ("soc", Scope::Soc), ("active", Scope::Active)];
    let goal = Goal {
        minimise: spec.choice("minimise", &goals)?,
        deadline: spec.positive("deadline-ms")?.map(|ms| ms * 1e-3),
        budget: spec.positive("energy-mj")?.map(|mj| mj * 1e-3),
        margin: f64::from(margin) / 100.0,
        scope: spec.choice("scope", &scopes)?,
    };
    Ok(Box::new(Frequency::new(base, goal, u64::from(spec.number("effort", 1_000_000)?))))
}

fn task(
    spec: &StrategySpec,
    platform: &Platform,
    discipline: Discipline,
) -> Result<Box<dyn Strategy>, StrategyError> {
    Ok(Box::new(TaskLevel { discipline, executor: spec.executor("executor", platform)? }))
}

fn list(scheduler: impl ListScheduler + 'static) -> Box<dyn Strategy> {
    Box::new(ListStrategy(scheduler))
}
