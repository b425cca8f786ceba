//! Blocks of the generic convolution kernel of TensorFlow Lite's GPU delegate on Mali (Bifrost) and Apple GPUs.
//!
//! Source: the public delegate (`conv_generic.cc`, `conv_metal.cc`); rules restated. Waves here are those of all
//! threads spread over the compute units, without work-group rounding.

/// Block class (0 to 3: 1, 2, 4, 8 outputs per thread) and waves per core on a Mali-G76 MP12.
#[must_use]
pub fn mali(width: f64, height: f64, slices: f64, general: bool) -> (usize, f64) {
    let tasks = width * height * slices / 12.0;
    let mut class = if tasks <= 256.0 {
        0
    } else if tasks <= 1536.0 {
        1
    } else if tasks <= 4096.0 {
        2
    } else {
        3
    };
    if general {
        class = class.min(2);
    }
    let odd = slices == 1.0 || slices == 3.0;
    let x = if class >= 1 { 2.0 } else { 1.0 };
    let y = if class == 3 || (class == 2 && odd) { 2.0 } else { 1.0 };
    let z = if class >= 2 && !odd { 2.0 } else { 1.0 };
    (class, threads(width, height, slices, [x, y, z]) / 8.0 / 12.0)
}

/// The same on the four cores of an A12.
#[must_use]
pub fn apple(width: f64, height: f64, slices: f64) -> (usize, f64) {
    let tasks = (width * height * slices / 32.0).ceil() / 4.0;
    let class: usize = if tasks >= 64.0 {
        3
    } else if tasks >= 32.0 {
        2
    } else if tasks >= 16.0 {
        1
    } else {
        0
    };
    let outputs = f64::from(1u8 << class);
    let (mut x, mut y, mut rest) = (1.0, 1.0, outputs);
    if class >= 1 {
        if height % 2.0 == 1.0 && width % 2.0 == 0.0 {
            x = 2.0;
        } else {
            y = 2.0;
        }
        rest = outputs / 2.0;
    }
    let z = if rest >= 4.0 && (slices % 4.0 == 0.0 || slices >= 16.0) {
        4.0
    } else if rest >= 2.0 && (slices % 2.0 == 0.0 || slices >= 4.0) {
        2.0
    } else if rest >= 4.0 && slices == 3.0 {
        3.0
    } else {
        1.0
    };
    (class, threads(width, height, slices, [x, y, z]) / 32.0 / 4.0)
}

fn threads(width: f64, height: f64, slices: f64, block: [f64; 3]) -> f64 {
    (width / block[0]).ceil() * (height / block[1]).ceil() * (slices / block[2]).ceil()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_grow_with_the_work() {
        // 56 x 56 x 16 slices: 4181 tasks per core of a Mali, 8 outputs per thread for 1x1, 4 with a window.
        assert_eq!(mali(56.0, 56.0, 16.0, false), (3, 28.0 * 28.0 * 8.0 / 96.0));
        assert_eq!(mali(56.0, 56.0, 16.0, true), (2, 28.0 * 56.0 * 8.0 / 96.0));
        assert_eq!(mali(7.0, 7.0, 16.0, false).0, 0);
        // 8 outputs: two rows, four slices.
        assert_eq!(apple(56.0, 56.0, 16.0), (3, 56.0 * 28.0 * 4.0 / 128.0));
        assert_eq!(apple(7.0, 7.0, 16.0), (0, 7.0 * 7.0 * 16.0 / 128.0));
    }
}
