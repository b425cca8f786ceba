//! Every shipped model runs with every shipped runtime on its SoC, except for operators that a runtime really lacks, which it
//! refuses by name: support tables, lowering vocabularies and kernels agree.

use std::collections::{BTreeMap, BTreeSet};

use hetsoc::config::Library;
use hetsoc::config::library::ProfileKind;
use hetsoc::config::model_file::load_model;
use hetsoc::graph::lowered::LoweredGraph;
use hetsoc::physics::{Clocks, Machine, Parts, compile};
use hetsoc::soc::ExecutorId;

/// What a runtime profile makes of all models: types of operators that it lacks, and how many models ran.
fn covered(id: &str, machine: &Machine, graphs: &[(&str, LoweredGraph)]) -> (BTreeSet<String>, usize) {
    let executors = machine.platform.executors.len() as u16;
    let mut lacking = BTreeSet::new();
    let mut ran = 0;
    for (model, lowered) in graphs {
        match machine.cost_table(lowered) {
            Err(refusal) => {
                let nowhere: BTreeSet<&str> = lowered
                    .operators
                    .iter()
                    .filter(|operator| {
                        (0..executors)
                            .all(|e| !machine.verdict(lowered, operator, ExecutorId(e)).is_supported())
                    })
                    .map(|operator| operator.op_type.as_str())
                    .collect();
                let said = refusal.to_string();
                assert!(nowhere.iter().any(|op| said.contains(*op)), "{id} {model}: {said}, not {nowhere:?}");
                lacking.extend(nowhere.into_iter().map(str::to_owned));
            }
            Ok(table) => {
                ran += 1;
                for operator in 0..lowered.operators.len() as u32 {
                    let placed = (0..executors).any(|e| table.get(operator, ExecutorId(e)).is_some());
                    assert!(placed, "{id} {model}: operator {operator} runs nowhere");
                }
                let first: f64 = (0..lowered.operators.len() as u32)
                    .filter_map(|o| (0..executors).find_map(|e| table.get(o, ExecutorId(e))))
                    .map(|c| c.alone.seconds() + c.overhead.seconds())
                    .sum();
                assert!((1e-4..600.0).contains(&first), "{id} {model}: {first} s");
            }
        }
    }
    (lacking, ran)
}

#[test]
fn every_model_runs_everywhere_or_is_refused_by_name() {
    let mut lowerings: BTreeMap<String, Vec<(&str, LoweredGraph)>> = BTreeMap::new();
    let mut lacking: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut seen = 0;
    for id in Library.ids(ProfileKind::Runtime) {
        let (soc, name) = id.split_once('/').unwrap();
        let soc = Library.soc(soc, &[]).unwrap().value;
        let runtime = Library.runtime(&soc.id, name, &[]).unwrap().value;
        let clocks = Clocks::default();
        let parts = Parts { soc: &soc, device: None, runtime: &runtime, executors: &[], clocks: &clocks };
        let machine = compile(&parts).unwrap_or_else(|e| panic!("{id}: {e}"));
        // Which rules a graph is rewritten by is what the profile says, not what it is called.
        let graphs = lowerings.entry(runtime.lowering.clone()).or_insert_with(|| {
            let lowered = |model: &str| load_model(model, &[]).unwrap().lowered(&runtime.lowering).unwrap();
            hetsoc::graph::library::MODELS.iter().map(|m| (m.id, lowered(m.id))).collect()
        });
        let (types, ran) = covered(id, &machine, graphs);
        println!("{id}: {ran} of {} models, lacks {types:?}", graphs.len());
        assert!(ran > 0 || name == "llama-cpp", "{id} runs nothing");
        seen += 1;
        if !types.is_empty() {
            lacking.entry(id).or_default().extend(types);
        }
    }
    assert_eq!(seen, Library.ids(ProfileKind::Runtime).len());
    let found: Vec<String> = lacking.iter().map(|(id, types)| format!("{id}: {types:?}")).collect();
    insta::assert_snapshot!("lacking", found.join("\n"));
}
