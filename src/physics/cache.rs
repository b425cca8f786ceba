//! Shared caches: who occupies how much, what misses, and what that does to memory traffic.
//!
//! A client that may use `s` bytes of a cache misses `m(s)` of its accesses. Miss-ratio curves are power laws with a
//! floor (Hartstein et al., "the square root of 2 rule"; Chow): `m(s) = max(m_min, (1 + s / s0)^(-theta))` until the
//! working set fits. Under sharing, LRU gives every client the space that its misses fill before a line ages out:
//! occupancy in proportion to the miss rate (footprint and statistical cache theory: StatCache, AET). The steady
//! occupancies are a fixed point, found by bisection on one number; after a change of clients they are approached at the
//! rate at which misses bring lines in, which is the warm-up after a switch.

/// How the misses of a client depend on its space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MissCurve {
    /// Bytes that the client touches again, its working set. With that much space only `floor` misses.
    pub working_set: f64,
    /// Exponent; 0.5 for mixed code, towards 1 and above for blocked loops.
    pub theta: f64,
    /// Scale in bytes on which misses begin to fall, above 0.
    pub scale: f64,
    /// Share of accesses that always miss: first touches, streams. In [0, 1].
    pub floor: f64,
}

impl MissCurve {
    /// Data that is read once: every access misses, whatever the space.
    pub const STREAM: Self = Self { working_set: 0.0, theta: 0.5, scale: 1.0, floor: 1.0 };

    /// Share of accesses that miss with `space` bytes; falls from 1 to `floor`, continuously, and never rises.
    #[must_use]
    pub fn misses(&self, space: f64) -> f64 {
        self.misses_by(space, || self.law(space), || self.law(self.working_set))
    }

    /// The power law alone: neither shifted nor scaled, for callers that keep its values.
    #[must_use]
    pub fn law(&self, space: f64) -> f64 {
        (1.0 + space.max(0.0) / self.scale.max(1e-9)).powf(-self.theta.max(0.0))
    }

    /// [`MissCurve::misses`] with the law at `space` and at the working set as given, which are asked for when they are needed.
    #[must_use]
    pub fn misses_by(&self, space: f64, law: impl FnOnce() -> f64, end: impl FnOnce() -> f64) -> f64 {
        if self.floor >= 1.0 {
            return 1.0;
        }
        if space >= self.working_set {
            return self.floor.max(0.0);
        }
        // Shifted and scaled so that it reaches the floor where the working set fits.
        let end = end();
        let fall = if end < 1.0 { (law() - end) / (1.0 - end) } else { 1.0 - space / self.working_set };
        self.floor.max(0.0) + (1.0 - self.floor.max(0.0)) * fall.clamp(0.0, 1.0)
    }
}

/// One client of a shared cache.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CacheClient {
    /// Rate at which it accesses the cache (misses of the levels before it), bytes per second.
    pub access_rate: f64,
    /// Its curve.
    pub curve: MissCurve,
    /// Most that it may occupy (slice caps of a system cache), bytes.
    pub most: f64,
}

impl CacheClient {
    /// Bytes per second that it brings in while it holds `space`.
    #[must_use]
    pub fn fill_rate(&self, space: f64) -> f64 {
        self.access_rate * self.curve.misses(space)
    }

