//! The fluid parts of the engine against a slow and obvious reference: seconds in `f64`, everything solved anew at
//! every event, no virtual time, no incremental updates.

use hetsoc::engine::{ActivityTable, EqualShare, FlowNetwork, water_fill};
use hetsoc::units::{PS_PER_SECOND, SimDuration, SimTime};
use proptest::prelude::*;

/// A client that arrives, has work to do, and shares by a demand and a weight.
#[derive(Debug, Clone)]
struct Client {
    arrival: f64,
    work: f64,
    /// The rate above which it does not progress faster; infinite for none.
    demand: f64,
    weight: f64,
}

/// Max-min fair grants by bisection on the water level.
fn level_by_bisection(supply: f64, clients: &[(f64, f64)]) -> Vec<f64> {
    let grant = |level: f64| clients.iter().map(|&(d, w)| d.min(w * level)).collect::<Vec<f64>>();
    let wanted = clients.iter().map(|c| c.0).sum::<f64>();
    if wanted <= supply {
        return clients.iter().map(|c| c.0).collect();
    }
    let (mut low, mut high) = (0.0, 1e12);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if grant(middle).iter().sum::<f64>() > supply { high = middle } else { low = middle }
    }
    grant(low)
}

/// Completion times of clients of one supply that changes at given times; `rates` shares it among those present.
fn reference(
    clients: &[Client],
    supplies: &[(f64, f64)],
    rates: impl Fn(f64, &[usize]) -> Vec<f64>,
) -> Vec<f64> {
    let mut left: Vec<f64> = clients.iter().map(|c| c.work).collect();
    let mut done = vec![f64::NAN; clients.len()];
    let mut now = 0.0;
    loop {
        let supply = supplies.iter().rev().find(|s| s.0 <= now).map_or(supplies[0].1, |s| s.1);
        let present: Vec<usize> =
            (0..clients.len()).filter(|&i| clients[i].arrival <= now && done[i].is_nan()).collect();
        if let Some(&finished) = present.iter().find(|&&i| left[i] <= 1e-12 * clients[i].work) {
            done[finished] = now;
            continue;
        }
        let rates = rates(supply, &present);
        let mut next = f64::INFINITY;
        for (&client, rate) in present.iter().zip(&rates) {
            if *rate > 0.0 {
                next = next.min(now + left[client] / rate);
            }
        }
        let outside = clients.iter().map(|c| c.arrival).chain(supplies.iter().map(|s| s.0));
        let next = outside.filter(|&time| time > now).fold(next, f64::min);
        if next == f64::INFINITY {
            return done;
        }
        for (&client, rate) in present.iter().zip(&rates) {
            left[client] -= rate * (next - now);
        }
        now = next;
    }
}

fn at(seconds: f64) -> SimTime {
    SimTime(SimDuration::from_seconds(seconds).0)
}

/// Each completion may round up by a tick and shift those after it, by as much as the slowest is slower.
fn same(got: &[f64], expected: &[f64]) -> Result<(), TestCaseError> {
    for (got, expected) in got.iter().zip(expected) {
        let tolerance = 1e-9 + 1e-10 * expected.abs();
        prop_assert!(
            (got - expected).abs() <= tolerance || (got.is_nan() && expected.is_nan()),
            "{got} instead of {expected}"
        );
    }
    Ok(())
}

fn clients() -> impl Strategy<Value = Vec<Client>> {
    // Few distinct values, so that arrivals and completions coincide; zero work and zero demand among them.
    let client = (0u32..6, 0u32..5, 0u32..5, 1u32..4).prop_map(|(arrival, work, demand, weight)| Client {
        arrival: f64::from(arrival) * 0.5,
        work: f64::from(work) * 0.25,
        demand: f64::from(demand) * 0.75,
        weight: f64::from(weight),
    });
    proptest::collection::vec(client, 1..8)
}

/// Changes of the supply: the first holds from the start.
fn supplies(least: u32) -> impl Strategy<Value = Vec<(f64, f64)>> {
    proptest::collection::vec((1u32..9, least..5), 0..4).prop_map(|changes| {
        let mut supplies: Vec<(f64, f64)> = vec![(0.0, 1.5)];
        supplies.extend(changes.iter().map(|&(time, value)| (f64::from(time) * 0.4, f64::from(value) * 0.5)));
        supplies.sort_by(|a, b| a.0.total_cmp(&b.0));
        supplies.dedup_by(|later, earlier| later.0 == earlier.0);
        supplies
    })
}

