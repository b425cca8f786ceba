//! The `[thermal]` table of device profiles.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::check::{Checker, Inherited, Number, Rule};
use crate::soc::{Quantity, ThermalBody, VendorStep, VendorThrottling};
use crate::units::{Celsius, Hertz, SimDuration};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawThermal {
    height_mm: Number,
    width_mm: Number,
    thickness_mm: Number,
    mass_g: Number,
    film_w_per_m2_k: Number,
    heat_j_per_g_k: Number,
    skin_share: Number,
    die_j_per_k: Number,
    die_to_case_k_per_w: Number,
    case_to_skin_k_per_w: Number,
    ambient_c: Number,
    hardware_limit_c: Number,
    throttling: Option<RawThrottling>,
    source: Option<Spanned<String>>,
    confidence: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawThrottling {
    period_ms: Spanned<f64>,
    step: Vec<RawStep>,
    source: Option<Spanned<String>>,
    confidence: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    trip_c: Spanned<f64>,
    clear_c: Spanned<f64>,
    #[serde(default)]
    cap_mhz: BTreeMap<String, Spanned<f64>>,
    #[serde(default)]
    offline: BTreeMap<String, Spanned<u32>>,
}

const TEMPERATURE: Rule = Rule::within("celsius", -60.0, 200.0);

/// Checks the table. Names of processors are checked where the SoC is known.
pub(super) fn thermal(check: &mut Checker<'_>, raw: &RawThermal, top: &Inherited) -> ThermalBody {
    let own = check.inherit(top, raw.source.as_ref(), raw.confidence.as_ref());
    let mut take = |number: &Number, rule: Rule| check.quantity(number, &own, rule);
    let millimetres = |key| Rule::positive(key).plausible(4.0, 400.0);
    let resistance = |key| Rule::positive(key).plausible(0.05, 50.0);
    let celsius = |quantity: Quantity| quantity.map(Celsius);
    let size_mm = [
        take(&raw.height_mm, millimetres("height_mm")),
        take(&raw.width_mm, millimetres("width_mm")),
        take(&raw.thickness_mm, millimetres("thickness_mm")),
    ];
    let mass_g = take(&raw.mass_g, Rule::positive("mass_g").plausible(10.0, 2000.0));
    let film = take(&raw.film_w_per_m2_k, Rule::positive("film_w_per_m2_k").plausible(1.0, 100.0));
    let specific_heat = take(&raw.heat_j_per_g_k, Rule::positive("heat_j_per_g_k").plausible(0.05, 2.0));
    let skin_share = take(&raw.skin_share, Rule::within("skin_share", 0.01, 0.99));
    let die_capacity = take(&raw.die_j_per_k, Rule::positive("die_j_per_k").plausible(0.05, 50.0));
    let die_to_case = take(&raw.die_to_case_k_per_w, resistance("die_to_case_k_per_w"));
    let case_to_skin = take(&raw.case_to_skin_k_per_w, resistance("case_to_skin_k_per_w"));
    let ambient = celsius(take(&raw.ambient_c, TEMPERATURE.named("ambient_c")));
    let hardware_limit = celsius(take(&raw.hardware_limit_c, TEMPERATURE.named("hardware_limit_c")));
    let throttling = raw.throttling.as_ref().map(|table| throttling(check, table, &own));
    ThermalBody {
        size_mm,
        mass_g,
        film,
        specific_heat,
        skin_share,
        die_capacity,
        die_to_case,
        case_to_skin,
        ambient,
        hardware_limit,
        throttling,
    }
}

fn throttling(check: &mut Checker<'_>, raw: &RawThrottling, outer: &Inherited) -> VendorThrottling {
    let own = check.inherit(outer, raw.source.as_ref(), raw.confidence.as_ref());
    let span = raw.period_ms.span();
    let provenance = check.provenance(&own, &span);
    let rule = Rule::within("period_ms", 1.0, 600_000.0);
    let period = SimDuration::from_seconds(check.value(*raw.period_ms.get_ref(), &span, rule) * 1e-3);
    let trips: Vec<Spanned<f64>> = raw.step.iter().map(|step| step.trip_c.clone()).collect();
    check.ascending("soc::throttle-order", &trips, TEMPERATURE.named("trip_c"));
    let steps = raw
        .step
        .iter()
        .map(|step| {
            let (trip, clear) = (*step.trip_c.get_ref(), *step.clear_c.get_ref());
            check.value(clear, &step.clear_c.span(), TEMPERATURE.named("clear_c"));
            if clear > trip {
                check.error(
                    "soc::throttle-order",
                    &step.clear_c.span(),
                    format!("clear_c = {clear} is above trip_c = {trip}"),
                    "a row is left at or below the temperature at which it is entered",
                );
            }
            let mut clock = |mhz: &Spanned<f64>| {
                let rule = Rule::positive("cap_mhz").plausible(1.0, 10_000.0);
                Hertz(check.value(*mhz.get_ref(), &mhz.span(), rule) * 1e6)
            };
            VendorStep {
                trip: Celsius(trip),
                clear: Celsius(clear),
                clocks: step.cap_mhz.iter().map(|(id, mhz)| (id.clone(), clock(mhz))).collect(),
                offline: step.offline.iter().map(|(id, cores)| (id.clone(), *cores.get_ref())).collect(),
            }
        })
        .collect();
    VendorThrottling { period, steps, provenance }
}
