//! The shipped profiles make machines whose predictions have the right shape and order.

use hetsoc::config::Library;
use hetsoc::config::library::ProfileKind;
use hetsoc::graph::lowered::{Geometry, LoweredGraph, LoweredOperator, LoweredTensor, OperatorClass, Window};
use hetsoc::physics::power::{Activity, Leakage, power};
use hetsoc::physics::{Clocks, Machine, Parts, compile};
use hetsoc::soc::{Confidence, ExecutorId, ProcessorKind};
use hetsoc::units::{Celsius, Hertz};

/// A machine from the shipped profiles.
pub fn machine(device: &str, runtime: &str, executors: &[&str], clocks: &Clocks) -> Machine {
    let device = Library.device(device, &[]).unwrap().value;
    let soc = Library.soc(&device.soc, &[]).unwrap().value;
    let runtime = Library.runtime(&soc.id, runtime, &[]).unwrap().value;
    let executors: Vec<_> = executors.iter().map(|name| name.parse().unwrap()).collect();
    let parts = Parts { soc: &soc, device: Some(&device), runtime: &runtime, executors: &executors, clocks };
    compile(&parts).unwrap_or_else(|e| panic!("{e}"))
}

/// A graph of one convolution.
pub fn convolution(op_type: &str, window: Window) -> LoweredGraph {
    let tensor = |name: &str, c, h, w| LoweredTensor {
        name: name.into(),
        shape: vec![1, c, h, w],
        elements: c * h * w,
        element_bytes: 4.0,
        is_float: true,
        shared: false,
    };
    let w = window;
    let weights = w.kernel_height * w.kernel_width * w.in_channels / w.groups * w.out_channels;
    let depthwise = w.groups == w.in_channels && w.groups > 1;
    LoweredGraph {
        name: "one".into(),
        operators: vec![LoweredOperator {
            name: "conv".into(),
            op_type: op_type.into(),
            class: if depthwise { OperatorClass::DepthwiseConvolution } else { OperatorClass::Convolution },
            geometry: Geometry::Window(w),
            macs: w.out_height * w.out_width * weights,
            weight_bytes_read: weights * 4,
            weight_bytes: weights * 4,
            inputs: vec![0],
            outputs: vec![1],
            fused: vec![],
            sources: vec![0],
        }],
        tensors: vec![
            tensor("in", w.in_channels, w.in_height, w.in_width),
            tensor("out", w.out_channels, w.out_height, w.out_width),
        ],
        inputs: vec![0],
        outputs: vec![1],
        listed_kernels_only: false,
    }
}

/// A square convolution without padding loss.
pub fn square(side: u64, cin: u64, cout: u64, kernel: u64, groups: u64) -> Window {
    Window {
        in_height: side,
        in_width: side,
        in_channels: cin,
        out_height: side,
        out_width: side,
        out_channels: cout,
        kernel_height: kernel,
        kernel_width: kernel,
        stride_height: 1,
        stride_width: 1,
        dilation_height: 1,
        dilation_width: 1,
        groups,
    }
}

fn alone_ms(machine: &Machine, graph: &LoweredGraph, executor: &str) -> f64 {
    let id = machine.platform.executor_named(executor).unwrap_or_else(|| panic!("no {executor}"));
    machine.cost_table(graph).unwrap().get(0, id).unwrap().alone.millis()
}

#[test]
fn xiaomi_9_has_eight_cores_a_gpu_and_a_dsp() {
    let machine = machine("xiaomi-9", "tflite", &[], &Clocks::default());
    let names: Vec<&str> = machine.platform.resources.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["cpu0", "cpu1", "cpu2", "cpu3", "cpu4", "cpu5", "cpu6", "cpu7", "gpu", "dsp"]);
    let find = |name: &str| machine.platform.executor(machine.platform.executor_named(name).unwrap());
    assert_eq!(find("cpu-1large").resources[0].0, 7);
    assert_eq!(find("cpu-4small").resources.iter().map(|r| r.0).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(find("gpu").resources[0].0, 8);
    assert_eq!(find("gpu").kind, ProcessorKind::Gpu);
    // The prime core waits for the medium ones: 2419.2 / 2841.6 MHz.
    let mixed = find("cpu-1large3med");
    assert!((mixed.busy_shares[0] - 2419.2 / 2841.6).abs() < 1e-9);
    assert_eq!(&mixed.busy_shares[1..], [1.0; 3]);
    // All cores see one memory; the GPU does not.
    assert_eq!(find("cpu-1large").domain, find("cpu-4small").domain);
    assert_ne!(find("cpu-1large").domain, find("gpu").domain);
    // freqbench measured 1077 to 1092 mW for the prime core and 842 to 845 for a gold one, one core active with
    // scalar code; inference kernels switch more.
    let soc = Library.soc("snapdragon-855", &[]).unwrap().value;
    let scalar = |cluster: usize| {
        let cluster = &soc.clusters[cluster];
        let core = [Activity::Active(1.0)];
        power(&cluster.power, &Leakage::NONE, cluster.opps.highest(), core, Celsius(35.0)).total().0
    };
    assert!((1.05..1.12).contains(&scalar(2)), "{}", scalar(2));
    assert!((0.80..0.86).contains(&scalar(1)), "{}", scalar(1));
    assert!(machine.platform.resources[7].busy_power.0 > 1.3 * scalar(2));
    for r in &machine.platform.resources {
        assert!(r.idle_power.0 <= r.blocked_power.0 && r.blocked_power.0 <= r.busy_power.0, "{}", r.name);
    }
}

