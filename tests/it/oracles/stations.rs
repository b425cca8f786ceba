//! Queueing stations as a model of the engine: FIFO and priority servers, preemption, processor sharing,
//! weighted sharing, round robin, finite buffers; open, closed, tandem and fork-join routes.

pub use super::customers::{Class, Law, Origin, Tally};
use hetsoc::engine::{
    ActivityTable, EngineError, EqualShare, EventQueue, Integral, Limits, Model, Phase, RunEnd, run,
    water_fill,
};
use hetsoc::random::{Stream, stream};
use hetsoc::units::{PS_PER_SECOND, SimDuration, SimTime};
use std::collections::VecDeque;

/// Ticks per unit of model time: rounding to ticks is 1e-9 of it.
pub const UNIT: f64 = 1e9;

pub fn at(time: f64) -> SimTime {
    SimTime((time * UNIT).round() as u64)
}

pub fn units(time: SimTime) -> f64 {
    time.0 as f64 / UNIT
}

/// How a station serves.
#[derive(Debug, Clone)]
pub enum Discipline {
    /// First come, first served, by so many servers.
    Fifo(usize),
    /// Smaller classes first, never interrupting.
    Priority,
    /// Smaller classes interrupt, and the interrupted resume.
    Preemptive,
    /// Everybody at once, at equal rates.
    Sharing,
    /// Everybody at once, at rates proportional to the weight of the class.
    Weighted(Vec<f64>),
    /// In turn, for this long.
    RoundRobin(f64),
}

struct Station {
    discipline: Discipline,
    /// How many may be present; more are dropped.
    room: usize,
    waiting: Vec<VecDeque<u32>>,
    slots: ActivityTable,
    serving: Vec<u32>,
    share: EqualShare<u32>,
    present: usize,
    number: Integral,
    queued: Integral,
}

#[derive(Debug, Clone, Copy)]
struct Customer {
    class: usize,
    arrived: SimTime,
    parts: usize,
    waited: u64,
    size: f64,
    number: u64,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    customer: u32,
    stage: usize,
    entered: SimTime,
    left: SimDuration,
    started: bool,
}

/// Stations, classes and everybody inside.
pub struct Stations {
    stations: Vec<Station>,
    classes: Vec<Class>,
    streams: Vec<(Stream, Stream)>,
    queue: EventQueue<usize>,
    customers: Vec<Customer>,
    parts: Vec<Part>,
    free_customers: Vec<u32>,
    free_parts: Vec<u32>,
    upcoming: (SimTime, usize),
    pub tallies: Vec<Tally>,
    pub thresholds: Vec<f64>,
    pub watched_size: f64,
    /// Class, number and completion of every customer, when asked for.
    pub log: Option<Vec<(usize, u64, f64)>>,
    inside: usize,
    numbers: Vec<u64>,
    /// Customers inside, over time.
    pub population: Integral,
    pub all_sojourns: f64,
}

impl Stations {
    pub fn new(stations: &[(Discipline, usize)], classes: &[Class], seed: u64) -> Self {
        let count = classes.len();
        let build = |(discipline, room): &(Discipline, usize)| {
            let slots = match discipline {
                Discipline::Fifo(servers) => *servers,
                Discipline::Preemptive => count,
                Discipline::Weighted(_) => 8,
                Discipline::Priority | Discipline::RoundRobin(_) => 1,
                Discipline::Sharing => 0,
            };
            Station {
                discipline: discipline.clone(),
                room: *room,
                waiting: vec![VecDeque::new(); count],
                slots: ActivityTable::new(slots),
                serving: vec![u32::MAX; slots],
                share: EqualShare::new(PS_PER_SECOND as f64 / UNIT),
                present: 0,
                number: Integral::new(SimTime::ZERO, 0.0),
                queued: Integral::new(SimTime::ZERO, 0.0),
            }
        };
        let open = |class| (stream(seed, "gaps", &[class]), stream(seed, "services", &[class]));
        let mut model = Self {
            stations: stations.iter().map(build).collect(),
            classes: classes.to_vec(),
            streams: (0..count as u64).map(open).collect(),
            queue: EventQueue::new(),
            customers: Vec::new(),
            parts: Vec::new(),
            free_customers: Vec::new(),
            free_parts: Vec::new(),
            upcoming: (SimTime::NEVER, 0),
            tallies: vec![Tally::default(); count],
            thresholds: Vec::new(),
            watched_size: f64::NAN,
            log: None,
            inside: 0,
            numbers: vec![0; count],
            population: Integral::new(SimTime::ZERO, 0.0),
            all_sojourns: 0.0,
        };
        for class in 0..count {
            if let Origin::Closed(customers) = model.classes[class].origin {
                for _ in 0..customers {
                    model.queue.push(SimTime::ZERO, Phase::Arrival, class);
                }
            } else {
                model.schedule(SimTime::ZERO, class);
            }
        }
        model.look_ahead();
        model
    }

    /// Goes on until `time` in units of model time.
    pub fn play(&mut self, time: f64) -> RunEnd {
        run(self, Limits { until: at(time), ..Limits::default() }).unwrap()
    }

