//! List scheduling on identical machines and its anomalies.

use super::{eft, identical, number, numbers, oracle};
use crate::build::tasks;
use hetsoc::engine::{ActivityTable, EngineError, Limits, Model, run};
use hetsoc::simulation::simulate;
use hetsoc::strategy::TransferStart;
use hetsoc::units::{SimDuration, SimTime};

/// Machines that take the first ready task of a list whenever they are idle.
struct ListMachines {
    times: Vec<f64>,
    before: Vec<(usize, usize)>,
    started: Vec<bool>,
    done: Vec<bool>,
    running: Vec<usize>,
    table: ActivityTable,
}

impl ListMachines {
    fn makespan(machines: usize, times: &[f64], before: &[(usize, usize)]) -> f64 {
        let n = times.len();
        let mut model = Self {
            times: times.to_vec(),
            before: before.to_vec(),
            started: vec![false; n],
            done: vec![false; n],
            running: vec![usize::MAX; machines],
            table: ActivityTable::new(machines),
        };
        model.assign(SimTime::ZERO);
        let end = run(&mut model, Limits::default()).unwrap();
        assert!(model.done.iter().all(|&done| done));
        end.time.seconds()
    }

    fn assign(&mut self, now: SimTime) {
        for machine in 0..self.running.len() {
            let ready = |task: &usize| {
                !self.started[*task] && self.before.iter().all(|&(a, b)| b != *task || self.done[a])
            };
            if self.running[machine] == usize::MAX
                && let Some(task) = (0..self.times.len()).find(ready)
            {
                self.started[task] = true;
                self.running[machine] = task;
                let work = SimDuration::from_seconds(self.times[task]);
                self.table.start(machine, now, work, 1.0, machine as u64);
            }
        }
    }
}

impl Model for ListMachines {
    type Error = EngineError;
    fn next_time(&self) -> SimTime {
        self.table.next().map_or(SimTime::NEVER, |(time, _)| time)
    }
    fn step(&mut self, now: SimTime) -> Result<(), EngineError> {
        // All that end now end before the list is looked at.
        while let Some((time, machine)) = self.table.next()
            && time == now
        {
            self.table.clear(machine);
            let task = std::mem::replace(&mut self.running[machine], usize::MAX);
            self.done[task] = true;
        }
        self.assign(now);
        Ok(())
    }
    fn pending(&self) -> Vec<String> {
        (0..self.times.len()).filter(|&t| !self.done[t]).map(|t| format!("task {t}")).collect()
    }
}

#[test]
fn list_scheduling_anomalies() {
    let file = oracle("analytic");
    let case = &file["graham_anomalies"];
    let times = numbers(&case["times"]);
    let before = [(0, 8), (3, 4), (3, 5), (3, 6), (3, 7)];
    assert_eq!(ListMachines::makespan(3, &times, &before), number(&case["m3"]));
    assert_eq!(ListMachines::makespan(4, &times, &before), number(&case["m4"]));
    let shorter: Vec<f64> = times.iter().map(|t| t - 1.0).collect();
    assert_eq!(ListMachines::makespan(3, &shorter, &before), number(&case["times_minus_1_m3"]));
    let fewer: Vec<_> = before.iter().copied().filter(|e| *e != (3, 4) && *e != (3, 5)).collect();
    assert_eq!(ListMachines::makespan(3, &times, &fewer), number(&case["drop_T4_T5_and_T4_T6_m3"]));
    // The same list by the public simulation, where ready order and list agree.
    let edges: Vec<_> = before.iter().map(|&(a, b)| (a as u32, b as u32, 0.0)).collect();
    for (machines, key) in [(3, "m3"), (4, "m4")] {
        let problem = tasks(&identical(&times, machines), &edges, 0.0, f64::INFINITY);
        let outcome = simulate(&problem, &mut eft(TransferStart::Assignment), &mut ()).unwrap();
        assert_eq!(outcome.makespan.seconds(), number(&case[key]));
    }
    let tight = &file["graham_tight"];
    let (mut list, largest_first) = (vec![1.0; 6], vec![3.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    list.push(3.0);
    for (times, key) in [(list, "list"), (largest_first, "lpt")] {
        assert_eq!(ListMachines::makespan(3, &times, &[]), number(&tight[key]));
        let problem = tasks(&identical(&times, 3), &[], 0.0, 1.0);
        let outcome = simulate(&problem, &mut eft(TransferStart::Assignment), &mut ()).unwrap();
        assert_eq!(outcome.makespan.seconds(), number(&tight[key]));
    }
}
