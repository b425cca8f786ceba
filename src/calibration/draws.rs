//! How well a few-shot calibration would do, whichever networks had been measured: repeated draws of a handful of networks, scored on
//! all others.

use rand::Rng;
use serde::Serialize;

use super::calibrate::{CalibrateError, Start, refuse};
use super::cross_validation::folds;
use super::goal::Goal;
use super::tables::GroupKey;
use crate::random::{Stream, stream};

/// What came of the draws of one group; errors are mean absolute errors in per cent on the networks not drawn, one for each draw.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrawScores {
    /// Chip as named by the source.
    pub soc: String,
    /// Executor on the profile's SoC.
    pub executor: String,
    /// Precision.
    pub precision: String,
    /// What the calibrations start from.
    pub from: String,
    /// Networks in each draw.
    pub drawn: usize,
    /// Networks that each draw is scored on.
    pub scored: usize,
    /// One factor on the same start.
    pub one_factor_mape_percent: Vec<f64>,
    /// The calibration.
    pub mape_percent: Vec<f64>,
}

/// `size` positions, families taking turns in random order, members of a family in random order.
fn draw(families: &[&str], size: usize, random: &mut Stream) -> Vec<usize> {
    let mut pools = folds(families);
    shuffle(&mut pools, random);
    pools.iter_mut().for_each(|pool| shuffle(pool, random));
    let mut drawn = Vec::new();
    while drawn.len() < size && pools.iter().any(|pool| !pool.is_empty()) {
        for pool in &mut pools {
            if drawn.len() < size {
                drawn.extend(pool.pop());
            }
        }
    }
    drawn.sort_unstable();
    drawn
}

/// Fisher and Yates.
fn shuffle<T>(items: &mut [T], random: &mut Stream) {
    for i in (1..items.len()).rev() {
        // Modulo bias is below 2^-50 for any list of networks.
        items.swap(i, (random.next_u64() % (i as u64 + 1)) as usize);
    }
}

/// Draws `size` networks of a group `draws` times and scores calibrations from them.
///
/// # Errors
/// As [`super::calibrate()`]; also a size that leaves nothing to score.
pub fn few_shot_draws(
    start: &Start<'_>,
    group: &GroupKey,
    draws: u32,
    size: usize,
    seed: u64,
) -> Result<DrawScores, CalibrateError> {
    let goal = Goal::new(start, group)?;
    let samples = goal.samples()?;
    if samples.len() <= size {
        return Err(refuse(
            format!("{} networks have operators and a row, a draw takes {size}", samples.len()),
            "draw fewer, or give more operators",
        ));
    }
    let ready = goal.few(&samples)?;
    let families: Vec<&str> = samples.iter().map(|(network, _)| network.family.as_str()).collect();
    let (mut one_factor, mut transfer) = (Vec::new(), Vec::new());
    for number in 0..draws {
        let chosen = draw(&families, size, &mut stream(seed, "few-shot", &[u64::from(number)]));
        let test: Vec<usize> = (0..samples.len()).filter(|i| !chosen.contains(i)).collect();
        one_factor.push(goal.tested(ready.form, &samples, (ready.one_factor)(&chosen), &test)?.mape);
        transfer.push(goal.tested(ready.form, &samples, (ready.fit)(&chosen), &test)?.mape);
    }
    Ok(DrawScores {
        soc: group.soc.clone(),
        executor: goal.executor.base(),
        precision: goal.precision.id().to_owned(),
        from: ready.from,
        drawn: size,
        scored: samples.len() - size,
        one_factor_mape_percent: one_factor,
        mape_percent: transfer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_stratified_and_repeatable() {
        let families = ["a", "a", "a", "a", "b", "b", "c"];
        let of = |seed| draw(&families, 4, &mut stream(seed, "few-shot", &[0]));
        assert_eq!(of(1), of(1));
        for seed in 0..20 {
            let drawn = of(seed);
            assert_eq!(drawn.len(), 4);
            for family in ["a", "b", "c"] {
                assert!(drawn.iter().any(|&i| families[i] == family), "{drawn:?}");
            }
        }
        assert!((0..20).any(|seed| of(seed) != of(0)));
        assert_eq!(draw(&families, 9, &mut stream(0, "few-shot", &[0])).len(), 7);
    }
}
