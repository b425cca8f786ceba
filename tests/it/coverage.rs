//! Every shipped model runs on every shipped device with every shipped runtime, except for operators that a
//! runtime really lacks: support tables, lowering vocabularies and kernels agree.

use std::collections::BTreeSet;

use hetsoc::config::Library;
use hetsoc::config::library::ProfileKind;
use hetsoc::config::model_file::load_model;
use hetsoc::physics::Clocks;
use hetsoc::soc::ExecutorId;

use crate::profiles::machine;

#[test]
fn every_model_runs_everywhere() {
    let models: Vec<_> = hetsoc::graph::library::MODELS.iter().map(|m| m.id).collect();
    let mut lacking = BTreeSet::new();
    for device in Library.ids(ProfileKind::Device) {
        let soc = Library.device(device, &[]).unwrap().value.soc;
        for id in Library.ids(ProfileKind::Runtime) {
            let Some(runtime) = id.strip_prefix(&format!("{soc}/")) else { continue };
            if runtime == "llama-cpp" {
                // It runs generated transformers only: tests/it/generation.rs.
                continue;
            }
            let machine = machine(device, runtime, &[], &Clocks::default());
            for model in &models {
                let lowered = load_model(model, &[]).unwrap().lowered(runtime).unwrap();
                match machine.cost_table(&lowered) {
                    Err(_) => {
                        let executors = machine.platform.executors.len() as u16;
                        let nowhere = lowered.operators.iter().filter(|operator| {
                            (0..executors)
                                .all(|e| !machine.verdict(&lowered, operator, ExecutorId(e)).is_supported())
                        });
                        lacking.extend(nowhere.map(|o| (runtime.to_owned(), o.op_type.clone())));
                    }
                    Ok(table) => {
                        let first: f64 = (0..lowered.operators.len() as u32)
                            .filter_map(|o| table.get(o, ExecutorId(0)))
                            .map(|c| c.alone.seconds() + c.overhead.seconds())
                            .sum();
                        assert!((1e-4..600.0).contains(&first), "{id} {model}: {first} s");
                    }
                }
            }
        }
    }
    // The MACE sources have no such operator, so that its transformers cannot run.
    assert_eq!(lacking, BTreeSet::from([("mace".to_owned(), "Gelu".to_owned())]));
}
