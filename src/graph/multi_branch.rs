//! Building the multi-branch networks of NN-Stretch (MobiSys 2023) from their configurations.
//!
//! A long narrow network becomes short and wide: inside each stage several branches run side by side, one for each processor; they meet in a concatenation
//! at its end. Activations, normalisations and the rounding of widths are folded into convolutions, as a runtime does. Every branch but the first is handed over by a step
//! of its own (class [`OperatorClass::Sharing`]).

use super::lowered::{Geometry, LoweredGraph, LoweredOperator, LoweredTensor, OperatorClass, Window};

/// Kinds of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// Two 3x3 convolutions and a shortcut.
    Basic,
    /// 1x1, grouped 3x3, 1x1 and a shortcut.
    Bottleneck,
    /// 1x1 expansion, depthwise window, 1x1 projection; squeeze and excitation if wanted.
    Inverted,
}

/// A branch of a stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Branch {
    /// Blocks.
    pub depth: u64,
    /// Channels out.
    pub width: u64,
    /// Stride of the first block.
    pub stride: u64,
    /// Inner channels relative to the outer ones (bottleneck) or the incoming ones (inverted).
    pub ratio: f64,
    /// Channels of a group of a bottleneck's window.
    pub group_width: u64,
    /// Whether handing this branch over means enqueuing every kernel of it (a GPU), or one push (a DSP); unused for the first.
    pub enqueued: bool,
}

/// A stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Side of the blocks' window.
    pub kernel: u64,
    /// Channels that the unbranched network hands on; inverted blocks derive their inner channels from it.
    pub original_width: u64,
    /// Branches, the one of the host first.
    pub branches: Vec<Branch>,
}

/// A network.
#[derive(Debug, Clone, PartialEq)]
pub struct MultiBranch {
    /// Name.
    pub name: String,
    /// Side of the image.
    pub image: u64,
    /// Channels and window of the first convolution, stride 2.
    pub stem: (u64, u64),
    /// Whether the stem ends in a pooling of stride 2.
    pub stem_pooling: bool,
    /// Kind of the blocks.
    pub block: BlockKind,
    /// Whether inverted blocks squeeze and excite.
    pub squeeze: bool,
    /// Stages.
    pub stages: Vec<Stage>,
    /// Channels of a last 1x1 convolution; 0 without.
    pub head: u64,
    /// Classes.
    pub classes: u64,
}

type Map = (u32, u64, u64);

struct Builder {
    graph: LoweredGraph,
}

impl Builder {
    fn tensor(&mut self, channels: u64, side: u64) -> u32 {
        let number = self.graph.tensors.len();
        self.graph.tensors.push(LoweredTensor {
            name: format!("tensor {number}"),
            shape: vec![1, channels, side, side],
            elements: channels * side * side,
            element_bytes: 4.0,
            is_float: true,
            shared: false,
        });
        number as u32
    }

    #[expect(clippy::too_many_arguments, reason = "one call, everything that differs by name")]
    fn push(
        &mut self,
        op_type: &str,
        class: OperatorClass,
        geometry: Geometry,
        macs: u64,
        weights: u64,
        inputs: Vec<u32>,
        output: u32,
    ) {
        let number = self.graph.operators.len() as u32;
        self.graph.operators.push(LoweredOperator {
            name: format!("{op_type} {number}"),
            op_type: op_type.to_owned(),
            class,
            geometry,
            macs,
            weight_bytes_read: 4 * weights,
            weight_bytes: 4 * weights,
            inputs,
            outputs: vec![output],
            fused: Vec::new(),
            sources: vec![number],
        });
    }

    fn window(&mut self, input: Map, channels: u64, kernel: u64, stride: u64, groups: u64) -> Map {
        let (tensor, ins, side) = input;
        let out = side.div_ceil(stride);
        let (op_type, class) = match groups {
            1 => ("CONV_2D", OperatorClass::Convolution),
            n if n == ins && n == channels => ("DEPTHWISE_CONV_2D", OperatorClass::DepthwiseConvolution),
            _ => ("CONV_2D", OperatorClass::GroupedConvolution),
        };
        let weights = kernel * kernel * (ins / groups.max(1)) * channels;
        let output = self.tensor(channels, out);
        let geometry = Geometry::Window(Window {
            in_height: side,
            in_width: side,
            in_channels: ins,
            out_height: out,
            out_width: out,
            out_channels: channels,
            kernel_height: kernel,
            kernel_width: kernel,
            stride_height: stride,
            stride_width: stride,
            dilation_height: 1,
            dilation_width: 1,
            groups,
        });
        self.push(op_type, class, geometry, out * out * weights, weights + channels, vec![tensor], output);
        (output, channels, out)
    }

    fn elements(
        &mut self,
        op_type: &str,
        class: OperatorClass,
        inputs: &[Map],
        channels: u64,
        side: u64,
    ) -> Map {
        let read = inputs.iter().map(|(_, channels, side)| channels * side * side).sum();
        let output = self.tensor(channels, side);
        let geometry = Geometry::Elements { read, written: channels * side * side };
        self.push(op_type, class, geometry, 0, 0, inputs.iter().map(|map| map.0).collect(), output);
        (output, channels, side)
    }

