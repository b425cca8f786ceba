//! Power coefficients from measurements: `P = P0 + C f V^2` per cluster, and what a whole phone adds to it.

/// One measured point: one busy core at one OPP.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerPoint {
    /// Clock in MHz.
    pub mhz: f64,
    /// Supply voltage in V.
    pub volt: f64,
    /// Power above the idle base in mW, above 0.
    pub milliwatts: f64,
}

impl PowerPoint {
    /// `f V^2` in GHz V^2, so that `C` comes out in mW / (GHz V^2) = uW / (MHz V^2).
    fn load(&self) -> f64 {
        self.mhz * self.volt * self.volt * 1e-3
    }
}

/// `P = P0 + C f V^2` of one cluster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClusterPower {
    /// `P0` in mW.
    pub awake_milliwatts: f64,
    /// `C` in uW / (MHz V^2).
    pub dynamic: f64,
}

/// Errors of a fit relative to the measured power.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RelativeError {
    /// Mean of the absolute errors.
    pub mean: f64,
    /// Largest absolute error.
    pub most: f64,
}

impl ClusterPower {
    /// Power of one busy core in mW.
    #[must_use]
    pub fn milliwatts(&self, point: &PowerPoint) -> f64 {
        self.awake_milliwatts + self.dynamic * point.load()
    }

    /// Error on `points`; zero without any.
    #[must_use]
    pub fn error(&self, points: &[PowerPoint]) -> RelativeError {
        let errors = points.iter().map(|point| (self.milliwatts(point) / point.milliwatts - 1.0).abs());
        RelativeError {
            mean: errors.clone().sum::<f64>() / points.len().max(1) as f64,
            most: errors.fold(0.0, f64::max),
        }
    }
}

/// The line with the least mean absolute relative error among those with `P0` and `C` at least zero. Such a line
/// passes through two of the points, or through one and has a coefficient of zero (the optimum of a linear program lies
/// at a corner), so that trying all is exact. Outliers, which the slowest steps of little cores have, do not pull it.
/// `None` for fewer than three points or points without power.
#[must_use]
pub fn fit_cluster(points: &[PowerPoint]) -> Option<ClusterPower> {
    let usable = |p: &PowerPoint| {
        p.milliwatts > 0.0 && p.milliwatts.is_finite() && p.load() > 0.0 && p.load().is_finite()
    };
    if points.len() < 3 || !points.iter().all(usable) {
        return None;
    }
    let through = |a: &PowerPoint, b: &PowerPoint| {
        let dynamic = (b.milliwatts - a.milliwatts) / (b.load() - a.load());
        ClusterPower { awake_milliwatts: a.milliwatts - dynamic * a.load(), dynamic }
    };
    let pairs =
        points.iter().enumerate().flat_map(|(i, a)| points.iter().take(i).map(move |b| through(a, b)));
    let single = points.iter().flat_map(|a| {
        [
            ClusterPower { awake_milliwatts: 0.0, dynamic: a.milliwatts / a.load() },
            ClusterPower { awake_milliwatts: a.milliwatts, dynamic: 0.0 },
        ]
    });
    pairs
        .chain(single)
        .filter(|fit| fit.dynamic >= 0.0 && fit.awake_milliwatts >= 0.0 && fit.dynamic.is_finite())
        .min_by(|a, b| a.error(points).mean.total_cmp(&b.error(points).mean))
}

/// Mean powers in W of one network run three ways on one phone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhonePowers {
    /// On the CPU alone.
    pub cpu: f64,
    /// On the GPU alone.
    pub gpu: f64,
    /// On both at once, both busy all the time.
    pub both: f64,
}

/// What explains [`PhonePowers`], in W.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhonePowerFit {
    /// The rest of the phone: display, regulators, memory at rest.
    pub base: f64,
    /// Factor on the switching power of the CPU, compared with the load of the cluster fits.
    pub activity: f64,
    /// The busy GPU with its traffic.
    pub gpu: f64,
}

