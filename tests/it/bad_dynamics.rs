//! Wrong dynamics and competing work are refused with the rule that they break.

use hetsoc::config::{AssembleError, assemble, scenario_text};
use hetsoc::diagnostics::SourceText;
use std::path::Path;

fn code(device: &str, rest: &str) -> String {
    let text = format!(
        "schema = 1\nscenario = {{ name = \"t\" }}\ndevice = \"{device}\"\nruntime = \"tflite\"\n[[stream]]\nmodel = \"mobilenet_v1\"\narrivals = {{ kind = \"single\" }}\n[strategy]\nname = \"single\"\n{rest}"
    );
    let error = match scenario_text(&SourceText::new("bad", text), Path::new(""), &[]) {
        Err(error) => error,
        Ok(spec) => match assemble(&spec.value, &[], &[], None) {
            Err(AssembleError::Input(error)) => error,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("accepted: {rest}"),
        },
    };
    println!("{error}");
    assert!(error.diagnostics.iter().all(|d| d.help.is_some()), "{error}");
    error.diagnostics[0].code.to_owned()
}

#[test]
fn wrong_dynamics_are_explained() {
    let thread = "[dynamics]\n[[background]]\nname = \"a\"\nkind = \"thread\"\n";
    for (device, rest, expected) in [
        ("xiaomi-9", "[dynamics]\ncpu_governor = \"schedutl\"\n", "config::unknown-value"),
        ("xiaomi-9", "[dynamics]\ncpu_governor = \"userspace\"\n", "scenario::dynamics"),
        ("xiaomi-9", "[dynamics]\n[[dynamics.governor]]\nof = \"golt\"\n", "soc::unknown-reference"),
        (
            "xiaomi-9",
            "[dynamics]\n[[dynamics.governor]]\nof = \"gold\"\nmin_mhz = 2000\nmax_mhz = 1000\n",
            "scenario::dynamics",
        ),
        (
            "xiaomi-9",
            "[dynamics]\n[[dynamics.governor]]\nof = \"gold\"\nmin_mhz = 720\nmax_mhz = 800\n",
            "scenario::dynamics",
        ),
        (
            "xiaomi-9",
            "[dynamics]\n[[dynamics.governor]]\nof = \"gold\"\nname = \"userspace\"\nmhz = 1234\n",
            "soc::clock-step",
        ),
        (
            "xiaomi-9",
            "[[clock]]\nof = \"gold\"\nmhz = 1401.6\n[dynamics]\n[[dynamics.governor]]\nof = \"gold\"\n",
            "scenario::dynamics",
        ),
        ("xiaomi-9", "[dynamics]\ncolour = 3\n", "config::unknown-key"),
        ("xiaomi-9", "[dynamics]\n[dynamics.scheduler]\ntick = \"0ms\"\n", "scenario::dynamics"),
        ("galaxy-s10", "[dynamics]\nidle_states = true\n", "scenario::dynamics"),
        ("xiaomi-9", "[dynamics]\nidle = true\n", "config::unknown-key"),
        ("xiaomi-9", "[dynamics]\nidle_states = 1\n", "config::type"),
        ("xiaomi-9", "[dynamics]\nsystem_cache_share = 0.5\n", "scenario::dynamics"),
        ("xiaomi-9", "[dynamics]\ncaches = true\nsystem_cache_share = 1.5\n", "soc::out-of-range"),
        ("xiaomi-9", "[dynamics]\n[dynamics.scheduler]\nmigration_cost = \"0us\"\n", "scenario::dynamics"),
        ("orange-pi-5", "[dynamics]\n[dynamics.thermal]\n", "scenario::target"),
        (
            "xiaomi-9",
            "[dynamics]\n[dynamics.thermal]\ngovernor = \"power-allocator\"\n",
            "scenario::dynamics",
        ),
        (
            "xiaomi-9",
            "[dynamics]\n[dynamics.thermal]\ngovernor = \"none\"\ntrip_celsius = 80\n",
            "scenario::dynamics",
        ),
        ("xiaomi-9", "[[background]]\nname = \"a\"\nkind = \"thread\"\n", "scenario::background"),
        ("xiaomi-9", &format!("{thread}on = \"gpu\"\n"), "soc::unknown-reference"),
        ("xiaomi-9", &format!("{thread}hz = 60\n"), "scenario::background"),
        ("xiaomi-9", &format!("{thread}trace = \"../x.csv\"\n"), "scenario::path"),
        ("xiaomi-9", &format!("{thread}trace = \"missing.csv\"\n"), "scenario::background"),
        (
            "xiaomi-9",
            &format!(
                "{thread}bursts = {{ gap = {{ mean = \"1ms\", shape = 2 }}, length = {{ mean = \"1ms\" }} }}\n"
            ),
            "scenario::background",
        ),
        (
            "xiaomi-9",
            "[dynamics]\n[[background]]\nname = \"a\"\nkind = \"render\"\non = \"gpu\"\n",
            "scenario::background",
        ),
        (
            "xiaomi-9",
            "[dynamics]\n[[background]]\nname = \"a\"\nkind = \"traffic\"\n",
            "scenario::background",
        ),
    ] {
        let found = code(device, rest);
        // Raspberry and Orange Pi have other runtimes; what counts is that the fault is named.
        if expected != "scenario::target" {
            assert_eq!(found, expected, "{rest}");
        }
    }
}
