//! Bad profiles and scenarios, and what a person is told about each.

use std::path::Path;

use hetsoc::config::document::Document;
use hetsoc::config::library::ProfileKind;
use hetsoc::config::{Library, profile_overrides, scenario_text};
use hetsoc::diagnostics::SourceText;
use hetsoc::physics::{Clocks, Parts, compile};

/// What is said about a shipped SoC in which `old` was replaced by `new` once.
fn broken_soc(old: &str, new: &str) -> String {
    broken(ProfileKind::Soc, "snapdragon-855", old, new, |path| match Library.soc(path, &[]) {
        Ok(loaded) => loaded.warnings.iter().map(|d| format!("(warning) {d}")).collect::<Vec<_>>().join("\n"),
        Err(error) => error.to_string(),
    })
}

/// The same for the TensorFlow Lite runtime.
fn broken_runtime(old: &str, new: &str) -> String {
    broken(ProfileKind::Runtime, "snapdragon-855/tflite", old, new, |path| {
        match Library.runtime("snapdragon-855", path, &[]) {
            Ok(loaded) => format!("no error: {}", loaded.value.id),
            Err(error) => error.to_string(),
        }
    })
}

fn broken(kind: ProfileKind, id: &str, old: &str, new: &str, load: impl Fn(&str) -> String) -> String {
    let text = Library.text(kind, id).unwrap();
    assert!(text.contains(old), "{old}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.toml");
    std::fs::write(&path, text.replacen(old, new, 1)).unwrap();
    let name = path.to_str().unwrap().to_owned();
    load(&name).replace(&name, "bad.toml")
}

const SCENARIO: &str = r#"schema = 1
device = "xiaomi-9"
runtime = "tflite"
executors = ["cpu-1large", "gpu"]

[scenario]
name = "camera"

[[stream]]
model = "resnet50"
arrivals = { kind = "periodic", period = "33.3ms", count = 30 }
queue = { depth = 2, policy = "drop-oldest" }

[strategy]
name = "single"

[stop]
requests = 30
warmup = 3
"#;

/// What is said about the scenario above in which `old` was replaced by `new` once.
fn broken_scenario(old: &str, new: &str) -> String {
    assert!(SCENARIO.contains(old), "{old}");
    scenario(&SCENARIO.replacen(old, new, 1), &[])
}

fn scenario(text: &str, overrides: &[&str]) -> String {
    let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
    match scenario_text(&SourceText::new("bad.toml", text), Path::new("."), &overrides) {
        Ok(loaded) => format!("no error\n{:#?}", loaded.value),
        Err(error) => error.to_string(),
    }
}

/// One page with what is said about each case.
fn page(cases: &[(&str, String)]) -> String {
    cases.iter().map(|(name, said)| format!("## {name}\n{said}\n\n")).collect()
}

#[test]
fn bad_soc_texts_are_explained() {
    let cases = [
        ("misspelt key", broken_soc("dynamic_uw_per_mhz_v2 = 81.5", "dynamic_uw_per_mhz_v = 81.5")),
        ("missing key", broken_soc("awake_mw = 51.3\n", "")),
        ("wrong type", broken_soc("cores = 4", "cores = \"four\"")),
        ("not toml", broken_soc("[memory]", "[memory")),
        ("duplicate key", broken_soc("schema = 1", "schema = 1\nschema = 1")),
        ("other schema", broken_soc("schema = 1", "schema = 9")),
        ("bad id", broken_soc("id = \"snapdragon-855\"", "id = \"Snapdragon 855\"")),
        ("duplicate id", broken_soc("id = \"gold\"", "id = \"silver\"")),
        ("zero clock", broken_soc("mhz = [300.0,", "mhz = [0.0,")),
        ("unsorted clocks", broken_soc("mhz = [300.0, 403.2,", "mhz = [403.2, 300.0,")),
        ("repeated clock", broken_soc("mhz = [300.0, 403.2,", "mhz = [300.0, 300.0,")),
        ("missing voltage", broken_soc("volt = [0.600, ", "volt = [")),
        ("voltage falls", broken_soc("volt = [0.600, ", "volt = [0.700, ")),
        (
            "clock in hertz",
            broken_soc(
                "mhz = [200, 300, 451, 547, 681, 768, 1017, 1353, 1555, 1804, 2092]",
                "mhz = [2092000000]",
            ),
        ),
        ("negative rate", broken_soc("peak_gb_per_s = { value = 34.1", "peak_gb_per_s = { value = -34.1")),
        ("nan", broken_soc("awake_mw = 51.3", "awake_mw = nan")),
        ("infinite", broken_soc("awake_mw = 51.3", "awake_mw = inf")),
        ("huge", broken_soc("awake_mw = 51.3", "awake_mw = 1e400")),
        ("hexadecimal float", broken_soc("awake_mw = 51.3", "awake_mw = 0x1.8p3")),
        ("decimal comma", broken_soc("awake_mw = 51.3", "awake_mw = 51,7")),
        (
            "achievable above peak",
            broken_soc("achievable_gb_per_s = { value = 29.5", "achievable_gb_per_s = { value = 39.5"),
        ),
        ("unknown vote", broken_soc("of = \"silver\"\nat_mhz", "of = \"sliver\"\nat_mhz")),
        ("unknown confidence", broken_soc("confidence = \"datasheet\"", "confidence = \"certain\"")),
        ("no source", broken_soc("source = \"Linux 7.3.4 arch/arm64/boot/dts/qcom/sm8150.dtsi\"\n", "")),
        ("cache user above size", broken_soc("most_kib = { value = 2560", "most_kib = { value = 4096")),
        ("hostile label", broken_soc("of = \"silver\"\nat_mhz", "of = \"\\u001b[31mred\"\nat_mhz")),
    ];
    for (name, said) in &cases {
        assert!(said.contains("[") && !said.starts_with("no error"), "{name}: {said}");
    }
    insta::assert_snapshot!("bad_soc", page(&cases));
}

