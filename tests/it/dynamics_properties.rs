//! Laws that hold for every run whose clocks, heat and competing work change.

use crate::dynamics::{Told, on_device, play_all};
use hetsoc::simulation::dynamics::{DynamicsSetup, PowerSource};
use hetsoc::units::SimDuration;
use proptest::prelude::*;

/// The four fastest steps of each domain in MHz.
const TOPS: [(&str, [f64; 4]); 4] = [
    ("silver", [1785.6, 1708.8, 1632.0, 1555.2]),
    ("gold", [2419.2, 2323.2, 2227.2, 2131.2]),
    ("prime", [2841.6, 2745.6, 2649.6, 2534.4]),
    ("gpu", [585.0, 499.2, 427.0, 345.0]),
];

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
    idle: bool,
    caches: bool,
    /// Fastest step that the user allows of silver, gold, prime and GPU, from the top.
    below: [usize; 4],
}

fn recipes() -> impl Strategy<Value = Recipe> {
    let clocks = (0usize..7, 0usize..5, 0usize..4, any::<bool>());
    let heat = (40u32..96, 0usize..3);
    let more = (any::<bool>(), any::<bool>(), proptest::array::uniform4(0usize..4));
    let work = (0u32..4, 0usize..4, 0usize..4, 0u32..25, any::<bool>());
    // Up to a few seconds, so that the vendor's table is read several times.
    let rest = (prop_oneof![0u32..60, 300u32..600], any::<bool>(), any::<u64>());
    (clocks, heat, work, rest, more).prop_map(|(clocks, heat, work, rest, more)| Recipe {
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
        idle: more.0,
        caches: more.1,
        below: more.2,
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
            "[[stream]]\nmodel = \"mobilenet_v2\"\narrivals = {arrivals}\n[strategy]\nname = \"single\"\nparameters = {{ executor = \"{executor}\" }}\n[dynamics]\ncpu_governor = \"{governor}\"\ndevice_governor = \"{device}\"\nmemory_clock = \"{}\"\nbarrier = \"{}\"\nidle_states = {}\ncaches = {}\n[dynamics.thermal]\nambient_celsius = 30\nstart_celsius = {}\n{thermal}\n",
            if self.votes { "votes" } else { "fixed" },
            if self.spin { "spin" } else { "block" },
            self.idle,
            self.caches,
            self.start,
        );
        for ((of, steps), below) in TOPS.iter().zip(self.below) {
            text += &format!("[[dynamics.governor]]\nof = \"{of}\"\nmax_mhz = {}\n", steps[below]);
        }
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

/// No domain runs above the user's limit, above what heat allows as the rules have said, nor above the row of the vendor's table
/// that the told temperatures of the skin put it into, at any instant.
fn caps_hold(
    recipe: &Recipe,
    setup: &DynamicsSetup,
    told: &Told,
    end: hetsoc::units::SimTime,
) -> Result<(), TestCaseError> {
    for (domain, own) in setup.domains.iter().enumerate() {
        let changes: Vec<_> = told.frequencies.iter().filter(|f| usize::from(f.1) == domain).collect();
        prop_assert!(changes.first().is_some_and(|first| first.0.0 == 0), "the first clock is told");
        let user = TOPS.iter().zip(recipe.below).find(|((of, _), _)| *of == own.id);
        let user = user.map_or(f64::INFINITY, |((_, steps), below)| steps[below] * 1e6);
        let caps = told.caps.iter().filter(|cap| usize::from(cap.1) == domain).map(|cap| (cap.0, cap.2.0));
        let vendor = vendor_caps(&own.id, told);
        for limits in [vec![(hetsoc::units::SimTime::ZERO, user)], caps.collect(), vendor] {
            for (i, (from, cap)) in limits.iter().enumerate() {
                let until = limits.get(i + 1).map_or(end, |next| next.0);
                // What stands when the limit comes counts from then on, unless it is replaced at once.
                let standing = changes.iter().rev().find(|f| f.0 <= *from).into_iter();
                for change in standing.chain(changes.iter().filter(|f| f.0 > *from && f.0 < until)) {
                    prop_assert!(
                        until <= *from || change.2.0 <= cap + 0.5e6,
                        "{} at {} since {}: above {cap} from {from}",
                        own.id,
                        change.2.0,
                        change.0
                    );
                }
            }
        }
    }
    Ok(())
}

/// The limits of the Xperia 1's table for a domain by the readings of the skin as they were told, each second.
fn vendor_caps(id: &str, told: &Told) -> Vec<(hetsoc::units::SimTime, f64)> {
    let device = hetsoc::config::Library.device("xperia-1", &[]).unwrap().value;
    let steps = device.thermal.unwrap().throttling.unwrap().steps;
    let (mut level, mut limits) = (0usize, Vec::new());
    for (time, _, skin) in
        told.temperatures.iter().filter(|t| t.1 == 2 && t.0.0 > 0 && t.0.0 % 1_000_000_000_000 == 0)
    {
        let read = (skin.0 * 10.0).floor() / 10.0;
        while level < steps.len() && read >= steps[level].trip.0 - 1e-9 {
            level += 1;
        }
        while level > 0 && read < steps[level - 1].clear.0 - 1e-9 {
            level -= 1;
        }
        let row = level.checked_sub(1).and_then(|row| steps.get(row));
        let cap = row.and_then(|row| row.clocks.iter().find(|(of, _)| of == id));
        limits.push((*time, cap.map_or(f64::INFINITY, |cap| cap.1.0)));
    }
    limits
}

/// What may be pinned at the reference clocks without anybody noticing.
#[derive(Debug, Clone)]
struct Alone {
    model: usize,
    executor: usize,
    governors: [usize; 2],
    period: u32,
    idle: bool,
    caches: bool,
    spin: bool,
    warm: bool,
}

fn alone() -> impl Strategy<Value = Alone> {
    let what = (0usize..3, 0usize..5, [0usize..6, 0usize..6], prop_oneof![Just(0u32), 1u32..120]);
    (what, any::<[bool; 4]>()).prop_map(|((model, executor, governors, period), flags)| Alone {
        model,
        executor,
        governors,
        period,
        idle: flags[0],
        caches: flags[1],
        spin: flags[2],
        warm: flags[3],
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Pinned at the reference clocks and with nobody beside it, every operator takes exactly the time of its table, whoever governs
    /// and however often its cores sleep between requests.
    #[test]
    fn an_uncontended_operator_takes_exactly_its_time_alone(recipe in alone()) {
        let model = ["mobilenet_v1", "mobilenet_v2", "squeezenet1_1"][recipe.model];
        let executor = ["cpu-1large", "cpu-1large3med", "cpu-4small", "cpu-3med", "gpu"][recipe.executor];
        let governors =
            ["performance", "powersave", "ondemand", "conservative", "simple-ondemand", "msm-simple-ondemand"];
        let cpu = ["performance", "powersave", "ondemand", "conservative", "interactive", "schedutil"];
        let arrivals = match recipe.period {
            0 => "{ kind = \"back-to-back\", count = 4 }".to_owned(),
            ms => format!("{{ kind = \"periodic\", period = \"{ms}ms\", count = 4 }}"),
        };
        let mut text = format!(
            "[[stream]]\nmodel = \"{model}\"\narrivals = {arrivals}\n[strategy]\nname = \"single\"\nparameters = {{ executor = \"{executor}\" }}\n[dynamics]\ncpu_governor = \"{}\"\ndevice_governor = \"{}\"\nmemory_clock = \"fixed\"\nbarrier = \"{}\"\nidle_states = {}\ncaches = {}\n",
            cpu[recipe.governors[0]],
            governors[recipe.governors[1]],
            if recipe.spin { "spin" } else { "block" },
            recipe.idle,
            recipe.caches,
        );
        for (of, steps) in TOPS {
            text += &format!("[[dynamics.governor]]\nof = \"{of}\"\nmin_mhz = {}\n", steps[0]);
        }
        if recipe.warm {
            // Warm, but below every trip.
            text += "[dynamics.thermal]\nstart_celsius = 35\nvendor_table = false\n";
        }
        let assembled = on_device("xiaomi-9", &text);
        let stream = assembled.problem.streams[0].clone();
        let (outcome, log, _) = play_all(assembled);
        prop_assert_eq!(outcome.streams[0].latencies.len(), 4);
        for (start, end, placed, operator) in &log.operators {
            let cost = stream.costs.get(*operator, placed.executor).unwrap();
            prop_assert_eq!(end.since(*start), cost.overhead + cost.alone, "operator {}", operator);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

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
        // Domains too: nothing is drawn before it is told.
        for (domain, joules) in dynamics.energy.domains.iter().enumerate() {
            let own: Vec<_> =
                told.powers.iter().filter(|p| p.1 == PowerSource::Domain(domain as u16)).collect();
            let until = |i: usize| own.get(i + 1).map_or(outcome.end, |next| next.0);
            let integral: f64 =
                own.iter().enumerate().map(|(i, p)| p.2 * until(i).since(p.0).seconds()).sum();
            prop_assert!((integral - joules).abs() <= 1e-9 * joules.max(1e-6), "{integral} {joules}");
        }
        // A core that holds a unit does not sleep.
        prop_assert_eq!(dynamics.idle.is_empty(), !recipe.idle);
        for (idle, totals) in dynamics.idle.iter().zip(&outcome.resources) {
            let asleep: SimDuration = idle.states.iter().map(|state| state.time).sum();
            let held: SimDuration = totals.iter().copied().sum();
            prop_assert!(asleep + held <= outcome.end.since(hetsoc::units::SimTime::ZERO));
        }
        caps_hold(&recipe, &setup, &told, outcome.end)?;
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
