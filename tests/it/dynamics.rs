//! Runs whose clocks change.

use crate::build::Log;
use hetsoc::config::{Assembled, assemble, scenario_text};
use hetsoc::diagnostics::SourceText;
use hetsoc::simulation::dynamics::PowerSource;
use hetsoc::simulation::observer::{Observer, PlacedUnit};
use hetsoc::simulation::{Outcome, play, prepare};
use hetsoc::units::{Celsius, Hertz, SimTime};
use std::path::Path;

/// What the dynamics told.
#[derive(Debug, Default)]
pub struct Told {
    pub frequencies: Vec<(SimTime, u16, Hertz)>,
    pub powers: Vec<(SimTime, PowerSource, f64)>,
    pub drawn: Vec<(PlacedUnit, PowerSource, f64)>,
    pub temperatures: Vec<(SimTime, u16, Celsius)>,
    pub caps: Vec<(SimTime, u16, Hertz)>,
}

impl Observer for Told {
    fn frequency(&mut self, now: SimTime, domain: u16, clock: Hertz) {
        self.frequencies.push((now, domain, clock));
    }
    fn power(&mut self, now: SimTime, source: PowerSource, watts: f64) {
        self.powers.push((now, source, watts));
    }
    fn temperature(&mut self, now: SimTime, node: u16, temperature: Celsius) {
        self.temperatures.push((now, node, temperature));
    }
    fn capped(&mut self, now: SimTime, domain: u16, clock: Hertz) {
        self.caps.push((now, domain, clock));
    }
    fn drew(&mut self, _: SimTime, unit: PlacedUnit, source: PowerSource, joules: f64) {
        self.drawn.push((unit, source, joules));
    }
}

pub fn scenario(text: &str) -> Assembled {
    on_device("xiaomi-9", text)
}

pub fn on_device(device: &str, text: &str) -> Assembled {
    let text = format!(
        "schema = 1\nscenario = {{ name = \"test\" }}\ndevice = \"{device}\"\nruntime = \"tflite\"\nnoise = false\n{text}"
    );
    let spec = scenario_text(&SourceText::new("test", text.as_str()), Path::new(""), &[])
        .unwrap_or_else(|e| panic!("{e}"))
        .value;
    assemble(&spec, &[], &[], None).unwrap_or_else(|e| panic!("{e}"))
}

pub fn run(text: &str) -> (Outcome, Log, Told) {
    play_all(scenario(text))
}

pub fn play_all(mut assembled: Assembled) -> (Outcome, Log, Told) {
    if let Some(thermal) = assembled.problem.dynamics.as_mut().and_then(|d| d.thermal.as_mut()) {
        thermal.balance = true;
    }
    let prepared = prepare(&assembled.problem, &mut *assembled.strategy).unwrap();
    let mut observer = (Log::default(), Told::default());
    let outcome = play(&assembled.problem, &prepared, &mut *assembled.strategy, &mut observer).unwrap();
    (outcome, observer.0, observer.1)
}

fn stream(model: &str, executor: &str, arrivals: &str) -> String {
    format!(
        "[[stream]]\nmodel = \"{model}\"\narrivals = {arrivals}\n[strategy]\nname = \"single\"\nparameters = {{ executor = \"{executor}\" }}\n"
    )
}

const TEN: &str = "{ kind = \"back-to-back\", count = 10 }";

#[test]
fn fastest_clocks_change_nothing() {
    for executor in ["cpu-1large", "cpu-1large3med", "cpu-4small", "gpu"] {
        let stream = stream("resnet50", executor, TEN);
        let (still, log, _) = run(&stream);
        let fixed = "[dynamics]\ncpu_governor = \"performance\"\ndevice_governor = \"performance\"\nmemory_clock = \"fixed\"\n";
        let (moving, moved, _) = run(&format!("{stream}{fixed}"));
        assert_eq!(log.operators, moved.operators, "{executor}");
        assert_eq!(log.intervals, moved.intervals);
        assert_eq!(log.completions, moved.completions);
        assert!((still.dram_bytes / moving.dram_bytes - 1.0).abs() < 1e-9);
        assert_eq!(still.events, moving.events, "nothing ticks at a fixed clock");
    }
}

#[test]
fn a_gpu_that_votes_alone_is_as_fast_as_measured() {
    let stream = stream("resnet50", "gpu", TEN);
    let (still, _, _) = run(&stream);
    let votes = "[dynamics]\ncpu_governor = \"performance\"\ndevice_governor = \"performance\"\n";
    let (voted, _, _) = run(&format!("{stream}{votes}"));
    let mean = |o: &Outcome| o.streams[0].latencies.iter().map(|l| l.1.millis()).sum::<f64>() / 10.0;
    println!("highest clocks {} ms, own votes {} ms", mean(&still), mean(&voted));
    assert!((mean(&still) / mean(&voted) - 1.0).abs() < 1e-3);
}