    /// Clears the tallies, as at the end of a warm-up.
    pub fn clear(&mut self) {
        for tally in &mut self.tallies {
            *tally = Tally { within: vec![0; self.thresholds.len()], ..Tally::default() };
        }
    }

    /// Time integral of the number at a station, and of those of them that wait for a server.
    pub fn integrals(&self, station: usize, time: f64) -> (f64, f64) {
        let scale = PS_PER_SECOND as f64 / UNIT;
        let station = &self.stations[station];
        (station.number.until(at(time)) * scale, station.queued.until(at(time)) * scale)
    }

    pub fn count(&self) -> usize {
        self.stations.len()
    }

    fn schedule(&mut self, now: SimTime, class: usize) {
        let (gaps, _) = &mut self.streams[class];
        let time = match &mut self.classes[class].origin {
            Origin::Open(law) => now + SimDuration((law.draw(gaps) * UNIT).round() as u64),
            Origin::Listed(times) => match times.pop_front() {
                Some(time) => at(time),
                None => return,
            },
            Origin::Closed(_) => return,
        };
        self.queue.push(time, Phase::Arrival, class);
    }

    fn arrive(&mut self, now: SimTime, class: usize) {
        self.tallies[class].offered += 1;
        let stages = self.classes[class].route.len();
        let forked = if self.classes[class].fork { stages } else { 1 };
        let first = self.classes[class].route[0].0;
        let number = self.numbers[class];
        self.numbers[class] += 1;
        if self.stations[first].present >= self.stations[first].room {
            self.tallies[class].dropped += 1;
            return;
        }
        let fresh = Customer { class, arrived: now, parts: forked, waited: 0, size: 0.0, number };
        let customer = reuse(&mut self.customers, &mut self.free_customers, fresh);
        self.inside += 1;
        self.population.set(now, self.inside as f64);
        for stage in 0..forked {
            let part = Part { customer, stage, entered: now, left: SimDuration::ZERO, started: false };
            let part = reuse(&mut self.parts, &mut self.free_parts, part);
            self.enter(now, part);
        }
    }

    fn enter(&mut self, now: SimTime, id: u32) {
        let part = &mut self.parts[id as usize];
        let customer = &mut self.customers[part.customer as usize];
        let class = customer.class;
        let (number, law) = &mut self.classes[class].route[part.stage];
        let size = law.draw(&mut self.streams[class].1);
        customer.size = size;
        part.left = SimDuration((size * UNIT).round() as u64);
        part.entered = now;
        part.started = false;
        let number = *number;
        let station = &mut self.stations[number];
        station.present += 1;
        station.number.set(now, station.present as f64);
        match station.discipline {
            Discipline::Fifo(servers) => {
                station.queued.set(now, station.present.saturating_sub(servers) as f64);
                station.waiting[0].push_back(id);
                self.serve(now, number);
            }
            Discipline::RoundRobin(_) => {
                station.waiting[0].push_back(id);
                self.serve(now, number);
            }
            Discipline::Priority | Discipline::Preemptive => {
                station.waiting[class].push_back(id);
                self.serve(now, number);
            }
            Discipline::Sharing => {
                let work = station_work(part.left);
                station.share.enter(now, work, id);
            }
            Discipline::Weighted(_) => {
                let slot = station.serving.iter().position(|&s| s == u32::MAX).unwrap();
                station.serving[slot] = id;
                station.slots.start(slot, now, part.left, 0.0, u64::from(id));
                self.weigh(now, number);
            }
        }
    }

    /// Rates of weighted sharing.
    fn weigh(&mut self, now: SimTime, number: usize) {
        let station = &mut self.stations[number];
        let Discipline::Weighted(of_class) = &station.discipline else { return };
        let weight = |&id: &u32| match id {
            u32::MAX => 0.0,
            id => of_class[self.customers[self.parts[id as usize].customer as usize].class],
        };
        let weights: Vec<f64> = station.serving.iter().map(weight).collect();
        let demands: Vec<f64> = weights.iter().map(|&w| if w > 0.0 { 1.0 } else { 0.0 }).collect();
        let mut grants = vec![0.0; weights.len()];
        water_fill(1.0, &demands, &weights, &mut grants, &mut Vec::new());
        for (slot, &rate) in grants.iter().enumerate() {
            if station.serving[slot] != u32::MAX {
                station.slots.set_rate(slot, now, rate);
            }
        }
    }

