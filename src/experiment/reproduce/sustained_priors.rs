//! What is known of a phone's body before any measurement: ranges, and which values go together.

use crate::random::stream;
use rand::Rng;

/// Surface in m2 and mass in g of the phone whose profile states the priors (xiaomi-9): resistances and capacities are known for phones as a
/// whole, films and specific heats follow from them.
const REFERENCE: (f64, f64) = (0.0271, 173.0);

/// Key of a device profile, its range, and where the range comes from.
pub(super) const PRIORS: [(&str, f64, f64, &str); 7] = [
    (
        "thermal.film_w_per_m2_k",
        3.1,
        6.2,
        "6 to 12 K/W from case to ambient; an isothermal surface with radiation would be 10, which no phone is",
    ),
    ("thermal.heat_j_per_g_k", 0.23, 0.46, "40 to 80 J/K take part"),
    ("thermal.die_j_per_k", 0.3, 1.0, "time constants of 2 to 9 s"),
    ("thermal.die_to_case_k_per_w", 3.0, 8.0, "range of the profile"),
    ("thermal.case_to_skin_k_per_w", 0.5, 2.0, "range of the profile"),
    ("base_power_mw", 1020.0, 1740.0, "the two fits of the base power"),
    ("thermal.ambient_c", 20.0, 30.0, "a room"),
];

/// What joint draws know beyond the single ranges, in words.
pub(super) const JOINT: &str = "draws: uniform in these ranges (the film in K/W), the same for all devices; of die and case only products R C \
    within 2 to 9 s, of case and ambient within 300 to 700 s, as stated beside the single ranges";

/// Draw number `number`: a value for each prior, in their order.
pub(super) fn draw(number: u32) -> Vec<(&'static str, f64)> {
    let mut source = stream(0, "sustained-priors", &[u64::from(number)]);
    let mut uniform =
        |low: f64, high: f64| low + (high - low) * (source.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    let mut pair = |r: [f64; 2], c: [f64; 2], seconds: [f64; 2]| {
        // Most of each rectangle is allowed; sixty-four tries all fail once in 10^10 draws or less, and the last one is kept.
        let mut found = (r[0], c[0]);
        for _ in 0..64 {
            found = (uniform(r[0], r[1]), uniform(c[0], c[1]));
            if (seconds[0]..=seconds[1]).contains(&(found.0 * found.1)) {
                break;
            }
        }
        found
    };
    let (ambient_resistance, case_capacity) = pair([6.0, 12.0], [40.0, 80.0], [300.0, 700.0]);
    let (die_resistance, die_capacity) = pair([3.0, 8.0], [0.3, 1.0], [2.0, 9.0]);
    let [.., skin, base, ambient] = PRIORS;
    let values = [
        1.0 / (ambient_resistance * REFERENCE.0),
        case_capacity / REFERENCE.1,
        die_capacity,
        die_resistance,
        uniform(skin.1, skin.2),
        uniform(base.1, base.2),
        uniform(ambient.1, ambient.2),
    ];
    PRIORS.iter().zip(values).map(|((key, ..), value)| (*key, (value * 1e4).round() / 1e4)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches draws outside of the stated ranges, values under the wrong key, and products that nobody has measured.
    #[test]
    fn draws_keep_to_what_is_known() {
        let mut films = Vec::new();
        for number in 0..500 {
            let values = draw(number);
            assert_eq!(values, draw(number));
            for ((key, value), (name, low, high, _)) in values.iter().zip(PRIORS) {
                assert_eq!(*key, name);
                assert!(*value >= low * 0.99 && *value <= high * 1.01, "{key} {value}");
            }
            let [film, heat, die, resistance] = [0, 1, 2, 3].map(|at| values[at].1);
            let seconds = heat * REFERENCE.1 / (film * REFERENCE.0);
            assert!((299.0..=701.0).contains(&seconds) && (1.99..=9.01).contains(&(die * resistance)));
            films.push(film);
        }
        // Uniform in K/W: the median film is that of 9 K/W or a little more, because long time constants are left out.
        films.sort_by(f64::total_cmp);
        assert!(
            (1.0 / (9.0 * REFERENCE.0)..1.0 / (7.5 * REFERENCE.0)).contains(&films[250]),
            "{}",
            films[250]
        );
    }
}
