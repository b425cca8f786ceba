//! Time of an inference on a Hexagon tensor processor (HTP) as compiled by QNN, fitted to whole networks.
//!
//! The compiler keeps activations in tightly coupled memory and streams the constants of later operators while earlier
//! ones compute, so that the graph as a whole is bound by one of the two:
//! ```text
//! t = inference + max(constant bytes / weight_rate, 2 multiply-accumulates / matrix_rate) + unfused x E
//! E  operators without constants that the compiler does not fuse into a product: products, activations,
//!    normalisations, softmax, averages (not sums: they ride on the accumulator)
//! ```
//! Within the inference every operator gets its part of the term that binds the graph. Found on 5 to 9 networks for each
//! profile: a term for activation traffic vanishes. `matrix_rate` is not fitted, networks of one image of 224 x 224 do not
//! reach it; it keeps heavier networks from running at the speed of their constants. Three coefficients are fitted.
//! Validity: batch 1, convolutional networks; transformers take 3 to 5 times as long (attention products are not in it).

use super::clock_scaling::{Mix, Straggler};
use super::fitted::{CoefficientInfo, FittedTime, Role};
use super::latency::Work;
use super::tflite_cpu::Setting;
use crate::graph::lowered::{LoweredGraph, LoweredOperator, OperatorClass};
use crate::soc::Precision;

const fn info(name: &'static str, role: Role, meaning: &'static str) -> CoefficientInfo {
    CoefficientInfo { name, role, of_sets: false, meaning }
}

/// The coefficients; the last is not fitted.
pub const COEFFICIENTS: [CoefficientInfo; 4] = [
    info("inference_us", Role::Time, "one inference, once: remote call, wake-up, input and output"),
    info("weight_gb_per_s", Role::Rate, "streaming constants from main memory"),
    info("unfused_us", Role::Time, "one operator that is not fused into a product"),
    info("matrix_tflops", Role::Rate, "products, if they bind the network; declared, not fitted"),
];

/// Values of [`COEFFICIENTS`] in SI units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficients {
    /// Seconds of one inference.
    pub inference: f64,
    /// Bytes of constants per second.
    pub weight_rate: f64,
    /// Seconds of one unfused operator.
    pub unfused: f64,
    /// Operations per second.
    pub matrix_rate: f64,
}

impl Coefficients {
    /// From values in the order and the units of [`COEFFICIENTS`]; `None` if one is missing.
    #[must_use]
    pub fn from_slice(values: &[f64]) -> Option<Self> {
        let &[inference, weight, unfused, matrix] = values else { return None };
        Some(Self {
            inference: inference * 1e-6,
            weight_rate: weight * 1e9,
            unfused: unfused * 1e-6,
            matrix_rate: matrix * 1e12,
        })
    }

    /// Time of a part of a network whose totals bind at `bound`.
    #[must_use]
    pub fn time(&self, part: &Amounts, bound: Binding, setting: &Setting) -> FittedTime {
        let stream = part.constant_bytes / self.weight_rate * setting.memory_scale;
        let products = part.operations / self.matrix_rate * setting.core_scale;
        let unfused = part.unfused * self.unfused * setting.core_scale;
        let alone = unfused
            + match bound {
                Binding::Constants => stream,
                Binding::Products => products,
            };
        FittedTime {
            overhead: 0.0,
            alone,
            compute: alone - if bound == Binding::Constants { stream } else { 0.0 },
            memory: if bound == Binding::Constants { stream } else { 0.0 },
            dram_bytes: part.constant_bytes,
            overhead_scaling: Mix::default(),
            scaling: Straggler {
                traffic: Mix::memory(if bound == Binding::Constants { stream } else { 0.0 }),
                rest: Mix::core(if bound == Binding::Constants { unfused } else { unfused + products }),
                ..Straggler::FIXED
            },
            kernel: if part.unfused > 0.0 { "vector" } else { "matrix" },
        }
    }

