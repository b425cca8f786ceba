//! Strategies whose unit is a part of a model.

mod band;
mod band_units;
mod branches;
mod haxconn;
mod hetero2pipe;
mod pipe_it;
mod stages;
mod workers;

pub(super) use band::{Band, BandScheduler};
pub(super) use branches::BranchParallel;
pub(super) use haxconn::{Contention, HaxConn};
pub(super) use hetero2pipe::Hetero2Pipe;
pub(super) use pipe_it::PipeIt;
