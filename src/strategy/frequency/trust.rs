//! How far a believed saving can be trusted.

use super::goal::{Goal, Judged};
use super::power::Hardware;
use super::search::Found;
use super::usage::Model;

/// What the choice saves against the fastest clocks, and what becomes of that when each assumed number is halved or raised by
/// half. Times do not depend on power, so everything that was tried is judged again without planning again.
pub(super) fn notes(
    goal: &Goal,
    model: &Model<'_>,
    found: &Found<Judged>,
    fastest: &[usize],
    hardware: &Hardware,
) -> Vec<String> {
    let mut lines = Vec::new();
    if found.steps == fastest {
        lines.push("the fastest clocks are set".to_owned());
        return lines;
    }
    let (Some(chosen), Some(top)) = (found.tried.get(&found.steps), found.tried.get(fastest)) else {
        return lines;
    };
    let saving = |hardware: &Hardware| {
        let watts = |judged: &Judged, steps: &[usize]| {
            hardware.watts(&judged.usage, steps, goal.scope) / judged.usage.requests
        };
        100.0 * (1.0 - watts(chosen, &found.steps) / watts(top, fastest))
    };
    let usual = saving(hardware);
    let (mut least, mut most, mut kept, mut lost, mut all) = (usual, usual, 0u32, 0.0f64, 0u32);
    let assumed = hardware.assumed();
    for &what in &assumed {
        for factor in [0.5, 1.5] {
            let other = hardware.with(what, factor);
            let then = saving(&other);
            (least, most, all) = (least.min(then), most.max(then), all + 1);
            let judge =
                |steps: &Vec<usize>, judged: &Judged| goal.judge(model, judged.usage.clone(), &other, steps);
            let own = judge(&found.steps, chosen);
            let best = found.tried.iter().map(|(steps, judged)| judge(steps, judged)).min_by(Judged::compare);
            if let Some(best) = best {
                kept += u32::from(own.compare(&best).is_le());
                lost =
                    lost.max(if best.joules > 0.0 { 100.0 * (own.joules / best.joules - 1.0) } else { 0.0 });
            }
        }
    }
    lines.push(format!(
        "believed to save {usual:.1} % of the energy at the fastest clocks ({least:.1} to {most:.1} % with each of {} assumed power numbers \
         halved or raised by half; {kept} of {all} times the same clocks are chosen, else others need up to {lost:.1} % less)",
        assumed.len()
    ));
    if least < 0.0 && most > 0.0 {
        lines.push("whether it saves anything rests on assumed numbers".to_owned());
    }
    lines.push("not validated: times and power at clocks below the highest".to_owned());
    lines
}