    /// Space that it fills in `seconds` if nothing is evicted: the solution of `ds/dt = rate m(s)`, bounded by what it
    /// may occupy and, without streams, by its working set.
    fn footprint(&self, seconds: f64) -> f64 {
        let bound = if self.curve.floor > 0.0 { self.most } else { self.most.min(self.curve.working_set) };
        // Implicit and monotone: s / m(s) <= rate t, so bisection needs no step size.
        let (mut low, mut high) = (0.0, bound.max(0.0));
        let fills = |s: f64| s <= self.access_rate * seconds * self.curve.misses(s);
        if fills(high) {
            return high;
        }
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if fills(middle) { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }
}

/// Steady occupancies of `clients` in a cache of `size` bytes: all lines live equally long (one characteristic time, as in
/// Che's approximation), and a client occupies what it brings in during that time, `s = rate m(s) t`; clients at their
/// cap leave the rest to the others. The sum never exceeds `size`; it is less only when all have what they can use.
#[must_use]
pub fn occupancies(clients: &[CacheClient], size: f64) -> Vec<f64> {
    let total = |seconds: f64| clients.iter().map(|client| client.footprint(seconds)).sum::<f64>();
    let of = |seconds: f64| clients.iter().map(|client| client.footprint(seconds)).collect::<Vec<_>>();
    // The lifetime lies between a nanosecond and a quarter of an hour; bisect its logarithm.
    let (mut low, mut high) = (-9.0f64, 3.0f64);
    if total(10f64.powf(high)) <= size {
        return of(10f64.powf(high));
    }
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if total(10f64.powf(middle)) <= size { low = middle } else { high = middle }
    }
    of(10f64.powf(low))
}

/// What a client has in a cache, on its way to the steady occupancy.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Occupancy {
    /// Bytes held now.
    pub held: f64,
    /// Bytes held in the steady state.
    pub steady: f64,
}

impl Occupancy {
    /// Time constant of the approach when lines come in at `fill_rate` bytes per second: the client's own misses while
    /// it gains space, those of the others while it loses space. The first slope is then exact, and a cold cache
    /// takes its refill time (`min(working set, space) / rate`). Infinite when nothing comes in.
    #[must_use]
    pub fn time_constant(&self, fill_rate: f64) -> f64 {
        let change = (self.steady - self.held).abs();
        if fill_rate > 0.0 { change / fill_rate } else { f64::INFINITY }
    }

    /// Occupancy after `seconds` towards the steady one, with a time constant: exponential, so that cutting the span
    /// changes nothing.
    pub fn relax(&mut self, seconds: f64, time_constant: f64) {
        if time_constant.is_finite() && time_constant > 0.0 {
            self.held = self.steady + (self.held - self.steady) * (-seconds / time_constant).exp();
        } else if time_constant <= 0.0 {
            self.held = self.steady;
        }
    }
}

/// Factor on the memory traffic of an operator that was costed with `alone` bytes of cache and has `space`: the ratio of
/// the misses. At least the ratio of compulsory misses; 1 when nothing changes.
#[must_use]
pub fn traffic_factor(curve: &MissCurve, alone: f64, space: f64) -> f64 {
    let before = curve.misses(alone);
    if before > 0.0 {
        curve.misses(space) / before
    } else if curve.misses(space) > 0.0 {
        f64::INFINITY
    } else {
        1.0
    }
}