#[test]
fn bad_thermal_tables_are_explained() {
    let broken_device = |old: &str, new: &str| {
        broken(ProfileKind::Device, "xperia-1", old, new, |path| match Library.device(path, &[]) {
            Ok(loaded) => format!("no error: {}", loaded.value.id),
            Err(error) => error.to_string(),
        })
    };
    let row = "{ trip_c = 43.5, clear_c = 43.0";
    let cases = [
        ("misspelt key", broken_device("mass_g = 178", "mass_kg = 0.178")),
        ("no mass", broken_device("mass_g = 178", "mass_g = 0")),
        ("rows out of order", broken_device(row, "{ trip_c = 42.5, clear_c = 42.0")),
        ("left above its trip", broken_device(row, "{ trip_c = 43.5, clear_c = 44.5")),
        ("temperature out of range", broken_device(row, "{ trip_c = 43.5, clear_c = -300")),
        ("endless period", broken_device("period_ms = 1000", "period_ms = inf")),
        ("negative clock", broken_device("prime = 2649.6", "prime = -2649.6")),
        ("share above one", broken_device("mass_g = 178", "mass_g = 178\nskin_share = 1.5")),
    ];
    for (name, said) in &cases {
        assert!(said.contains("[") && !said.starts_with("no error"), "{name}: {said}");
    }
    insta::assert_snapshot!("bad_thermal", page(&cases));
}

#[test]
fn bad_runtime_texts_are_explained() {
    let cases = [
        ("unknown class", broken_runtime("classes = [\"pooling\"]", "classes = [\"poolling\"]")),
        ("no fallback", broken_runtime("classes = [\"any\"]", "classes = [\"view\"]")),
        ("unknown support", broken_runtime("support = \"tflite-gpu\"", "support = \"tflite-gpus\"")),
        ("bad core set", broken_runtime("\"2small\"", "\"small2\"")),
        ("efficiency zero", broken_runtime("efficiency = 0.62", "efficiency = 0")),
        ("unknown precision", broken_runtime("precision = \"fp32\"", "precision = \"fp23\"")),
        ("unknown processor", broken_runtime("to = \"gpu\"", "to = \"tpu\"")),
        ("for another soc", broken_runtime("soc = \"snapdragon-855\"", "soc = \"rk3588\"")),
    ];
    for (name, said) in &cases {
        assert!(said.contains("[") && !said.starts_with("no error"), "{name}: {said}");
    }
    insta::assert_snapshot!("bad_runtime", page(&cases));
}

