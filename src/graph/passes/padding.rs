//! Padding as an operator of its own, where a runtime knows "same" and "valid" only.

use super::super::lowered::{Geometry, OperatorClass, Window};
use super::draft::{Draft, Node};
use super::import::Source;
use super::kind::Kind;

/// Inserts a padding operator before every window whose padding is neither absent nor "same".
pub(crate) fn make_explicit(draft: &mut Draft) {
    let mut nodes = Vec::with_capacity(draft.nodes.len());
    for mut node in std::mem::take(&mut draft.nodes) {
        let windowed = matches!(
            node.kind,
            Kind::Convolution
                | Kind::DepthwiseConvolution
                | Kind::GroupedConvolution
                | Kind::MaxPool
                | Kind::AveragePool
        );
        let (true, Some(Geometry::Window(window)), Some(input)) = (windowed, node.geometry, node.operand(0))
        else {
            nodes.push(node);
            continue;
        };
        // An average that counts the padding differs from "same", which leaves it out.
        let counted = node.kind == Kind::AveragePool && node.pads_count;
        if node.pads == [0; 4] || (node.pads == same(&window) && !counted) {
            nodes.push(node);
            continue;
        }
        let [top, left, bottom, right] = node.pads;
        let padded = Window {
            in_height: window.in_height.saturating_add(top).saturating_add(bottom),
            in_width: window.in_width.saturating_add(left).saturating_add(right),
            ..window
        };
        let source = draft.values[input].clone();
        // The input may be the alias of another shape; the window knows the plane.
        let plane = window.in_channels.saturating_mul(window.in_height).saturating_mul(window.in_width);
        let batch = source.elements().checked_div(plane).unwrap_or(1);
        let shape = if draft.source == Source::Tflite {
            vec![batch, padded.in_height, padded.in_width, padded.in_channels]
        } else {
            vec![batch, padded.in_channels, padded.in_height, padded.in_width]
        };
        let result = draft.add_value(format!("{}:padded", source.name), shape, source.element);
        nodes.push(Node {
            kind: Kind::Pad,
            name: format!("{}/pad", node.name),
            written: "Pad".to_owned(),
            operands: vec![Some(input)],
            results: vec![Some(result)],
            geometry: None,
            pads: node.pads,
            pads_count: false,
            permutation: None,
            macs: 0,
            class: OperatorClass::Other,
            fused: Vec::new(),
            sources: node.sources.clone(),
            folded_bytes: 0,
        });
        if let Some(operand) = node.operands.first_mut() {
            *operand = Some(result);
        }
        node.pads = [0; 4];
        node.geometry = Some(Geometry::Window(padded));
        nodes.push(node);
    }
    draft.nodes = nodes;
}

/// The padding that "same" means for a window: output = input / stride, rounded up; the odd one after.
fn same(w: &Window) -> [u64; 4] {
    let side = |size: u64, out: u64, kernel: u64, stride: u64, dilation: u64| {
        if stride == 0 || out != size.div_ceil(stride) {
            return None;
        }
        let reach = kernel.saturating_sub(1).saturating_mul(dilation).saturating_add(1);
        let total = out.saturating_sub(1).saturating_mul(stride).saturating_add(reach).saturating_sub(size);
        Some((total / 2, total - total / 2))
    };
    let vertical = side(w.in_height, w.out_height, w.kernel_height, w.stride_height, w.dilation_height);
    let horizontal = side(w.in_width, w.out_width, w.kernel_width, w.stride_width, w.dilation_width);
    match (vertical, horizontal) {
        (Some((top, bottom)), Some((left, right))) => [top, left, bottom, right],
        // Not reachable with "same": no padding equals this.
        _ => [u64::MAX; 4],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_puts_the_odd_row_after() {
        let mut window = Window {
            in_height: 224,
            in_width: 224,
            in_channels: 3,
            out_height: 112,
            out_width: 112,
            out_channels: 32,
            kernel_height: 3,
            kernel_width: 3,
            stride_height: 2,
            stride_width: 2,
            dilation_height: 1,
            dilation_width: 1,
            groups: 1,
        };
        assert_eq!(same(&window), [0, 0, 1, 1]);
        (window.out_height, window.out_width, window.stride_height, window.stride_width) = (224, 224, 1, 1);
        assert_eq!(same(&window), [1, 1, 1, 1]);
        window.out_width = 222;
        assert_eq!(same(&window), [u64::MAX; 4]);
    }
}
