//! Two runs of a network: where the difference of their latencies comes from, operator by operator.
//!
//! The runs have critical paths of their own. Each picosecond of either is charged to an operator and a cause ([`Attribution`]); an operator's
//! part of the difference is what the first run charges it minus what the second does, so that the parts add up to the difference
//! exactly, in integers, and change sign when the runs change places. It says where the time went, not what would be saved: that
//! is what bounds are for.

use super::attribution::{Attributed, Attribution, Cause};
use super::matching::{Group, groups};
use super::played::{Mechanisms, Played};
use super::request::stream_named;
use super::{ExplainError, ExplainOptions};
use crate::config::Assembled;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "as in `RunSetup`")]
pub struct Side {
    pub scenario: String,
    pub stream: String,
    pub soc: String,
    pub device: Option<String>,
    pub runtime: Option<String>,
    pub executors: Vec<String>,
    pub condition: Option<String>,
    pub strategy: String,
    pub granularity: String,
    pub predictor: String,
    pub seed: u64,
    /// Sum of the latencies of the requests that both runs finished, in picoseconds.
    pub latency_ps: i128,
}

/// Time by cause, summed over the requests, in picoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CauseDifference {
    /// Which.
    pub cause: Cause,
    /// In the first run.
    pub a_ps: i128,
    /// In the second.
    pub b_ps: i128,
    /// The first minus the second.
    pub difference_ps: i128,
}

/// An operator of both runs, or what stands for the same operators of the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperatorDifference {
    /// Names in the first run; empty when only the second has it.
    pub operators_a: Vec<String>,
    /// Names in the second.
    pub operators_b: Vec<String>,
    /// Name of the heaviest of them; empty for what concerns requests as a whole.
    pub name: String,
    /// Its type; empty for tasks of a plain task graph.
    pub op_type: String,
    /// Where they ran in the first run.
    pub executors_a: Vec<String>,
    /// Where they ran in the second.
    pub executors_b: Vec<String>,
    /// Time that the first run's critical paths charge them with.
    pub a_ps: i128,
    /// The same of the second.
    pub b_ps: i128,
    /// The first minus the second.
    pub difference_ps: i128,
    /// The difference by cause, largest first; causes without time are left out.
    pub causes: Vec<CauseDifference>,
}

impl OperatorDifference {
    /// Whether no cause differs.
    #[must_use]
    pub fn is_even(&self) -> bool {
        self.causes.iter().all(|cause| cause.difference_ps == 0)
    }
}

/// Two runs compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Version of this structure.
    pub schema_version: u32,
    /// The first run.
    pub a: Side,
    /// The second.
    pub b: Side,
    /// Numbers of the requests that were added up: finished in both runs, and after the warm-up where there are such.
    pub requests: Vec<u32>,
    /// Sum of the first run's latencies minus the second's.
    pub difference_ps: i128,
    /// The same for each request, in milliseconds.
    pub mean_difference_ms: f64,
    /// The difference by cause; they add up to it.
    pub causes: Vec<CauseDifference>,
    /// The difference by operator, largest first; they add up to it as well. One entry without operators holds what concerns
    /// requests as a whole.
    pub operators: Vec<OperatorDifference>,
    /// How the runs are compared.
    pub definition: &'static str,
    /// What the reader must know.
    pub warnings: Vec<String>,
}

const DEFINITION: &str = "each run charges every part of the critical path of a request to an operator; differences are those of the charges, \
     summed over requests of the same number, which have the same run-to-run variation. Transfers are charged to the operator that wrote the tensor, invocations \
     and waits to the first operator of the unit. What clocks, memory traffic, caches and competing work cost is what the run itself lost to them";

