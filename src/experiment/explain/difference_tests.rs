use super::tests::{CHAIN, FORK, task_graph};
use super::*;
use crate::config::{assemble, scenario_text};
use crate::diagnostics::SourceText;
use proptest::prelude::*;
use std::path::Path;

fn run_of(text: &str, strategy: &str) -> Assembled {
    let mut spec = scenario_text(&SourceText::new("t.toml", text), Path::new(""), &[]).unwrap().value;
    spec.strategy = strategy.parse().unwrap();
    assemble(&spec, &[], &[], None).unwrap()
}

/// Three requests of a network beside three of another, on a phone with competing work, governors and caches, or without.
fn phone(model: &str, runtime: &str, strategy: &str, dynamics: bool) -> Assembled {
    let living = "[dynamics]\ncpu_governor = \"schedutil\"\ncaches = true\n\
                  [[background]]\nname = \"app\"\nkind = \"thread\"\ncount = 3\ngb_per_s = 1\n\
                  bursts = { gap = { mean = \"5ms\" }, length = { median = \"4ms\", sigma = 0.6 } }\n\
                  [[background]]\nname = \"display\"\nkind = \"traffic\"\ngb_per_s = 8\n";
    let text = format!(
        "schema = 1\ndevice = \"xiaomi-9\"\nruntime = \"{runtime}\"\nexecutors = [\"cpu-1large3med\", \"gpu\"]\n[scenario]\nname = \"t\"\n\
         [[stream]]\nname = \"a\"\nmodel = \"{model}\"\narrivals = {{ kind = \"periodic\", period = \"20ms\", count = 3 }}\n\
         [[stream]]\nname = \"b\"\nmodel = \"squeezenet1-1\"\narrivals = {{ kind = \"periodic\", period = \"15ms\", count = 3 }}\n\
         [strategy]\nname = \"single\"\n{}",
        if dynamics { living } else { "" }
    );
    run_of(&text, strategy)
}

/// What must hold for every pair of runs.
fn balanced(a: &mut Assembled, b: &mut Assembled, request: Option<u32>) -> Difference {
    let options = ExplainOptions { request, ..ExplainOptions::default() };
    let d = explain_difference(a, b, &options).unwrap();
    assert_eq!(d.a.latency_ps - d.b.latency_ps, d.difference_ps);
    assert_eq!(d.causes.iter().map(|c| c.difference_ps).sum::<i128>(), d.difference_ps);
    assert_eq!(d.causes.iter().map(|c| c.a_ps).sum::<i128>(), d.a.latency_ps);
    assert_eq!(d.causes.iter().map(|c| c.b_ps).sum::<i128>(), d.b.latency_ps);
    assert_eq!(d.operators.iter().map(|o| o.difference_ps).sum::<i128>(), d.difference_ps);
    for operator in &d.operators {
        assert_eq!(operator.causes.iter().map(|c| c.difference_ps).sum::<i128>(), operator.difference_ps);
        assert_eq!(operator.a_ps - operator.b_ps, operator.difference_ps);
    }
    d
}

/// Causes of a difference, by name.
fn causes(d: &Difference) -> BTreeMap<Cause, i128> {
    d.causes.iter().filter(|c| c.difference_ps != 0).map(|c| (c.cause, c.difference_ps)).collect()
}

/// The difference with its sides exchanged.
fn swapped(a: &mut Assembled, b: &mut Assembled, request: Option<u32>) {
    let (one, other) = (balanced(a, b, request), balanced(b, a, request));
    assert_eq!((one.difference_ps, &one.requests), (-other.difference_ps, &other.requests));
    let negative =
        |d: &Difference| causes(d).into_iter().map(|(cause, ps)| (cause, -ps)).collect::<BTreeMap<_, _>>();
    assert_eq!(causes(&one), negative(&other));
    let rows = |d: &Difference, sign: i128| {
        let row = |o: &OperatorDifference| {
            let [own, others] =
                if sign > 0 { [&o.operators_a, &o.operators_b] } else { [&o.operators_b, &o.operators_a] };
            (own.clone(), others.clone(), sign * o.difference_ps)
        };
        let mut rows: Vec<_> = d.operators.iter().map(row).collect();
        rows.sort();
        rows
    };
    assert_eq!(rows(&one, 1), rows(&other, -1));
}

fn even(a: &mut Assembled, same: &mut Assembled) {
    let d = balanced(a, same, None);
    assert!(causes(&d).is_empty() && d.difference_ps == 0, "{:?}", d.causes);
    assert!(d.operators.iter().all(OperatorDifference::is_even));
}

