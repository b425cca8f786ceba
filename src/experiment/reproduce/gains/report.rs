//! All claims with their verdicts, and for each what the simulation says about why.

use super::afterwards::AFTERWARDS;
use super::cells::{Cell, cells, play_free};
use super::claims::{Claim, Gain};
use super::play::Shares;
use super::table::{CHANGES, CLAIMS};
use super::verdict::Verdict;
use crate::experiment::reproduce::ReproduceError;
use serde::Serialize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GainsOptions {
    /// Claims by id, or published systems such as `Band`; empty for all.
    pub only: Vec<String>,
    /// Threads; 0 counts as 1.
    pub jobs: usize,
}

/// One claim.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClaimReport {
    /// What was named beforehand.
    #[serde(flatten)]
    pub claim: Claim,
    /// The metric.
    pub metric: &'static str,
    /// Least and most that count as shown.
    pub expected: [f64; 2],
    /// The variant of the strategy with the largest gain.
    pub strategy: Option<&'static str>,
    /// That gain over all cells; null when no cell could be judged.
    pub simulated: Option<f64>,
    /// Gain of every variant over all cells.
    pub variants: Vec<(&'static str, f64)>,
    /// The same variant over the worst baseline of each cell, for information.
    pub over_worst: Option<f64>,
    /// The largest gain that the processors hold: over cells in the same way, or that of the cell that reached an `up to`.
    pub ceiling: Option<f64>,
    /// The gain if moving, converting and invoking cost nothing.
    pub gain_if_free: Option<f64>,
    /// Where the time of the processors went: mean over cells, or in the cell that reached an `up to`.
    pub shares: Shares,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, from the figures above.
    pub why: String,
    /// Cell by cell.
    pub cells: Vec<Cell>,
}

/// The study.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GainsReport {
    /// What the columns are.
    pub definition: &'static str,
    /// Changes of claims after the first run.
    pub changes: &'static [&'static str],
    /// The claims.
    pub claims: Vec<ClaimReport>,
    /// What was tried after the first run to explain it; no verdict counts here.
    pub afterwards: Vec<ClaimReport>,
}

const DEFINITION: &str = "gain: metric of the strategy over that of the best baseline of the cell (the worst where `worst`); over cells the geometric mean, or the largest where \
     the source says up to; expected: published gain, what it has above 1 halved and doubled; shown: within that, direction only: at least 1.02, not shown: less; \
     ceiling: largest gain that the processors hold; gain_if_free: with free transfers, conversions and invocations; shares: of the time of all resources behind the executors";

