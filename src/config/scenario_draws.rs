//! What is drawn in chains: processing times, and counts of admitted requests.

use serde::Deserialize;
use toml::Spanned;

use super::check::{Checker, Rule};
use super::scenario::GraphSource;
use super::scenario_file::duration;
use crate::simulation::{Count, MOST_ADMITTED, Spread, Work};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCpuTime {
    mean: Spanned<String>,
    spread: Option<RawSpread>,
    variation: Option<Spanned<f64>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum RawSpread {
    Uniform,
    Exponential,
    LogNormal,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCount {
    kind: RawCountKind,
    count: Option<Spanned<i64>>,
    least: Option<Spanned<i64>>,
    most: Option<Spanned<i64>>,
    mean: Option<Spanned<f64>>,
    counts: Option<Spanned<Vec<Spanned<i64>>>>,
    weights: Option<Spanned<Vec<Spanned<f64>>>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum RawCountKind {
    Fixed,
    Uniform,
    Poisson,
    Geometric,
    Weighted,
}

/// Processing of a given time.
pub(super) fn cpu_time(check: &mut Checker<'_>, raw: &Spanned<RawCpuTime>) -> (GraphSource, Work) {
    let time = raw.get_ref();
    let mean = duration(check, &time.mean, "cpu_time.mean");
    let mut variation = |most: f64| match &time.variation {
        Some(variation) => {
            let rule = Rule::within("variation", 1e-6, most);
            check.value(*variation.get_ref(), &variation.span(), rule)
        }
        None => {
            let message = "this spread needs a `variation`";
            check.error("scenario::stage", &raw.span(), message, "add variation = 0.3");
            0.1
        }
    };
    let work = match time.spread {
        None => Work::Plain,
        Some(RawSpread::Exponential) => Work::Drawn(Spread::Exponential),
        Some(RawSpread::Uniform) => Work::Drawn(Spread::Uniform(variation(1.0))),
        Some(RawSpread::LogNormal) => Work::Drawn(Spread::LogNormal(variation(10.0))),
    };
    if matches!(time.spread, None | Some(RawSpread::Exponential))
        && let Some(variation) = &time.variation
    {
        let message = "`variation` has a meaning for uniform and log-normal times only";
        check.error(
            "scenario::stage",
            &variation.span(),
            message,
            "remove it, or add spread = \"log-normal\"",
        );
    }
    (GraphSource::CpuTime(mean), work)
}

/// How many requests of a stage one request admits.
pub(super) fn drawn(check: &mut Checker<'_>, raw: &Spanned<RawCount>) -> Count {
    let own = raw.get_ref();
    let given = [
        ("count", own.count.as_ref().map(Spanned::span)),
        ("least", own.least.as_ref().map(Spanned::span)),
        ("most", own.most.as_ref().map(Spanned::span)),
        ("mean", own.mean.as_ref().map(Spanned::span)),
        ("counts", own.counts.as_ref().map(Spanned::span)),
        ("weights", own.weights.as_ref().map(Spanned::span)),
    ];
    let needed: &[&str] = match own.kind {
        RawCountKind::Fixed => &["count"],
        RawCountKind::Uniform => &["least", "most"],
        RawCountKind::Poisson | RawCountKind::Geometric => &["mean"],
        RawCountKind::Weighted => &["counts", "weights"],
    };
    for (key, place) in &given {
        match place {
            Some(place) if !needed.contains(key) => check.error(
                "scenario::stage",
                place,
                format!("`{key}` has no meaning for this kind of count"),
                format!("it takes {}", needed.join(" and ")),
            ),
            None if needed.contains(key) => check.error(
                "scenario::stage",
                &raw.span(),
                format!("this kind of count needs `{key}`"),
                format!("add {key} = ..."),
            ),
            _ => {}
        }
    }
    let mut whole = |number: &Option<Spanned<i64>>| {
        number.as_ref().map_or(0, |n| {
            let rule = Rule::within("count", 0.0, f64::from(MOST_ADMITTED));
            check.value(*n.get_ref() as f64, &n.span(), rule) as u32
        })
    };
    match own.kind {
        RawCountKind::Fixed => Count::Fixed(whole(&own.count)),
        RawCountKind::Uniform => {
            let (least, most) = (whole(&own.least), whole(&own.most));
            if let (true, Some(place)) = (most < least, &own.most) {
                let message = format!("most = {most} is below least = {least}");
                check.error("scenario::stage", &place.span(), message, "swap them");
            }
            Count::Uniform(least, most)
        }
        RawCountKind::Poisson | RawCountKind::Geometric => {
            let rule = Rule::within("mean", 1e-9, 1e4);
            let mean = own.mean.as_ref().map_or(1.0, |m| check.value(*m.get_ref(), &m.span(), rule));
            if own.kind == RawCountKind::Poisson { Count::Poisson(mean) } else { Count::Geometric(mean) }
        }
        RawCountKind::Weighted => {
            let counts = own.counts.as_ref().map_or(&[][..], |list| list.get_ref().as_slice());
            let weights = own.weights.as_ref().map_or(&[][..], |list| list.get_ref().as_slice());
            let pairs: Vec<(u32, f64)> = counts
                .iter()
                .zip(weights)
                .map(|(count, weight)| {
                    let most = Rule::within("counts", 0.0, f64::from(MOST_ADMITTED));
                    let count = check.value(*count.get_ref() as f64, &count.span(), most) as u32;
                    let rule = Rule::within("weights", 0.0, 1e9);
                    (count, check.value(*weight.get_ref(), &weight.span(), rule))
                })
                .collect();
            let sum: f64 = pairs.iter().map(|(_, weight)| weight).sum();
            if counts.len() != weights.len() || sum <= 0.0 {
                let message = format!("{} counts with {} weights of sum {sum}", counts.len(), weights.len());
                check.error(
                    "scenario::stage",
                    &raw.span(),
                    message,
                    "give as many weights as counts, some above 0",
                );
            }
            Count::Weighted(pairs)
        }
    }
}
