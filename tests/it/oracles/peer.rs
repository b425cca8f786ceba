//! The same queues in another simulator, whose means and intervals are on file.

use super::queues::{mean, single, tandem, two_classes};
use super::stations::{Discipline, Law, Stations};
use super::statistics::interval;
use super::{number, numbers, oracle};

/// The mean over 60 runs with that tool's horizon and warm-up equals its mean within 3.9 standard errors of the
/// difference, which a correct pair of simulators exceeds once in ten thousand times.
#[test]
fn another_simulator() {
    let file = oracle("ciw_reference");
    let mut compared = 0;
    for case in file["results"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let fifo =
            |rate, law: Law| move |seed| single(Discipline::Fifo(1), usize::MAX, rate, law.clone(), seed);
        let sharing = |law: Law| move |seed| single(Discipline::Sharing, usize::MAX, 0.7, law.clone(), seed);
        type Build = Box<dyn Fn(u64) -> Stations>;
        let (build, class): (Build, usize) = match name {
            _ if name.starts_with("M/M/1 0.8") => (Box::new(fifo(0.8, Law::Exponential(1.0))), 0),
            "M/M/3 2.4" => {
                let law = Law::Exponential(1.0);
                (Box::new(move |s| single(Discipline::Fifo(3), usize::MAX, 2.4, law.clone(), s)), 0)
            }
            "M/D/1 0.8" => (Box::new(fifo(0.8, Law::Constant(1.0))), 0),
            "M/LogNormal(cv0.5)/1 0.7" => (Box::new(fifo(0.7, Law::LogNormal(1.0, 0.5))), 0),
            "tandem 0.6 mu 1,.8,1.5" => (Box::new(|seed| tandem(&[1.0, 0.8, 1.5], 0.6, seed)), 0),
            "M/M/1/3 lam .9 drop prob" => {
                let law = Law::Exponential(1.0);
                (Box::new(move |s| single(Discipline::Fifo(1), 3, 0.9, law.clone(), s)), 0)
            }
            "priority False class H" => (Box::new(|seed| two_classes(Discipline::Priority, seed)), 0),
            "priority False class L" => (Box::new(|seed| two_classes(Discipline::Priority, seed)), 1),
            "priority resume class H" => (Box::new(|seed| two_classes(Discipline::Preemptive, seed)), 0),
            "priority resume class L" => (Box::new(|seed| two_classes(Discipline::Preemptive, seed)), 1),
            "M/D/1-PS rho .7 (PSNode servers=inf)" => (Box::new(sharing(Law::Constant(1.0))), 0),
            _ if name.starts_with("M/M/1-PS rho .7") => (Box::new(sharing(Law::Exponential(1.0))), 0),
            // What that tool does when asked for sharing by one server: FIFO.
            _ if name.starts_with("M/D/1 rho .7") => (Box::new(fifo(0.7, Law::Constant(1.0))), 0),
            _ => panic!("{name} is not simulated"),
        };
        let horizon = case["horizon"].as_f64().unwrap_or(6000.0);
        let warm_up = case["warmup"].as_f64().unwrap_or(500.0);
        // Twice their 95 % interval of the 95 % quantile: about four standard errors.
        let quantiles = case.get("p95_ci").map(|ci| {
            let (ci, middle) = (numbers(ci), number(&case["p95_mean"]));
            vec![2.0 * ci[0] - middle, 2.0 * ci[1] - middle]
        });
        let (mut means, mut below) = (Vec::new(), [Vec::new(), Vec::new()]);
        for seed in 0..60 {
            let mut stations = build(1000 + seed);
            stations.thresholds = quantiles.clone().unwrap_or_default();
            stations.play(warm_up);
            stations.clear();
            stations.play(horizon);
            let tally = &stations.tallies[class];
            let dropping = name.contains("drop");
            means.push(if dropping { tally.dropped as f64 / tally.offered as f64 } else { mean(tally) });
            for (shares, &count) in below.iter_mut().zip(&tally.within) {
                shares.push(count as f64 / tally.done as f64);
            }
        }
        let replications = number(&case["reps"]);
        let ci = numbers(&case["ci95"]);
        let theirs = number(&case["mean_sojourn"]);
        // Their half-width over Student's t for so many replications is their standard error.
        let t = interval(&spread(replications as usize), 0.95).1;
        let their_error = (ci[1] - ci[0]) / 2.0 / t;
        let (ours, half) = interval(&means, 0.95);
        let our_error = half / 2.0;
        let apart = (ours - theirs).abs() / their_error.hypot(our_error);
        println!("{name}: {ours:.4} here, {theirs:.4} there, {apart:.2} standard errors apart");
        assert!(apart < 3.9, "{name}");
        if quantiles.is_some() {
            let [low, high] = below.map(|shares| interval(&shares, 0.95).0);
            assert!(low < 0.95 && 0.95 < high, "{name}: 95 % quantile, {low} to {high}");
        }
        compared += 1;
    }
    assert_eq!(compared, 15);
}

/// So many values whose standard error is 1.
fn spread(count: usize) -> Vec<f64> {
    let values: Vec<f64> = (0..count).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let n = count as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let error = (variance / n).sqrt();
    values.into_iter().map(|v| v / error).collect()
}
