//! Prints what each mechanism adds on families left out: `cargo run --release --example ablation -- OPERATORS NETWORKS.csv OPERATORS.csv SOC`.

use std::path::Path;

use hetsoc::calibration::ablation::ablate;
use hetsoc::calibration::calibrate::Start;
use hetsoc::calibration::tables::groups;
use hetsoc::calibration::{load_networks, read_measurements, read_operator_measurements};
use hetsoc::config::Library;
use hetsoc::diagnostics::SourceText;

/// Executors and precisions that are shown.
const SHOWN: [(&str, &str); 4] =
    [("cpu-1large", "fp32"), ("cpu-3med", "fp32"), ("cpu-2large", "fp32"), ("gpu", "fp16")];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [list, networks, operators, soc] = arguments.as_slice() else {
        return Err("give an operator list, a table of networks, a table of operators and a SoC".into());
    };
    let text = |path: &str| std::fs::read_to_string(path).map(|text| SourceText::new(path, text));
    let rows = read_measurements(&text(networks)?)?;
    let operators = read_operator_measurements(&text(operators)?)?;
    let (soc, runtime) = (Library.soc(soc, &[])?.value, Library.runtime(soc, "tflite", &[])?.value);
    let networks = load_networks(Path::new(list), &runtime.lowering)?;
    let start = Start {
        soc: &soc,
        runtime: &runtime,
        networks: &networks,
        rows: &rows,
        operators: &operators,
        from: None,
        source: "ablation",
        iterations: 25,
    };
    println!("| group | model | coefficients | MAPE | bias | within 10 % |\n|---|---|---|---|---|---|");
    for (key, _) in groups(&rows) {
        let shown = SHOWN.contains(&(key.executor().as_str(), key.precision.as_str()));
        if key.soc_id() != soc.id || key.runtime != "tflite-2.10" || !shown {
            continue;
        }
        let Ok(steps) = ablate(&start, &key) else { continue };
        for step in steps {
            println!(
                "| {} {} | {} | {} | {:.1} % | {:+.1} % | {:.0} % |",
                key.executor(),
                key.precision,
                step.name,
                step.coefficients,
                step.errors.mape,
                step.errors.bias,
                step.errors.within_10
            );
        }
    }
    Ok(())
}
