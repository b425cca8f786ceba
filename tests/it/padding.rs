//! One network from its ONNX graph and from its operator list costs the same on every fitted executor.

use hetsoc::calibration::load_networks;
use hetsoc::calibration::simulated::inference_ms;
use hetsoc::config::Library;
use hetsoc::config::model_file::load_model;
use hetsoc::physics::{Clocks, Parts, compile};
use hetsoc::soc::ExecutorId;

use crate::shared::shared;

/// Largest relative difference that one network may show between its two descriptions.
const TOLERANCE: f64 = 0.03;

#[test]
fn a_graph_and_its_operator_list_cost_the_same() {
    let Some(path) = shared("data/cnn_operator_lists.csv") else { return };
    let lists = load_networks(&path, "tflite").unwrap();
    for name in ["resnet18"] {
        let list = &lists.iter().find(|network| network.name == name).unwrap().graph;
        let model = load_model(name, &[]).unwrap();
        let mut compared = 0;
        for soc_id in ["a12-bionic", "exynos-9820", "snapdragon-855"] {
            let soc = Library.soc(soc_id, &[]).unwrap().value;
            let runtime = Library.runtime(soc_id, "tflite", &[]).unwrap().value;
            for fitted in &runtime.fitted {
                let executors = [format!("{}@{}", fitted.executor, fitted.precision.id()).parse().unwrap()];
                let clocks = Clocks::default();
                let machine = compile(&Parts {
                    soc: &soc,
                    device: None,
                    runtime: &runtime,
                    executors: &executors,
                    clocks: &clocks,
                })
                .unwrap();
                let graph = model.lowered(&runtime.lowering).unwrap();
                let from_graph = inference_ms(&machine, ExecutorId(0), &graph).unwrap();
                let from_list = inference_ms(&machine, ExecutorId(0), list).unwrap();
                let difference = from_graph / from_list - 1.0;
                println!("{name} {soc_id} {}: {:+.2} %", fitted.id, 100.0 * difference);
                assert!(difference.abs() < TOLERANCE, "{name} {soc_id} {}: {difference}", fitted.id);
                compared += 1;
            }
        }
        assert!(compared >= 20, "{compared}");
    }
}
