//! Power coefficients against the measurements that they come from, and devices that differ by their body only.

use std::collections::BTreeMap;

use hetsoc::calibration::power_fit::{ClusterPower, PowerPoint, fit_cluster};
use hetsoc::config::Library;
use hetsoc::physics::thermal::{SKIN, network, throttle_table};
use hetsoc::units::{Celsius, Hertz};

use crate::shared::shared;

/// Points by (soc, run, cpu), ascending clocks, the slowest dropped.
fn points() -> Option<BTreeMap<(String, String, String), Vec<PowerPoint>>> {
    let read = |path: &str| -> Option<Vec<csv::StringRecord>> {
        let path = shared(path)?;
        Some(csv::Reader::from_path(path).unwrap().records().map(Result::unwrap).collect())
    };
    let volts: BTreeMap<(String, String, String), f64> = read("facts/soc/freqbench/voltages.csv")?
        .iter()
        .map(|r| ((r[0].to_owned(), r[1].to_owned(), r[2].to_owned()), r[3].parse().unwrap()))
        .collect();
    let mut found: BTreeMap<_, Vec<PowerPoint>> = BTreeMap::new();
    for row in read("facts/soc/freqbench/freqbench_all.csv")? {
        let key = (row[0].to_owned(), row[2].to_owned(), row[3].to_owned());
        let Some(&volt) = volts.get(&key) else { continue };
        let mhz = row[3].parse::<f64>().unwrap() / 1e3;
        let point = PowerPoint { mhz, volt, milliwatts: row[6].parse().unwrap() };
        found.entry((key.0, row[1].to_owned(), key.1)).or_default().push(point);
    }
    for points in found.values_mut() {
        points.sort_by(|a, b| a.mhz.total_cmp(&b.mhz));
        points.remove(0);
    }
    Some(found)
}

#[test]
fn one_law_per_cluster_explains_the_measured_power() {
    let Some(points) = points() else { return };
    // (SoC, the other run, cpu, largest mean error). No line through the silver points of either SoC errs less than
    // 4.1 % (855) or 6.5 % (865): their slow steps are not monotonic.
    let mut pooled = BTreeMap::<&str, (f64, f64)>::new();
    for (soc, other, cpu, limit) in [
        ("sm8150", "new", "1", 0.042),
        ("sm8150", "new", "4", 0.03),
        ("sm8150", "new", "7", 0.03),
        ("sm8250", "k30s", "1", 0.066),
        ("sm8250", "k30s", "4", 0.03),
        ("sm8250", "k30s", "7", 0.03),
    ] {
        let of = |run: &str| &points[&(soc.to_owned(), run.to_owned(), cpu.to_owned())];
        let fit = fit_cluster(of("main")).unwrap();
        let (own, there) = (fit.error(of("main")), fit.error(of(other)));
        println!(
            "{soc} cpu{cpu}: P0 {:.1} mW, C {:.1} uW/MHz/V2; {:.1} % (max {:.1}); on run {other} {:.1} % (max {:.1})",
            fit.awake_milliwatts,
            fit.dynamic,
            own.mean * 100.0,
            own.most * 100.0,
            there.mean * 100.0,
            there.most * 100.0
        );
        assert!(own.mean <= limit, "{own:?}");
        let count = of("main").len() as f64;
        let sum = pooled.entry(soc).or_default();
        *sum = (sum.0 + own.mean * count, sum.1 + count);
    }
    for (soc, (sum, count)) in pooled {
        println!("{soc}: {:.2} % over all clusters", sum / count * 100.0);
        assert!(sum / count < 0.031, "{soc}");
    }
}

#[test]
fn the_profile_holds_the_fit() {
    let Some(points) = points() else { return };
    let soc = Library.soc("snapdragon-855", &[]).unwrap().value;
    for (cluster, cpu) in soc.clusters.iter().zip(["1", "4", "7"]) {
        let main = &points[&("sm8150".to_owned(), "main".to_owned(), cpu.to_owned())];
        let fit = fit_cluster(main).unwrap();
        let profile = ClusterPower {
            awake_milliwatts: cluster.power.awake.value.0 * 1e3,
            dynamic: cluster.power.dynamic.value * 1e12,
        };
        assert!((profile.dynamic - fit.dynamic).abs() < 0.06, "{profile:?} {fit:?}");
        assert!((profile.awake_milliwatts - fit.awake_milliwatts).abs() < 0.06, "{profile:?} {fit:?}");
    }
}

#[test]
fn phones_share_their_priors_and_differ_by_geometry_and_table() {
    let bodies = ["xiaomi-9", "xperia-1", "oneplus-7-pro"].map(|id| {
        let device = Library.device(id, &[]).unwrap_or_else(|e| panic!("{e}")).value;
        device.thermal.unwrap()
    });
    for body in &bodies {
        let prior = |b: &hetsoc::soc::ThermalBody| {
            [&b.film, &b.specific_heat, &b.skin_share, &b.die_capacity, &b.die_to_case, &b.case_to_skin]
                .map(|q| q.value)
        };
        assert_eq!(prior(body), prior(&bodies[0]));
        let steady = network(body).unwrap().steady(&[3.0, 1.0], Celsius(25.0))[SKIN].0;
        // Prior: 6 to 12 K/W from case to ambient.
        assert!((25.0 + 4.0 * 6.0..25.0 + 4.0 * 12.0).contains(&steady), "{steady}");
    }
    assert!(bodies[0].throttling.is_none() && bodies[2].throttling.is_none());
    let mut table = throttle_table(bodies[1].throttling.as_ref().unwrap());
    table.update(Celsius(47.2));
    let caps = table.caps().unwrap();
    assert_eq!(table.level(), 8);
    assert_eq!(caps.clock("gold"), Some(Hertz(1286.4e6)));
    assert_eq!((caps.offline("gold"), caps.offline("prime"), caps.clock("gpu")), (1, 1, Some(Hertz(499e6))));
    table.update(Celsius(60.0));
    assert_eq!((table.level(), table.caps().unwrap().clock("silver")), (19, Some(Hertz(576e6))));
}
