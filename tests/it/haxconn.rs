//! Policies for two networks on a GPU and a DLA: order and size of the differences on declared inputs (HaX-CoNN, PPoPP '24).
//!
//! Metric: milliseconds until both networks have run once, both released at 0, divided by the same for everything on the GPU. Pair: GoogLeNet and
//! ResNet101, of which the artifact (ismetdagli/HaX-CoNN@87f5f25e) declares ten layer groups each; measured makespans of its README:
//! GPU only 12.6, ResNet101 on the GPU with GoogLeNet on the DLA 12.4, the reverse 14.3, HaX-CoNN 10.3 ms. Of pair 2 (Inception
//! and ResNet152) no layer groups are declared, so that it cannot be played.
//!
//! Expected, written before the policies were run (HaX-CoNN alone at 57 % had been seen): the README's order for every assumed demand on memory; ratios from 0.70 to 1.00
//! for the concurrent placement, 0.70 to 0.99 for HaX-CoNN, 1.1 to 1.9 for the reverse. Demands of the groups are not declared (the artifact
//! marks its own as dummy): 24 %, 57 % and 89 % of the memory on the GPU are the least, mean and most of its 25 measured convolutions.

use std::path::Path;

use hetsoc::config::dag_file::{DagNetwork, read_dag};
use hetsoc::diagnostics::SourceText;
use hetsoc::simulation::{Problem, simulate};
use hetsoc::strategy::StrategySpec;

/// The shipped graphs of these names side by side, each group asking for `demand` of the memory on the GPU.
fn shipped(names: &[&str], demand: f64) -> Problem {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/task-graphs");
    let mut graphs = names.iter().map(|name| {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let mut graph: serde_json::Value = serde_json::from_str(&text).unwrap();
        let rate = graph["platform"]["memory_bytes_per_us"].as_f64().unwrap();
        for task in graph["tasks"].as_array_mut().unwrap() {
            task["dram_bytes"] = (demand * rate * task["cost"][0].as_f64().unwrap()).into();
        }
        graph.to_string()
    });
    beside(&graphs.by_ref().collect::<Vec<_>>())
}

fn beside(graphs: &[String]) -> Problem {
    let read = |text: &String| read_dag(&SourceText::new("pair", text.clone()), DagNetwork::ContentionFree);
    let mut all: Vec<Problem> = graphs.iter().map(|text| read(text).unwrap()).collect();
    let mut first = all.remove(0);
    first.streams.extend(all.into_iter().flat_map(|problem| problem.streams));
    first
}

/// Milliseconds until everything is done.
fn makespan(problem: &Problem, strategy: &str) -> f64 {
    let spec: StrategySpec = strategy.parse().unwrap();
    let mut strategy = spec.build(&problem.platform).unwrap();
    simulate(problem, &mut *strategy, &mut ()).unwrap().makespan.seconds() * 1e3
}

const POLICIES: [(&str, &str, Option<f64>); 6] = [
    ("GPU only", "fixed[executors=gpu+gpu]", Some(12.6)),
    ("DLA only", "fixed[executors=dla+dla]", None),
    ("GoogLeNet on the DLA", "fixed[executors=dla+gpu]", Some(12.4)),
    ("ResNet101 on the DLA", "fixed[executors=gpu+dla]", Some(14.3)),
    ("layer groups, blind", "haxconn-like[contention=0]", None),
    ("layer groups, aware", "haxconn-like[contention=demand]", Some(10.3)),
];

/// Catches placements that ignore transitions or contention, and streams that share an accelerator without waiting.
#[test]
fn policies_come_in_the_published_order() {
    for demand in [0.24, 0.57, 0.89] {
        let problem = shipped(&["googlenet_xavier.json", "resnet101_xavier.json"], demand);
        let played = POLICIES.map(|(_, strategy, _)| makespan(&problem, strategy));
        let [gpu, dla, concurrent, reverse, blind, aware] = played;
        for ((name, _, measured), own) in POLICIES.iter().zip(played) {
            let error = measured.map(|m| 100.0 * (own / gpu / (m / 12.6) - 1.0));
            println!("{demand:.2} {name:<22} {own:7.3} ms, ratio {:.3}, off by {error:.1?} %", own / gpu);
        }
        assert!(aware <= concurrent && aware <= blind + 1e-9, "{played:?}");
        assert!(concurrent < gpu && gpu < reverse && reverse < dla, "{played:?}");
        assert!((0.70..=0.99).contains(&(aware / gpu)) && (0.70..=1.0).contains(&(concurrent / gpu)));
        assert!((1.1..=1.9).contains(&(reverse / gpu)));
    }
}

