//! All claims with their verdicts, and for each what the simulation says about why.

use super::cells::{Cell, Variant, cells};
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
    /// The largest gain that the processors hold, summed up over cells in the same way.
    pub ceiling: Option<f64>,
    /// The gain if moving, converting and invoking cost nothing.
    pub gain_if_free: Option<f64>,
    /// Where the time of the processors went, mean over cells.
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
}

const DEFINITION: &str = "gain: metric of the strategy over that of the best baseline of the cell (the worst where `worst`); over cells the geometric mean, or the largest where \
     the source says up to; expected: published gain, what it has above 1 halved and doubled; shown: within that, direction only: at least 1.02, not shown: less; \
     ceiling: largest gain that the processors hold; gain_if_free: with free transfers, conversions and invocations; shares: of the time of all resources behind the executors";

/// Plays the claims.
///
/// # Errors
/// [`ReproduceError`], above all names that no claim has.
pub fn gains(options: &GainsOptions, done: &(dyn Fn() + Sync)) -> Result<GainsReport, ReproduceError> {
    let chosen: Vec<&Claim> = if options.only.is_empty() {
        CLAIMS.iter().collect()
    } else {
        for name in &options.only {
            if !CLAIMS.iter().any(|claim| is(claim, name)) {
                let mut systems: Vec<&str> = CLAIMS.iter().map(|claim| claim.system).collect();
                systems.dedup();
                return Err(ReproduceError::Unknown(format!(
                    "there is no claim `{}`; systems are {}; claims are {}",
                    crate::diagnostics::printable(name),
                    systems.join(", "),
                    CLAIMS.iter().map(|claim| claim.id).collect::<Vec<_>>().join(", ")
                )));
            }
        }
        CLAIMS.iter().filter(|claim| options.only.iter().any(|name| is(claim, name))).collect()
    };
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<(usize, Result<ClaimReport, ReproduceError>)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.clamp(1, chosen.len().max(1)) {
            scope.spawn(|| {
                while let Some((number, claim)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|n| Some((n, *chosen.get(n)?)))
                {
                    let report = cells(claim).map(|cells| sum_up(claim, cells));
                    found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((number, report));
                    done();
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    found.sort_by_key(|(number, _)| *number);
    let claims = found.into_iter().map(|(_, report)| report).collect::<Result<_, _>>()?;
    Ok(GainsReport { definition: DEFINITION, changes: CHANGES, claims })
}

fn is(claim: &Claim, name: &str) -> bool {
    claim.id == name || claim.system.eq_ignore_ascii_case(name)
}

fn sum_up(claim: &Claim, cells: Vec<Cell>) -> ClaimReport {
    let judged = || cells.iter().filter(|cell| cell.left_out.is_none());
    let of = |number: usize, part: fn(&Variant) -> f64| -> Option<f64> {
        let gains: Option<Vec<f64>> = judged().map(|cell| cell.variants.get(number).map(part)).collect();
        claim.published.of_cells(&gains?)
    };
    let variants: Vec<(&'static str, f64)> = claim
        .strategies
        .iter()
        .enumerate()
        .filter_map(|(number, strategy)| Some((strategy.strategy, of(number, |v| v.gain)?)))
        .collect();
    // The first of equals.
    let best = variants.iter().enumerate().rev().max_by(|a, b| a.1.1.total_cmp(&b.1.1)).map(|(n, _)| n);
    let simulated = best.and_then(|number| variants.get(number)).map(|(_, gain)| *gain);
    let gain_if_free = best.and_then(|number| of(number, |v| v.gain_if_free));
    let ceilings: Vec<f64> = judged().map(|cell| cell.ceiling).collect();
    let ceiling = claim.published.of_cells(&ceilings);
    let mut shares = Shares::default();
    // Of an `up to`, the cell that reached it; of a mean, all of them.
    let own: Vec<&Variant> =
        best.map_or_else(Vec::new, |number| judged().filter_map(|c| c.variants.get(number)).collect());
    let shown: Vec<&Variant> = match claim.published {
        Gain::UpTo(_) => own.into_iter().filter(|v| Some(v.gain) == simulated).take(1).collect(),
        _ => own,
    };
    for variant in &shown {
        shares.add(&variant.shares, 1.0 / shown.len() as f64);
    }
    let verdict = Verdict::of(claim.published, simulated);
    let mut report = ClaimReport {
        claim: *claim,
        metric: claim.workload.metric(),
        expected: claim.published.expected(),
        strategy: best.and_then(|number| claim.strategies.get(number)).map(|s| s.strategy),
        simulated,
        variants,
        ceiling,
        gain_if_free,
        shares,
        verdict,
        why: String::new(),
        cells,
    };
    report.why = why(&report);
    report
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
    let accounting = format!(
        "processors busy {}, overhead {}, blocked {}, idle {}; {:.1} transfers of {:.2} ms together and {:.2} ms of conversion for each request",
        percent(shares.busy),
        percent(shares.overhead),
        percent(shares.blocked),
        percent(shares.idle),
        shares.transfers,
        shares.transfer_ms,
        shares.conversion_ms
    );
    let reason = if gain > high {
        format!("more than expected, of {ceiling:.2} that is there to be had")
    } else if gain >= low {
        format!("of {ceiling:.2} that is there to be had")
    } else if ceiling < low {
        format!(
            "these processors do not hold {low:.2}: no division of the work gains more than {ceiling:.2}; {free:.2} if moving, converting and invoking were free"
        )
    } else if free >= low {
        format!(
            "moving, converting and invoking cost it: without them the strategy gains {free:.2} (ceiling {ceiling:.2})"
        )
    } else {
        let lost = [("idle", shares.idle), ("blocked", shares.blocked), ("overhead", shares.overhead)];
        let most = lost.iter().copied().fold(("", 0.0), |a, b| if b.1 > a.1 { b } else { a });
        format!(
            "the plan leaves processors {} for {} of the time: the ceiling is {ceiling:.2}, and with free transfers, conversions and invocations the strategy still gains {free:.2}",
            most.0,
            percent(most.1)
        )
    };
    format!("{reason}; {accounting}")
}
