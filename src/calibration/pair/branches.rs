//! Branches of a module placed on two processors.

use std::sync::Arc;

use super::piece::{Handover, Piece, Side, Step};
use super::table::{Row, Table};
use crate::diagnostics::{Diagnostic, InputError, SourceText};
use crate::physics::co_execution::{Constants, Part};

/// Columns that are read; of the joint run only `tot_p10`, to compare with.
const COLUMNS: [&str; 11] = [
    "pair",
    "module",
    "placement",
    "sync",
    "tot_p10",
    "sumA_alone_p10",
    "sumB_alone_p10",
    "sumA_alone_med",
    "sumB_alone_med",
    "bytes_in",
    "bytes_out_B",
];

/// One placement of the branches of a module.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// Which two processors.
    pub pair: String,
    /// The module.
    pub module: String,
    /// Bit mask of the branches on the second processor.
    pub placement: u64,
    /// How the processors wait for each other.
    pub sync: String,
    /// 10 % quantile of the joint run in microseconds; never read by a prediction.
    pub measured_us: f64,
    /// 10 % quantiles of the branches of each processor alone, added up.
    pub p10_us: (f64, f64),
    /// Medians of the branches of each processor alone, added up. The 10 % quantile of a sum of independent times
    /// lies near the sum of their medians, not of their 10 % quantiles.
    pub median_us: (f64, f64),
    /// Bytes of the module's input.
    pub input_bytes: f64,
    /// Bytes of the results on the second processor.
    pub output_bytes: f64,
}

/// Reads a table in the columns of `soc-profiles/measurements/x86/README.md`; `syncs` are the known ways of waiting.
///
/// # Errors
/// `measurements::...` with line and column.
pub fn read_branches(source: &Arc<SourceText>, syncs: &[&str]) -> Result<Vec<Placed>, InputError> {
    Table::read(source, &COLUMNS)?.rows(|row| read(row, syncs))
}

fn read(row: &Row<'_>, syncs: &[&str]) -> Result<Placed, Diagnostic> {
    let placed = Placed {
        pair: row.text("pair")?.to_owned(),
        module: row.text("module")?.to_owned(),
        placement: row.count("placement")?,
        sync: row.word("sync", syncs)?.to_owned(),
        measured_us: row.positive("tot_p10")?,
        p10_us: (row.number("sumA_alone_p10")?, row.number("sumB_alone_p10")?),
        median_us: (row.number("sumA_alone_med")?, row.number("sumB_alone_med")?),
        input_bytes: row.number("bytes_in")?,
        output_bytes: row.number("bytes_out_B")?,
    };
    if placed.median_us.0 + placed.median_us.1 <= 0.0 {
        return Err(row.fault("sumA_alone_med", "leaves nothing to do on either processor"));
    }
    if (placed.placement == 0) != (placed.median_us.1 <= 0.0) {
        return Err(row.fault("sumB_alone_med", "does not fit `placement`"));
    }
    Ok(placed)
}

impl Placed {
    /// The piece of work, and what crossing costs.
    #[must_use]
    pub fn piece(&self, constants: &Constants) -> (Piece, Handover, Handover) {
        let part = |alone_us: f64| Part { alone_us, ..Part::default() };
        let step = |on, run_us| Step { on, overhead_us: 0.0, run_us };
        let mut piece = Piece::default();
        let input = piece.push(step(Side::First, 0.0), &[]);
        let mut results = Vec::new();
        if self.median_us.0 > 0.0 {
            let run = step(Side::First, constants.first_us(&part(self.median_us.0)));
            results.push((piece.push(run, &[(input, self.input_bytes)]), 0.0));
        }
        let mut hand_back = 0.0;
        if self.median_us.1 > 0.0 {
            let run = step(Side::Second, constants.second_us(&part(self.median_us.1)));
            results.push((piece.push(run, &[(input, self.input_bytes)]), self.output_bytes));
            hand_back = constants.hand_back_us;
        }
        piece.push(Step { on: Side::First, overhead_us: hand_back, run_us: 0.0 }, &results);
        (piece, Handover::there(constants), Handover::back(constants))
    }
}
