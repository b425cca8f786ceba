//! The governors behind one type, by the names that the kernel gives them.

use super::adreno_tz::AdrenoTz;
use super::frequencies::Frequencies;
use super::interactive::{Interactive, InteractiveSettings};
use super::load_governors::{Conservative, Ondemand};
use super::sample::{Sample, Trigger};
use super::schedutil::Schedutil;
use super::simple_ondemand::SimpleOndemand;
use crate::units::{Hertz, SimDuration};

/// A rule that chooses the clock of one domain, with its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Governor {
    /// The fastest step allowed.
    Performance,
    /// The slowest step allowed.
    Powersave,
    /// The slowest step at or above a fixed clock, in kHz.
    Userspace(u64),
    /// Fastest step above a load, else proportional to the load.
    Ondemand(Ondemand),
    /// Small steps up and down.
    Conservative(Conservative),
    /// Android's governor before schedutil.
    Interactive(Interactive),
    /// Utilisation as the scheduler tracks it.
    Schedutil(Schedutil),
    /// devfreq's governor, plain or as the msm GPU driver uses it.
    SimpleOndemand(SimpleOndemand),
    /// Qualcomm's GPU governor, approximate.
    AdrenoTz(AdrenoTz),
}

const fn ms(milliseconds: u64) -> SimDuration {
    SimDuration(milliseconds * 1_000_000_000)
}

impl Governor {
    /// Ids of all governors that [`Governor::named`] knows.
    pub const IDS: [&'static str; 10] = [
        "performance",
        "powersave",
        "userspace",
        "ondemand",
        "conservative",
        "interactive",
        "schedutil",
        "simple-ondemand",
        "msm-simple-ondemand",
        "adreno-tz",
    ];

    /// The governor of that id with its kernel's defaults: ondemand and conservative sample each 10 ms,
    /// schedutil is limited to one change per millisecond, simple-ondemand polls each 50 ms. `clock` is the
    /// clock of `userspace`; without one it takes the slowest step.
    #[must_use]
    pub fn named(id: &str, clock: Option<Hertz>) -> Option<Self> {
        Some(match id {
            "performance" => Self::Performance,
            "powersave" => Self::Powersave,
            // Half a kilohertz of slack, as wherever a clock of a table is looked up.
            "userspace" => {
                Self::Userspace(clock.map_or(0, |clock| ((clock.0 - 500.0).max(0.0) / 1e3).ceil() as u64))
            }
            "ondemand" => Self::Ondemand(Ondemand::new(ms(10), 95)),
            "conservative" => Self::Conservative(Conservative::new(ms(10), 80, 20, 5)),
            "interactive" => Self::Interactive(Interactive::new(InteractiveSettings::default())),
            "schedutil" => Self::Schedutil(Schedutil::new(ms(1), ms(1))),
            "simple-ondemand" => Self::SimpleOndemand(SimpleOndemand::new(90, 5, ms(50))),
            "msm-simple-ondemand" => Self::SimpleOndemand(SimpleOndemand::msm()),
            "adreno-tz" => Self::AdrenoTz(AdrenoTz::default()),
            _ => return None,
        })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &'static str {
        match self {
            Self::Performance => "performance",
            Self::Powersave => "powersave",
            Self::Userspace(_) => "userspace",
            Self::Ondemand(_) => "ondemand",
            Self::Conservative(_) => "conservative",
            Self::Interactive(_) => "interactive",
            Self::Schedutil(_) => "schedutil",
            Self::SimpleOndemand(governor) if *governor == SimpleOndemand::msm() => "msm-simple-ondemand",
            Self::SimpleOndemand(_) => "simple-ondemand",
            Self::AdrenoTz(_) => "adreno-tz",
        }
    }

    /// When it wants to be asked. Whatever it says, it must be asked when the caps change.
    #[must_use]
    pub const fn trigger(&self) -> Trigger {
        match self {
            Self::Performance | Self::Powersave | Self::Userspace(_) => Trigger::Caps,
            Self::Ondemand(governor) => Trigger::Every(governor.period()),
            Self::Conservative(governor) => Trigger::Every(governor.period()),
            Self::Interactive(governor) => Trigger::Every(governor.period()),
            Self::SimpleOndemand(governor) => Trigger::Every(governor.period()),
            Self::Schedutil(governor) => Trigger::Utilisation(governor.up_limit()),
            Self::AdrenoTz(_) => Trigger::Retire,
        }
    }

    /// The step to run at, within the range that the sample allows.
    pub fn target(&mut self, sample: &Sample, table: &Frequencies) -> usize {
        match self {
            Self::Performance => sample.clamp(sample.highest),
            Self::Powersave => sample.clamp(sample.lowest),
            Self::Userspace(khz) => sample.clamp(table.at_least(*khz)),
            Self::Ondemand(governor) => governor.target(sample, table),
            Self::Conservative(governor) => governor.target(sample, table),
            Self::Interactive(governor) => governor.target(sample, table),
            Self::Schedutil(governor) => governor.target(sample, table),
            Self::SimpleOndemand(governor) => governor.target(sample, table),
            Self::AdrenoTz(governor) => governor.target(sample, table),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::SimTime;

    #[test]
    fn every_id_has_a_governor() {
        for id in Governor::IDS {
            assert_eq!(Governor::named(id, None).unwrap().id(), id);
        }
        assert!(Governor::named("turbo", None).is_none());
    }

    #[test]
    fn caps_hold_for_every_governor_at_every_sample() {
        let table = Frequencies::from_khz([300_000, 500_000, 800_000, 1_100_000, 1_600_000]);
        for id in Governor::IDS {
            let mut governor = Governor::named(id, Some(Hertz(1.1e9))).unwrap();
            let (mut current, mut now) = (0, SimTime::ZERO);
            for i in 0..500u64 {
                let elapsed = ms(1 + i * 7 % 40);
                now = now + elapsed;
                let sample = Sample {
                    now,
                    elapsed,
                    busy: SimDuration(elapsed.0 * (i * 37 % 101) / 100),
                    utilisation: i * 311 % 1025,
                    capacity: 600,
                    current,
                    lowest: (i / 50 % 2) as usize,
                    highest: 1 + (i / 30 % 4) as usize,
                };
                current = governor.target(&sample, &table);
                assert!((sample.lowest..=sample.highest).contains(&current), "{id} {sample:?} {current}");
            }
        }
    }

    #[test]
    fn fixed_governors_follow_the_caps() {
        // Steps 0 to 4; (lowest, highest) of ten samples beside what each governor takes; userspace asks for step 3.
        let table = Frequencies::from_khz([300_000, 500_000, 800_000, 1_100_000, 1_600_000]);
        let ranges = [(0, 4), (0, 3), (0, 2), (1, 2), (1, 1), (0, 0), (0, 4), (4, 4), (2, 3), (0, 4)];
        for (id, expected) in [
            ("performance", [4, 3, 2, 2, 1, 0, 4, 4, 3, 4]),
            ("powersave", [0, 0, 0, 1, 1, 0, 0, 4, 2, 0]),
            ("userspace", [3, 3, 2, 2, 1, 0, 3, 4, 3, 3]),
        ] {
            let mut governor = Governor::named(id, Some(Hertz(1.1e9))).unwrap();
            let got = ranges.map(|(lowest, highest)| {
                let sample = Sample {
                    now: SimTime::ZERO,
                    elapsed: ms(10),
                    busy: ms(5),
                    utilisation: 500,
                    capacity: 1024,
                    current: 0,
                    lowest,
                    highest,
                };
                governor.target(&sample, &table)
            });
            assert_eq!(got, expected, "{id}");
        }
    }
}
