//! Clocks that a strategy chooses, on shipped devices.

use crate::dynamics::on_device;
use hetsoc::config::Assembled;
use hetsoc::config::plan_file::{read_plans, write_plans};
use hetsoc::diagnostics::SourceText;
use hetsoc::experiment::{ExplainOptions, RunOptions, RunResult, explain, run_scenario};
use hetsoc::simulation::{Outcome, play, prepare};
use hetsoc::strategy::Replay;

/// Requests for a model with a period and a deadline in ms, a strategy with parameters, and what else a scenario has.
fn camera(model: &str, period: u32, strategy: &str, rest: &str) -> String {
    let (name, parameters) = strategy.split_once(' ').unwrap_or((strategy, ""));
    format!(
        "[[stream]]\nmodel = \"{model}\"\narrivals = {{ kind = \"periodic\", period = \"{period}ms\", count = 5 }}\n\
         deadline = \"{period}ms\"\n[strategy]\nname = \"{name}\"\nparameters = {{ {parameters} }}\n{rest}"
    )
}

/// As `camera`, with these executors only.
fn on(executors: &str, text: &str) -> Assembled {
    on_device("xperia-1", &format!("executors = [{executors}]\n{text}"))
}

fn run(mut assembled: Assembled) -> RunResult {
    run_scenario(&mut assembled, RunOptions { record: false, baseline: false }, &mut |_| {}).unwrap()
}

fn outcome(mut assembled: Assembled) -> Outcome {
    let prepared = prepare(&assembled.problem, &mut *assembled.strategy).unwrap();
    play(&assembled.problem, &prepared, &mut *assembled.strategy, &mut ()).unwrap()
}

fn joules(outcome: &Outcome) -> f64 {
    outcome.dynamics.as_ref().unwrap().energy.total()
}

fn refusal(assembled: &mut Assembled) -> String {
    prepare(&assembled.problem, &mut *assembled.strategy).unwrap_err().to_string()
}

fn userspace(clocks: &[(&str, f64)]) -> String {
    let one = |(of, mhz): &(&str, f64)| {
        format!("[[dynamics.governor]]\nof = \"{of}\"\nname = \"userspace\"\nmhz = {mhz}\n")
    };
    format!("[dynamics]\n{}", clocks.iter().map(one).collect::<String>())
}

const BIG: &str = "\"cpu-1large3med\"";
const SINGLE: &str = "single executor = \"cpu-1large3med\"";

/// Four steps of each of two clusters: every pair is played with userspace governors, and the cheapest run that leaves the margin is
/// what was chosen. A wrong equation of time, power or window on a real profile shows here.
#[test]
fn the_choice_is_the_best_of_all_runs_with_fixed_clocks() {
    let (gold, prime) = ([1401.6, 1612.8, 1804.8, 2016.0], [1497.6, 1708.8, 1920.0, 2131.2]);
    let mut best = (f64::INFINITY, [0.0; 2]);
    for a in gold {
        for b in prime {
            let clocks = userspace(&[("gold", a), ("prime", b)]);
            let run = outcome(on(BIG, &camera("mobilenet-v2", 25, SINGLE, &clocks)));
            let met = run.streams[0].latencies.iter().all(|(_, latency)| latency.millis() <= 0.9 * 25.0);
            if met && joules(&run) < best.0 {
                best = (joules(&run), [a, b]);
            }
        }
    }
    let limits = "[dynamics]\n[[dynamics.governor]]\nof = \"gold\"\nmin_mhz = 1401\nmax_mhz = 2016\n\
                  [[dynamics.governor]]\nof = \"prime\"\nmin_mhz = 1497\nmax_mhz = 2132\n";
    let all = run(on(BIG, &camera("mobilenet-v2", 25, "frequency base = \"single\"", limits)));
    let chosen: Vec<(String, f64)> =
        all.clocks.iter().map(|(of, clock)| (of.clone(), clock.0 / 1e6)).collect();
    println!("best {best:?}, chosen {chosen:?}, {:?}", all.summary.strategy_notes);
    let text = &all.summary.strategy_notes[0];
    // The limits leave other steps between those four; what is chosen is no worse than any of the sixteen.
    assert!(text.contains("vectors of steps tried"), "{text}");
    let own = joules(&all.outcome);
    assert!(own <= best.0 * (1.0 + 1e-9), "{own} {best:?}");
    let slowest = all.outcome.streams[0].latencies.iter().map(|l| l.1.millis()).fold(0.0, f64::max);
    assert!(slowest <= 0.9 * 25.0 * 1.001, "{slowest}");
    let (a, b) = (chosen[0].1, chosen[1].1);
    let same =
        outcome(on(BIG, &camera("mobilenet-v2", 25, SINGLE, &userspace(&[("gold", a), ("prime", b)]))));
    assert_eq!(same.streams, all.outcome.streams, "the same run as with these clocks held by the scenario");
    assert_eq!(same.dynamics, all.outcome.dynamics);
    // Its neighbours are worse or late: down and up by one step on each cluster.
    for (da, db) in [(1, 0), (-1, 0), (0, 1), (0, -1)] {
        let steps = |of: &str, at: f64, by: i32| -> f64 {
            let setup =
                &on(BIG, &camera("mobilenet-v2", 25, SINGLE, "[dynamics]\n")).problem.dynamics.unwrap();
            let domain = setup.domains.iter().find(|domain| domain.id == of).unwrap();
            let all: Vec<f64> = domain.opps.points.iter().map(|opp| opp.clock.0 / 1e6).collect();
            let position = all.iter().position(|mhz| (mhz - at).abs() < 0.1).unwrap() as i32 + by;
            all[position as usize]
        };
        let near = userspace(&[("gold", steps("gold", a, da)), ("prime", steps("prime", b, db))]);
        let near = outcome(on(BIG, &camera("mobilenet-v2", 25, SINGLE, &near)));
        let late = near.streams[0].latencies.iter().any(|(_, latency)| latency.millis() > 0.9 * 25.0);
        println!("{da} {db}: {} J, late {late}; chosen {own} J", joules(&near));
        assert!(late || joules(&near) >= own * (1.0 - 1e-9));
    }
}