    fn block(
        &mut self,
        network: &MultiBranch,
        kernel: u64,
        branch: &Branch,
        stride: u64,
        expanded: u64,
        input: Map,
    ) -> Map {
        let (_, ins, _) = input;
        let inner = ((branch.width as f64 * branch.ratio).round() as u64).max(1);
        let body = match network.block {
            BlockKind::Basic => {
                let first = self.window(input, branch.width, 3, stride, 1);
                self.window(first, branch.width, 3, 1, 1)
            }
            BlockKind::Bottleneck => {
                let groups = (inner / branch.group_width.max(1)).max(1);
                let first = self.window(input, inner, 1, 1, 1);
                let second = self.window(first, inner, 3, stride, groups);
                self.window(second, branch.width, 1, 1, 1)
            }
            BlockKind::Inverted => {
                let wide = if expanded == ins { input } else { self.window(input, expanded, 1, 1, 1) };
                let mut spread = self.window(wide, expanded, kernel, stride, expanded);
                if network.squeeze {
                    let mean = self.elements("MEAN", OperatorClass::Reduction, &[spread], expanded, 1);
                    let squeezed = self.window(mean, (ins / 4).max(1), 1, 1, 1);
                    let excited = self.window(squeezed, expanded, 1, 1, 1);
                    let side = spread.2;
                    spread =
                        self.elements("MUL", OperatorClass::Elementwise, &[spread, excited], expanded, side);
                }
                self.window(spread, branch.width, 1, 1, 1)
            }
        };
        let same = stride == 1 && ins == branch.width;
        match (network.block, same) {
            (BlockKind::Inverted, false) => body,
            (_, true) => {
                self.elements("ADD", OperatorClass::Elementwise, &[body, input], branch.width, body.2)
            }
            (_, false) => {
                let shortcut = self.window(input, branch.width, 1, stride, 1);
                self.elements("ADD", OperatorClass::Elementwise, &[body, shortcut], branch.width, body.2)
            }
        }
    }
}

impl MultiBranch {
    /// The network as a runtime executes it; operators bear TensorFlow Lite's names. `None` when a size is zero or the image too large for
    /// counting (2^20).
    #[must_use]
    pub fn graph(&self) -> Option<LoweredGraph> {
        let branches = self.stages.iter().flat_map(|stage| &stage.branches);
        let sizes = branches.flat_map(|b| [b.depth, b.width, b.stride, b.group_width]);
        let mut sizes = sizes.chain([self.image, self.stem.0, self.stem.1, self.classes]);
        if sizes.any(|size| !(1..=1 << 20).contains(&size))
            || self.stages.iter().any(|s| s.branches.is_empty())
        {
            return None;
        }
        let mut builder =
            Builder { graph: LoweredGraph { name: self.name.clone(), ..LoweredGraph::default() } };
        let image = builder.tensor(3, self.image);
        builder.graph.inputs.push(image);
        let mut map = builder.window((image, 3, self.image), self.stem.0, self.stem.1, 2, 1);
        if self.stem_pooling {
            let (_, channels, side) = map;
            map = builder.elements("MAX_POOL_2D", OperatorClass::Pooling, &[map], channels, side.div_ceil(2));
        }
        let mut original = self.stem.0;
        for stage in &self.stages {
            let total: u64 = stage.branches.iter().map(|branch| branch.width).sum();
            let mut ends = Vec::with_capacity(stage.branches.len());
            // The host hands the other branches over before it begins its own.
            let mut starts = vec![map];
            for branch in stage.branches.iter().skip(1) {
                starts.push(builder.hand_over(map, branch.enqueued));
            }
            for (branch, start) in stage.branches.iter().zip(starts) {
                let mut here = start;
                for number in 0..branch.depth {
                    let stride = if number == 0 { branch.stride } else { 1 };
                    let from = if number == 0 && stage.branches.len() > 1 {
                        original as f64 * branch.width as f64 / total as f64
                    } else {
                        here.1 as f64
                    };
                    let expanded = ((from * branch.ratio) as u64).max(1);
                    here = builder.block(self, stage.kernel, branch, stride, expanded, here);
                }
                ends.push(here);
            }
            map = match ends.as_slice() {
                &[only] => only,
                several => {
                    let side = several.first()?.2;
                    builder.elements("CONCATENATION", OperatorClass::DataMovement, several, total, side)
                }
            };
            original = stage.original_width;
        }
        if self.head > 0 {
            map = builder.window(map, self.head, 1, 1, 1);
        }
        let mean = builder.elements("MEAN", OperatorClass::Reduction, &[map], map.1, 1);
        let output = builder.tensor(self.classes, 1);
        let weights = mean.1 * self.classes;
        let geometry = Geometry::MatMul { batch: 1, m: 1, n: self.classes, k: mean.1 };
        builder.push(
            "FULLY_CONNECTED",
            OperatorClass::FullyConnected,
            geometry,
            weights,
            weights,
            vec![mean.0],
            output,
        );
        builder.graph.outputs.push(output);
        Some(builder.graph)
    }
}

impl Builder {
    /// A step in which the host hands a branch over.
    fn hand_over(&mut self, input: Map, enqueued: bool) -> Map {
        let (tensor, channels, side) = input;
        let output = self.tensor(channels, side);
        let geometry = Geometry::Elements { read: 0, written: 0 };
        let op_type = if enqueued { "Enqueue" } else { "Share" };
        self.push(op_type, OperatorClass::Sharing, geometry, 0, 0, vec![tensor], output);
        (output, channels, side)
    }
}
