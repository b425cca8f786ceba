//! Predictors, conditions and the studies that use both, through the public simulation.

use hetsoc::config::{assemble, condition, condition_ids, scenario_text};
use hetsoc::diagnostics::SourceText;
use hetsoc::experiment::reproduce::granularity::{Dial, GranularityOptions, granularity};
use hetsoc::experiment::reproduce::sigma::{SigmaOptions, sigma};
use hetsoc::experiment::{RunOptions, run_scenario};
use hetsoc::record::summary::RunSummary;
use std::path::Path;

const HEAD: &str = "schema = 1\nscenario = { name = \"test\" }\ndevice = \"xiaomi-9\"\nruntime = \"mace\"\nnoise = false\n\
                    executors = [\"cpu-1large3med\", \"gpu\"]\n";

fn text(strategy: &str, rest: &str) -> String {
    format!(
        "{HEAD}{rest}\n[[stream]]\nname = \"s\"\nmodel = \"resnet18\"\narrivals = {{ kind = \"back-to-back\", count = 12 }}\n\
         [strategy]\n{strategy}\n"
    )
}

fn read(text: &str, overrides: &[String]) -> Result<hetsoc::config::ScenarioSpec, String> {
    scenario_text(&SourceText::new("test", text), Path::new(""), overrides)
        .map(|loaded| loaded.value)
        .map_err(|error| error.to_string())
}

fn run(strategy: &str, rest: &str) -> RunSummary {
    let spec = read(&text(strategy, rest), &[]).unwrap();
    let mut assembled = assemble(&spec, &[], &[], None).unwrap_or_else(|error| panic!("{error}"));
    run_scenario(&mut assembled, RunOptions { record: false, baseline: false }, &mut |_| ()).unwrap().summary
}

const CPU: &str = "name = \"single\"\nparameters = { executor = \"cpu-1large3med\" }";

fn with(condition: &str, predictor: &str) -> String {
    format!("condition = \"{condition}\"\npredictor = {{ name = \"{predictor}\" }}")
}

#[test]
fn in_the_laboratory_offline_and_oracle_are_exact() {
    for predictor in ["offline", "oracle", "ewma", "kalman", "rls"] {
        let error = run(CPU, &with("sigma0", predictor)).prediction_error.unwrap();
        assert!(error.units == 12 && error.worst_percent < 1e-6, "{predictor}: {error:?}");
    }
    // A line through multiply-accumulates is wrong about single operators even there.
    let error = run("name = \"eft\"", &with("sigma0", "flop-linear")).prediction_error.unwrap();
    assert!(error.mape_percent > 5.0, "{error:?}");
}

#[test]
fn learning_helps_when_the_machine_is_busy_and_costs_overhead() {
    let offline = run(CPU, &with("sigma2", "offline"));
    let ewma = run(CPU, &with("sigma2", "ewma"));
    let (before, after) = (offline.prediction_error.unwrap(), ewma.prediction_error.unwrap());
    assert!(before.bias_percent < -25.0, "{before:?}");
    assert!(after.mape_percent < before.mape_percent, "{after:?} {before:?}");
    let profiling = ewma.profiling.unwrap();
    let operators = 12 * hetsoc_operators();
    assert_eq!(profiling.observations, operators);
    assert!((profiling.overhead_ms - operators as f64 * 2e-3).abs() < 1e-9);
    assert_eq!(offline.profiling.unwrap().observations, 0);
    // At the laboratory's clocks the latency grows by exactly what observing takes.
    let latency = |predictor: &str| run(CPU, &with("sigma0", predictor)).latency_ms.unwrap().mean;
    let added = latency("ewma") - latency("offline");
    assert!((added - operators as f64 / 12.0 * 2e-3).abs() < 1e-6, "{added}");
}

fn hetsoc_operators() -> u64 {
    let spec = read(&text(CPU, ""), &[]).unwrap();
    assemble(&spec, &[], &[], None).unwrap().problem.streams[0].dag.len() as u64
}

#[test]
fn online_strategies_act_on_what_was_learnt() {
    // Two of the four cores are shared with two threads each. Who believes the laboratory keeps using the CPU.
    let hogs = ["cpu4", "cpu7"].map(|core| {
        format!("[[background]]\nname = \"on-{core}\"\nkind = \"thread\"\non = \"{core}\"\ncount = 2\n")
    });
    let latency = |predictor: &str| {
        let rest = format!(
            "predictor = {{ name = \"{predictor}\" }}\n[dynamics]\ncpu_governor = \"performance\"\n{}",
            hogs.concat()
        );
        let body = text("name = \"eft\"\nparameters = { min-unit = 8 }", "").replace("resnet18", "vgg16");
        let spec = read(&body.replacen("[[stream]]", &format!("{rest}[[stream]]"), 1), &[]).unwrap();
        let mut assembled = assemble(&spec, &[], &[], None).unwrap();
        let options = RunOptions { record: false, baseline: false };
        run_scenario(&mut assembled, options, &mut |_| ()).unwrap().summary.latency_ms.unwrap().mean
    };
    let (offline, ewma, oracle) = (latency("offline"), latency("ewma"), latency("oracle"));
    assert!(ewma < 0.7 * offline && oracle < 1.01 * ewma, "{offline} {ewma} {oracle}");
}

