//! Laws that hold for every run whose clocks, heat and competing work change.

use crate::dynamics::{on_device, play_all};
use hetsoc::simulation::dynamics::PowerSource;
use hetsoc::units::SimDuration;
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Recipe {
    governor: usize,
    device_governor: usize,
    executor: usize,
    votes: bool,
    start: u32,
    thermal: usize,
    threads: u32,
    on: usize,
    hz: usize,
    traffic: u32,
    spin: bool,
    period: u32,
    noise: bool,
    seed: u64,
}

fn recipes() -> impl Strategy<Value = Recipe> {
    let clocks = (0usize..7, 0usize..5, 0usize..4, any::<bool>());
    let heat = (40u32..96, 0usize..3);
    let work = (0u32..4, 0usize..4, 0usize..4, 0u32..25, any::<bool>());
    (clocks, heat, work, (0u32..60, any::<bool>(), any::<u64>())).prop_map(|(clocks, heat, work, rest)| {
        Recipe {
            governor: clocks.0,
            device_governor: clocks.1,
            executor: clocks.2,
            votes: clocks.3,
            start: heat.0,
            thermal: heat.1,
            threads: work.0,
            on: work.1,
            hz: work.2,
            traffic: work.3,
            spin: work.4,
            period: rest.0,
            noise: rest.1,
            seed: rest.2,
        }
    })
}

