//! Costs re-timed to other clocks against machines compiled at these clocks.

use crate::profiles::machine;
use hetsoc::config::Library;
use hetsoc::config::model_file::load_model;
use hetsoc::physics::{ClockRatios, Clocks, Machine, ScalingTable};
use hetsoc::soc::ExecutorId;
use hetsoc::units::Hertz;

/// Largest and mean relative error over all operators and executors, and their number.
fn errors(device: &str, runtime: &str, model: &str, settings: &[(&str, f64)]) -> (f64, f64, usize) {
    let profile = Library.device(device, &[]).unwrap().value;
    let soc = Library.soc(&profile.soc, &[]).unwrap().value;
    let rules = Library.runtime(&soc.id, runtime, &[]).unwrap().value.lowering;
    let graph = load_model(model, &[]).unwrap().lowered(&rules).unwrap();
    let pairs: Vec<(String, Hertz)> =
        settings.iter().map(|(of, mhz)| ((*of).to_owned(), Hertz(mhz * 1e6))).collect();
    let reference = machine(device, runtime, &[], &Clocks::default());
    let other = machine(device, runtime, &[], &Clocks::of(&pairs));
    let ids: Vec<&str> =
        soc.clusters.iter().map(|c| c.id.as_str()).chain(soc.devices.iter().map(|d| d.id.as_str())).collect();
    let tables = soc.clusters.iter().map(|c| &c.opps).chain(soc.devices.iter().map(|d| &d.opps));
    let processors = ids
        .iter()
        .zip(tables)
        .map(|(id, opps)| match settings.iter().find(|(of, _)| of == id) {
            Some((_, mhz)) => opps.highest().clock.0 / opps.at_least(Hertz(mhz * 1e6)).clock.0,
            None => 1.0,
        })
        .collect();
    let rate = |machine: &Machine| machine.platform.memory_bandwidth.unwrap().0;
    let clocks = ClockRatios { processors, memory: rate(&reference) / rate(&other) };
    let scaling: ScalingTable = reference.scaling_table(&graph, ids.len());
    let (at, now) = (reference.cost_table(&graph).unwrap(), other.cost_table(&graph).unwrap());
    let (mut worst, mut sum, mut count) = (0.0f64, 0.0, 0);
    for operator in 0..graph.operators.len() as u32 {
        for executor in 0..at.executors() as u16 {
            let executor = ExecutorId(executor);
            let (Some(before), Some(after)) = (at.get(operator, executor), now.get(operator, executor))
            else {
                continue;
            };
            let pairs = [
                (before.alone, after.alone, scaling.execution(operator, executor, &clocks, 1.0)),
                (before.overhead, after.overhead, scaling.overhead(operator, executor, &clocks)),
            ];
            for (before, after, slowdown) in pairs {
                if after.0 > 0 {
                    // Both are rounded to picoseconds.
                    let difference = (before.0 as f64 * slowdown - after.0 as f64).abs();
                    let error = (difference - slowdown - 1.0).max(0.0) / after.0 as f64;
                    worst = worst.max(error);
                    sum += error;
                    count += 1;
                }
            }
        }
    }
    for executor in 0..at.executors() as u16 {
        let invocation =
            |machine: &Machine| machine.platform.executor(ExecutorId(executor)).invocation.0 as f64;
        let slowest = clocks.slowest(reference.invocation_domains(ExecutorId(executor)));
        assert!(
            (invocation(&reference) * slowest - invocation(&other)).abs() <= 1e-9 * invocation(&other) + 1.0
        );
    }
    (worst, sum / f64::from(count as u32), count)
}

#[test]
fn retimed_costs_equal_recompiled_ones() {
    let clocks: [&[(&str, f64)]; 6] = [
        &[],
        &[("gold", 1401.6)],
        &[("prime", 825.6), ("gold", 2016.0), ("silver", 300.0)],
        &[("gpu", 257.0)],
        &[("memory", 768.0)],
        &[("memory", 300.0), ("gpu", 427.0), ("prime", 1708.8), ("silver", 1209.6)],
    ];
    for (runtime, models) in [
        ("tflite", ["resnet50", "mobilenet_v2"]),
        ("mace", ["googlenet", "vgg16"]),
        ("ncnn", ["vgg16", "resnet18"]),
    ] {
        for model in models {
            for settings in clocks {
                if Library.runtime("snapdragon-855", runtime, &[]).is_err() {
                    continue;
                }
                let (worst, mean, count) = errors("xiaomi-9", runtime, model, settings);
                println!("{runtime} {model} {settings:?}: worst {worst:.2e}, mean {mean:.2e}, {count} times");
                assert!(count > 50);
                // MACE deals tiles out as its cores become free, and bounds a set's traffic by the rates of its cores: neither is
                // followed tile by tile and core by core.
                let (most, on_average) = if runtime == "mace" { (0.25, 0.012) } else { (1e-9, 1e-9) };
                assert!(
                    worst < most && mean < on_average,
                    "{runtime} {model} {settings:?}: {worst:e} {mean:e}"
                );
            }
        }
    }
    for device in ["orange-pi-5", "raspberry-pi-5"] {
        let (worst, _, count) = errors(device, "ncnn", "resnet18", &[("memory", 0.0)][..0]);
        println!("{device}: {worst:.2e} over {count}");
        assert!(worst == 0.0);
    }
}
