//! Energy of hosts with performance states and of links, integrated while engine models run.

use super::{close, number, numbers, oracle};
use hetsoc::engine::{
    ActivityTable, EngineError, EqualShare, EventQueue, Integral, Limits, Model, Phase, run,
};
use hetsoc::units::{PS_PER_SECOND, SimDuration, SimTime};
use serde_json::Value;
use std::collections::VecDeque;

fn seconds(time: f64) -> SimDuration {
    SimDuration::from_seconds(time)
}

/// A host that works through a script: sleep, execute on one core, change its state.
struct Host {
    cores: f64,
    speeds: Vec<f64>,
    watts: Vec<Vec<f64>>,
    state: usize,
    on: bool,
    busy_cores: f64,
    script: VecDeque<(String, f64)>,
    /// Slot 0 sleeps, slot 1 executes.
    table: ActivityTable,
    energy: Integral,
    /// Time and energy after every step that took time.
    marks: Vec<(f64, f64)>,
    watts_off: f64,
}

impl Host {
    fn new(description: &Value, speeds: &[f64], watts_off: f64) -> Self {
        let watts: Vec<Vec<f64>> =
            description["watts_idle_eps_all"].as_array().unwrap().iter().map(numbers).collect();
        let energy = Integral::new(SimTime::ZERO, watts[0][0]);
        let cores = number(&description["cores"]);
        let (speeds, table) = (speeds.to_vec(), ActivityTable::new(2));
        Self {
            cores,
            speeds,
            watts,
            state: 0,
            on: true,
            busy_cores: 0.0,
            script: VecDeque::new(),
            table,
            energy,
            marks: Vec::new(),
            watts_off,
        }
    }

    fn power(&self) -> f64 {
        let watts = &self.watts[self.state];
        if !self.on {
            self.watts_off
        } else if self.busy_cores == 0.0 {
            watts[0]
        } else {
            watts[1] + (watts[2] - watts[1]) * self.busy_cores / self.cores
        }
    }

    /// Begins the next steps, up to one that takes time.
    fn proceed(&mut self, now: SimTime) {
        while let Some((what, amount)) = self.script.pop_front() {
            match what.as_str() {
                "sleep" => self.table.start(0, now, seconds(amount), 1.0, 0),
                "exec_flops_on_one_core" => {
                    // Work in seconds at the speed of the first state.
                    self.busy_cores = 1.0;
                    let rate = self.speeds[self.state] / self.speeds[0];
                    self.table.start(1, now, seconds(amount / self.speeds[0]), rate, 0);
                }
                "set_pstate" => self.state = amount as usize,
                "off" => self.on = false,
                other => panic!("{other}"),
            }
            self.energy.set(now, self.power());
            if self.table.next().is_some() {
                return;
            }
        }
    }

    fn play(mut self, script: Vec<(String, f64)>) -> Vec<(f64, f64)> {
        self.script = script.into();
        self.proceed(SimTime::ZERO);
        run(&mut self, Limits::default()).unwrap();
        self.marks
    }
}

impl Model for Host {
    type Error = EngineError;
    fn next_time(&self) -> SimTime {
        self.table.next().map_or(SimTime::NEVER, |(time, _)| time)
    }
    fn step(&mut self, now: SimTime) -> Result<(), EngineError> {
        if let Some((_, slot)) = self.table.next() {
            self.table.clear(slot);
            self.busy_cores = 0.0;
            self.energy.set(now, self.power());
            self.marks.push((now.seconds(), self.energy.until(now)));
            self.proceed(now);
        }
        Ok(())
    }
    fn pending(&self) -> Vec<String> {
        self.script.iter().map(|(what, _)| what.clone()).collect()
    }
}

