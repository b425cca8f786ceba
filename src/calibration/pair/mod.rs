//! Two processors on one piece of work: fitting the constants of co-execution, and scoring them.
//!
//! Predictions read what was measured of the parts alone, shapes and bytes; never a column of the joint run. Each is a
//! simulated piece of work ([`piece`]). Constants are fitted to split layers only; branches and chains are predicted
//! with them as they are.

pub mod branches;
pub mod chain;
pub mod coexec;
pub mod fit;
pub mod layer;
pub mod piece;
pub mod profile_text;
pub mod score;
mod table;
