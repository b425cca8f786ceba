//! A published task graph under online policies and as a published schedule.

use super::eft;
use crate::build::{plan, tasks, watch};
use hetsoc::simulation::Problem;
use hetsoc::soc::ExecutorId;
use hetsoc::strategy::{
    Decision, Dispatch, Granularity, Occasion, Plan, PlanningView, Replay, RunView, Strategy, StrategyError,
    TransferStart,
};

/// H. Topcuoglu, S. Hariri, M.-Y. Wu, "Performance-effective and low-complexity task scheduling for heterogeneous
/// computing", IEEE Transactions on Parallel and Distributed Systems 13(3), 2002, figure 2: ten tasks on three processors.
fn topcuoglu() -> Problem {
    let costs = [
        [14, 16, 9],
        [13, 19, 18],
        [11, 13, 19],
        [13, 8, 17],
        [12, 13, 10],
        [13, 16, 9],
        [7, 15, 11],
        [5, 11, 14],
        [18, 12, 20],
        [21, 7, 16],
    ];
    let edges = [
        (0, 1, 18.0),
        (0, 2, 12.0),
        (0, 3, 9.0),
        (0, 4, 11.0),
        (0, 5, 14.0),
        (1, 7, 19.0),
        (1, 8, 16.0),
        (2, 6, 23.0),
        (3, 7, 27.0),
        (3, 8, 23.0),
        (4, 8, 13.0),
        (5, 7, 15.0),
        (6, 9, 17.0),
        (7, 9, 11.0),
        (8, 9, 13.0),
    ];
    let costs: Vec<Vec<_>> =
        costs.iter().map(|row| row.iter().map(|&c| Some(f64::from(c))).collect()).collect();
    tasks(&costs, &edges, 0.0, 1.0)
}

/// Minimum execution time: the least cost, whatever the queue.
struct LeastCost(TransferStart);

impl Strategy for LeastCost {
    fn id(&self) -> &'static str {
        "met"
    }
    fn default_granularity(&self) -> Granularity {
        Granularity::Operator
    }
    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        let mut plan = Plan::new(Dispatch::AtReady, self.0);
        for operator in 0..streams[0].dag.len() as u32 {
            plan.push(&[operator], None);
        }
        Ok(vec![plan])
    }
    fn react(&mut self, occasion: Occasion, view: &RunView<'_>, decisions: &mut Vec<Decision>) {
        if let Occasion::Ready(unit) = occasion {
            let executors = (0..view.platform.executors.len() as u16).map(ExecutorId);
            let executor = executors.min_by_key(|&e| view.execution(unit, e).map_or(u64::MAX, |t| t.0));
            decisions.extend(executor.map(|executor| Decision::Place { unit, executor }));
        }
    }
}

#[test]
fn online_policies_on_a_published_graph() {
    let problem = topcuoglu();
    let check = |strategy: &mut dyn Strategy,
                 makespan: f64,
                 places: [u16; 10],
                 starts: [f64; 10],
                 ends: [f64; 10]| {
        let (outcome, log) = watch(&problem, strategy);
        assert_eq!(outcome.makespan.seconds(), makespan);
        let rows = log.schedule();
        assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), places);
        assert_eq!(rows.iter().map(|row| row.1).collect::<Vec<_>>(), starts);
        assert_eq!(rows.iter().map(|row| row.2).collect::<Vec<_>>(), ends);
    };
    // When the data starts to move decides between 80 and 98 for the same places.
    let places = [2, 2, 0, 1, 2, 1, 0, 0, 1, 1];
    check(
        &mut eft(TransferStart::ProducerFinish),
        80.0,
        places,
        [0.0, 9.0, 21.0, 18.0, 27.0, 26.0, 32.0, 57.0, 50.0, 73.0],
        [9.0, 27.0, 32.0, 26.0, 37.0, 42.0, 39.0, 62.0, 62.0, 80.0],
    );
    check(
        &mut eft(TransferStart::Assignment),
        98.0,
        places,
        [0.0, 9.0, 21.0, 18.0, 27.0, 26.0, 32.0, 69.0, 53.0, 91.0],
        [9.0, 27.0, 32.0, 26.0, 37.0, 42.0, 39.0, 74.0, 65.0, 98.0],
    );
    let places = [2, 0, 0, 1, 2, 2, 0, 0, 1, 1];
    check(
        &mut LeastCost(TransferStart::ProducerFinish),
        89.0,
        places,
        [0.0, 27.0, 40.0, 18.0, 9.0, 19.0, 58.0, 53.0, 56.0, 82.0],
        [9.0, 40.0, 51.0, 26.0, 19.0, 28.0, 65.0, 58.0, 68.0, 89.0],
    );
    check(
        &mut LeastCost(TransferStart::Assignment),
        103.0,
        places,
        [0.0, 27.0, 40.0, 18.0, 9.0, 19.0, 72.0, 67.0, 56.0, 96.0],
        [9.0, 40.0, 51.0, 26.0, 19.0, 28.0, 79.0, 72.0, 68.0, 103.0],
    );
    // The published schedule of HEFT with insertion, in the order of its starts.
    let order = [(0, 2), (2, 2), (3, 1), (5, 1), (1, 0), (4, 2), (6, 2), (8, 1), (7, 0), (9, 1)];
    check(
        &mut Replay::new(vec![plan(Dispatch::InOrder, TransferStart::ProducerFinish, &order)]),
        80.0,
        [2, 0, 2, 1, 2, 1, 2, 0, 1, 1],
        [0.0, 27.0, 9.0, 18.0, 28.0, 26.0, 38.0, 57.0, 56.0, 73.0],
        [9.0, 40.0, 28.0, 26.0, 38.0, 42.0, 49.0, 62.0, 68.0, 80.0],
    );
}