/// Share of accesses that hit in each of the levels passed from near to far, given the space in each; the rest, last,
/// goes to memory. Exclusive shares: they sum to 1. A level that holds no more than the one before it adds nothing.
#[must_use]
pub fn hit_rates(curve: &MissCurve, spaces: &[f64]) -> Vec<f64> {
    let mut rates = Vec::with_capacity(spaces.len() + 1);
    let mut reaching = 1.0;
    for space in spaces {
        let missing = curve.misses(*space).min(reaching);
        rates.push(reaching - missing);
        reaching = missing;
    }
    rates.push(reaching);
    rates
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: f64 = 1048576.0;
    const LOOP: MissCurve = MissCurve { working_set: 2.0 * MB, theta: 0.5, scale: 65536.0, floor: 0.02 };

    fn client(rate: f64, curve: MissCurve, most: f64) -> CacheClient {
        CacheClient { access_rate: rate, curve, most }
    }

    #[test]
    fn misses_fall_from_one_to_the_floor() {
        assert_eq!(LOOP.misses(0.0), 1.0);
        assert_eq!(LOOP.misses(2.0 * MB), 0.02);
        let curve: Vec<f64> = (0..=100).map(|i| LOOP.misses(f64::from(i) * 0.025 * MB)).collect();
        assert!(curve.windows(2).all(|w| w[1] <= w[0] && w[0] - w[1] < 0.25), "{curve:?}");
        assert!((LOOP.misses(2.0 * MB - 1.0) - 0.02).abs() < 1e-5, "continuous where the working set fits");
        assert_eq!(MissCurve::STREAM.misses(1e12), 1.0);
    }

    #[test]
    fn equal_clients_share_equally_and_nothing_is_exceeded() {
        let one = client(10e9, LOOP, 3.0 * MB);
        let shares = occupancies(&[one, one], 2.0 * MB);
        assert!((shares[0] - shares[1]).abs() < 1.0 && (shares[0] - MB).abs() < 16.0, "{shares:?}");
        let shares = occupancies(&[one], 3.0 * MB);
        assert!(shares[0] >= 2.0 * MB && shares[0] <= 3.0 * MB, "alone, everything fits: {shares:?}");
    }

    #[test]
    fn a_stream_pushes_a_loop_out_and_a_cap_protects_it() {
        let work = client(5e9, LOOP, 3.0 * MB);
        let alone = occupancies(&[work], 3.0 * MB)[0];
        let stream = client(20e9, MissCurve::STREAM, 3.0 * MB);
        let shared = occupancies(&[work, stream], 3.0 * MB);
        assert!(shared[0] < 0.5 * alone && shared.iter().sum::<f64>() <= 3.0 * MB + 1.0, "{shared:?}");
        let capped = occupancies(&[work, client(20e9, MissCurve::STREAM, MB)], 3.0 * MB);
        assert!((capped[1] - MB).abs() < 1.0 && capped[0] > 1.9 * MB, "{capped:?}");
        let factor = traffic_factor(&LOOP, alone, shared[0]);
        assert!(factor > 1.5, "{factor}");
        assert_eq!(traffic_factor(&LOOP, alone, alone), 1.0);
        // More pressure, less space.
        let harder = occupancies(&[work, client(40e9, MissCurve::STREAM, 3.0 * MB)], 3.0 * MB);
        assert!(harder[0] < shared[0]);
    }

    #[test]
    fn the_fixed_point_is_one() {
        let clients = [client(3e9, LOOP, 3.0 * MB), client(9e9, MissCurve { theta: 0.8, ..LOOP }, 3.0 * MB)];
        let shares = occupancies(&clients, 1.5 * MB);
        // Lines live equally long: s / (rate m(s)) is one number.
        let life = |i: usize| shares[i] / (clients[i].access_rate * clients[i].curve.misses(shares[i]));
        assert!((life(0) / life(1) - 1.0).abs() < 1e-6, "{} {}", life(0), life(1));
    }

    #[test]
    fn a_cold_cache_warms_up() {
        let work = client(5e9, LOOP, 3.0 * MB);
        let mut occupancy = Occupancy { held: 0.0, steady: 2.0 * MB };
        // Cold, everything misses: 2 MiB at 5 GB/s, 0.42 ms.
        let tau = occupancy.time_constant(work.fill_rate(occupancy.held));
        assert!((tau - 2.0 * MB / 5e9).abs() < 1e-12, "{tau}");
        let mut cut = occupancy;
        occupancy.relax(0.0005, tau);
        (0..10).for_each(|_| cut.relax(0.00005, tau));
        assert!((occupancy.held - cut.held).abs() < 1e-3);
        assert!((occupancy.held / (2.0 * MB) - (1.0 - (-0.0005 / tau).exp())).abs() < 1e-9);
        occupancy.relax(1.0, f64::INFINITY);
        assert!(occupancy.held < 2.0 * MB, "without accesses nothing comes in");
    }

    #[test]
    fn hit_rates_are_shares() {
        let rates = hit_rates(&LOOP, &[65536.0, 262_144.0, MB, MB]);
        assert!((rates.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(rates.iter().all(|r| *r >= 0.0) && rates[3] == 0.0, "{rates:?}");
        assert!((rates[4] - LOOP.misses(MB)).abs() < 1e-12);
    }
}
