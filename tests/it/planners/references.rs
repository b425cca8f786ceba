//! Schedules of an independent reference implementation and of the papers.

use super::{costs, edges, small, strategy};
use crate::build::{tasks, watch};
use crate::oracles::{close, number, oracle};
use crate::shared::shared;
use hetsoc::simulation::Problem;
use serde_json::Value;

/// Names in the files, and ours.
const NAMES: &[(&str, &str)] = &[
    ("HEFT", "heft"),
    ("CPOP", "cpop"),
    ("PEFT", "peft"),
    ("LookaheadHEFT", "lookahead-heft"),
    ("DLS_noninsertion", "dls"),
    ("ETF", "etf"),
    ("MCT", "mct"),
    ("MET", "met"),
    ("MinMin", "min-min"),
    ("MaxMin", "max-min"),
    ("Sufferage", "sufferage"),
];

fn makespan(problem: &Problem, spec: &str) -> f64 {
    watch(problem, &mut *strategy(problem, spec)).0.makespan.seconds()
}

fn read(name: &str) -> Option<Value> {
    shared(&format!("oracles/{name}.json"))
        .map(|path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
}

/// Executors, starts and finishes of eleven list schedulers on the graphs of two papers.
#[test]
fn schedules_of_published_graphs() {
    for (name, published) in [
        ("dag_topcuoglu2002", [("heft", 80.0), ("cpop", 86.0)]),
        ("dag_arabnejad2014", [("heft", 133.0), ("peft", 122.0)]),
    ] {
        let Some(file) = read(name) else { return };
        let problem = tasks(&costs(&file["model"]["cost"]), &edges(&file["model"]["edges"]), 0.0, 1.0);
        for (spec, expected) in published {
            assert_eq!(makespan(&problem, spec), expected, "{name} {spec}");
        }
        for (theirs, ours) in NAMES {
            let expected = &file["recomputed"][theirs];
            let (outcome, log) = watch(&problem, &mut *strategy(&problem, ours));
            assert_eq!(outcome.makespan.seconds(), number(&expected["makespan"]), "{name} {ours}");
            let rows = log.schedule();
            for row in expected["placement"].as_array().unwrap() {
                let of = |key: &str| number(&row[key]);
                let got = rows[of("task") as usize];
                assert_eq!(got, (of("proc") as u16, of("start"), of("finish")), "{name} {ours} {row}");
            }
        }
    }
}

#[test]
fn related_processors_of_another_simulator() {
    let Some(file) = read("dag_dslab_test4") else { return };
    let problem = tasks(&costs(&file["cost"]), &edges(&file["edges"]), 0.0, 1.0);
    for (theirs, ours) in NAMES {
        assert_eq!(makespan(&problem, ours), number(&file["reference"][theirs]), "{ours}");
    }
    assert_eq!(makespan(&problem, "heft"), number(&file["published"]["HEFT"]));
}

/// Fifty random graphs by the stated definitions; and by those of SAGA, whose placements are equal, too.
#[test]
fn random_graphs_on_related_processors() {
    let Some(file) = read("saga_random50") else { return };
    let mut wrong = Vec::new();
    for instance in file["instances"].as_array().unwrap() {
        let problem = saga(instance);
        let variants = [
            ("MinMin_levelbatch", "min-min[batch=level]"),
            ("MaxMin_levelbatch", "max-min[batch=level]"),
            ("HEFT_selfdiluted", "heft[mean=self-diluted]"),
        ];
        let references = NAMES.iter().map(|names| (names, &instance["reference_makespan"]));
        let variants = variants.iter().map(|names| (names, &instance["reference_variants"]));
        for ((theirs, ours), values) in references.chain(variants) {
            let (got, expected) = (makespan(&problem, ours), number(&values[*theirs]));
            if (got - expected).abs() > 1e-9 * expected {
                wrong.push(format!("{} {ours}: {got} instead of {expected}", instance["id"]));
            }
        }
        for (theirs, ours) in [
            ("HEFT", "heft[mean=self-diluted]"),
            ("MinMin", "min-min[batch=level]"),
            ("MaxMin", "max-min[batch=level]"),
            ("MET", "met"),
            ("Sufferage", "sufferage"),
        ] {
            close(makespan(&problem, ours), number(&instance["saga"][theirs]["makespan"]), 1e-9, ours);
        }
    }
    assert!(wrong.is_empty(), "{} differ: {wrong:#?}", wrong.len());
}

/// Execution = cost / speed, communication = size / link speed.
pub fn saga(instance: &Value) -> Problem {
    let list = |key: &str| instance[key].as_array().unwrap();
    let speeds: Vec<f64> = list("nodes").iter().map(|node| number(&node["speed"])).collect();
    let costs: Vec<Vec<Option<f64>>> = list("tasks")
        .iter()
        .map(|task| speeds.iter().map(|speed| Some(number(&task["cost"]) / speed)).collect())
        .collect();
    let position = |name: &Value| list("tasks").iter().position(|task| task["name"] == *name).unwrap() as u32;
    let edges: Vec<_> = list("edges")
        .iter()
        .map(|edge| (position(&edge["from"]), position(&edge["to"]), number(&edge["size"])))
        .collect();
    tasks(&costs, &edges, 0.0, number(&instance["link_speed_uniform"]))
}

#[test]
fn small_graphs_with_unsupported_operators() {
    let mut wrong = Vec::new();
    for instance in oracle("small_unrelated_unsupported24")["instances"].as_array().unwrap() {
        let problem = small(instance);
        for (theirs, ours) in NAMES {
            let (got, expected) = (makespan(&problem, ours), number(&instance["reference"][theirs]));
            if got != expected {
                wrong.push(format!("{} {ours}: {got} instead of {expected}", instance["id"]));
            }
            assert!(got >= number(&instance["optimal"]["makespan"]));
        }
    }
    assert!(wrong.is_empty(), "{} differ: {wrong:#?}", wrong.len());
}