/// Simulates two scenarios and explains the difference of their latencies: of one request, or of all that both finish.
///
/// # Errors
/// [`ExplainError`] when a run fails, or when there is no common request.
pub fn explain_difference(
    a: &mut Assembled,
    b: &mut Assembled,
    options: &ExplainOptions,
) -> Result<Difference, ExplainError> {
    let stream_a = stream_named(&a.problem, options.stream.as_deref())?;
    // Another network has another name; asked for by name, it must be there.
    let stream_b = stream_named(&b.problem, options.stream.as_deref())?;
    let (mut played_a, mut played_b) = (Played::new(a)?, Played::new(b)?);
    let (mechanisms_a, mechanisms_b) = (Mechanisms::of(a, &mut played_a)?, Mechanisms::of(b, &mut played_b)?);
    let nothing = || ExplainError::Nothing("there is no such stream".to_owned());
    let mut of_a = Attribution::new(a, &played_a, &mechanisms_a, stream_a).ok_or_else(nothing)?;
    let mut of_b = Attribution::new(b, &played_b, &mechanisms_b, stream_b).ok_or_else(nothing)?;
    let groups = groups((a, stream_a), (b, stream_b));
    let mut sums = Sums::new(&groups, places(a, b));
    let mut requests = Vec::new();
    for number in common(&of_a, &of_b, options.request)? {
        if let (Some(one), Some(other)) = (of_a.request(number)?, of_b.request(number)?) {
            sums.add(&one, &other);
            requests.push(number);
        }
    }
    if requests.is_empty() {
        return Err(ExplainError::Nothing("the record holds no request that both runs finish".to_owned()));
    }
    let (latency_a, latency_b) = sums.latency;
    let mut warnings: Vec<String> = Vec::new();
    for warning in
        [&a.warnings, &played_a.record.warnings, &b.warnings, &played_b.record.warnings].into_iter().flatten()
    {
        if !warnings.contains(warning) {
            warnings.push(warning.clone());
        }
    }
    Ok(Difference {
        schema_version: 1,
        a: side(a, stream_a, latency_a),
        b: side(b, stream_b, latency_b),
        difference_ps: latency_a - latency_b,
        mean_difference_ms: (latency_a - latency_b) as f64 / 1e9 / requests.len() as f64,
        requests,
        causes: sums.causes(),
        operators: sums.rows((a, stream_a), (b, stream_b)),
        definition: DEFINITION,
        warnings,
    })
}

fn side(assembled: &Assembled, stream: u16, latency_ps: i128) -> Side {
    let setup = &assembled.setup;
    Side {
        scenario: assembled.labels.scenario.clone(),
        stream: assembled.labels.stream(stream),
        soc: assembled.labels.soc.clone(),
        device: setup.device.clone(),
        runtime: setup.runtime.clone(),
        executors: assembled.labels.executors.iter().map(|e| e.name.clone()).collect(),
        condition: setup.condition.clone(),
        strategy: assembled.strategy_spec.clone(),
        granularity: assembled.problem.granularity.id().to_owned(),
        predictor: assembled.predictor.to_string(),
        seed: assembled.problem.seed,
        latency_ps,
    }
}

/// Requests that finish in both runs; those that count, if there are any.
fn common(a: &Attribution<'_>, b: &Attribution<'_>, wanted: Option<u32>) -> Result<Vec<u32>, ExplainError> {
    let of_b: BTreeMap<u32, bool> = b.finished().collect();
    let both: Vec<(u32, bool)> =
        a.finished().filter_map(|(number, counts)| Some((number, counts && *of_b.get(&number)?))).collect();
    if let Some(number) = wanted {
        let known = both.iter().any(|(own, _)| *own == number);
        let lacking = match (a.finished().any(|(own, _)| own == number), of_b.contains_key(&number)) {
            (false, false) => "neither run finishes",
            (false, true) => "the first run does not finish",
            _ => "the second run does not finish",
        };
        let lacks =
            || ExplainError::Nothing(format!("{lacking} request {number}; both finish {}", both.len()));
        return known.then(|| vec![number]).ok_or_else(lacks);
    }
    let counted: Vec<u32> = both.iter().filter(|(_, counts)| *counts).map(|(number, _)| *number).collect();
    if both.is_empty() {
        return Err(ExplainError::Nothing("no request finishes in both runs".to_owned()));
    }
    Ok(if counted.is_empty() { both.into_iter().map(|(number, _)| number).collect() } else { counted })
}

/// What executors are called when runs are compared: by their names on one SoC with one runtime, else by their kinds.
fn places(a: &Assembled, b: &Assembled) -> [Vec<String>; 2] {
    let alike = a.labels.soc == b.labels.soc && a.setup.runtime == b.setup.runtime;
    [a, b].map(|assembled| {
        let executors = assembled.labels.executors.iter();
        executors.map(|e| if alike { e.name.clone() } else { e.kind.id().to_owned() }).collect()
    })
}