    /// What binds a network.
    #[must_use]
    pub fn binding(&self, network: &Amounts, setting: &Setting) -> Binding {
        let stream = network.constant_bytes / self.weight_rate * setting.memory_scale;
        let products = network.operations / self.matrix_rate * setting.core_scale;
        if products > stream { Binding::Products } else { Binding::Constants }
    }

    /// Seconds of a whole network.
    #[must_use]
    pub fn network_seconds(&self, network: &Amounts, setting: &Setting) -> f64 {
        self.inference + self.time(network, self.binding(network, setting), setting).alone
    }
}

/// What bounds a graph as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// Streaming constants.
    Constants,
    /// The matrix units.
    Products,
}

/// The amounts that the equations count.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Amounts {
    /// Bytes of constants at the precision of the executor.
    pub constant_bytes: f64,
    /// Two for each multiply-accumulate.
    pub operations: f64,
    /// Operators that are not fused.
    pub unfused: f64,
}

impl Amounts {
    /// Those of one operator.
    #[must_use]
    pub fn of(graph: &LoweredGraph, operator: &LoweredOperator, precision: Precision) -> Self {
        use OperatorClass as Class;
        let lone = match operator.class {
            Class::Activation | Class::Normalization | Class::Softmax | Class::Reduction => true,
            Class::Elementwise => !operator.op_type.eq_ignore_ascii_case("add"),
            _ => false,
        };
        Self {
            constant_bytes: Work::of(graph, operator, precision).weight_bytes,
            operations: 2.0 * operator.macs as f64,
            unfused: f64::from(u8::from(lone)),
        }
    }

    /// Those of a graph.
    #[must_use]
    pub fn of_graph(graph: &LoweredGraph, precision: Precision) -> Self {
        graph.operators.iter().map(|operator| Self::of(graph, operator, precision)).fold(
            Self::default(),
            |sum, part| Self {
                constant_bytes: sum.constant_bytes + part.constant_bytes,
                operations: sum.operations + part.operations,
                unfused: sum.unfused + part.unfused,
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_sum_to_the_network_whichever_side_binds() {
        let setting = Setting { core_scale: 1.0, memory_scale: 1.0, ..Setting::default() };
        let c = Coefficients::from_slice(&[300.0, 40.0, 3.0, 10.0]).unwrap();
        let parts = [
            Amounts { constant_bytes: 4e6, operations: 1e6, unfused: 0.0 },
            Amounts { constant_bytes: 0.0, operations: 0.0, unfused: 1.0 },
            Amounts { constant_bytes: 1e3, operations: 4e9, unfused: 0.0 },
        ];
        for (heavy, binding) in [(0, Binding::Constants), (2, Binding::Products)] {
            let chosen: Vec<Amounts> =
                parts.iter().enumerate().filter(|(i, _)| *i == 1 || *i == heavy).map(|(_, p)| *p).collect();
            let total = Amounts {
                constant_bytes: chosen.iter().map(|p| p.constant_bytes).sum(),
                operations: chosen.iter().map(|p| p.operations).sum(),
                unfused: 1.0,
            };
            assert_eq!(c.binding(&total, &setting), binding);
            let sum: f64 = chosen.iter().map(|p| c.time(p, binding, &setting).alone).sum();
            assert!((c.network_seconds(&total, &setting) - c.inference - sum).abs() < 1e-15);
        }
        // 4 MB at 40 GB/s, and 4 G operations at 10 T/s.
        assert!((c.time(&parts[0], Binding::Constants, &setting).alone - 1e-4).abs() < 1e-12);
        assert!((c.time(&parts[2], Binding::Products, &setting).alone - 4e-4).abs() < 1e-12);
        // Half the clock doubles products and unfused operators, not the stream.
        let slow = Setting { core_scale: 2.0, ..setting };
        assert!((c.time(&parts[1], Binding::Constants, &slow).alone - 6e-6).abs() < 1e-15);
        assert!((c.time(&parts[0], Binding::Constants, &slow).alone - 1e-4).abs() < 1e-12);
    }
}