    /// Gives idle servers something to do.
    fn serve(&mut self, now: SimTime, number: usize) {
        let station = &mut self.stations[number];
        if let Discipline::Preemptive = station.discipline {
            let mut rate = 1.0;
            for class in 0..station.serving.len() {
                if station.serving[class] == u32::MAX
                    && let Some(id) = station.waiting[class].pop_front()
                {
                    station.serving[class] = id;
                    station.slots.start(class, now, self.parts[id as usize].left, rate, u64::from(id));
                }
                if station.serving[class] != u32::MAX {
                    station.slots.set_rate(class, now, rate);
                    rate = 0.0;
                }
            }
            return;
        }
        while let Some(slot) = station.serving.iter().position(|&s| s == u32::MAX) {
            let Some(id) = station.waiting.iter_mut().find_map(VecDeque::pop_front) else { return };
            let part = &mut self.parts[id as usize];
            if !part.started {
                part.started = true;
                self.customers[part.customer as usize].waited += now.since(part.entered).0;
            }
            let work = match station.discipline {
                Discipline::RoundRobin(quantum) => part.left.min(SimDuration((quantum * UNIT) as u64)),
                _ => part.left,
            };
            part.left = part.left - work;
            station.serving[slot] = id;
            station.slots.start(slot, now, work, 1.0, u64::from(id));
        }
    }

    fn ended(&mut self, now: SimTime, number: usize) {
        let station = &mut self.stations[number];
        let id = if let Discipline::Sharing = station.discipline {
            station.share.pop(now).unwrap()
        } else {
            let (_, slot) = station.slots.next().unwrap();
            station.slots.clear(slot);
            let id = std::mem::replace(&mut station.serving[slot], u32::MAX);
            if matches!(station.discipline, Discipline::RoundRobin(_))
                && self.parts[id as usize].left > SimDuration::ZERO
            {
                station.waiting[0].push_back(id);
                self.serve(now, number);
                return;
            }
            id
        };
        station.present -= 1;
        station.number.set(now, station.present as f64);
        match station.discipline {
            Discipline::Sharing => {}
            Discipline::Weighted(_) => self.weigh(now, number),
            Discipline::Fifo(servers) => {
                station.queued.set(now, station.present.saturating_sub(servers) as f64);
                self.serve(now, number);
            }
            _ => self.serve(now, number),
        }
        self.leave(now, id);
    }

    fn leave(&mut self, now: SimTime, id: u32) {
        let owner = self.parts[id as usize].customer;
        let class = self.customers[owner as usize].class;
        let route = &self.classes[class];
        if !route.fork && self.parts[id as usize].stage + 1 < route.route.len() {
            self.parts[id as usize].stage += 1;
            self.enter(now, id);
            return;
        }
        self.free_parts.push(id);
        let customer = &mut self.customers[owner as usize];
        customer.parts -= 1;
        if customer.parts > 0 {
            return;
        }
        let customer = *customer;
        self.free_customers.push(owner);
        self.inside -= 1;
        self.population.set(now, self.inside as f64);
        let sojourn = now.since(customer.arrived).0 as f64 / UNIT;
        self.all_sojourns += sojourn;
        let tally = &mut self.tallies[class];
        tally.done += 1;
        tally.sojourn += sojourn;
        tally.wait += customer.waited as f64 / UNIT;
        tally.delayed += u64::from(customer.waited > 0);
        for (count, threshold) in tally.within.iter_mut().zip(&self.thresholds) {
            *count += u64::from(sojourn <= *threshold);
        }
        if customer.size == self.watched_size {
            tally.sized.0 += 1;
            tally.sized.1 += sojourn;
        }
        if let Some(log) = &mut self.log {
            log.push((class, customer.number, units(now)));
        }
        if let Origin::Closed(_) = self.classes[class].origin {
            self.arrive(now, class);
        }
    }

    fn look_ahead(&mut self) {
        let mut next = (SimTime::NEVER, usize::MAX);
        for (number, station) in self.stations.iter().enumerate() {
            let time = match station.discipline {
                Discipline::Sharing => station.share.next(),
                _ => station.slots.next().map_or(SimTime::NEVER, |(time, _)| time),
            };
            if time < next.0 {
                next = (time, number);
            }
        }
        if self.queue.next_time() < next.0 {
            next = (self.queue.next_time(), usize::MAX);
        }
        self.upcoming = next;
    }
}

fn station_work(left: SimDuration) -> f64 {
    // Work in ticks over 1e9 is seconds times PS_PER_SECOND / 1e9, the capacity of the share.
    left.0 as f64 / UNIT
}

fn reuse<T>(all: &mut Vec<T>, free: &mut Vec<u32>, fresh: T) -> u32 {
    if let Some(id) = free.pop() {
        all[id as usize] = fresh;
        id
    } else {
        all.push(fresh);
        (all.len() - 1) as u32
    }
}

impl Model for Stations {
    type Error = EngineError;

    fn next_time(&self) -> SimTime {
        self.upcoming.0
    }

    fn step(&mut self, now: SimTime) -> Result<(), EngineError> {
        if self.upcoming.1 == usize::MAX {
            if let Some((_, class)) = self.queue.pop() {
                self.arrive(now, class);
                self.schedule(now, class);
            }
        } else {
            self.ended(now, self.upcoming.1);
        }
        self.look_ahead();
        Ok(())
    }

    fn pending(&self) -> Vec<String> {
        let held = |(number, station): (usize, &Station)| {
            (station.present > 0).then(|| format!("station {number} holds {}", station.present))
        };
        self.stations.iter().enumerate().filter_map(held).take(8).collect()
    }
}