#[test]
fn bad_scenario_texts_are_explained() {
    let cases = [
        ("misspelt key", broken_scenario("period =", "perod =")),
        ("misspelt word", broken_scenario("\"periodic\"", "\"peroidic\"")),
        ("unknown unit", broken_scenario("33.3ms", "33.3 msec")),
        ("no unit", broken_scenario("33.3ms", "33.3")),
        ("zero period", broken_scenario("33.3ms", "0ms")),
        ("key of another kind", broken_scenario("period = \"33.3ms\"", "rate_per_second = 30.0")),
        ("policy without depth", broken_scenario("depth = 2, ", "")),
        ("negative depth", broken_scenario("depth = 2", "depth = -1")),
        ("no target", broken_scenario("device = \"xiaomi-9\"\n", "")),
        (
            "two targets",
            broken_scenario("device = \"xiaomi-9\"\n", "device = \"xiaomi-9\"\nsoc = \"rk3588\"\n"),
        ),
        ("bad executor", broken_scenario("cpu-1large", "cpu-large1")),
        (
            "never ends",
            scenario(&SCENARIO.replace(", count = 30", "").replace("requests = 30\nwarmup = 3\n", ""), &[]),
        ),
        ("warmup takes all", broken_scenario("warmup = 3", "warmup = 30")),
        ("no graph", broken_scenario("model = \"resnet50\"\n", "")),
        ("path leaves", broken_scenario("\"resnet50\"", "\"../secret/model.onnx\"")),
        ("path is absolute", broken_scenario("\"resnet50\"", "\"/etc/model.onnx\"")),
        ("task graph with device", broken_scenario("model = \"resnet50\"", "dag = \"graph.json\"")),
        (
            "deep nesting",
            broken_scenario("name = \"single\"", &format!("name = {}{}", "[".repeat(5000), "]".repeat(5000))),
        ),
    ];
    for (name, said) in &cases {
        assert!(said.contains("[") && !said.starts_with("no error"), "{name}: {said}");
    }
    insta::assert_snapshot!("bad_scenario", page(&cases));
}

#[test]
fn bad_override_texts_are_explained() {
    let cases = [
        ("without equals", scenario(SCENARIO, &["stop.requests"])),
        ("of unknown key", scenario(SCENARIO, &["stop.request=5"])),
        ("of unknown stream", scenario(SCENARIO, &["stream.video.model=resnet18"])),
        ("with bad value", scenario(SCENARIO, &["stop.requests=many"])),
        ("through a number", scenario(SCENARIO, &["stop.requests.max=5"])),
    ];
    for (name, said) in &cases {
        assert!(said.contains("[") && !said.starts_with("no error"), "{name}: {said}");
    }
    insta::assert_snapshot!("bad_override", page(&cases));
}

#[test]
fn a_good_scenario_is_read_and_overridden() {
    let overrides: Vec<String> =
        ["stop.requests=50", "stream.0.arrivals.period=16.7ms", "soc.memory.dram_pj_per_byte=30"]
            .map(str::to_owned)
            .into();
    let text = SourceText::new("good.toml", SCENARIO);
    assert!(
        scenario_text(&SourceText::new("x", SCENARIO.replace(", count = 30", "")), Path::new("."), &[])
            .is_ok()
    );
    let spec = scenario_text(&text, Path::new("."), &overrides).unwrap().value;
    assert_eq!(spec.stop.requests, Some(50));
    let hetsoc::simulation::Arrivals::Periodic { period, count, .. } = spec.streams[0].arrivals else {
        panic!("{:?}", spec.streams[0].arrivals)
    };
    assert_eq!((period.0, count), (16_700_000_000, Some(30)));
    assert_eq!((spec.streams[0].queue.depth, spec.streams[0].queue.max_in_flight), (2, 1));
    assert_eq!(profile_overrides(&overrides, "soc"), ["memory.dram_pj_per_byte=30"]);
    let soc = Library.soc("snapdragon-855", &profile_overrides(&overrides, "soc")).unwrap().value;
    assert!((soc.memory.joules_per_byte.value - 30e-12).abs() < 1e-24);
    assert_eq!(soc.memory.joules_per_byte.provenance.source.as_ref(), "override");
}

#[test]
fn byte_order_marks_and_carriage_returns_are_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windows.toml");
    let text = Library.text(ProfileKind::Device, "xiaomi-9").unwrap().replace('\n', "\r\n");
    std::fs::write(&path, format!("\u{feff}{text}")).unwrap();
    assert_eq!(Library.device(path.to_str().unwrap(), &[]).unwrap().value.id, "xiaomi-9");
}

#[test]
fn files_that_are_no_texts_are_refused() {
    let mut cases = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    let said = |name: &str| {
        let path = folder.path().join(name);
        let path = path.to_str().unwrap();
        Library.device(path, &[]).unwrap_err().to_string().replace(path, name)
    };
    cases.push(("file missing", (said("absent.toml")).to_string()));
    std::fs::create_dir(folder.path().join("folder.toml")).unwrap();
    cases.push(("file is a folder", (said("folder.toml")).to_string()));
    std::fs::write(folder.path().join("latin.toml"), b"title = \"caf\xe9\"").unwrap();
    cases.push(("file not utf8", (said("latin.toml")).to_string()));
    std::fs::write(folder.path().join("empty.toml"), "").unwrap();
    cases.push(("file empty", (said("empty.toml")).to_string()));
    let large = std::fs::File::create(folder.path().join("large.toml")).unwrap();
    large.set_len(1 << 30).unwrap();
    cases.push(("file too large", (said("large.toml")).to_string()));
    cases.push(("id unknown", (Library.device("xiaomi9", &[]).unwrap_err()).to_string()));
    insta::assert_snapshot!("bad_files", page(&cases));
}