/// Clocks that the scenario fixes compute the costs anew; clocks that are set scale them. Both must come to the same.
#[test]
fn clocks_set_are_clocks_fixed() {
    let rest = "[dynamics]\nmemory_clock = \"fixed\"\n";
    for (executor, period) in [("cpu-1large", 60), ("cpu-3med", 30)] {
        let only = format!("\"{executor}\"");
        let set = run(on(&only, &camera("mobilenet-v2", period, "frequency base = \"single\"", rest)));
        let (of, clock) = &set.clocks[0];
        let fixed = format!("[[clock]]\nof = \"{of}\"\nmhz = {}\n{rest}", clock.0 / 1e6);
        let fixed = outcome(on(&only, &camera("mobilenet-v2", period, "single", &fixed)));
        let mean = |o: &Outcome| o.streams[0].latencies.iter().map(|l| l.1.millis()).sum::<f64>() / 5.0;
        let (ms, j) = ((mean(&set.outcome), mean(&fixed)), (joules(&set.outcome), joules(&fixed)));
        println!("{of} at {clock}: {ms:?} ms, {j:?} J");
        assert!((ms.0 / ms.1 - 1.0).abs() < 1e-6 && (j.0 / j.1 - 1.0).abs() < 1e-6);
    }
}

/// Gold needs 0.756 V up to 1401.6 MHz and prime up to 1708.8: slower saves no energy of work that follows the clock, while the cluster is
/// awake for longer.
#[test]
fn no_step_is_chosen_where_voltage_is_flat() {
    for (executor, floor) in [("cpu-1med", 1401.6), ("cpu-1large", 1708.8)] {
        for model in ["efficientnet-b0", "resnet18"] {
            let single = format!("\"{executor}\"");
            let result = run(on(
                &single,
                &camera(model, 900, "frequency base = \"single\"", "[dynamics]\nmemory_clock = \"fixed\"\n"),
            ));
            println!("{model} on {executor}: {:?}", result.clocks);
            assert!(result.clocks[0].1.0 / 1e6 >= floor - 0.1);
        }
    }
}

/// 30 frames a second on a phone, everything at its fastest against chosen clocks.
#[test]
fn a_camera_needs_less_energy_than_at_the_fastest_clocks() {
    for (model, executors) in
        [("mobilenet-v2", "\"gpu\""), ("efficientnet-b0", "\"cpu-1large3med\", \"gpu\"")]
    {
        let fastest = "[dynamics]\ncpu_governor = \"performance\"\ndevice_governor = \"performance\"\n";
        let performance = run(on(executors, &camera(model, 33, "single", fastest)));
        let chosen = run(on(executors, &camera(model, 33, "frequency", "[dynamics]\n")));
        let missed = |r: &RunResult| r.summary.chains[0].deadline.as_ref().unwrap().missed;
        let (before, after) = (joules(&performance.outcome), joules(&chosen.outcome));
        println!("{model}: {before} J at the fastest, {after} J chosen, {:?}", chosen.clocks);
        assert_eq!((missed(&performance), missed(&chosen)), (0, 0));
        assert!(after < 0.97 * before);
        assert!(chosen.summary.warnings.iter().all(|warning| !warning.contains("deadline")));
        assert_eq!(chosen.summary.setup.as_ref().unwrap().set_clocks.len(), chosen.clocks.len());
        assert!(chosen.summary.strategy_notes.iter().any(|note| note.contains("not validated")));
    }
}