#[test]
fn equal_seeds_give_equal_summaries() {
    for predictor in ["rls", "oracle"] {
        let of = || run("name = \"eft\"", &with("sigma4", predictor));
        assert_eq!(of(), of());
    }
}

#[test]
fn conditions_are_laid_over_scenarios_and_can_be_changed() {
    let own = "condition = \"sigma2\"\n[dynamics]\ncpu_governor = \"powersave\"\n[dynamics.thermal]\nambient_celsius = 10\n\
               [[background]]\nname = \"apps\"\nkind = \"thread\"\ncount = 1\n[[background]]\nname = \"own\"\nkind = \"thread\"";
    let body = text(CPU, "").replace("[[stream]]", &format!("{own}\n[[stream]]"));
    let spec = read(&body, &[]).unwrap();
    let dynamics = spec.dynamics.unwrap();
    assert_eq!(spec.condition.as_deref(), Some("sigma2"));
    assert_eq!(dynamics.cpu_governor, "schedutil");
    assert_eq!(dynamics.thermal.unwrap().ambient.unwrap().0, 10.0);
    let names: Vec<&str> = dynamics.background.iter().map(|b| b.name.as_str()).collect();
    assert_eq!(names, ["apps", "own"]);
    let counted = |overrides: &[String]| {
        let spec = read(&body, overrides).unwrap();
        format!("{:?}", spec.dynamics.unwrap().background[0].kind)
    };
    assert!(counted(&[]).contains("count: 8"));
    assert!(counted(&["background.apps.count=3".to_owned()]).contains("count: 3"));
    let other = read(&body, &["condition=sigma0".to_owned()]).unwrap();
    assert_eq!(other.condition.as_deref(), Some("sigma0"));
}

#[test]
fn wrong_conditions_and_predictors_are_placed() {
    let fault = |rest: &str| read(&text(CPU, rest), &[]).unwrap_err();
    let error = fault("condition = \"sigma7\"");
    assert!(error.contains("test:7:") && error.contains("there is no condition `sigma7`"), "{error}");
    let error = fault("predictor = { name = \"oracel\" }");
    assert!(error.contains("test:7:") && error.contains("did you mean `oracle`?"), "{error}");
    let error = fault("predictor = { name = \"ewma\", smoothing = 2 }");
    assert!(error.contains("unknown key `smoothing`"), "{error}");
    let error = fault("predictor = { name = \"ewma\", parameters = { smoothing = 2 } }");
    assert!(error.contains("smoothing must be a number"), "{error}");
}

#[test]
fn the_study_of_conditions_sweeps_every_number_and_repeats_itself() {
    let options = SigmaOptions {
        networks: vec!["resnet18".to_owned()],
        conditions: ["sigma0", "sigma1", "sigma2"].map(str::to_owned).to_vec(),
        predictors: vec!["offline".parse().unwrap(), "ewma".parse().unwrap()],
        requests: 3,
        jobs: 1,
        ..SigmaOptions::default()
    };
    let of = |jobs: usize| sigma(&SigmaOptions { jobs, ..options.clone() }, &|_| (), &|| ()).unwrap();
    let report = of(1);
    assert_eq!(report, of(3));
    let keys: Vec<(&str, &str)> =
        report.rows.iter().map(|r| (r.condition.as_str(), r.predictor.as_str())).collect();
    let expected = ["sigma0", "sigma1", "sigma2"]
        .map(|condition| [(condition, "offline"), (condition, "ewma")])
        .concat();
    assert_eq!(keys, expected);
    // Five temperatures and powers, and three settings of competing threads, each halved and raised by half, for two predictors; some make no governor and say so.
    assert_eq!(report.sweep.len(), (5 + 3) * 2 * 2);
    let failed: Vec<&str> = report.sweep.iter().filter_map(|row| row.failure.as_deref()).collect();
    assert!(!failed.is_empty() && failed.iter().all(|why| why.contains("switch_on_celsius")), "{failed:?}");
    let row = &report.rows[4];
    let [least, most] = row.error_range_percent.unwrap();
    assert!(least <= row.error_percent.unwrap() && row.error_percent.unwrap() <= most && least < most);
    for id in condition_ids() {
        let found = condition(id).unwrap();
        assert_eq!(found.edits.len() as u32 + 1, found.revision);
    }
}

