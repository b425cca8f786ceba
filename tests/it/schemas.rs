//! The committed schemas are those that the readers imply, and every shipped file obeys its own.

use std::path::{Path, PathBuf};

use hetsoc::config::schema::FORMATS;
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn committed_schemas_are_current() {
    for format in FORMATS {
        let path = root().join("schemas").join(format!("{}.json", format.name));
        if std::env::var_os("HETSOC_UPDATE_PAGES").is_some() {
            std::fs::write(&path, format.schema()).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(committed, format.schema(), "run HETSOC_UPDATE_PAGES=1 cargo test --test it schemas");
    }
    assert_eq!(std::fs::read_dir(root().join("schemas")).unwrap().count(), FORMATS.len());
}

/// Checks a value against the part of JSON Schema that our schemas use; unknown keywords are a failure.
fn faults(schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let object = schema.as_object().unwrap();
    let known = [
        "$schema",
        "title",
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "minItems",
        "maxItems",
        "enum",
        "const",
        "minimum",
        "anyOf",
        "allOf",
        "if",
        "then",
        "not",
    ];
    for keyword in object.keys() {
        assert!(known.contains(&keyword.as_str()), "unknown keyword {keyword}");
    }
    let ok = |schema: &Value, value: &Value| {
        let mut found = Vec::new();
        faults(schema, value, "", &mut found);
        found.is_empty()
    };
    if let Some(kind) = schema["type"].as_str() {
        let fits = match kind {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            other => panic!("unknown type {other}"),
        };
        if !fits {
            found.push(format!("{at}: {value} is no {kind}"));
            return;
        }
    }
    if let Some(words) = schema["enum"].as_array().filter(|words| !words.contains(value)) {
        found.push(format!("{at}: {value} is none of {words:?}"));
    }
    if object.get("const").is_some_and(|only| only != value) {
        found.push(format!("{at}: {value} is not {}", schema["const"]));
    }
    if let (Some(least), Some(number)) = (schema["minimum"].as_f64(), value.as_f64())
        && number < least
    {
        found.push(format!("{at}: {number} is below {least}"));
    }
    if let Some(ways) = schema["anyOf"].as_array().filter(|ways| !ways.iter().any(|way| ok(way, value))) {
        found.push(format!("{at}: {value} fits none of {} ways", ways.len()));
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        faults(part, value, at, found);
    }
    if let Some(not) = object.get("not").filter(|not| ok(not, value)) {
        found.push(format!("{at}: must not be {not}"));
    }
    if object.get("if").is_some_and(|condition| ok(condition, value)) {
        faults(&schema["then"], value, at, found);
    }
    if let Some(items) = value.as_array() {
        let length = items.len() as u64;
        if schema["minItems"].as_u64().is_some_and(|n| length < n)
            || schema["maxItems"].as_u64().is_some_and(|n| length > n)
        {
            found.push(format!("{at}: {length} items"));
        }
        if object.contains_key("items") {
            items
                .iter()
                .enumerate()
                .for_each(|(i, item)| faults(&schema["items"], item, &format!("{at}[{i}]"), found));
        }
    }
    if let Some(map) = value.as_object() {
        for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !map.contains_key(key) {
                found.push(format!("{at}: {key} is missing"));
            }
        }
        for (key, value) in map {
            let at = format!("{at}.{key}");
            match (schema["properties"].get(key), &schema["additionalProperties"]) {
                (Some(schema), _) => faults(schema, value, &at, found),
                (None, Value::Bool(false)) => found.push(format!("{at}: unknown key")),
                (None, Value::Object(_)) => faults(&schema["additionalProperties"], value, &at, found),
                _ => {}
            }
        }
    }
}

fn check(name: &str, value: &Value) -> Vec<String> {
    let format = FORMATS.iter().find(|format| format.name == name).unwrap();
    let schema: Value = serde_json::from_str(&format.schema()).unwrap();
    let mut found = Vec::new();
    faults(&schema, value, "", &mut found);
    found
}

fn toml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            toml_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "toml") {
            found.push(path);
        }
    }
}

#[test]
fn every_shipped_file_names_and_obeys_its_schema() {
    let mut files = Vec::new();
    for folder in ["soc-profiles", "scenarios", "workloads"] {
        toml_files(&root().join(folder), &mut files);
    }
    assert!(files.len() >= 31, "{}", files.len());
    // The mapping of names is data of the program, no format of users.
    files.retain(|path| !path.ends_with("workloads/names.toml"));
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let named = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("#:schema "))
            .unwrap_or_else(|| panic!("{path:?} has no #:schema line"));
        let schema = path.parent().unwrap().join(named);
        assert!(schema.is_file(), "{path:?} names {named}");
        let name = schema.file_stem().unwrap().to_str().unwrap();
        // JSON has no infinity.
        let text = text.replace("= inf\n", "= 1e308\n");
        let value: Value = serde_json::to_value(toml::from_str::<toml::Table>(&text).unwrap()).unwrap();
        assert_eq!(check(name, &value), Vec::<String>::new(), "{path:?}");
    }
}

#[test]
fn a_schema_refuses_what_the_reader_refuses() {
    let read = |path: &str| -> Value {
        let text = std::fs::read_to_string(root().join(path)).unwrap();
        serde_json::to_value(toml::from_str::<toml::Table>(&text).unwrap()).unwrap()
    };
    let misspelt = check("scenario", &read("tests/data/bad/misspelt.toml"));
    assert_eq!(misspelt.len(), 1, "{misspelt:?}");
    assert!(misspelt[0].contains("perod: unknown key"));
    let mut soc = read("soc-profiles/socs/snapdragon-855.toml");
    soc["memory"]["peak_gb_per_s"] = "fast".into();
    assert!(!check("soc", &soc).is_empty());
    let mut partial = serde_json::json!({ "schema": 1, "id": "snapdragon-855", "extends": "snapdragon-855" });
    assert_eq!(
        check("soc", &partial),
        Vec::<String>::new(),
        "a profile that extends another may leave keys out"
    );
    partial.as_object_mut().unwrap().remove("extends");
    assert!(check("soc", &partial).iter().any(|fault| fault.contains("memory is missing")));
}

#[test]
fn json_files_obey_theirs() {
    let text = std::fs::read_to_string(root().join("scenarios/task-graphs/stream_50x20_rel.json")).unwrap();
    assert_eq!(check("dag", &serde_json::from_str(&text).unwrap()), Vec::<String>::new());
    let text = std::fs::read_to_string(root().join("tests/data/bad/misspelt.json")).unwrap();
    assert!(!check("dag", &serde_json::from_str(&text).unwrap()).is_empty());
    let graph = hetsoc::graph::library::find("resnet18").unwrap().graph().unwrap();
    let json = hetsoc::graph::neutral_json::write_neutral_json(&graph, "test");
    assert_eq!(check("neutral-graph", &serde_json::from_str(&json).unwrap()), Vec::<String>::new());
    let native = hetsoc::config::native_graph::write_native_graph(&graph, "test");
    let value = serde_json::to_value(toml::from_str::<toml::Table>(&native).unwrap()).unwrap();
    assert_eq!(check("graph", &value), Vec::<String>::new());
}
