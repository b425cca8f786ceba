//! Limits hold at every instant, and what nothing disturbs takes the time that it takes alone.

use crate::dynamics::{on_device, play_all, run, scenario};
use hetsoc::config::Library;
use hetsoc::units::SimTime;

#[test]
fn limits_hold_at_every_instant() {
    let text = "[[stream]]\nmodel = \"mobilenet_v1\"\narrivals = { kind = \"back-to-back\" }\n[strategy]\nname = \"single\"\nparameters = { executor = \"cpu-1large3med\" }\n[stop]\nuntil = \"12s\"\n[dynamics]\n[[dynamics.governor]]\nof = \"gold\"\nmax_mhz = 2227.2\n[dynamics.thermal]\nambient_celsius = 38\nstart_celsius = 43.4\n";
    let assembled = on_device("xperia-1", text);
    let setup = assembled.problem.dynamics.clone().unwrap();
    let (_, _, told) = play_all(assembled);
    let device = Library.device("xperia-1", &[]).unwrap().value;
    let steps = device.thermal.unwrap().throttling.unwrap().steps;
    // The vendor's table by the readings as they were told, each second.
    let mut levels: Vec<(SimTime, usize)> = vec![(SimTime::ZERO, 0)];
    for (time, _, skin) in
        told.temperatures.iter().filter(|t| t.1 == 2 && t.0.0 > 0 && t.0.0 % 1_000_000_000_000 == 0)
    {
        let read = (skin.0 * 10.0).floor() / 10.0;
        let mut level = levels.last().unwrap().1;
        while level < steps.len() && read >= steps[level].trip.0 - 1e-9 {
            level += 1;
        }
        while level > 0 && read < steps[level - 1].clear.0 - 1e-9 {
            level -= 1;
        }
        if level != levels.last().unwrap().1 {
            levels.push((*time, level));
        }
    }
    println!("levels {levels:?}, {} changes of clock", told.frequencies.len());
    assert!(levels.len() >= 2, "the table acts");
    let mut checked = 0;
    for (domain, own) in setup.domains.iter().enumerate() {
        let changes: Vec<_> = told.frequencies.iter().filter(|f| usize::from(f.1) == domain).collect();
        for (i, (from, level)) in levels.iter().enumerate() {
            let until = levels.get(i + 1).map_or(SimTime::NEVER, |next| next.0);
            let rows = level.checked_sub(1).and_then(|row| steps.get(row));
            let cap = rows
                .and_then(|row| row.clocks.iter().find(|(id, _)| *id == own.id))
                .map_or(f64::INFINITY, |c| c.1.0);
            let cap = if own.id == "gold" { cap.min(2227.2e6) } else { cap };
            // The clock that stands when the limit comes, and every change while it stands.
            let standing = changes.iter().rev().find(|f| f.0 <= *from).into_iter();
            for change in standing.chain(changes.iter().filter(|f| f.0 > *from && f.0 < until)) {
                checked += 1;
                assert!(change.2.0 <= cap + 0.5e6, "{} at {} above {cap}", own.id, change.0);
            }
        }
    }
    assert!(checked > 20, "{checked}");
}

#[test]
fn pinned_at_the_reference_every_governor_takes_the_time_alone() {
    for executor in ["cpu-1large", "cpu-1large3med", "gpu"] {
        let stream = format!(
            "[[stream]]\nmodel = \"mobilenet_v2\"\narrivals = {{ kind = \"periodic\", period = \"60ms\", count = 4 }}\n[strategy]\nname = \"single\"\nparameters = {{ executor = \"{executor}\" }}\n"
        );
        let (_, still, _) = run(&stream);
        let cpu = ["performance", "powersave", "ondemand", "conservative", "interactive", "schedutil"];
        let devices =
            ["performance", "powersave", "simple-ondemand", "msm-simple-ondemand", "adreno-tz", "ondemand"];
        for (cpu, device) in cpu.into_iter().zip(devices) {
            let mut text = format!(
                "{stream}[dynamics]\ncpu_governor = \"{cpu}\"\ndevice_governor = \"{device}\"\nmemory_clock = \"fixed\"\ncaches = true\n"
            );
            for (of, mhz) in [("silver", 1785.6), ("gold", 2419.2), ("prime", 2841.6), ("gpu", 585.0)] {
                text += &format!("[[dynamics.governor]]\nof = \"{of}\"\nmin_mhz = {mhz}\n");
            }
            let (_, log, _) = play_all(scenario(&text));
            assert_eq!(still.operators, log.operators, "{executor} {cpu} {device}");
        }
    }
}
