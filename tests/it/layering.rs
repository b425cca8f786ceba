//! A module uses its own and lower floors only (ARCHITECTURE.md, "Floors").

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const FLOORS: &[(u32, &[&str])] = &[
    (0, &["units", "random", "statistics", "diagnostics"]),
    (1, &["engine", "soc"]),
    (2, &["graph"]),
    (3, &["physics"]),
    (4, &["predict"]),
    (5, &["strategy"]),
    (6, &["simulation"]),
    (7, &["record", "config"]),
    (8, &["experiment", "calibration"]),
    (9, &["export", "plot", "report"]),
    (10, &["cli"]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Names that follow `crate::` in code, comments and strings excluded.
fn used_modules(text: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or_default();
        for rest in code.split("crate::").skip(1) {
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            modules.push(if name.is_empty() { "{".to_owned() } else { name });
        }
    }
    modules
}

#[test]
fn modules_use_their_own_and_lower_floors_only() {
    let floors: BTreeMap<&str, u32> =
        FLOORS.iter().flat_map(|(floor, names)| names.iter().map(move |name| (*name, *floor))).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 50, "only {} files found", files.len());
    let mut faults = Vec::new();
    let mut paths = 0;
    for file in files {
        let inside = file.strip_prefix(&root).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if module == "lib" || module == "main" {
            continue;
        }
        let Some(&own) = floors.get(module) else {
            faults.push(format!("{}: module `{module}` has no floor", inside.display()));
            continue;
        };
        for used in used_modules(&std::fs::read_to_string(&file).unwrap()) {
            paths += 1;
            match floors.get(used.as_str()) {
                None => faults.push(format!("{}: `crate::{used}` is on no floor", inside.display())),
                Some(&floor) if floor > own => {
                    faults.push(format!(
                        "{} (floor {own}) uses crate::{used} (floor {floor})",
                        inside.display()
                    ));
                }
                Some(&floor) if floor == own && used != module && !neighbours(module, &used) => {
                    faults.push(format!(
                        "{} and crate::{used} are on one floor and know each other",
                        inside.display()
                    ));
                }
                Some(_) => {}
            }
        }
    }
    assert!(paths > 100, "only {paths} paths found: is the search broken?");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Modules of one floor that may know each other; in one direction only, so that there is no circle.
fn neighbours(user: &str, used: &str) -> bool {
    // Assembling a scenario labels its record; the tests of the figures write files as exports do.
    matches!(
        (user, used),
        ("config", "record")
            | ("report", "plot" | "export")
            | ("plot", "export")
            | ("diagnostics" | "statistics", "units" | "random")
    )
}
