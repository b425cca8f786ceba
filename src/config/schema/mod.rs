//! JSON schemas of the file formats, made from the very types that read them.
//!
//! They hold keys, kinds of values and which keys must be there; ranges and references are checked by the readers.

mod trace;

use serde_json::{Map, Value, json};

use super::condition_file::TypedCondition;
use super::dag_file::RawDag;
use super::native_graph::RawGraph;
use super::plan_file::RawPlans;
use super::runtime_file::RawRuntime;
use super::scenario_raw::RawFile;
use super::soc_raw::{RawDevice, RawSoc};
use super::support_file::RawSupport;
use super::transformer_file::RawTransformer;
use crate::graph::neutral_json::Document;
use crate::soc::Confidence;
use trace::{Findings, Kind, Place, Step, Way, trace};

/// A file format with a schema.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// Name, also of the committed file `schemas/NAME.json`.
    pub name: &'static str,
    /// What such files are.
    pub title: &'static str,
    /// Whether a file may extend another, so that its own keys need not be complete.
    extends: bool,
    /// Whether files are TOML, which has no null.
    toml: bool,
    trace: fn() -> Findings,
}

/// Every format.
pub const FORMATS: &[Format] = &[
    format("scenario", "hetsoc scenario", trace::<RawFile>),
    Format { extends: true, ..format("soc", "hetsoc SoC profile", trace::<RawSoc>) },
    Format { extends: true, ..format("device", "hetsoc device profile", trace::<RawDevice>) },
    Format { extends: true, ..format("runtime", "hetsoc runtime profile", trace::<RawRuntime>) },
    format("support", "hetsoc operator-support table", trace::<RawSupport>),
    format("graph", "hetsoc native operator graph", trace::<RawGraph>),
    format("transformer", "hetsoc transformer", trace::<RawTransformer>),
    format("condition", "hetsoc condition", trace::<TypedCondition>),
    Format { toml: false, ..format("dag", "hetsoc plain task graph", trace::<RawDag>) },
    Format { toml: false, ..format("plan", "hetsoc plan", trace::<RawPlans>) },
    Format { toml: false, ..format("neutral-graph", "neutral JSON operator graph", trace::<Document>) },
];

const fn format(name: &'static str, title: &'static str, trace: fn() -> Findings) -> Format {
    Format { name, title, extends: false, toml: true, trace }
}

impl Format {
    /// The schema as text, JSON Schema draft 7.
    #[must_use]
    pub fn schema(&self) -> String {
        let writer = Writer { findings: (self.trace)(), toml: self.toml };
        let mut head = Map::new();
        head.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        head.insert("title".to_owned(), json!(self.title));
        let whole = writer.at(&Place::new(), true);
        let body = if self.extends {
            // A file that extends another leaves out what it inherits.
            json!({
                "allOf": [writer.at(&Place::new(), false)],
                "if": { "not": { "required": ["extends"] } },
                "then": whole,
            })
        } else {
            whole
        };
        if let Value::Object(body) = body {
            head.extend(body);
        }
        let mut text = serde_json::to_string_pretty(&Value::Object(head)).unwrap_or_default();
        text.push('\n');
        text
    }
}

struct Writer {
    findings: Findings,
    toml: bool,
}

impl Writer {
    /// The schema of a place; `complete` asks for the keys that must be there.
    fn at(&self, place: &Place, complete: bool) -> Value {
        let schema = self.kind(place, complete);
        let bare = schema.as_object().is_some_and(Map::is_empty);
        if self.toml || bare || place.is_empty() || !self.findings.optional.contains(place) {
            return schema;
        }
        json!({ "anyOf": [schema, { "type": "null" }] })
    }

    fn kind(&self, place: &Place, complete: bool) -> Value {
        let below = |step: Step| [place.clone(), vec![step]].concat();
        match self.findings.kinds.get(place) {
            None | Some(Kind::Anything) => json!({}),
            Some(Kind::Flag) => json!({ "type": "boolean" }),
            Some(Kind::Whole { negative: true }) => json!({ "type": "integer" }),
            Some(Kind::Whole { negative: false }) => json!({ "type": "integer", "minimum": 0 }),
            Some(Kind::Number) => json!({ "type": "number" }),
            Some(Kind::Text) => json!({ "type": "string" }),
            Some(Kind::Unit) => json!({ "type": "null" }),
            Some(Kind::List { length }) => {
                let mut list = json!({ "type": "array", "items": self.at(&below(Step::Item), complete) });
                if let (Some(length), Value::Object(list)) = (length, &mut list) {
                    list.insert("minItems".to_owned(), json!(length));
                    list.insert("maxItems".to_owned(), json!(length));
                }
                list
            }
            Some(Kind::FreeTable) => {
                json!({ "type": "object", "additionalProperties": self.at(&below(Step::Item), complete) })
            }
            Some(Kind::Table(fields)) => self.table(place, fields, complete),
            Some(Kind::Variants(names)) => self.variants(place, names, complete),
            Some(Kind::Ways) => self.ways(place, complete),
        }
    }