/// What is chosen is no dearer, by its own measure, than the clocks that are best for any one of the placements.
#[test]
fn placement_is_chosen_with_the_clocks() {
    let executors = "\"cpu-1large\", \"cpu-4small\", \"gpu\"";
    let text = |strategy: &str| camera("efficientnet-b0", 60, strategy, "[dynamics]\n");
    let both = joules(&run(on(executors, &text("frequency"))).outcome);
    let mut chosen = Vec::new();
    for alone in ["\"cpu-1large\"", "\"cpu-4small\"", "\"gpu\""] {
        let own = run(on(alone, &text("frequency base = \"single\"")));
        let late = own.summary.warnings.iter().any(|warning| warning.contains("deadline"));
        println!("{alone}: {} J, late {late}; together {both} J", joules(&own.outcome));
        assert!(late || both <= joules(&own.outcome) * 1.002);
        chosen.push(own.clocks);
    }
    let heft = run(on(executors, &text("frequency base = \"heft\"")));
    assert_eq!(heft.plans, run(on(executors, &text("heft"))).plans, "a base places as it does alone");
}

/// A deadline that belongs to a chain leaves less for the model: processing before it takes its part.
#[test]
fn stages_of_a_given_time_take_their_part_of_a_deadline() {
    let chain = |before: &str| {
        let text = format!(
            "[[stream]]\nname = \"frame\"\n{before}\narrivals = {{ kind = \"periodic\", period = \"60ms\", count = 5 }}\n\
             deadline = \"60ms\"\n[[stream.stage]]\nname = \"classify\"\nmodel = \"mobilenet-v2\"\n[strategy]\nname = \"frequency\"\n\
             parameters = {{ base = \"single\" }}\n[dynamics]\n"
        );
        run(on("\"cpu-1large\"", &text))
    };
    let (short, long) = (chain("cpu_time = { mean = \"1ms\" }"), chain("cpu_time = { mean = \"15ms\" }"));
    let clock = |result: &RunResult| result.clocks[0].1.0 / 1e6;
    println!("{} MHz behind 1 ms, {} MHz behind 15 ms", clock(&short), clock(&long));
    println!("{:?}", long.summary.strategy_notes);
    assert!(clock(&long) > clock(&short));
    for result in [&short, &long] {
        assert_eq!(result.summary.chains[0].deadline.as_ref().unwrap().missed, 0);
    }
}

/// Written, read and replayed, a plan runs at the same clocks; where it cannot, it is refused.
#[test]
fn plans_carry_clocks() {
    let assembled = on(BIG, &camera("mobilenet-v2", 40, "frequency base = \"heft\"", "[dynamics]\n"));
    let platform = assembled.problem.platform.clone();
    let sizes = [assembled.problem.streams[0].dag.len()];
    let played = run(assembled);
    let text = write_plans(&played.plans, &[], &played.clocks, &platform).unwrap();
    assert!(text.contains("\"clocks\""));
    let again = |text: &str, rest: &str| {
        let stored = read_plans(&SourceText::new("plan", text), &platform, &sizes).unwrap();
        let mut scenario = on(BIG, &camera("mobilenet-v2", 40, "single", rest));
        scenario.strategy = Box::new(Replay::new(stored.plans).with_clocks(stored.clocks));
        scenario
    };
    let replayed = outcome(again(&text, "[dynamics]\n"));
    assert_eq!((&replayed.streams, &replayed.dynamics), (&played.outcome.streams, &played.outcome.dynamics));
    let gold = played.clocks.iter().find(|(of, _)| of == "gold").unwrap().1.0 / 1e6;
    let refused = |text: &str, rest: &str, expected: &str| {
        let message = refusal(&mut again(text, rest));
        println!("{message}");
        assert!(message.contains(expected), "{message}");
    };
    refused(&text, "", "[dynamics]");
    refused(&text, &userspace(&[("gold", 1401.6)]), "governor of its own");
    refused(&text, "[[clock]]\nof = \"gold\"\nmhz = 1401.6\n[dynamics]\n", "fixed");
    refused(&text.replace("\"gold\"", "\"silber\""), "[dynamics]\n", "there are silver, gold");
    refused(&text.replace(&format!("{gold:?}"), "1234.5"), "[dynamics]\n", "no step at 1234.5 MHz");
    refused(&text.replace("\"prime\"", "\"gold\""), "[dynamics]\n", "");
    let negative = text.replace(&format!("{gold:?}"), "-1");
    let error = read_plans(&SourceText::new("plan", negative), &platform, &sizes).unwrap_err().to_string();
    assert!(error.contains("-1 MHz"), "{error}");
}