#[test]
fn schedutil_ramps_up_and_energy_adds_up() {
    let stream = stream("resnet50", "cpu-1large3med", TEN);
    let (still, _, _) = run(&stream);
    let (outcome, log, told) = run(&format!("{stream}[dynamics]\n"));
    let first = outcome.streams[0].latencies[0].1.millis();
    let last = outcome.streams[0].latencies[9].1.millis();
    let fastest = still.streams[0].latencies[0].1.millis();
    println!("first {first} ms, last {last} ms, at the highest clock {fastest} ms");
    assert!(first > 1.2 * fastest && last < 1.02 * fastest);
    assert!(told.frequencies.len() > 20);
    let energy = &outcome.dynamics.as_ref().unwrap().energy;
    // The integral of every signal as it was told.
    let end = outcome.end;
    let mut sum = energy.memory + energy.base;
    let mut sources: Vec<PowerSource> = told.powers.iter().map(|p| p.1).collect();
    sources.sort_unstable();
    sources.dedup();
    let mut integral = 0.0;
    for source in sources {
        let own: Vec<_> = told.powers.iter().filter(|p| p.1 == source).collect();
        for (i, (at, _, watts)) in own.iter().enumerate() {
            let until = own.get(i + 1).map_or(end, |next| next.0);
            integral += watts * until.since(*at).seconds();
        }
    }
    let idle: f64 = energy.resources.iter().chain(&energy.domains).sum();
    sum += idle;
    assert!((sum / energy.total() - 1.0).abs() < 1e-12);
    println!("told {integral} J, signals {idle} J, all {sum} J");
    assert!(integral <= idle && integral > 0.9 * idle, "parts that never change are not told");
    let charged: f64 = told.drawn.iter().filter(|d| d.1 != PowerSource::Memory).map(|d| d.2).sum();
    assert!((charged / outcome.dynamics.as_ref().unwrap().charged_joules - 1.0).abs() < 1e-9);
    let memory: f64 = told.drawn.iter().filter(|d| d.1 == PowerSource::Memory).map(|d| d.2).sum();
    assert!((memory / energy.memory - 1.0).abs() < 1e-9, "{memory} {}", energy.memory);
    assert_eq!(log.operators.len() as u64, outcome.operators);
}

#[test]
fn heat_is_conserved_and_caps_hold() {
    let stream = stream("vgg16", "cpu-1large3med", "{ kind = \"back-to-back\" }");
    let text =
        "[stop]\nuntil = \"60s\"\n[dynamics]\n[dynamics.thermal]\nambient_celsius = 35\nstart_celsius = 70\n";
    let (outcome, _, told) = run(&format!("{stream}{text}"));
    let dynamics = outcome.dynamics.as_ref().unwrap();
    let heat = dynamics.heat;
    println!("{heat:?} {:?} {} events", dynamics.temperatures, outcome.events);
    assert!((heat.generated - heat.lost - heat.stored).abs() < 1e-9 * heat.generated.abs());
    // Every watt heats a node.
    assert!((heat.generated / dynamics.energy.total() - 1.0).abs() < 1e-9);
    let hottest = told.temperatures.iter().filter(|t| t.1 == 0).map(|t| t.2.0).fold(0.0, f64::max);
    let slowed = told.frequencies.iter().filter(|f| f.0.seconds() > 5.0).count();
    println!("hottest {hottest}, {slowed} changes of clock after 5 s");
    assert!(hottest > 90.0 && hottest < 95.0 && slowed > 10);
}

#[test]
fn a_core_that_heat_takes_offline_slows_its_set() {
    // At 45.5 degrees of the case the table of the Xperia 1 takes the prime core away and leaves gold 2016 MHz.
    let text = "[stop]\nuntil = \"4s\"\n[dynamics]\ncpu_governor = \"performance\"\n[dynamics.thermal]\nambient_celsius = 45.5\n";
    let stream = |executor: &str| stream("mobilenet_v1", executor, "{ kind = \"back-to-back\" }");
    let last = |executor: &str| {
        let (outcome, _, told) = play_all(on_device("xperia-1", &format!("{}{text}", stream(executor))));
        let own = &outcome.streams[0].latencies;
        println!("{executor}: {} ms, then {} ms", own[0].1.millis(), own[own.len() - 1].1.millis());
        for (now, domain, clock) in &told.frequencies {
            if *domain == 2 && now.seconds() > 1.0 {
                assert!(clock.0 <= 2.0161e9);
            }
        }
        own[own.len() - 1].1.millis() / own[0].1.millis()
    };
    // One large core becomes a medium one at 2016 instead of 2841.6 MHz.
    let one = last("cpu-1large");
    assert!(one > 1.2 && one < 1.5, "{one}");
    // Four cores become three, one of which does the work of two.
    let four = last("cpu-1large3med");
    assert!(four > 2.0 && four < 3.0, "{four}");
}