/// Alone, no switch pays for GoogLeNet, and the strategy knows it; the shipped plan with one switch costs what the artifact's numbers add up to:
/// 1.76617 - 0.21479 + 0.36 + 0.04276 ms. Catches transitions of the wrong direction or group.
#[test]
fn googlenet_alone() {
    let problem = shipped(&["googlenet_xavier.json"], 0.57);
    let close = |strategy: &str, expected: f64| {
        let own = makespan(&problem, strategy);
        assert!((own - expected).abs() < 1e-6, "{strategy}: {own} for {expected}");
    };
    close("fixed[executors=gpu]", 1.766_17);
    close("fixed[executors=dla]", 3.84);
    close("haxconn-like[contention=demand]", 1.766_17);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_hetsoc"))
        .args(["dag", "scenarios/task-graphs/googlenet_xavier.json", "--format", "json"])
        .args(["--strategy", "replay", "--plan", "scenarios/plans/googlenet_one_switch.json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let one: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!((one["makespan_us"].as_f64().unwrap() - 1954.14).abs() < 1e-6, "{one}");
    // From the DLA to the GPU after group 7 (the other direction's cost would give 2.33661): 2.86 + 0.04524 + 0.53968.
    let mut plan = hetsoc::strategy::Plan::new(
        hetsoc::strategy::Dispatch::AtReady,
        hetsoc::strategy::TransferStart::ProducerFinish,
    );
    let executor = |number| Some(hetsoc::soc::ExecutorId(number));
    plan.push(&[0, 1, 2, 3, 4, 5, 6], executor(1));
    plan.push(&[7, 8, 9], executor(0));
    let played = crate::build::replay(&problem, vec![plan]).makespan.seconds() * 1e3;
    assert!((played - (2.86 + 0.045_24 + 0.539_68)).abs() < 1e-6, "{played}");
}

/// Two models of one layer on a memory of 1000 bytes a microsecond, nothing else there. `a` saturates it for 0.86 ms on the GPU. `b` saturates it for 1.14 ms there, or asks
/// for 60 % of it during 1.9 ms on the DLA. Who knows of no contention expects 1.9 ms of the two accelerators and 2.0 ms of the GPU alone; but beside each
/// other `a` gets half (1.72 ms) and `b` half of 0.6: 1.72 x 5/6 = 1.4333 ms of its work are done then, 0.4667 are left: 2.18667 ms.
#[test]
fn knowing_of_contention_pays_where_memory_is_short() {
    let model = |name: &str, gpu: f64, dla: f64| {
        format!(
            r#"{{"name":"{name}","platform":{{"pes":[{{"id":0,"name":"gpu"}},{{"id":1,"name":"dla"}}],"latency_us":0,"bandwidth_bytes_per_us":1,"memory_bytes_per_us":1000}},
            "tasks":[{{"id":0,"cost":[{gpu},{dla}],"dram_bytes":{}}}],"edges":[]}}"#,
            gpu * 1000.0
        )
    };
    let problem = beside(&[model("a", 860.0, 3000.0), model("b", 1140.0, 1900.0)]);
    let (blind, aware) = (
        makespan(&problem, "haxconn-like[contention=0]"),
        makespan(&problem, "haxconn-like[contention=demand]"),
    );
    assert!((blind - 2.186_667).abs() < 1e-5, "{blind}");
    assert!((aware - 2.0).abs() < 1e-9, "{aware}");
}

/// Two models of a saturating and a computing layer each, in opposite order: beside each other, the saturating layers miss each other. `a` = (1 ms
/// saturating, 1 ms without traffic), `b` = (1.2 ms without, 1 ms saturating) on the GPU, 1.1 times as long on the DLA. Side by side they take
/// 2.2 ms, one after the other 4.2: a strategy that fears contention between any two layers doubles the time.
#[test]
fn fearing_contention_everywhere_costs_too() {
    let model = |name: &str, times: [f64; 2], bytes: [f64; 2]| {
        format!(
            r#"{{"name":"{name}","platform":{{"pes":[{{"id":0,"name":"gpu"}},{{"id":1,"name":"dla"}}],"latency_us":10,"bandwidth_bytes_per_us":1000000,"memory_bytes_per_us":1000}},
            "tasks":[{{"id":0,"cost":[{},{}],"dram_bytes":{}}},{{"id":1,"cost":[{},{}],"dram_bytes":{}}}],"edges":[[0,1,0]]}}"#,
            times[0],
            times[0] * 1.1,
            bytes[0],
            times[1],
            times[1] * 1.1,
            bytes[1]
        )
    };
    let problem =
        beside(&[model("a", [1000.0, 1000.0], [1e6, 0.0]), model("b", [1200.0, 1000.0], [0.0, 1e6])]);
    assert!((makespan(&problem, "haxconn-like[contention=demand]") - 2.2).abs() < 1e-6);
    assert!((makespan(&problem, "haxconn-like[contention=100]") - 4.2).abs() < 1e-6);
}

/// The published gain of layer groups over the concurrent placement (10.3 for 12.4 ms) does not show on the declared inputs, and no plan with at most one
/// switch for each network has it: all 400 are played. Catches a search or a model of contention that misses a better plan.
#[test]
fn no_plan_with_one_switch_is_better() {
    let (at_ready, start) =
        (hetsoc::strategy::Dispatch::AtReady, hetsoc::strategy::TransferStart::ProducerFinish);
    let placed = |begin: u16, cut: u32| {
        let mut plan = hetsoc::strategy::Plan::new(at_ready, start);
        let executor = |number| Some(hetsoc::soc::ExecutorId(number));
        plan.push(&(0..cut).collect::<Vec<_>>(), executor(begin));
        if cut < 10 {
            plan.push(&(cut..10).collect::<Vec<_>>(), executor(1 - begin));
        }
        plan
    };
    let choices: Vec<(u16, u32)> = (0..2).flat_map(|begin| (1..=10).map(move |cut| (begin, cut))).collect();
    for demand in [0.57, 0.89] {
        let problem = shipped(&["googlenet_xavier.json", "resnet101_xavier.json"], demand);
        let mut best = f64::INFINITY;
        for &(a, b) in &choices {
            for &(c, d) in &choices {
                let outcome = crate::build::replay(&problem, vec![placed(a, b), placed(c, d)]);
                best = best.min(outcome.makespan.seconds() * 1e3);
            }
        }
        let aware = makespan(&problem, "haxconn-like[contention=demand]");
        println!("{demand}: best of all {best:.3} ms, strategy {aware:.3} ms");
        assert!(aware <= best * (1.0 + 1e-9), "{aware} {best}");
    }
}