#[test]
fn profiles_inherit_and_say_where_a_fault_lies() {
    let mut cases = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    let load = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Library.soc(path.to_str().unwrap(), &[])
    };
    let mine = "extends = \"snapdragon-855\"\nid = \"mine\"\n[[cluster]]\nid = \"prime\"\ncore_gb_per_s = 9.0\nsource = \"own\"\nconfidence = \"measured\"\n";
    let soc = load(mine).unwrap().value;
    let base = Library.soc("snapdragon-855", &[]).unwrap().value;
    assert_eq!((soc.id.as_str(), soc.clusters.len()), ("mine", base.clusters.len()));
    let prime = soc.clusters.iter().find(|c| c.id == "prime").unwrap();
    assert_eq!(prime.core_bandwidth.value.0, 9e9);
    assert_eq!(prime.core_bandwidth.provenance.source.as_ref(), "own");
    assert_eq!(soc.clusters[0], base.clusters[0]);
    let said = |text: &str| load(text).unwrap_err().to_string().replace(path.to_str().unwrap(), "mine.toml");
    cases.push(("extends unknown", (said("extends = \"snapdragon-856\"\n")).to_string()));
    cases.push(("extends then fails here", (said(&mine.replace("9.0", "-9.0"))).to_string()));
    // The base gives the peak, this file an achievable rate above it.
    cases.push(("extends then contradicts", (said(
            "extends = \"snapdragon-855\"\n[memory]\nachievable_gb_per_s = { value = 99.0, source = \"own\", confidence = \"measured\" }\n"
        )).to_string()));
    insta::assert_snapshot!("bad_extends", page(&cases));
}

#[test]
fn machines_refuse_what_the_hardware_does_not_have() {
    let mut cases = Vec::new();
    let soc = Library.soc("snapdragon-855", &[]).unwrap().value;
    let runtime = Library.runtime("snapdragon-855", "tflite", &[]).unwrap().value;
    let said = |executors: &[&str], clocks: &Clocks| {
        let executors: Vec<_> = executors.iter().map(|name| name.parse().unwrap()).collect();
        compile(&Parts { soc: &soc, device: None, runtime: &runtime, executors: &executors, clocks })
            .unwrap_err()
            .to_string()
    };
    let free = Clocks::default();
    cases.push(("machine too many cores", (said(&["cpu-2large"], &free)).to_string()));
    cases.push(("machine unknown kind", (said(&["cpu-2huge"], &free)).to_string()));
    cases.push(("machine unknown device", (said(&["npu"], &free)).to_string()));
    cases.push(("machine unknown precision", (said(&["gpu@int8"], &free)).to_string()));
    cases.push(("machine executor twice", (said(&["gpu", "gpu@fp16"], &free)).to_string()));
    let clock = |id: &str| Clocks { processors: vec![(id.into(), hetsoc::units::Hertz(1e9))], memory: None };
    cases.push(("machine clock of unknown", (said(&["gpu"], &clock("goold"))).to_string()));
    let mut without = runtime.clone();
    without.performances[0].on.push("huge".into());
    let parts = Parts { soc: &soc, device: None, runtime: &without, executors: &[], clocks: &free };
    cases.push(("machine unknown core kind", (compile(&parts).unwrap_err()).to_string()));
    without = runtime.clone();
    without.crossings.pop();
    let parts = Parts { soc: &soc, device: None, runtime: &without, executors: &[], clocks: &free };
    cases.push(("machine no crossing", (compile(&parts).unwrap_err()).to_string()));
    insta::assert_snapshot!("bad_machines", page(&cases));
}

#[test]
fn overrides_do_not_panic_on_any_text() {
    let base = SourceText::new("good.toml", SCENARIO);
    for text in [
        "",
        "=",
        "a",
        ".=1",
        "a..b=1",
        "é=1",
        "stream.9.model=x",
        "stream=1",
        "a=[",
        "a={",
        "scenario.name.=1",
    ] {
        let text = SourceText::new("<--set>", text);
        let mut document = Document::parse(&base).unwrap();
        assert!(document.set(&text).is_err() || text.text == "stream=1", "{:?}", text.text);
    }
}