/// Times of one group in the first and the second run.
type Pair = (i128, i128);

/// Where a group ran in either run.
type Executors = (BTreeSet<u16>, BTreeSet<u16>);

struct Sums<'g> {
    groups: &'g [Group],
    of_a: BTreeMap<u32, usize>,
    of_b: BTreeMap<u32, usize>,
    places: [Vec<String>; 2],
    latency: Pair,
    /// By group (`None`: the request as a whole) and cause.
    times: BTreeMap<(Option<usize>, Cause), Pair>,
    ran: BTreeMap<usize, Executors>,
}

impl<'g> Sums<'g> {
    fn new(groups: &'g [Group], places: [Vec<String>; 2]) -> Self {
        let of = |side: fn(&Group) -> &Vec<u32>| {
            let all =
                groups.iter().enumerate().flat_map(|(at, group)| side(group).iter().map(move |&op| (op, at)));
            all.collect()
        };
        Self {
            groups,
            of_a: of(|group| &group.a),
            of_b: of(|group| &group.b),
            places,
            latency: (0, 0),
            times: BTreeMap::new(),
            ran: BTreeMap::new(),
        }
    }

    /// Adds a request of both runs.
    fn add(&mut self, a: &Attributed, b: &Attributed) {
        self.latency.0 += i128::from(a.latency_ps);
        self.latency.1 += i128::from(b.latency_ps);
        let mut own: BTreeMap<(Option<usize>, Cause), Pair> = BTreeMap::new();
        for charge in &a.charges {
            own.entry((group(&self.of_a, charge.operator), charge.cause)).or_default().0 += charge.time_ps;
        }
        for charge in &b.charges {
            own.entry((group(&self.of_b, charge.operator), charge.cause)).or_default().1 += charge.time_ps;
        }
        let (ran_a, ran_b) = (self.executed(&self.of_a, a), self.executed(&self.of_b, b));
        let mut charged: BTreeMap<usize, (bool, bool)> = BTreeMap::new();
        for ((at, cause), (time_a, time_b)) in &own {
            if let Some(at) = at.filter(|_| cause.is_own()) {
                let known = charged.entry(at).or_default();
                *known = (known.0 || *time_a != 0, known.1 || *time_b != 0);
            }
        }
        for ((at, cause), (time_a, time_b)) in &own {
            let instead = at.filter(|_| cause.is_own()).and_then(|at| {
                let (charged_a, charged_b) = charged.get(&at).copied().unwrap_or_default();
                self.reason(at, (charged_a, ran_a.get(&at)), (charged_b, ran_b.get(&at)))
            });
            let sum = self.times.entry((*at, instead.unwrap_or(*cause))).or_default();
            sum.0 += time_a;
            sum.1 += time_b;
        }
        for (at, (executors, _)) in ran_a {
            self.ran.entry(at).or_default().0.extend(executors);
        }
        for (at, (executors, _)) in ran_b {
            self.ran.entry(at).or_default().1.extend(executors);
        }
    }

    /// Executors that ran each group in a request, and the time that this took, on the critical path or not.
    fn executed(
        &self,
        of: &BTreeMap<u32, usize>,
        request: &Attributed,
    ) -> BTreeMap<usize, (BTreeSet<u16>, u64)> {
        let mut ran: BTreeMap<usize, (BTreeSet<u16>, u64)> = BTreeMap::new();
        for (operator, (executor, time)) in &request.ran {
            if let Some(at) = of.get(operator) {
                let own = ran.entry(*at).or_default();
                own.0.insert(executor.0);
                own.1 += time;
            }
        }
        ran
    }

    /// Why the own time of a group differs, if there is more to say than that it does.
    fn reason(
        &self,
        at: usize,
        (charged_a, ran_a): (bool, Option<&(BTreeSet<u16>, u64)>),
        (charged_b, ran_b): (bool, Option<&(BTreeSet<u16>, u64)>),
    ) -> Option<Cause> {
        let group = self.groups.get(at)?;
        if group.a.is_empty() || group.b.is_empty() {
            return Some(Cause::Lowering);
        }
        let (Some((executors_a, time_a)), Some((executors_b, time_b))) = (ran_a, ran_b) else { return None };
        // What takes no time is hidden behind nothing.
        if (charged_a && !charged_b && *time_b > 0) || (charged_b && !charged_a && *time_a > 0) {
            return Some(Cause::Overlap);
        }
        let named = |executors: &BTreeSet<u16>, places: &[String]| -> BTreeSet<String> {
            executors.iter().filter_map(|&e| places.get(usize::from(e)).cloned()).collect()
        };
        let [places_a, places_b] = &self.places;
        (named(executors_a, places_a) != named(executors_b, places_b)).then_some(Cause::Placement)
    }