/// Heat goes before the strategy, and the person hears of it.
#[test]
fn caps_by_heat_win() {
    let hot =
        "[stop]\nuntil = \"40s\"\n[dynamics]\n[dynamics.thermal]\nambient_celsius = 35\nstart_celsius = 70\n";
    let text = camera("vgg16", 40, "frequency base = \"single\", minimise = \"latency\"", hot)
        .replace("kind = \"periodic\", period = \"40ms\", count = 5", "kind = \"back-to-back\"");
    let result = run(on_device("xiaomi-9", &format!("executors = [{BIG}]\n{text}")));
    let clocks = &result.summary.dynamics.as_ref().unwrap().clocks;
    println!("{clocks:?} {:?}", result.summary.warnings);
    assert!(result.summary.warnings.iter().any(|warning| warning.starts_with("heat kept")));
}

/// The bounds of an explanation are runs at the same clocks; at those of the governor they would be far shorter or longer.
#[test]
fn explanations_keep_the_clocks() {
    let text = camera(
        "mobilenet-v2",
        100,
        "frequency base = \"single\"",
        "[dynamics]\ncpu_governor = \"performance\"\n",
    );
    let mut assembled = on("\"cpu-1large\"", &text);
    let options = ExplainOptions { stream: None, request: Some(2), operators: 1 };
    let explained = explain(&mut assembled, &options).unwrap();
    let alone = explained.what_if.iter().find(|what| what.change.contains("memory bandwidth")).unwrap();
    println!("{:?}", explained.what_if);
    assert!(alone.saves_percent.unwrap().abs() < 0.1, "nobody else uses memory: nothing is saved");
}

/// Everything that a person can get wrong is refused with what to do instead.
#[test]
fn wrong_settings_are_refused() {
    let plan =
        |strategy: &str, rest: &str| refusal(&mut on(BIG, &camera("mobilenet-v2", 40, strategy, rest)));
    for (strategy, rest, expected) in [
        ("frequency", "", "add a [dynamics] table"),
        ("frequency base = \"eft\"", "[dynamics]\n", "decides while it runs"),
        ("frequency base = \"band\"", "[dynamics]\n", "decides while it runs"),
    ] {
        let message = plan(strategy, rest);
        println!("{message}");
        assert!(message.contains(expected), "{message}");
    }
    let platform = on(BIG, &camera("mobilenet-v2", 40, "single", "")).problem.platform;
    for (spec, expected) in [
        ("frequency[base=frequency]", "another strategy than itself"),
        ("frequency[base=hefd]", "did you mean `heft`"),
        ("frequency[minimise=power]", "`energy` or `latency` or `edp`"),
        ("frequency[margin=100]", "0 to 99"),
        ("frequency[deadline-ms=0]", "above 0"),
        ("frequency[energy-mj=-3]", "above 0"),
        ("frequency[energy-mj=much]", "above 0"),
        ("frequency[scope=phone]", "`device` or `soc` or `active`"),
        ("frequency[speed=1]", "unknown parameter"),
    ] {
        let built = spec.parse::<hetsoc::strategy::StrategySpec>().unwrap().build(&platform);
        let message = built.err().unwrap().to_string();
        assert!(message.contains(expected), "{message}");
    }
    // A clock that the scenario fixes stays the scenario's; the other is chosen.
    let fixed = "[[clock]]\nof = \"gold\"\nmhz = 1401.6\n[dynamics]\n";
    let result = run(on(BIG, &camera("mobilenet-v2", 40, "frequency base = \"single\"", fixed)));
    let set: Vec<&str> = result.clocks.iter().map(|(of, _)| of.as_str()).collect();
    assert_eq!(set, ["prime"]);
}