    fn table(&self, place: &Place, fields: &[String], complete: bool) -> Value {
        let mut properties = Map::new();
        for field in fields {
            let below = [place.clone(), vec![Step::Field(field.clone())]].concat();
            let schema = match field.as_str() {
                "confidence" | "volt_confidence" => json!({ "enum": Confidence::ALL.map(Confidence::id) }),
                "schema" if self.toml => json!({ "const": 1 }),
                _ => self.at(&below, complete),
            };
            properties.insert(field.clone(), schema);
        }
        let mut table = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        let required: Vec<&String> = fields
            .iter()
            .filter(|f| self.findings.required.contains(&(place.clone(), (*f).clone())))
            .collect();
        if let (true, false, Value::Object(table)) = (complete, required.is_empty(), &mut table) {
            table.insert("required".to_owned(), json!(required));
        }
        table
    }

    fn variants(&self, place: &Place, names: &[&'static str], complete: bool) -> Value {
        let mut words = Vec::new();
        let mut tables = Vec::new();
        for &name in names {
            let below = [place.clone(), vec![Step::Variant(name)]].concat();
            match self.findings.kinds.get(&below) {
                Some(Kind::Unit) => words.push(name),
                _ => tables.push(json!({
                    "type": "object", "properties": { name: self.at(&below, complete) }, "required": [name],
                    "additionalProperties": false,
                })),
            }
        }
        if tables.is_empty() {
            return json!({ "enum": words });
        }
        if !words.is_empty() {
            tables.insert(0, json!({ "enum": words }));
        }
        json!({ "anyOf": tables })
    }

    fn ways(&self, place: &Place, complete: bool) -> Value {
        let mut open: Vec<Way> = Way::ALL
            .into_iter()
            .filter(|&way| self.findings.accepted.contains(&[place.clone(), vec![Step::Way(way)]].concat()))
            .collect();
        if open.is_empty() || open.len() == Way::ALL.len() {
            return json!({});
        }
        if open.contains(&Way::Number) {
            open.retain(|way| *way != Way::Whole);
        }
        let schemas: Vec<Value> = open
            .iter()
            .map(|&way| self.at(&[place.clone(), vec![Step::Way(way)]].concat(), complete))
            .collect();
        match schemas.as_slice() {
            [one] => one.clone(),
            _ => json!({ "anyOf": schemas }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(name: &str) -> Value {
        let format = FORMATS.iter().find(|format| format.name == name).unwrap();
        serde_json::from_str(&format.schema()).unwrap()
    }

    #[test]
    fn keys_kinds_and_needs_are_found() {
        let scenario = schema("scenario");
        let keys = &scenario["properties"];
        assert_eq!(scenario["additionalProperties"], false);
        assert!(scenario["required"].as_array().unwrap().contains(&json!("stream")));
        assert!(!scenario["required"].as_array().unwrap().contains(&json!("stop")));
        assert_eq!(keys["noise"]["type"], "boolean");
        assert_eq!(keys["scenario"]["properties"]["seed"], json!({ "type": "integer", "minimum": 0 }));
        let arrivals = &keys["stream"]["items"]["properties"]["arrivals"]["properties"];
        assert!(arrivals["kind"]["enum"].as_array().unwrap().contains(&json!("poisson")));
        assert_eq!(arrivals["times_ms"]["items"]["type"], "number");
    }

    #[test]
    fn numbers_of_profiles_may_carry_their_source() {
        let soc = schema("soc");
        let rate = &soc["then"]["properties"]["memory"]["properties"]["peak_gb_per_s"]["anyOf"];
        assert_eq!(rate[0], json!({ "type": "number" }));
        assert_eq!(rate[1]["required"], json!(["value"]));
        assert!(rate[1]["properties"]["source"].is_object());
    }

    #[test]
    fn json_formats_may_hold_null() {
        let dag = schema("dag");
        let cost = &dag["properties"]["tasks"]["items"]["properties"]["cost"]["items"];
        assert_eq!(cost["anyOf"][1], json!({ "type": "null" }));
    }
}
