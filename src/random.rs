//! Named, reproducible random streams.
//!
//! A stream is identified by the run's seed and a path of names and indices, never by the order in which
//! code asks for it; so adding a consumer, or changing the strategy, leaves every other stream as it was
//! (common random numbers).

use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

/// The generator behind every stream: PCG XSL 128/64 (MCG), whose algorithm is fixed by its name.
pub type Stream = Pcg64Mcg;

/// Opens the stream called `name` with the given `indices` (request, operator, ...) under `seed`.
///
/// ```
/// use rand::Rng;
/// let mut a = hetsoc::random::stream(0, "arrivals", &[3]);
/// let mut b = hetsoc::random::stream(0, "arrivals", &[3]);
/// assert_eq!(a.next_u64(), b.next_u64());
/// ```
#[must_use]
pub fn stream(seed: u64, name: &str, indices: &[u64]) -> Stream {
    // FNV-1a over the name, then one splitmix64 round per index: stable across platforms and versions.
    let mut hash = name.bytes().fold(0xcbf2_9ce4_8422_2325 ^ splitmix(seed), |h, byte| {
        (h ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    for &index in indices {
        hash = splitmix(hash ^ splitmix(index.wrapping_add(1)));
    }
    Pcg64Mcg::seed_from_u64(splitmix(hash))
}

/// One round of splitmix64 (Steele, Lea, Flood 2014): a bijection that mixes all bits.
#[must_use]
pub fn splitmix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn streams_differ_by_seed_name_and_index() {
        let first = |seed, name, indices: &[u64]| stream(seed, name, indices).next_u64();
        let base = first(0, "service", &[0, 0]);
        assert_eq!(base, first(0, "service", &[0, 0]));
        assert_ne!(base, first(1, "service", &[0, 0]));
        assert_ne!(base, first(0, "arrival", &[0, 0]));
        assert_ne!(base, first(0, "service", &[1, 0]));
        assert_ne!(first(0, "service", &[0, 1]), first(0, "service", &[1, 0]));
    }
}
