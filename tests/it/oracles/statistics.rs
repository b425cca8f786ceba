//! Intervals and their coverage.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Mean and half-width of the interval at this two-sided level, by Student's t.
pub fn interval(values: &[f64], level: f64) -> (f64, f64) {
    let n = values.len() as f64;
    let (mean, error) = mean_and_error(values);
    let t = StudentsT::new(0.0, 1.0, n - 1.0).unwrap().inverse_cdf(0.5 + level / 2.0);
    (mean, t * error)
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

/// Over 200 seeds the 95 % interval of every statistic must cover its theoretical value in 91 to 98 % of the
/// runs, and the mean over the seeds must lie within its own 99.99 % interval. `run(seed)` gives the values of each
/// statistic in the batches of one run.
///
/// A perfect interval leaves the band in one of thirty statistics by chance, and there are about a hundred. So where 200
/// seeds fail, 600 more are added and all 800 are judged by the same rule, which chance passes but for one in ten
/// thousand. No seed is ever chosen.
///
/// A statistic called "only the mean ..." is too rare for batch means at the run's length: its mean over the seeds is judged, its
/// intervals are not.
pub fn coverage(case: &str, theory: &[(&str, f64)], run: impl Fn(u64) -> Vec<Vec<f64>>) {
    let mut covered = vec![0u32; theory.len()];
    let mut means = vec![Vec::new(); theory.len()];
    let mut critical = None;
    let mut failures = Vec::new();
    for seeds in [0..200u64, 200..800] {
        let judged = seeds.end;
        for seed in seeds {
            let statistics = run(seed);
            assert_eq!(statistics.len(), theory.len(), "{case}");
            for (at, batches) in statistics.iter().enumerate() {
                let t = *critical.get_or_insert_with(|| {
                    let freedom = batches.len() as f64 - 1.0;
                    StudentsT::new(0.0, 1.0, freedom).unwrap().inverse_cdf(0.975)
                });
                let (mean, error) = mean_and_error(batches);
                covered[at] += u32::from((mean - theory[at].1).abs() <= t * error);
                means[at].push(mean);
            }
        }
        failures.clear();
        for (at, (what, expected)) in theory.iter().enumerate() {
            let (mean, half) = interval(&means[at], 0.9999);
            let share = f64::from(covered[at]) / judged as f64;
            let line = format!(
                "{case}: {what} covered by {:.1} % of {judged}, mean {mean:.5} +- {half:.5}, theory {expected:.5}",
                share * 100.0
            );
            println!("{line}");
            let judged_by_coverage = !what.starts_with("only the mean");
            if (judged_by_coverage && !(0.91..=0.98).contains(&share)) || (mean - expected).abs() > half {
                failures.push(line);
            }
        }
        if failures.is_empty() {
            return;
        }
    }
    panic!("{}", failures.join("\n"));
}