#[test]
fn host_with_performance_states() {
    let file = oracle("simgrid_energy_dvfs");
    let speeds = numbers(&file["host"]["speed_flops"]);
    let off = number(&file["host"]["watts_off"]);
    let step = |step: &Value| (step[0].as_str().unwrap().to_owned(), number(&step[1]));
    let script = file["script"].as_array().unwrap().iter().map(step).collect();
    let marks = Host::new(&file["host"], &speeds, off).play(script);
    let expected = file["expected"].as_array().unwrap();
    assert_eq!(marks.len(), expected.len());
    for (mark, expected) in marks.iter().zip(expected) {
        close(mark.0, number(&expected["t"]), 1e-12, "time");
        close(mark.1, number(&expected["J"]), 1e-12, "energy");
    }
    let second = &file["second_host"];
    let until = |at: usize| number(&second["events"][at][1]);
    let sleep = |time: f64| ("sleep".to_owned(), time);
    let script = vec![sleep(until(0)), ("off".to_owned(), 0.0), sleep(until(1) - until(0))];
    let marks = Host::new(second, &speeds, off).play(script);
    close(marks[1].1, number(&second["expected_J"]), 1e-12, "switched off");
    let marks = Host::new(second, &speeds, off).play(vec![sleep(30.0)]);
    close(marks[0].1, number(&file["third_host_idle_30s_J"]), 1e-12, "idle");
}

/// The core's state may change while it executes: the rest of the work goes on at the new speed.
#[test]
fn a_change_of_speed_in_the_middle() {
    let mut table = ActivityTable::new(1);
    table.start(0, SimTime::ZERO, seconds(2.0), 1.0, 0);
    let mut energy = Integral::new(SimTime::ZERO, 120.0);
    table.set_rate(0, SimTime(PS_PER_SECOND), 0.2);
    energy.set(SimTime(PS_PER_SECOND), 105.0);
    assert_eq!(table.end(0), SimTime(6 * PS_PER_SECOND));
    assert_eq!(energy.until(table.end(0)), 120.0 + 5.0 * 105.0);
}

/// A link that draws power in proportion to its use.
struct Link {
    share: EqualShare<()>,
    queue: EventQueue<f64>,
    bandwidth: f64,
    idle: f64,
    busy: f64,
    energy: Integral,
    ends: Vec<SimTime>,
}

impl Link {
    fn draw(&mut self, now: SimTime) {
        let usage = self.share.rate_of_each() * self.share.len() as f64 / self.bandwidth;
        self.energy.set(now, self.idle + (self.busy - self.idle) * usage);
    }
}

impl Model for Link {
    type Error = EngineError;
    fn next_time(&self) -> SimTime {
        self.share.next().min(self.queue.next_time())
    }
    fn step(&mut self, now: SimTime) -> Result<(), EngineError> {
        if self.share.next() == now {
            self.share.pop(now);
            self.ends.push(now);
        } else if let Some((_, bytes)) = self.queue.pop() {
            self.share.enter(now, bytes, ());
        }
        self.draw(now);
        Ok(())
    }
    fn pending(&self) -> Vec<String> {
        Vec::new()
    }
}

#[test]
fn link_in_use() {
    let file = oracle("simgrid_link_energy");
    let of = |key: &str| number(&file["link"][key]);
    for case in file["cases"].as_array().unwrap() {
        let case_of = |key: &str| number(&case[key]);
        // Whole, or in four parts that share the link: the same energy.
        for parts in [1, 4] {
            let mut link = Link {
                share: EqualShare::new(of("bandwidth_Bps")),
                queue: EventQueue::new(),
                bandwidth: of("bandwidth_Bps"),
                idle: of("watts_idle"),
                busy: of("watts_busy"),
                energy: Integral::new(SimTime::ZERO, of("watts_idle")),
                ends: Vec::new(),
            };
            let start = SimTime::ZERO + seconds(case_of("transfer_starts_s") + of("latency_s"));
            for _ in 0..parts {
                link.queue.push(start, Phase::Arrival, case_of("bytes") / f64::from(parts));
            }
            run(&mut link, Limits::default()).unwrap();
            let until = SimTime::ZERO + seconds(case_of("run_until_s"));
            let last = *link.ends.last().unwrap();
            close(last.since(start).seconds(), case_of("transfer_s"), 1e-12, "transfer");
            close(link.energy.until(until), case_of("J"), 1e-12, "energy");
        }
    }
}