/// What comes from outside: times of arrivals and of changes, in order, changes first.
fn outside(clients: &[Client], supplies: &[(f64, f64)]) -> Vec<(SimTime, Result<usize, f64>)> {
    let mut all: Vec<(SimTime, Result<usize, f64>)> =
        supplies.iter().skip(1).map(|s| (at(s.0), Err(s.1))).collect();
    all.extend((0..clients.len()).map(|i| (at(clients[i].arrival), Ok(i))));
    all.sort_by_key(|event| event.0);
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equal_share(clients in clients(), supplies in supplies(1)) {
        let mut share = EqualShare::new(supplies[0].1);
        let mut ends = vec![f64::NAN; clients.len()];
        let drain = |share: &mut EqualShare<usize>, until: SimTime, ends: &mut Vec<f64>| {
            while share.next() <= until && share.next() != SimTime::NEVER {
                let now = share.next();
                if let Some(client) = share.pop(now) {
                    ends[client] = now.seconds();
                }
            }
        };
        for (now, event) in outside(&clients, &supplies) {
            drain(&mut share, now, &mut ends);
            match event {
                Ok(client) => share.enter(now, clients[client].work, client),
                Err(supply) => share.set_capacity(now, supply),
            }
        }
        drain(&mut share, SimTime(u64::MAX - 1), &mut ends);
        prop_assert!(share.is_empty());
        let expected = reference(&clients, &supplies, |supply, present| {
            vec![supply / present.len() as f64; present.len()]
        });
        same(&ends, &expected)?;
    }

    /// Activities that progress at rate `min(1, granted / demanded)`, as operators on a shared memory do. A demand of zero
    /// never waits; a supply of zero suspends the others.
    #[test]
    fn activities_on_a_shared_supply(clients in clients(), supplies in supplies(0)) {
        let mut supplies = supplies;
        let last = supplies.last().unwrap().0 + 10.0;
        // Whoever was suspended can finish in the end.
        supplies.push((last, 3.0));
        let mut table = ActivityTable::new(clients.len());
        let mut present: Vec<usize> = Vec::new();
        let mut supply = supplies[0].1;
        let mut ends = vec![f64::NAN; clients.len()];
        let mut order = Vec::new();
        let mut rerate = |table: &mut ActivityTable, now: SimTime, present: &[usize], supply: f64| {
            let demands: Vec<f64> = present.iter().map(|&c| clients[c].demand).collect();
            let weights: Vec<f64> = present.iter().map(|&c| clients[c].weight).collect();
            let mut grants = vec![0.0; present.len()];
            water_fill(supply, &demands, &weights, &mut grants, &mut order);
            for ((&client, grant), demand) in present.iter().zip(grants).zip(demands) {
                table.set_rate(client, now, if demand > 0.0 { (grant / demand).min(1.0) } else { 1.0 });
            }
        };
        let mut coming = outside(&clients, &supplies).into_iter().peekable();
        loop {
            let due = coming.peek().map_or(SimTime::NEVER, |event| event.0);
            match table.next() {
                Some((now, client)) if now <= due => {
                    table.clear(client);
                    present.retain(|&c| c != client);
                    ends[client] = now.seconds();
                    rerate(&mut table, now, &present, supply);
                }
                _ => {
                    let Some((now, event)) = coming.next() else { break };
                    match event {
                        Ok(client) => {
                            let work = SimDuration::from_seconds(clients[client].work);
                            table.start(client, now, work, 1.0, client as u64);
                            present.push(client);
                        }
                        Err(value) => supply = value,
                    }
                    rerate(&mut table, now, &present, supply);
                }
            }
        }
        let expected = reference(&clients, &supplies, |supply, present| {
            let shares: Vec<(f64, f64)> = present.iter().map(|&c| (clients[c].demand, clients[c].weight)).collect();
            let grants = level_by_bisection(supply, &shares);
            shares.iter().zip(grants).map(|(&(demand, _), grant)| if demand > 0.0 { grant / demand } else { 1.0 }).collect()
        });
        same(&ends, &expected)?;
    }

    #[test]
    fn water_filling(
        clients in proptest::collection::vec((0u32..30, 1u32..5), 0..9),
        supply in 0u32..60,
        more in 0u32..20,
        turn in 0usize..9,
    ) {
        let fill = |supply: f64, clients: &[(f64, f64)]| {
            let (demands, weights): (Vec<f64>, Vec<f64>) = clients.iter().copied().unzip();
            let mut grants = vec![f64::NAN; demands.len()];
            water_fill(supply, &demands, &weights, &mut grants, &mut Vec::new());
            grants
        };
        let clients: Vec<(f64, f64)> =
            clients.iter().map(|&(d, w)| (f64::from(d) * 0.7, f64::from(w))).collect();
        let supply = f64::from(supply);
        let grants = fill(supply, &clients);
        let wanted: f64 = clients.iter().map(|c| c.0).sum();
        let given: f64 = grants.iter().sum();
        // Nothing beyond the supply, nothing beyond a demand, nothing wasted while demand remains.
        prop_assert!(given <= supply * (1.0 + 1e-12));
        prop_assert!((given - supply.min(wanted)).abs() <= 1e-9);
        for (grant, (demand, _)) in grants.iter().zip(&clients) {
            prop_assert!((0.0..=*demand).contains(grant));
        }
        for (grant, expected) in grants.iter().zip(level_by_bisection(supply, &clients)) {
            prop_assert!((grant - expected).abs() <= 1e-9, "{grant} instead of {expected}");
        }
        // The order of clients does not matter.
        let mut turned = clients.clone();
        turned.rotate_left(turn % clients.len().max(1));
        let mut back = fill(supply, &turned);
        back.rotate_right(turn % clients.len().max(1));
        for (a, b) in grants.iter().zip(&back) {
            prop_assert!((a - b).abs() <= 1e-9);
        }
        // More supply takes from nobody.
        for (a, b) in grants.iter().zip(fill(supply + f64::from(more), &clients)) {
            prop_assert!(b >= a - 1e-9);
        }
    }

    /// Flows come and go and capacities change: at every moment the rates are max-min fair by the definition (each flow is
    /// at its cap, or crosses a full link on which nobody has more per weight), and those of a network built anew in
    /// another order.
    #[test]
    fn flows_over_links(
        capacities in proptest::collection::vec(0u32..20, 1..6),
        steps in proptest::collection::vec((0u8..4, any::<u32>(), 1u32..4, proptest::option::of(0u32..12)), 1..25),
    ) {
        let mut capacities: Vec<f64> = capacities.iter().map(|&c| f64::from(c) * 0.5).collect();
        let mut network = FlowNetwork::new(&capacities);
        let mut flows = Vec::new();
        for (what, bits, weight, cap) in steps {
            match what {
                0 | 1 => {
                    let route: Vec<u32> = (0..capacities.len() as u32).filter(|l| bits >> l & 1 == 1).collect();
                    let route = if route.is_empty() { vec![bits % capacities.len() as u32] } else { route };
                    let cap = cap.map_or(f64::INFINITY, f64::from);
                    flows.push((network.add(&route, cap, f64::from(weight)), route, cap, f64::from(weight)));
                }
                2 if !flows.is_empty() => {
                    let at = bits as usize % flows.len();
                    network.remove(flows.swap_remove(at).0);
                }
                _ => {
                    let link = bits as usize % capacities.len();
                    capacities[link] = f64::from(weight) * 1.5;
                    network.set_capacity(link as u32, capacities[link]);
                }
            }
            let used = |link: u32| -> f64 {
                flows.iter().filter(|f| f.1.contains(&link)).map(|f| network.rate(f.0)).sum()
            };
            for (link, capacity) in capacities.iter().enumerate() {
                prop_assert!(used(link as u32) <= capacity + 1e-9);
            }
            for (flow, route, cap, weight) in &flows {
                let rate = network.rate(*flow);
                prop_assert!(rate <= *cap);
                let bottleneck = |&link: &u32| {
                    let full = used(link) >= capacities[link as usize] - 1e-9;
                    let most = |f: &&(_, Vec<u32>, f64, f64)| {
                        !f.1.contains(&link) || network.rate(f.0) / f.3 <= rate / weight + 1e-9
                    };
                    full && flows.iter().all(|f| most(&f))
                };
                prop_assert!(rate >= cap - 1e-9 || route.iter().any(bottleneck), "{rate} is unfair");
            }
            let mut anew = FlowNetwork::new(&capacities);
            let ids: Vec<_> = flows.iter().rev().map(|f| anew.add(&f.1, f.2, f.3)).collect();
            for (flow, id) in flows.iter().rev().zip(ids) {
                prop_assert!((network.rate(flow.0) - anew.rate(id)).abs() <= 1e-9);
            }
        }
    }

    /// Volumes over a network of links, until all have arrived, against rates found by raising all levels together.
    #[test]
    fn volumes_over_links(
        clients in clients(),
        routes in proptest::collection::vec(1u32..8, 8),
        capacities in proptest::collection::vec(1u32..5, 3),
    ) {
        let capacities: Vec<f64> = capacities.into_iter().map(f64::from).collect();
        let route = |client: usize| -> Vec<u32> { (0..3).filter(|l| routes[client] >> l & 1 == 1).collect() };
        let mut network = FlowNetwork::new(&capacities);
        let mut table = ActivityTable::new(clients.len());
        let mut flows: Vec<(usize, hetsoc::engine::FlowId)> = Vec::new();
        let mut ends = vec![f64::NAN; clients.len()];
        let mut coming = outside(&clients, &[(0.0, 0.0)]).into_iter().peekable();
        loop {
            let due = coming.peek().map_or(SimTime::NEVER, |event| event.0);
            let now = match table.next() {
                Some((now, client)) if now <= due => {
                    table.clear(client);
                    let at = flows.iter().position(|f| f.0 == client).unwrap();
                    network.remove(flows.remove(at).1);
                    ends[client] = now.seconds();
                    now
                }
                _ => {
                    let Some((now, Ok(client))) = coming.next() else { break };
                    flows.push((client, network.add(&route(client), f64::INFINITY, clients[client].weight)));
                    let work = SimDuration::from_seconds(clients[client].work);
                    table.start(client, now, work, 0.0, client as u64);
                    now
                }
            };
            for &(client, flow) in &flows {
                table.set_rate(client, now, network.rate(flow));
            }
        }
        let expected = reference(&clients, &[(0.0, 0.0)], |_, present| {
            let mut rates = vec![None; present.len()];
            while rates.contains(&None) {
                // The link that allows the least per weight decides the rates of its open flows.
                let level = |link: u32| {
                    let on = |at: &usize| route(present[*at]).contains(&link);
                    let taken: f64 = (0..present.len()).filter(on).filter_map(|at| rates[at]).sum();
                    let open = (0..present.len()).filter(|at| on(at) && rates[*at].is_none());
                    let weight: f64 = open.map(|at| clients[present[at]].weight).sum();
                    if weight > 0.0 { (capacities[link as usize] - taken).max(0.0) / weight } else { f64::INFINITY }
                };
                let tightest = (0..3).min_by(|&a, &b| level(a).total_cmp(&level(b))).unwrap();
                let least = level(tightest);
                for at in 0..present.len() {
                    if rates[at].is_none() && route(present[at]).contains(&tightest) {
                        rates[at] = Some(least * clients[present[at]].weight);
                    }
                }
            }
            rates.into_iter().flatten().collect()
        });
        same(&ends, &expected)?;
    }
}

#[test]
fn those_that_end_together_end_at_the_same_tick() {
    // A tenth and a third are not exact in binary; what ends together must still not be torn apart by much.
    let mut share = EqualShare::new(0.3);
    for client in 0..7 {
        share.enter(SimTime(client as u64 * PS_PER_SECOND / 3), 0.1, client);
    }
    let mut order = Vec::new();
    let mut last = SimTime::ZERO;
    while share.next() != SimTime::NEVER {
        assert!(share.next() >= last);
        last = share.next();
        order.extend(share.pop(last));
    }
    assert_eq!(order, [0, 1, 2, 3, 4, 5, 6]);
}
