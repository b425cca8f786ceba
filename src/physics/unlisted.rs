//! What a list of heavy kernels leaves out, reconstructed from the sequence of shapes.
//!
//! Operator lists name convolutions, pools, averages, products and concatenations only. Residual sums,
//! squeeze-and-excite products and explicit padding take time too; they are counted here, each at the listed operator
//! that it follows or precedes, and cost what the same node costs in a complete graph.
//!
//! - Residual sum after operator i: one or two operators back the block began with the channels and side that i
//!   writes, no stride in between, a window above 1x1 inside, not an inverted bottleneck's inner part; or i is
//!   a 1x1 projection with the same output as the operator before it, listed after the body that it joins.
//! - Squeeze product after a global average that two products follow, the second of which restores its channels.
//! - Padding where the stated input is larger than output side x stride.

use super::shape::{Shape, ShapeKind};
use crate::graph::lowered::LoweredGraph;

/// Elements of unlisted operators beside one listed operator.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Unlisted {
    /// Elements of a residual sum.
    pub added: f64,
    /// Elements of a squeeze-and-excite product.
    pub multiplied: f64,
    /// Elements of an explicitly padded input.
    pub padded: f64,
}

/// The unlisted part of every operator; empty for graphs that list everything.
#[must_use]
pub fn unlisted(graph: &LoweredGraph) -> Vec<Unlisted> {
    if !graph.listed_kernels_only {
        return Vec::new();
    }
    let shapes: Vec<Option<Shape>> = graph.operators.iter().map(Shape::of).collect();
    let mut parts = vec![Unlisted::default(); shapes.len()];
    for (i, shape) in shapes.iter().enumerate() {
        let Some(shape) = shape else { continue };
        if shape.padded {
            parts[i].padded = shape.in_pixels * shape.in_channels;
        }
        if shape.kind == ShapeKind::Mean && is_squeeze(&shapes[i..]) {
            parts[i].multiplied = shape.read;
        }
    }
    let heavy: Vec<(usize, Shape)> = shapes
        .iter()
        .enumerate()
        .filter_map(|(i, shape)| shape.filter(Shape::is_heavy).map(|shape| (i, shape)))
        .collect();
    for at in 0..heavy.len() {
        if closes_a_sum(&heavy, at) {
            let (i, shape) = heavy[at];
            parts[i].added = shape.out_pixels() * shape.out_channels;
        }
    }
    parts
}

/// Whether the average at the start of `shapes` is the squeeze of a branch.
fn is_squeeze(shapes: &[Option<Shape>]) -> bool {
    let (Some(Some(mean)), Some(Some(first)), Some(Some(second))) =
        (shapes.first(), shapes.get(1), shapes.get(2))
    else {
        return false;
    };
    let dense = |shape: &Shape| shape.kind == ShapeKind::FullyConnected;
    dense(first) && dense(second) && second.out_channels == mean.out_channels
}

fn closes_a_sum(heavy: &[(usize, Shape)], at: usize) -> bool {
    let last = heavy[at].1;
    if last.kind == ShapeKind::Depthwise {
        return false;
    }
    let body = (1..=2usize.min(at)).any(|back| {
        let block = &heavy[at - back..=at];
        let first = block[0].1;
        let chained = block.windows(2).all(|pair| pair[1].1.in_channels == pair[0].1.out_channels);
        let depthwise = block.iter().any(|(_, s)| s.kind == ShapeKind::Depthwise);
        block.iter().all(|(_, s)| s.stride == 1.0)
            && first.in_channels == last.out_channels
            && first.out_pixels() == last.out_pixels()
            && chained
            && first.kind != ShapeKind::Depthwise
            && !(depthwise && first.out_channels <= first.in_channels)
            && block.iter().any(|(_, s)| s.window() > 1.0)
    });
    body || (at > 0 && last.window() <= 1.0 && {
        let before = heavy[at - 1].1;
        before.out_channels == last.out_channels
            && before.out_pixels() == last.out_pixels()
            && (last.in_channels != before.out_channels || last.stride > 1.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::SourceText;
    use crate::graph::operator_list::read_operator_lists;

    fn parts(rows: &[(&str, &str)]) -> Vec<Unlisted> {
        let mut text = "model,family,op_index,op,feature_json\n".to_owned();
        for (i, (op, features)) in rows.iter().enumerate() {
            text.push_str(&format!("m,f,{i},{op},\"{{{}}}\"\n", features.replace('"', "\"\"")));
        }
        let list = read_operator_lists(&SourceText::new("list", text)).unwrap_or_else(|e| panic!("{e}"));
        unlisted(&list[0].graph)
    }

    fn conv(side: u64, cin: u64, out: u64, stride: u64, kernel: u64, cout: u64) -> String {
        format!(
            "\"input_shape\":{side},\"input_channel\":{cin},\"output_shape\":{out},\"stride\":{stride},\
             \"kernel\":{kernel},\"filter\":{cout},\"group\":1"
        )
    }

    #[test]
    fn sums_of_basic_blocks_and_projections_are_found() {
        let rows = [
            ("CONV_2D", conv(56, 3, 56, 1, 1, 64)),
            ("CONV_2D", conv(56, 64, 56, 1, 3, 64)),
            ("CONV_2D", conv(56, 64, 56, 1, 3, 64)),
            // A strided block with its projection listed after the body; its first input is padded.
            ("CONV_2D", conv(58, 64, 28, 2, 3, 128)),
            ("CONV_2D", conv(28, 128, 28, 1, 3, 128)),
            ("CONV_2D", conv(56, 64, 28, 2, 1, 128)),
        ];
        let rows: Vec<(&str, &str)> = rows.iter().map(|(op, f)| (*op, f.as_str())).collect();
        let found = parts(&rows);
        let added: Vec<f64> = found.iter().map(|u| u.added).collect();
        assert_eq!(added, [0.0, 0.0, 56.0 * 56.0 * 64.0, 0.0, 0.0, 28.0 * 28.0 * 128.0]);
        assert_eq!(found[3].padded, 58.0 * 58.0 * 64.0);
    }

    #[test]
    fn squeeze_products_are_found() {
        let mean = "\"input_shape\":14,\"input_channel\":64,\"output_shape\":64,\"stride\":\"-\",\"kernel\":0,\"filter\":\"-\",\"group\":\"-\"";
        let rows = [
            ("MEAN", mean.to_owned()),
            ("CONV_2D", conv(1, 64, 1, 1, 1, 16)),
            ("CONV_2D", conv(1, 16, 1, 1, 1, 64)),
        ];
        let rows: Vec<(&str, &str)> = rows.iter().map(|(op, f)| (*op, f.as_str())).collect();
        assert_eq!(parts(&rows)[0].multiplied, 14.0 * 14.0 * 64.0);
        assert_eq!(parts(&rows[..2])[0].multiplied, 0.0);
    }

    #[test]
    fn complete_graphs_have_no_unlisted_part() {
        assert!(unlisted(&LoweredGraph::default()).is_empty());
    }
}
