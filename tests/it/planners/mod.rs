//! Strategies that plan operators, tasks and sub-graphs, against published schedules, proved optima and each other.

mod catalogue;
mod deadlines;
mod exactness;
mod external;
mod online;
mod references;
mod regret;

use crate::build::tasks;
use hetsoc::simulation::Problem;
use hetsoc::strategy::{Strategy, StrategySpec};
use serde_json::Value;

/// A strategy by its text.
pub fn strategy(problem: &Problem, spec: &str) -> Box<dyn Strategy> {
    spec.parse::<StrategySpec>().unwrap().build(&problem.platform).unwrap()
}

pub fn costs(value: &Value) -> Vec<Vec<Option<f64>>> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row.as_array().unwrap().iter().map(Value::as_f64).collect())
        .collect()
}

/// Edges `{from, to, comm}`.
pub fn edges(value: &Value) -> Vec<(u32, u32, f64)> {
    let edge = |e: &Value| {
        (e["from"].as_u64().unwrap() as u32, e["to"].as_u64().unwrap() as u32, e["comm"].as_f64().unwrap())
    };
    value.as_array().unwrap().iter().map(edge).collect()
}

/// One instance of the committed file of small problems with unsupported operators.
pub fn small(instance: &Value) -> Problem {
    tasks(&costs(&instance["cost"]), &edges(&instance["edges"]), instance["latency"].as_f64().unwrap(), 1.0)
}
