//! Blocks, work-groups and waves of the generic convolution kernel of TensorFlow Lite's GPU delegate on Adreno 6xx.
//!
//! Source: the public delegate (`conv_generic.cc`, `work_group_picking.cc`); rules restated. Channels come in slices of
//! 4. Each thread computes a block of 1, 2, 4 or 8 outputs, larger when there is enough work for the shader cores.

/// Shader cores of the Adreno 640, and threads of a wave.
const CORES: f64 = 2.0;
const WAVE: f64 = 64.0;

/// The block class of a convolution (0 to 3), and the waves that each shader core runs.
#[must_use]
pub fn waves(width: f64, height: f64, slices: f64) -> (usize, f64) {
    let tasks = width * height * slices / CORES / 128.0;
    let (class, block) = if tasks <= 6.0 {
        (0, [1.0, 1.0, 1.0])
    } else if tasks <= 12.0 {
        (1, [2.0, 1.0, 1.0])
    } else if tasks <= 24.0 {
        (2, [2.0, 1.0, 2.0])
    } else {
        (3, [2.0, 2.0, 2.0])
    };
    let grid = [(width / block[0]).ceil(), (height / block[1]).ceil(), (slices / block[2]).ceil()];
    let z = divisor(grid[2], 64.0);
    let plane = (256.0 / z).floor().max(1.0);
    let x = grid[0].min(plane);
    let mut y = (plane / x).floor().max(1.0).min(grid[1]);
    if y == grid[1] && grid[1] % 2.0 == 0.0 {
        y = grid[1] / 2.0;
    }
    let groups = (grid[0] / x).ceil() * (grid[1] / y).ceil() * (grid[2] / z).ceil();
    let threads = x * y * z;
    let per_core = if threads >= WAVE {
        (groups / CORES).ceil() * (threads / WAVE).ceil()
    } else {
        groups * (threads / WAVE) / CORES
    };
    (class, per_core)
}

/// 8, 4 or 2 if it divides `n`, else the largest divisor up to `most`.
#[must_use]
pub fn divisor(n: f64, most: f64) -> f64 {
    if let Some(found) = [8.0, 4.0, 2.0].into_iter().find(|d| n % d == 0.0) {
        return found;
    }
    let mut candidate = most.min(n).floor();
    while candidate > 1.0 && n % candidate != 0.0 {
        candidate -= 1.0;
    }
    candidate.max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_grow_with_the_work() {
        assert_eq!(waves(7.0, 7.0, 16.0).0, 0);
        assert_eq!(waves(14.0, 14.0, 16.0).0, 2);
        assert_eq!(waves(112.0, 112.0, 16.0).0, 3);
        // 56 x 56 in blocks of 2 x 2 x 2: 28 x 28 x 8 threads in groups of 28 x 1 x 8, 28 groups of 4 waves on 2 cores.
        assert_eq!(waves(56.0, 56.0, 16.0), (3, 56.0));
    }

    #[test]
    fn divisors_prefer_powers_of_two() {
        assert_eq!([divisor(24.0, 64.0), divisor(12.0, 64.0), divisor(6.0, 8.0)], [8.0, 4.0, 2.0]);
        assert_eq!([divisor(15.0, 8.0), divisor(13.0, 8.0), divisor(13.0, 64.0)], [5.0, 1.0, 13.0]);
    }
}
