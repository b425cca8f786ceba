//! Layers by their name: `conv3x3_32_14`, `conv5x5s2_3_32_112`, `dw3x3_144_56`, `mm_1_768_3072`.

/// Sizes of one layer, fp32, batch 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layer {
    /// Bytes read, weights left out.
    pub input_bytes: f64,
    /// Bytes written.
    pub output_bytes: f64,
    /// Bytes of weights.
    pub weight_bytes: f64,
    /// Whether a part of the outputs reads the same part of the inputs only.
    pub depthwise: bool,
    /// Whether it works on images, not on matrices.
    pub image: bool,
}

/// Bytes of an element.
const ELEMENT: f64 = 4.0;

impl Layer {
    /// Reads a name: kind with window and stride, then channels in, channels out (once if they are equal) and the input's
    /// side; for products rows, depth and columns. `None` for any other name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (kind, sizes) = name.split_once('_')?;
        let sizes: Vec<f64> = sizes.split('_').map(whole).collect::<Option<_>>()?;
        if kind == "mm" {
            let &[rows, depth, columns] = sizes.as_slice() else { return None };
            return Some(Self {
                input_bytes: rows * depth * ELEMENT,
                output_bytes: rows * columns * ELEMENT,
                weight_bytes: depth * columns * ELEMENT,
                depthwise: false,
                image: false,
            });
        }
        let (depthwise, window) = match kind.strip_prefix("dw") {
            Some(window) => (true, window),
            None => (false, kind.strip_prefix("conv")?),
        };
        let (window, stride) = match window.split_once('s') {
            Some((window, stride)) => (window, whole(stride)?),
            None => (window, 1.0),
        };
        let (height, width) = window.split_once('x')?;
        let elements = whole(height)? * whole(width)?;
        let (input, output, side) = match (sizes.as_slice(), depthwise) {
            (&[channels, side], _) => (channels, channels, side),
            (&[input, output, side], false) => (input, output, side),
            _ => return None,
        };
        let out_side = (side / stride).ceil();
        Some(Self {
            input_bytes: input * side * side * ELEMENT,
            output_bytes: output * out_side * out_side * ELEMENT,
            weight_bytes: output * elements * if depthwise { 1.0 } else { input } * ELEMENT,
            depthwise,
            image: true,
        })
    }

    /// Share of the input that a share of the outputs reads.
    #[must_use]
    pub fn input_share(&self, share: f64) -> f64 {
        if self.depthwise { share } else { 1.0 }
    }
}

/// A whole number from 1 to a million.
fn whole(text: &str) -> Option<f64> {
    text.parse::<u32>().ok().filter(|n| (1..=1_000_000).contains(n)).map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        let strided = Layer::parse("conv5x5s2_3_32_112").unwrap();
        assert_eq!(strided.input_bytes, 3.0 * 112.0 * 112.0 * 4.0);
        assert_eq!(strided.output_bytes, 32.0 * 56.0 * 56.0 * 4.0);
        assert_eq!(strided.weight_bytes, 32.0 * 3.0 * 25.0 * 4.0);
        let square = Layer::parse("conv3x3_32_14").unwrap();
        assert_eq!((square.input_bytes, square.weight_bytes), (32.0 * 196.0 * 4.0, 32.0 * 32.0 * 9.0 * 4.0));
        let depthwise = Layer::parse("dw3x3_144_56").unwrap();
        assert!(depthwise.depthwise && depthwise.input_share(0.25) == 0.25);
        assert_eq!(depthwise.weight_bytes, 144.0 * 9.0 * 4.0);
        assert_eq!(Layer::parse("mm_1_768_3072").unwrap().weight_bytes, 768.0 * 3072.0 * 4.0);
        for bad in
            ["", "conv", "conv3x3", "conv3x3_32", "conv3_32_14", "mm_1_2", "dw3x3_1_2_3", "pool2x2_8_8"]
        {
            assert_eq!(Layer::parse(bad), None, "{bad}");
        }
        assert_eq!(Layer::parse("conv3x3_0_14"), None);
        assert_eq!(Layer::parse("conv3x3_99999999999_14"), None);
    }
}