impl Recipe {
    fn text(&self) -> String {
        let governor =
            ["performance", "powersave", "ondemand", "conservative", "interactive", "schedutil", "schedutil"]
                [self.governor];
        let device = ["performance", "powersave", "simple-ondemand", "msm-simple-ondemand", "adreno-tz"]
            [self.device_governor];
        let executor = ["cpu-1large", "cpu-1large3med", "cpu-4small", "gpu"][self.executor];
        let arrivals = if self.period == 0 {
            "{ kind = \"back-to-back\", count = 6 }".to_owned()
        } else {
            format!("{{ kind = \"periodic\", period = \"{}ms\", count = 6 }}", self.period)
        };
        let thermal = [
            "governor = \"step-wise\"",
            "governor = \"power-allocator\"\nsustainable_mw = 2500\nswitch_on_celsius = 60\ncontrol_celsius = 80",
            "governor = \"none\"",
        ][self.thermal];
        let mut text = format!(
            "[[stream]]\nmodel = \"mobilenet_v2\"\narrivals = {arrivals}\n[strategy]\nname = \"single\"\nparameters = {{ executor = \"{executor}\" }}\n[dynamics]\ncpu_governor = \"{governor}\"\ndevice_governor = \"{device}\"\nmemory_clock = \"{}\"\nbarrier = \"{}\"\n[dynamics.thermal]\nambient_celsius = 30\nstart_celsius = {}\n{thermal}\n",
            if self.votes { "votes" } else { "fixed" },
            if self.spin { "spin" } else { "block" },
            self.start,
        );
        if self.threads > 0 {
            let on = ["on = \"cpu5\"\n", "on = \"prime\"\n", "on = \"silver\"\n", ""][self.on];
            text += &format!(
                "[[background]]\nname = \"app\"\nkind = \"thread\"\n{on}count = {}\ngb_per_s = 2\nbursts = {{ gap = {{ mean = \"4ms\" }}, length = {{ median = \"3ms\", sigma = 0.5 }} }}\n",
                self.threads
            );
        }
        if self.hz > 0 {
            text += &format!(
                "[[background]]\nname = \"ui\"\nkind = \"render\"\non = \"gpu\"\nhz = {}\nframe = {{ median = \"3ms\", sigma = 0.4 }}\ngb_per_s = 4\n",
                [60, 90, 120][self.hz - 1]
            );
        }
        if self.traffic > 0 {
            text += &format!(
                "[[background]]\nname = \"camera\"\nkind = \"traffic\"\ngb_per_s = {}\n",
                self.traffic
            );
        }
        text
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn time_energy_heat_bytes_and_caps_add_up(recipe in recipes()) {
        let mut assembled = on_device("xperia-1", &recipe.text());
        assembled.problem.noise = recipe.noise;
        assembled.problem.seed = recipe.seed;
        let setup = assembled.problem.dynamics.clone().unwrap();
        let joules_per_byte = assembled.problem.platform.dram_joules_per_byte;
        let (outcome, log, told) = play_all(assembled);
        prop_assert_eq!(outcome.streams[0].latencies.len(), 6);
        // busy + overhead + blocked + suspended + idle = time, in integers.
        for resource in 0..outcome.resources.len() {
            let mut last = 0;
            let mut totals = [0u64; 4];
            for interval in log.intervals.iter().filter(|i| usize::from(i.resource.0) == resource) {
                prop_assert!(interval.start.0 >= last && interval.end > interval.start);
                last = interval.end.0;
                totals[interval.activity as usize] += interval.end.since(interval.start).0;
            }
            prop_assert!(last <= outcome.end.0);
            prop_assert_eq!(totals.map(SimDuration), outcome.resources[resource]);
        }
        let dynamics = outcome.dynamics.as_ref().unwrap();
        // Energy is the integral of the powers as they were told; parts that never change are told at their start or idle.
        for (resource, joules) in dynamics.energy.resources.iter().enumerate() {
            let idle = setup.domains[usize::from(setup.domain_of[resource])].power.idle.value.0;
            let (mut at, mut watts, mut integral) = (hetsoc::units::SimTime::ZERO, idle, 0.0);
            for (time, source, now) in &told.powers {
                if *source == PowerSource::Resource(hetsoc::soc::ResourceId(resource as u16)) {
                    integral += watts * time.since(at).seconds();
                    (at, watts) = (*time, *now);
                }
            }
            integral += watts * outcome.end.since(at).seconds();
            prop_assert!((integral - joules).abs() <= 1e-9 * joules.max(1e-6), "{integral} {joules}");
        }
        // Heat in = stored + out, and every joule becomes heat.
        let heat = dynamics.heat;
        prop_assert!((heat.generated - heat.lost - heat.stored).abs() < 1e-7 * heat.generated.max(1e-3));
        prop_assert!((heat.generated / dynamics.energy.total() - 1.0).abs() < 1e-7);
        // Units are charged no more than was drawn.
        let drawn: f64 = dynamics.energy.resources.iter().chain(&dynamics.energy.domains).sum();
        prop_assert!(dynamics.charged_joules <= drawn * (1.0 + 1e-9));
        // Bytes moved = bytes served.
        let mut served = 0.0;
        for (i, (time, rate)) in log.bandwidth.iter().enumerate() {
            let until = log.bandwidth.get(i + 1).map_or(outcome.end, |next| next.0);
            served += rate * until.since(*time).seconds();
        }
        let competing: f64 = dynamics.background.iter().map(|b| b.bytes).sum();
        let moved = dynamics.served_bytes + competing;
        prop_assert!((served - moved).abs() <= 1e-6 * moved.max(1.0), "{served} {moved}");
        prop_assert!((served * joules_per_byte - dynamics.energy.memory).abs() <= 1e-6 * dynamics.energy.memory.max(1e-9));
        // Clocks are steps within the limits of their domains.
        for (_, domain, clock) in &told.frequencies {
            let opps = &setup.domains[usize::from(*domain)].opps;
            prop_assert!(opps.points.iter().any(|opp| (opp.clock.0 - clock.0).abs() < 1e3));
        }
        // A hot die holds everything at the slowest step.
        if recipe.start >= 95 {
            for domain in 0..setup.domains.len() as u16 {
                let hot = told.frequencies.iter().filter(|f| f.1 == domain && f.0.seconds() > 0.0101 && f.0.seconds() < 0.02);
                for (_, _, clock) in hot {
                    prop_assert!(clock.0 <= setup.domains[usize::from(domain)].opps.points[0].clock.0 + 1e3);
                }
            }
        }
    }
}