    fn causes(&self) -> Vec<CauseDifference> {
        let mut by_cause: BTreeMap<Cause, Pair> = BTreeMap::new();
        for ((_, cause), (a, b)) in &self.times {
            let sum = by_cause.entry(*cause).or_default();
            sum.0 += a;
            sum.1 += b;
        }
        sorted(by_cause)
    }

    fn rows(
        &self,
        (a, stream_a): (&Assembled, u16),
        (b, stream_b): (&Assembled, u16),
    ) -> Vec<OperatorDifference> {
        let mut by_group: BTreeMap<Option<usize>, BTreeMap<Cause, Pair>> = BTreeMap::new();
        for ((at, cause), times) in &self.times {
            by_group.entry(*at).or_default().insert(*cause, *times);
        }
        let names = |assembled: &Assembled, stream: u16, operators: &[u32]| -> Vec<String> {
            operators.iter().map(|&operator| assembled.labels.operator_name(stream, operator)).collect()
        };
        let executors = |assembled: &Assembled, ran: &BTreeSet<u16>| -> Vec<String> {
            ran.iter().map(|&e| assembled.labels.executor_name(crate::soc::ExecutorId(e))).collect()
        };
        let mut rows: Vec<OperatorDifference> = by_group
            .into_iter()
            .map(|(at, times)| {
                let none = (Group::default(), Executors::default());
                let group = at.and_then(|at| self.groups.get(at)).unwrap_or(&none.0);
                let ran = at.and_then(|at| self.ran.get(&at)).unwrap_or(&none.1);
                let heaviest = heaviest(a, stream_a, &group.a).or_else(|| heaviest(b, stream_b, &group.b));
                let (name, op_type) = heaviest.unwrap_or_default();
                let causes = sorted(times);
                OperatorDifference {
                    operators_a: names(a, stream_a, &group.a),
                    operators_b: names(b, stream_b, &group.b),
                    name,
                    op_type,
                    executors_a: executors(a, &ran.0),
                    executors_b: executors(b, &ran.1),
                    a_ps: causes.iter().map(|c| c.a_ps).sum(),
                    b_ps: causes.iter().map(|c| c.b_ps).sum(),
                    difference_ps: causes.iter().map(|c| c.difference_ps).sum(),
                    causes,
                }
            })
            .collect();
        // Equal rows keep the order of the graph; causes that cancel out come before what does not differ at all.
        rows.sort_by_key(|row| (std::cmp::Reverse(row.difference_ps.unsigned_abs()), row.is_even()));
        rows
    }
}

/// Name and type of the operator with most multiply-accumulates, the first of equals.
fn heaviest(assembled: &Assembled, stream: u16, operators: &[u32]) -> Option<(String, String)> {
    let macs = |operator: &u32| assembled.labels.operator(stream, *operator).map_or(0, |label| label.macs);
    let operator = *operators.iter().min_by_key(|operator| std::cmp::Reverse(macs(operator)))?;
    let op_type = assembled.labels.operator(stream, operator).map(|label| label.op_type.clone());
    Some((assembled.labels.operator_name(stream, operator), op_type.unwrap_or_default()))
}

fn group(of: &BTreeMap<u32, usize>, operator: Option<u32>) -> Option<usize> {
    operator.and_then(|operator| of.get(&operator).copied())
}

/// Causes by the size of the difference; those without time are left out.
fn sorted(times: BTreeMap<Cause, Pair>) -> Vec<CauseDifference> {
    let mut causes: Vec<CauseDifference> = times
        .into_iter()
        .filter(|(_, times)| *times != (0, 0))
        .map(|(cause, (a_ps, b_ps))| CauseDifference { cause, a_ps, b_ps, difference_ps: a_ps - b_ps })
        .collect();
    causes.sort_by_key(|c| (std::cmp::Reverse(c.difference_ps.unsigned_abs()), c.cause));
    causes
}
