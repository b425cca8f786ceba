//! List schedulers on the units of all streams: priorities, timelines with and without insertion, communication.

mod batch;
mod cpop;
mod dls;
mod etf;
mod heft;
mod joint;
mod lookahead;
mod max_min;
mod mct;
mod met;
mod min_min;
mod olb;
mod pairs;
mod peft;
mod planner;
mod ranks;
mod schedule;
mod sufferage;

pub(super) use batch::Batch;
pub(super) use cpop::Cpop;
pub(super) use dls::Dls;
pub(super) use etf::Etf;
pub(super) use heft::Heft;
pub(super) use joint::{JointGraph, UNSUPPORTED};
pub(super) use lookahead::Lookahead;
pub(super) use max_min::MaxMin;
pub(super) use mct::Mct;
pub(super) use met::Met;
pub(super) use min_min::MinMin;
pub(super) use olb::Olb;
pub(super) use peft::Peft;
pub(super) use planner::{ListScheduler, ListStrategy};
pub(super) use ranks::{CommunicationMean, Ready};
pub(super) use schedule::Schedule;
pub(super) use sufferage::Sufferage;