#[test]
fn fine_units_pay_for_transfers() {
    let options = GranularityOptions {
        network: "resnet18".to_owned(),
        competitors: 1,
        requests: 6,
        ..GranularityOptions::default()
    };
    let report = granularity(&options, &|_| (), &|| ()).unwrap();
    assert_eq!(report.rows.len(), 2 * (7 + 7 + 7));
    assert_eq!(report.optima.len(), 6);
    assert!(report.rows.iter().all(|row| row.failure.is_none()));
    for competitors in 0..2 {
        let own: Vec<_> = report
            .rows
            .iter()
            .filter(|row| row.dial == Dial::Operators && row.competitors == competitors)
            .collect();
        assert!(own.windows(2).all(|pair| pair[0].synchronisations >= pair[1].synchronisations));
        assert!(own[0].transfers > own[6].transfers && own[0].bytes_converted > own[6].bytes_converted);
        assert!(own[0].throughput_per_s < own[6].throughput_per_s);
    }
    for row in &report.rows {
        let whole = row.busy + row.overhead + row.blocked + row.suspended + row.idle;
        assert!((whole - 1.0).abs() < 1e-9, "{row:?}");
    }
}

/// A burst is over when its last frame is. Would catch a dial that lets other requests fill the processors, idle time that is that of the wrong
/// end or processor, and a count of units or bytes that includes the camera's.
#[test]
fn coarse_units_leave_the_fast_processor_idle_at_the_end_of_a_burst() {
    let options = GranularityOptions {
        dials: vec![Dial::Burst],
        competitors: 1,
        requests: 9,
        ..GranularityOptions::default()
    };
    let report = granularity(&options, &|_| (), &|| ()).unwrap();
    assert_eq!((report.rows.len(), report.optima.len()), (14, 2));
    let busy: Vec<_> = report.rows.iter().filter(|row| row.competitors == 1).collect();
    let (fine, coarse) = (busy[0], busy[6]);
    let optimum = &report.optima[1];
    let best = busy.iter().find(|row| row.min_unit == optimum.min_unit).unwrap();
    assert!(optimum.u_shaped && optimum.min_unit > 1 && optimum.min_unit < 1000, "{optimum:?}");
    assert!(coarse.gpu_idle > best.gpu_idle + 0.2 && coarse.cpu_idle < 0.05, "{coarse:?} {best:?}");
    assert!(
        fine.overhead + fine.blocked > best.overhead + best.blocked && fine.transfers > 2.0 * best.transfers
    );
    assert!((coarse.synchronisations - 1.0).abs() < 1e-9, "{coarse:?}");
    // One frame alone: nothing is gained by cutting, and the last setting is the best.
    let alone =
        granularity(&GranularityOptions { burst: 1, requests: 3, ..options }, &|_| (), &|| ()).unwrap();
    assert!(alone.optima.iter().all(|optimum| !optimum.u_shaped && optimum.min_unit == 1000));
}

fn command(arguments: &str) -> (Option<i32>, String, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_hetsoc"))
        .args(arguments.split(' '))
        .output()
        .unwrap_or_else(|error| panic!("{error}"));
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_studies_refuse_what_does_not_exist() {
    let fault = |arguments: &str, code: i32, words: &str| {
        let (found, _, error) = command(arguments);
        assert!(found == Some(code) && error.contains(words), "{arguments}: {found:?} {error}");
    };
    fault("reproduce sigma --condition sigma9", 4, "there is no condition `sigma9`");
    fault("reproduce sigma --predictor oracel", 2, "did you mean `oracle`?");
    fault("reproduce sigma --no-sweep --network nonet", 4, "no cell could be played");
    fault("reproduce sigma --requests 0", 2, "0 is not in 1..=100000");
    fault("reproduce granularity --network nonet --competitors 0", 4, "no run could be played");
    fault("reproduce granularity --predictor nope", 2, "there is no such predictor");
    fault(
        "reproduce granularity --dial brust",
        2,
        "there is no dial `brust`; there are operators, slices, burst",
    );
    fault("reproduce granularity --burst 0", 2, "0 is not in 1..=64");
}

#[test]
fn the_study_of_conditions_as_a_table_of_values() {
    let (code, text, error) = command(
        "reproduce sigma --network resnet18 --condition sigma0 --predictor offline --predictor ewma --requests 2 --no-sweep --format csv",
    );
    assert_eq!(code, Some(0), "{error}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    insta::assert_snapshot!("reproduce_sigma_csv", text);
}