/// Plays the claims.
///
/// # Errors
/// [`ReproduceError`], above all names that no claim has.
pub fn gains(options: &GainsOptions, done: &(dyn Fn() + Sync)) -> Result<GainsReport, ReproduceError> {
    let all = || CLAIMS.iter().chain(AFTERWARDS);
    let chosen: Vec<&Claim> = if options.only.is_empty() {
        all().collect()
    } else {
        for name in &options.only {
            if !all().any(|claim| is(claim, name)) {
                let mut systems: Vec<&str> = all().map(|claim| claim.system).collect();
                systems.sort_unstable();
                systems.dedup();
                return Err(ReproduceError::Unknown(format!(
                    "there is no claim `{}`; systems are {}; claims are {}",
                    crate::diagnostics::printable(name),
                    systems.join(", "),
                    all().map(|claim| claim.id).collect::<Vec<_>>().join(", ")
                )));
            }
        }
        all().filter(|claim| options.only.iter().any(|name| is(claim, name))).collect()
    };
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<(usize, Result<ClaimReport, ReproduceError>)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.clamp(1, chosen.len().max(1)) {
            scope.spawn(|| {
                while let Some((number, claim)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|n| Some((n, *chosen.get(n)?)))
                {
                    let report = cells(claim).and_then(|cells| sum_up(claim, cells));
                    found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((number, report));
                    done();
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    found.sort_by_key(|(number, _)| *number);
    let reports: Vec<ClaimReport> = found.into_iter().map(|(_, report)| report).collect::<Result<_, _>>()?;
    let named = |report: &ClaimReport| CLAIMS.iter().any(|claim| claim.id == report.claim.id);
    let (claims, afterwards) = reports.into_iter().partition(named);
    Ok(GainsReport { definition: DEFINITION, changes: CHANGES, claims, afterwards })
}

fn is(claim: &Claim, name: &str) -> bool {
    claim.id == name || claim.system.eq_ignore_ascii_case(name)
}

fn sum_up(claim: &Claim, mut cells: Vec<Cell>) -> Result<ClaimReport, ReproduceError> {
    let judged: Vec<usize> = (0..cells.len()).filter(|&at| cells[at].left_out.is_none()).collect();
    let over = |cells: &[Cell], part: &dyn Fn(&Cell) -> Option<f64>| -> Option<f64> {
        let values: Option<Vec<f64>> = cells.iter().filter(|c| c.left_out.is_none()).map(part).collect();
        claim.published.of_cells(&values?)
    };
    let gain = |cells: &[Cell], number: usize| over(cells, &|cell| Some(cell.variants.get(number)?.gain));
    let variants: Vec<(&'static str, f64)> = claim
        .strategies
        .iter()
        .enumerate()
        .filter_map(|(number, strategy)| Some((strategy.strategy, gain(&cells, number)?)))
        .collect();
    // The first of equals.
    let best = variants.iter().enumerate().rev().max_by(|a, b| a.1.1.total_cmp(&b.1.1)).map(|(n, _)| n);
    let simulated = best.and_then(|number| gain(&cells, number));
    // What explains an `up to` is the cell that reached it; what explains a mean, all of them.
    let reached = |at: &usize| {
        let own = best.and_then(|number| cells.get(*at)?.variants.get(number)).map(|v| v.gain);
        own == simulated
    };
    let telling: Vec<usize> = match claim.published {
        Gain::UpTo(_) => judged.iter().filter(|at| reached(at)).take(1).copied().collect(),
        _ => judged,
    };
    let mut shares = Shares::default();
    let (mut ceilings, mut frees) = (Vec::new(), Vec::new());
    if let Some(number) = best {
        for &at in &telling {
            let Some(cell) = cells.get_mut(at) else { continue };
            play_free(claim, cell, number)?;
            ceilings.push(cell.ceiling);
            if let Some(variant) = cell.variants.get(number) {
                frees.extend(variant.gain_if_free);
                shares.add(&variant.shares, 1.0 / telling.len() as f64);
            }
        }
    }
    let over_worst = best.and_then(|number| {
        over(&cells, &|cell| {
            let worst = cell.baselines.iter().map(|baseline| baseline.value).fold(f64::INFINITY, f64::min);
            Some(cell.variants.get(number)?.value.value / worst)
        })
    });
    let mut report = ClaimReport {
        claim: *claim,
        metric: claim.workload.metric(),
        expected: claim.published.expected(),
        strategy: best.and_then(|number| claim.strategies.get(number)).map(|s| s.strategy),
        simulated,
        over_worst: over_worst.filter(|gain| gain.is_finite()),
        variants,
        ceiling: claim.published.of_cells(&ceilings),
        gain_if_free: claim.published.of_cells(&frees),
        shares,
        verdict: Verdict::of(claim.published, simulated),
        why: String::new(),
        cells,
    };
    report.why = why(&report);
    Ok(report)
}

/// What bounds the gain, in words made of the figures of the runs.
fn why(report: &ClaimReport) -> String {
    let (Some(gain), Some(ceiling), Some(free)) = (report.simulated, report.ceiling, report.gain_if_free)
    else {
        return "no cell could be judged: every baseline was overloaded".to_owned();
    };
    let [low, high] = report.expected;
    let shares = &report.shares;
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let head = if ceiling < low {
        format!("these processors do not hold {low:.2}: no division of the work gains more than {ceiling:.2}")
    } else if gain > high {
        format!("more than expected; {ceiling:.2} is the most there is")
    } else {
        format!("{ceiling:.2} is the most there is")
    };
    // From the ceiling to what is left when moving costs nothing is the plan's loss; the rest is the cost of moving.
    format!(
        "{head}; the strategy's plan gains {free:.2} if moving, converting and invoking are free, {gain:.2} as they are. Processors are busy {}, overhead {}, blocked {}, idle {}; \
         {:.1} transfers, {:.2} ms under way and {:.2} ms of conversion for each request",
        percent(shares.busy),
        percent(shares.overhead),
        percent(shares.blocked),
        percent(shares.idle),
        shares.transfers,
        shares.transfer_ms,
        shares.conversion_ms
    )
}