#[test]
fn core_sets_scale_sublinearly_and_little_cores_are_slow() {
    let machine = machine("xiaomi-9", "tflite", &[], &Clocks::default());
    let graph = convolution("CONV_2D", square(28, 128, 128, 3, 1));
    let large = alone_ms(&machine, &graph, "cpu-1large");
    let speed = |name| large / alone_ms(&machine, &graph, name);
    // Bounds from the clocks alone; measured medians are 0.87, 1.60 and 0.23.
    assert!((speed("cpu-1med") - 2419.2 / 2841.6).abs() < 0.02, "{}", speed("cpu-1med"));
    assert!(speed("cpu-1large1med") > 1.3 && speed("cpu-1large1med") < 1.01 * 2.0 * 2419.2 / 2841.6);
    assert!(speed("cpu-3med") > speed("cpu-2med") && speed("cpu-2med") > speed("cpu-1med"));
    assert!((0.1..0.5).contains(&speed("cpu-1small")), "{}", speed("cpu-1small"));
}

#[test]
fn clocks_move_the_compute_term_and_the_memory_clock() {
    let slow = Clocks { processors: vec![("prime".into(), Hertz(1_401.6e6))], memory: None };
    let graph = convolution("CONV_2D", square(28, 128, 128, 3, 1));
    let fast = machine("xiaomi-9", "tflite", &["cpu-1large"], &Clocks::default());
    let halved = machine("xiaomi-9", "tflite", &["cpu-1large"], &slow);
    let ratio = alone_ms(&halved, &graph, "cpu-1large") / alone_ms(&fast, &graph, "cpu-1large");
    assert!((1.6..=2.0274).contains(&ratio), "{ratio}");
    // All processors slow: the votes bring the memory clock down with them.
    let all = Clocks {
        processors: [("silver", 300e6), ("gold", 710.4e6), ("prime", 825.6e6), ("gpu", 257e6)]
            .map(|(id, clock)| (id.to_owned(), Hertz(clock)))
            .into(),
        memory: None,
    };
    let crawl = machine("xiaomi-9", "tflite", &["cpu-1large"], &all);
    let bandwidth = |m: &Machine| m.platform.memory_bandwidth.unwrap().0;
    assert!((bandwidth(&crawl) / bandwidth(&fast) - 547.0 / 2092.0).abs() < 1e-9);
}

#[test]
fn eight_bit_executors_are_faster_and_quantised_models_use_them() {
    let machine = machine("xiaomi-9", "tflite", &["cpu-1large", "cpu-1large@int8"], &Clocks::default());
    let mut graph = convolution("CONV_2D", square(28, 128, 128, 3, 1));
    assert!(alone_ms(&machine, &graph, "cpu-1large@int8") < alone_ms(&machine, &graph, "cpu-1large"));
    for tensor in &mut graph.tensors {
        (tensor.is_float, tensor.element_bytes) = (false, 1.0);
    }
    graph.operators[0].weight_bytes /= 4;
    graph.operators[0].weight_bytes_read /= 4;
    assert_eq!(alone_ms(&machine, &graph, "cpu-1large"), alone_ms(&machine, &graph, "cpu-1large@int8"));
}

#[test]
fn every_shipped_runtime_compiles_and_predicts() {
    for device in Library.ids(ProfileKind::Device) {
        let soc = Library.device(device, &[]).unwrap().value.soc;
        for id in Library.ids(ProfileKind::Runtime) {
            let Some(runtime) = id.strip_prefix(&format!("{soc}/")) else { continue };
            if runtime == "llama-cpp" {
                // It runs generated transformers only: tests/it/generation.rs.
                continue;
            }
            let machine = machine(device, runtime, &[], &Clocks::default());
            let op_type = match runtime {
                "tflite" | "nn-stretch" => "CONV_2D",
                "mace" | "mace-buffer" => "Conv2D",
                _ => "Convolution",
            };
            let graph = convolution(op_type, square(56, 64, 64, 3, 1));
            let table = machine.cost_table(&graph).unwrap_or_else(|e| panic!("{id}: {e}"));
            for (i, executor) in machine.platform.executors.iter().enumerate() {
                let cost = table.get(0, ExecutorId(i as u16)).unwrap();
                let gops = 2.0 * graph.operators[0].macs as f64 / cost.alone.seconds() / 1e9;
                println!("{device} {runtime} {}: {} = {gops:.1} Gop/s", executor.name, cost.alone);
                assert!((1.0..2000.0).contains(&gops), "{id} {}: {gops}", executor.name);
                let supply = machine.platform.memory_bandwidth.unwrap().0;
                assert!(cost.dram_bytes <= supply * cost.alone.seconds() * 1.000_001);
            }
            assert!(machine.numbers.count(Confidence::Assumed) > 0);
            assert!(machine.numbers.warning().unwrap().contains("assumed"));
        }
    }
}

#[test]
fn unsupported_operators_are_listed() {
    let machine = machine("xiaomi-9", "mace", &["gpu"], &Clocks::default());
    let error = machine.cost_table(&convolution("Where", square(8, 4, 4, 1, 1))).unwrap_err();
    insta::assert_snapshot!(error, @r"
    error[graph::unsupported]: no executor can run 1 operators of `one`: conv (Where)
      help: executors are gpu; add one whose support table lists them, or change the runtime
    ");
}
