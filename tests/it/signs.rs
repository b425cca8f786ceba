//! The three signs of failure that arXiv 2405.01851 names appear, and for the reason that it names.

use hetsoc::config::{assemble, scenario_text};
use hetsoc::diagnostics::SourceText;
use hetsoc::experiment::{RunOptions, run_scenario};
use hetsoc::record::FailureSigns;
use hetsoc::soc::Crossing;
use hetsoc::units::SimDuration;
use std::path::Path;

/// Plays a scenario and reads the signs; `free` takes away what moving, converting, invoking and dispatching cost.
fn signs(text: &str, strategy: &str, free: bool) -> FailureSigns {
    let mut spec =
        scenario_text(&SourceText::new("test", text.to_owned()), Path::new(""), &[]).unwrap().value;
    spec.strategy = strategy.parse().unwrap();
    let mut assembled = assemble(&spec, &[], &[], None).unwrap();
    if free {
        let platform = &mut assembled.problem.platform;
        for crossing in [&mut platform.crossings, &mut platform.host_in, &mut platform.host_out] {
            crossing.fill(Crossing::NONE);
        }
        platform.executors.iter_mut().for_each(|executor| executor.invocation = SimDuration::ZERO);
    }
    let options = RunOptions { record: false, baseline: false };
    FailureSigns::of(&run_scenario(&mut assembled, options, &mut |_| ()).unwrap().summary)
}

fn scenario(streams: &str, rest: &str) -> String {
    format!(
        "schema = 1\ndevice = \"xiaomi-9\"\nruntime = \"mace\"\nexecutors = [\"cpu-1large3med\", \"gpu\"]\nnoise = false\n\
         [scenario]\nname = \"signs\"\n[strategy]\nname = \"single\"\n{streams}{rest}"
    )
}

/// A display of 60 Hz draws on the GPU, where frames wait for the end of a kernel; those of VGG-16 are long. Would catch drops that do not come from inference on the GPU (none without it, none when it runs on
/// the cores), or that do not grow with its share.
#[test]
fn frames_are_dropped_when_inference_has_too_much_of_the_gpu() {
    let at = |period: &str, strategy: &str| {
        let stream = format!(
            "[[stream]]\nname = \"camera\"\nmodel = \"vgg16\"\narrivals = {{ kind = \"periodic\", period = \"{period}\" }}\nqueue = {{ policy = \"latest-only\" }}\n"
        );
        let screen = "[stop]\nuntil = \"3s\"\n[dynamics]\ndevice_governor = \"performance\"\n[[background]]\nname = \"screen\"\nkind = \"render\"\non = \"gpu\"\nhz = 60\nframe = { constant = \"8ms\" }\n";
        signs(&scenario(&stream, screen), strategy, false).refreshes_missed_percent.unwrap()
    };
    let seldom = at("1500ms", "single[executor=gpu]");
    let often = at("600ms", "single[executor=gpu]");
    let always = at("20ms", "single[executor=gpu]");
    assert!(seldom < often && often < always && always > 20.0, "{seldom} {often} {always}");
    assert!(at("20ms", "single[executor=cpu-1large3med]") < 1.0);
}

/// Units of one operator are handed over for every operator; processors are held up by what it costs. Would catch a sign that shows
/// for another reason: without those costs it goes away.
#[test]
fn fine_units_are_held_up_by_what_handing_over_costs() {
    let streams: String = (1..4)
        .map(|n| {
            format!("[[stream]]\nname = \"n{n}\"\nmodel = \"resnet50\"\narrivals = {{ kind = \"back-to-back\" }}\n")
        })
        .collect();
    let text = scenario(&streams, "[stop]\nrequests = 12\n");
    let [fine, coarse] = ["eft[min-unit=1]", "eft[min-unit=1000]"].map(|s| signs(&text, s, false));
    let [fine_free, coarse_free] = ["eft[min-unit=1]", "eft[min-unit=1000]"].map(|s| signs(&text, s, true));
    assert!(fine.hand_overs > 50.0 && coarse.hand_overs < 2.0, "{fine:?} {coarse:?}");
    let costs = fine.held_up_percent - coarse.held_up_percent;
    let others = fine_free.held_up_percent - coarse_free.held_up_percent;
    assert!(costs > 3.0 && others < costs / 3.0, "{fine:?} {coarse:?} {fine_free:?} {coarse_free:?}");
    // Nobody else wants the cores.
    assert_eq!(fine.suspended_percent, 0.0);
}

/// Would catch an error that comes from elsewhere than from the world having changed since the profile was made.
#[test]
fn predictions_are_wrong_when_the_profile_is_of_another_world() {
    let stream = "[[stream]]\nname = \"camera\"\nmodel = \"resnet18\"\narrivals = { kind = \"back-to-back\", count = 12 }\n";
    let hog = |on: &str| format!("[[background]]\nname = \"hog-{on}\"\nkind = \"thread\"\non = \"{on}\"\n");
    let quiet = "[dynamics]\ncpu_governor = \"performance\"\n".to_owned();
    let busy = format!("{quiet}{}{}", hog("cpu4"), hog("cpu5"));
    let error = |rest: &str, predictor: &str| {
        let text = scenario(&format!("[predictor]\nname = \"{predictor}\"\n{stream}"), rest);
        signs(&text, "single[executor=cpu-1large3med]", false).prediction_error_percent.unwrap()
    };
    let (laboratory, stale, learning) =
        (error(&quiet, "offline"), error(&busy, "offline"), error(&busy, "kalman"));
    assert!(laboratory < 5.0 && stale > 30.0, "{laboratory} {stale}");
    assert!(learning < 0.6 * stale, "{learning} {stale}");
}

/// What the signs are is of no use if nobody sees them.
#[test]
fn run_and_compare_show_all_three() {
    let command = |arguments: &str| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_hetsoc"))
            .args(arguments.split(' '))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let run = command("run scenarios/living-phone.toml --set stop.requests=20");
    for words in ["blocked %", "suspended %", "belief against reality"] {
        assert!(run.contains(words), "{words}: {run}");
    }
    let compared = command(
        "compare scenarios/living-phone.toml --strategy single[executor=gpu] --strategy eft --replications 1 --set stop.requests=20",
    );
    for words in ["refreshes missed", "hand-overs", "held up", "suspended", "belief", "too much of the GPU"] {
        assert!(compared.contains(words), "{words}: {compared}");
    }
}