/// Least squares over networks of `cpu = base + awake + a switching`, `gpu = base + G`,
/// `both = base + awake + a switching + G`, where `awake` and `switching` are the power of the CPU executor by the cluster
/// fits. All networks have the same three unknowns, so that the solution is that of the mean network. `base` is what CPU
/// and GPU alone have in common: `cpu + gpu - both`. `None` without networks or switching power.
#[must_use]
pub fn fit_phone(networks: &[PhonePowers], awake: f64, switching: f64) -> Option<PhonePowerFit> {
    let count = networks.len() as f64;
    let mean = |of: fn(&PhonePowers) -> f64| networks.iter().map(of).sum::<f64>() / count;
    let (cpu, gpu, both) = (mean(|n| n.cpu), mean(|n| n.gpu), mean(|n| n.both));
    let base = cpu + gpu - both;
    (count > 0.0 && switching > 0.0).then(|| PhonePowerFit {
        base,
        activity: (cpu - base - awake) / switching,
        gpu: gpu - base,
    })
}

impl PhonePowerFit {
    /// The powers that it predicts.
    #[must_use]
    pub fn predict(&self, awake: f64, switching: f64) -> PhonePowers {
        let cpu = self.base + awake + self.activity * switching;
        PhonePowers { cpu, gpu: self.base + self.gpu, both: cpu + self.gpu }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_line_with_one_outlier_is_found() {
        let law = ClusterPower { awake_milliwatts: 50.0, dynamic: 320.0 };
        let mut points: Vec<PowerPoint> = (1..=12)
            .map(|i| {
                let mut point = PowerPoint {
                    mhz: 200.0 * f64::from(i),
                    volt: 0.7 + 0.02 * f64::from(i),
                    milliwatts: 1.0,
                };
                point.milliwatts = law.milliwatts(&point);
                point
            })
            .collect();
        points[4].milliwatts *= 1.4;
        let fit = fit_cluster(&points).unwrap();
        assert!((fit.awake_milliwatts - 50.0).abs() < 1e-6 && (fit.dynamic - 320.0).abs() < 1e-6, "{fit:?}");
        let error = fit.error(&points);
        assert!((error.most - 0.4 / 1.4).abs() < 1e-9 && (error.mean - error.most / 12.0).abs() < 1e-9);
        assert_eq!(fit_cluster(&points[..2]), None);
        points[0].milliwatts = 0.0;
        assert_eq!(fit_cluster(&points), None);
    }

    /// CoDL, MobiSys '22, Fig. 21 (digitised, +-0.1 W), Snapdragon 855: YOLOv2, VGG-16.
    const YOLO: PhonePowers = PhonePowers { cpu: 6.61, gpu: 3.70, both: 8.57 };
    const VGG: PhonePowers = PhonePowers { cpu: 5.90, gpu: 3.61, both: 8.49 };

    /// Awake and switching power of three gold cores and the prime core at their top clocks, by the cluster fits of
    /// run `main`: P0 58.1 + 78.5 mW; C 314.2 x 2419.2 MHz x 1.000^2 V^2 x 3 + 353.9 x 2841.6 x 0.984^2.
    const AWAKE: f64 = 0.1366;
    const SWITCHING: f64 = 3.0 * 0.314_2 * 2.419_2 + 0.353_9 * 2.841_6 * 0.984 * 0.984;

    #[test]
    fn power_of_one_network_predicts_the_other() {
        let mut worst = 0.0f64;
        for (fitted_on, other) in [(YOLO, VGG), (VGG, YOLO)] {
            let fit = fit_phone(&[fitted_on], AWAKE, SWITCHING).unwrap();
            let guess = fit.predict(AWAKE, SWITCHING);
            println!("{fit:?}: {guess:?} against {other:?}");
            for (got, measured) in [(guess.cpu, other.cpu), (guess.gpu, other.gpu), (guess.both, other.both)]
            {
                worst = worst.max((got / measured - 1.0).abs());
            }
            // The base lies where the sum rule puts it, and the activity in its published prior range.
            assert!((1.0..1.8).contains(&fit.base) && (1.2..1.8).contains(&fit.activity), "{fit:?}");
        }
        println!("worst error on the network that was left out: {:.1} %", worst * 100.0);
        assert!(worst < 0.15, "{worst}");
    }
}