/// Would catch a cause that is charged on one side only, rounding, rows that lose time, and a reason that depends on the order.
#[test]
fn differences_of_networks_add_up_and_change_sign() {
    for (one, other) in [
        (("mobilenet-v3-small", "mace", "single", false), ("mobilenet-v3-small", "mace", "eft", false)),
        (
            ("mobilenet-v3-small", "mace", "delegate", true),
            ("mobilenet-v3-small", "tflite", "delegate", false),
        ),
        (("squeezenet1-1", "mace", "codl", true), ("squeezenet1-1", "mace", "mace", true)),
        (("resnet18", "tflite", "single", true), ("squeezenet1-1", "tflite", "heft", true)),
    ] {
        let make = |(model, runtime, strategy, dynamics)| phone(model, runtime, strategy, dynamics);
        for request in [None, Some(1)] {
            swapped(&mut make(one), &mut make(other), request);
        }
        even(&mut make(one), &mut make(one));
    }
}

/// 10 us on a, then 20 us on b: the chain of the first test with the second task able to run on a as well, in 45 us.
#[test]
fn the_reasons_are_the_right_ones() {
    let dag = CHAIN.replace("[null,20]", "[45,20]");
    let slow = run_dag(&dag, "single[executor=a]");
    let d = balanced(&mut task_graph(&dag, "eft"), &mut { slow }, None);
    // 42 us against 55: 12 us of transfer that b lacks, 25 us that the task takes longer on the other executor.
    let expected = BTreeMap::from([(Cause::Transfer, 12_000_000), (Cause::Placement, -25_000_000)]);
    assert_eq!(causes(&d), expected);
    assert_eq!(d.operators[0].difference_ps, -25_000_000);
    // The short arm of the fork is hidden when it has a processor of its own, and not when it has not.
    let fork = FORK.replace("[null,5]", "[5,5]");
    let d = balanced(&mut run_dag(&fork, "single[executor=a]"), &mut task_graph(&fork, "eft"), None);
    assert_eq!(causes(&d), BTreeMap::from([(Cause::Overlap, 5_000_000)]));
}

fn run_dag(dag: &str, strategy: &str) -> Assembled {
    let mut assembled = task_graph(dag, "single");
    let spec: crate::strategy::StrategySpec = strategy.parse().unwrap();
    assembled.strategy = spec.build(&assembled.problem.platform).unwrap();
    assembled.strategy_spec = strategy.to_owned();
    assembled
}

#[test]
fn what_cannot_be_compared_says_why() {
    let refusal = |options: &ExplainOptions| {
        let mut runs = [task_graph(FORK, "eft"), task_graph(CHAIN, "eft")];
        let [a, b] = &mut runs;
        explain_difference(a, b, options).unwrap_err().to_string()
    };
    let request = refusal(&ExplainOptions { request: Some(3), ..ExplainOptions::default() });
    assert_eq!(request, "neither run finishes request 3; both finish 1");
    let stream = refusal(&ExplainOptions { stream: Some("x".to_owned()), ..ExplainOptions::default() });
    assert_eq!(stream, "there is no stream `x`; there are s");
}

/// Costs of a task, and the tasks that it reads from with their bytes.
type Task = (String, Vec<(usize, u32)>);

/// A random task graph for two processors, each task able to run on one of them at least.
fn random_dag() -> impl Strategy<Value = String> {
    let cost = prop_oneof![
        (1u32..40, 1u32..40).prop_map(|(a, b)| format!("[{a},{b}]")),
        (1u32..40).prop_map(|a| format!("[{a},null]")),
        (1u32..40).prop_map(|b| format!("[null,{b}]"))
    ];
    proptest::collection::vec((cost, proptest::collection::vec((0usize..8, 0u32..200), 0..3)), 2..9).prop_map(|tasks| {
        let of = |(number, (cost, _)): (usize, &Task)| format!("{{\"id\":{number},\"cost\":{cost}}}");
        let list: Vec<String> = tasks.iter().enumerate().map(of).collect();
        let mut edges: BTreeMap<(usize, usize), u32> = BTreeMap::new();
        for (number, (_, inputs)) in tasks.iter().enumerate() {
            edges.extend(inputs.iter().filter(|(from, _)| *from < number).map(|(from, bytes)| ((*from, number), *bytes)));
        }
        let edges: Vec<String> = edges.iter().map(|((from, to), bytes)| format!("[{from},{to},{bytes}]")).collect();
        format!(
            "{{\"name\":\"r\",\"platform\":{{\"pes\":[{{\"id\":0,\"name\":\"a\"}},{{\"id\":1,\"name\":\"b\"}}],\"latency_us\":2,\
             \"bandwidth_bytes_per_us\":10}},\"tasks\":[{}],\"arrivals_us\":[0,7,50],\"edges\":[{}]}}",
            list.join(","),
            edges.join(",")
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any two strategies on any graph.
    #[test]
    fn differences_of_random_runs_add_up(dag in random_dag(), one in 0usize..5, other in 0usize..5, request in 0u32..3) {
        let names = ["eft", "heft", "met", "olb", "min-min"];
        let runs = || (task_graph(&dag, names[one]), task_graph(&dag, names[other]));
        let (mut a, mut b) = runs();
        swapped(&mut a, &mut b, Some(request));
        swapped(&mut a, &mut b, None);
        even(&mut a, &mut runs().0);
    }
}
