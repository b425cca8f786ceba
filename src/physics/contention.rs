//! Slow-down through shared memory, where bandwidth shares alone do not explain it.
//!
//! Bandwidth by weight is `engine::water_fill`, slow-down in three regions `physics::three_regions`.

use crate::units::BytesPerSec;

/// Bandwidth left to everybody else after the display has taken what its refresh needs, never less than zero. Displays
/// are served first, because a late line is a visible fault.
#[must_use]
pub fn after_display(supply: BytesPerSec, display: BytesPerSec) -> BytesPerSec {
    BytesPerSec((supply.0 - display.0.max(0.0)).max(0.0))
}

/// Bytes per second that a display reads: pixels x bytes per pixel x frames per second.
#[must_use]
pub fn display_demand(width: u32, height: u32, bytes_per_pixel: f64, hertz: f64) -> BytesPerSec {
    BytesPerSec(f64::from(width) * f64::from(height) * bytes_per_pixel * hertz)
}

/// Relative speeds of processors that share a memory in proportion to their demands: all slow down alike once the sum of
/// `demands`, inflated by `interference` for every further client, exceeds the supply; every client keeps the part of
/// its time that does not wait for memory (`bound`: the memory-bound share of its time alone, in [0, 1]).
///
/// `speed = 1 / (1 - bound + bound / granted)`, with `granted = min(1, supply / ((1 + interference (n - 1)) sum))`
/// (Gables-like sharing; the loss before saturation is that of row conflicts).
#[must_use]
pub fn proportional_speeds(demands: &[f64], bounds: &[f64], supply: f64, interference: f64) -> Vec<f64> {
    let active = demands.iter().filter(|demand| **demand > 0.0).count();
    let inflated = demands.iter().sum::<f64>() * (1.0 + interference * active.saturating_sub(1) as f64);
    let granted = if inflated > supply { supply / inflated } else { 1.0 };
    let bound = |i: usize| bounds.get(i).copied().unwrap_or(1.0).clamp(0.0, 1.0);
    (0..demands.len()).map(|i| 1.0 / (1.0 - bound(i) + bound(i) / granted.max(1e-9))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_display_is_served_first() {
        let display = display_demand(1080, 2340, 4.0, 60.0);
        assert!((display.0 / 1e9 - 0.6065).abs() < 1e-3);
        assert_eq!(after_display(BytesPerSec(16e9), display).0, 16e9 - display.0);
        assert_eq!(after_display(BytesPerSec(0.1e9), display).0, 0.0);
    }

    #[test]
    fn proportional_sharing_slows_all_alike() {
        assert_eq!(proportional_speeds(&[4.0, 5.0], &[1.0, 1.0], 10.0, 0.0), [1.0, 1.0]);
        assert_eq!(proportional_speeds(&[10.0, 10.0], &[1.0, 1.0], 10.0, 0.0), [0.5, 0.5]);
        let speeds = proportional_speeds(&[10.0, 10.0], &[1.0, 0.5], 10.0, 0.0);
        assert!((speeds[1] - 1.0 / 1.5).abs() < 1e-12);
        assert!(
            proportional_speeds(&[6.0, 4.0], &[1.0, 1.0], 10.0, 0.25).iter().all(|s| (s - 0.8).abs() < 1e-12)
        );
    }

    /// Jetson Orin (forum report, low confidence): a GPU alone serves 405 q/s and 229 beside two accelerators, which
    /// serve 132.7 each alone and 113.1 beside the GPU. The same network moves the same bytes per query, so demand and
    /// memory-bound share are in proportion to the throughput alone. The one coefficient is fitted on the GPU's figure;
    /// the accelerators' is predicted, whatever share of the GPU's time was memory-bound.
    #[test]
    fn the_gpu_figure_predicts_the_accelerators() {
        let alone = [405.0, 132.7, 132.7];
        for gpu_bound in [0.5, 0.7, 0.9] {
            let scaled = alone.map(|q: f64| q / alone[0] * gpu_bound);
            let speeds = |interference: f64| proportional_speeds(&scaled, &scaled, 1.0, interference);
            let (mut low, mut high) = (0.0, 10.0);
            for _ in 0..60 {
                let middle = (low + high) / 2.0;
                if speeds(middle)[0] > 229.0 / 405.0 { low = middle } else { high = middle }
            }
            let fitted = speeds(low);
            assert!((fitted[0] * 405.0 - 229.0).abs() < 1e-6, "{fitted:?}");
            let points = (fitted[1] - 113.1 / 132.7) * 100.0;
            println!("interference {low:.3}: accelerator at {:.1} %, {points:+.1} points", fitted[1] * 100.0);
            assert!(points.abs() < 10.0, "{points}");
        }
    }
}
