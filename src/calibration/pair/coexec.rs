//! Layers split over two processors: the table, what is known of each row before it is run together, and its piece.

use std::sync::Arc;

use super::layer::Layer;
use super::piece::{Handover, Piece, Side, Step};
use super::table::{Row, Table};
use crate::diagnostics::{Diagnostic, InputError, SourceText};
use crate::physics::co_execution::{Constants, Part};
use crate::statistics::quantile;

/// Columns that are read. Of the joint run only `total_p10_us`, to compare with, and `n_clean`, to know whether to.
const COLUMNS: [&str; 12] = [
    "pair",
    "layer",
    "r_B",
    "co_A",
    "co_B",
    "sync",
    "n_clean",
    "total_p10_us",
    "A_alone_p10_us",
    "B_alone_copyin_p10_us",
    "B_alone_run_p10_us",
    "B_alone_copyout_p10_us",
];
/// Weight of the monotone envelope against the row's own value.
const ENVELOPE: f64 = 0.6;

/// One row of a co-execution table.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitLayer {
    /// Which two processors.
    pub pair: String,
    /// Name of the layer.
    pub name: String,
    /// How they wait for each other.
    pub sync: String,
    /// Output channels on the first and on the second.
    pub channels: (u64, u64),
    /// Samples that nothing disturbed.
    pub clean: u64,
    /// 10 % quantile of the joint run in microseconds; never read by a prediction.
    pub measured_us: f64,
    /// Sizes.
    pub layer: Layer,
    /// First part, copy in, second part, copy out as measured alone.
    pub alone: Times,
    /// The same after smoothing.
    pub smoothed: Times,
}

/// Microseconds of the parts of a split layer, each alone.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Times {
    pub first: f64,
    pub copy_in: f64,
    pub second: f64,
    pub copy_out: f64,
}

/// Reads a table in the columns of `soc-profiles/measurements/x86/README.md`; `syncs` are the known ways of waiting, empty
/// for any.
///
/// # Errors
/// `measurements::...` with line and column.
pub fn read_split_layers(source: &Arc<SourceText>, syncs: &[&str]) -> Result<Vec<SplitLayer>, InputError> {
    let mut rows = Table::read(source, &COLUMNS)?.rows(|row| read(row, syncs))?;
    smooth(&mut rows);
    Ok(rows)
}

fn read(row: &Row<'_>, syncs: &[&str]) -> Result<SplitLayer, Diagnostic> {
    let name = row.text("layer")?;
    let layer = Layer::parse(name).ok_or_else(|| {
        row.fault("layer", "is no layer").help(
            "write conv<K>x<K>[s<stride>]_<in>[_<out>]_<side>, dw<K>x<K>[s<stride>]_<channels>_<side> or mm_<M>_<K>_<N>",
        )
    })?;
    let channels = (row.count("co_A")?, row.count("co_B")?);
    let share = row.number("r_B")?;
    let all = channels.0.saturating_add(channels.1);
    if all == 0 || (share - channels.1 as f64 / all as f64).abs() > 0.01 {
        return Err(row.fault("r_B", "is not co_B / (co_A + co_B)"));
    }
    let time = |column: &str, part: u64| if part > 0 { row.positive(column) } else { row.number(column) };
    let alone = Times {
        first: time("A_alone_p10_us", channels.0)?,
        copy_in: row.number("B_alone_copyin_p10_us")?,
        second: time("B_alone_run_p10_us", channels.1)?,
        copy_out: row.number("B_alone_copyout_p10_us")?,
    };
    Ok(SplitLayer {
        pair: row.text("pair")?.to_owned(),
        name: name.to_owned(),
        sync: row.word("sync", syncs)?.to_owned(),
        channels,
        clean: row.count("n_clean")?,
        measured_us: row.positive("total_p10_us")?,
        layer,
        alone,
        smoothed: alone,
    })
}

/// Takes noise out of the times alone: more channels cannot take less time. The envelope of a part is the least time of
/// the same layer with at least as many channels (the first processor runs the same kernels in every pair); the
/// result is the geometric mean with the row's own value, 0.6 to 0.4. A dense layer copies its whole input whatever the split:
/// there the lower quartile stands for the envelope.
fn smooth(rows: &mut [SplitLayer]) {
    let least = |values: &mut dyn Iterator<Item = f64>| values.filter(|x| *x > 0.0).reduce(f64::min);
    let smoothed: Vec<Times> = rows
        .iter()
        .map(|row| {
            let same = || rows.iter().filter(|other| other.name == row.name && other.is_shared());
            let first = least(
                &mut same().filter(|other| other.channels.0 >= row.channels.0).map(|other| other.alone.first),
            );
            let more = |other: &&SplitLayer| other.channels.1 >= row.channels.1;
            let second = least(
                &mut same().filter(|o| o.pair == row.pair).filter(more).map(|other| other.alone.second),
            );
            let copy_out = least(&mut same().filter(more).map(|other| other.alone.copy_out));
            let copy_in = if row.layer.depthwise {
                least(&mut same().filter(more).map(|other| other.alone.copy_in))
            } else {
                let mut values: Vec<f64> = same().map(|other| other.alone.copy_in).collect();
                values.sort_by(f64::total_cmp);
                quantile(&values, 0.25)
            };
            let blend = |own: f64, envelope: Option<f64>| match envelope {
                Some(envelope) if own > 0.0 && envelope > 0.0 => own * (envelope / own).powf(ENVELOPE),
                _ => own,
            };
            Times {
                first: blend(row.alone.first, first),
                copy_in: blend(row.alone.copy_in, copy_in),
                second: blend(row.alone.second, second),
                copy_out: blend(row.alone.copy_out, copy_out),
            }
        })
        .collect();
    for (row, times) in rows.iter_mut().zip(smoothed) {
        row.smoothed = times;
    }
}

impl SplitLayer {
    /// Whether both processors have a part.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.channels.0 > 0 && self.channels.1 > 0
    }

    /// Share of the output channels on the second processor.
    #[must_use]
    pub fn share(&self) -> f64 {
        let all = self.channels.0.saturating_add(self.channels.1);
        self.channels.1 as f64 / all as f64
    }

    /// The part of each processor.
    fn parts(&self) -> (Part, Part) {
        let part = |share: f64, alone_us: f64| Part {
            alone_us,
            weight_bytes: share * self.layer.weight_bytes,
            activation_bytes: self.layer.input_share(share) * self.layer.input_bytes
                + share * self.layer.output_bytes,
        };
        let share = self.share();
        (part(1.0 - share, self.smoothed.first), part(share, self.smoothed.second))
    }

    /// Bytes that the second processor copies in, and back.
    pub(super) fn copies(&self) -> (f64, f64) {
        let share = self.share();
        (self.layer.input_share(share) * self.layer.input_bytes, share * self.layer.output_bytes)
    }

    /// The piece of work, and what crossing costs.
    #[must_use]
    pub fn piece(&self, constants: &Constants) -> (Piece, Handover, Handover) {
        let step = |on, run_us| Step { on, overhead_us: 0.0, run_us };
        let (first, second) = self.parts();
        let (bytes_in, bytes_out) = self.copies();
        let mut piece = Piece::default();
        let input = piece.push(step(Side::First, 0.0), &[]);
        if !self.is_shared() && self.channels.1 == 0 {
            piece.push(step(Side::First, first.alone_us), &[(input, bytes_in)]);
            return (piece, Handover::default(), Handover::default());
        }
        let mut parts = Vec::new();
        if self.channels.0 > 0 {
            let run = step(Side::First, constants.first_us(&first));
            parts.push((piece.push(run, &[(input, bytes_in)]), 0.0));
        }
        let run = step(Side::Second, constants.second_us(&second));
        parts.push((piece.push(run, &[(input, bytes_in)]), bytes_out));
        let merge = Step { on: Side::First, overhead_us: constants.hand_back_us, run_us: 0.0 };
        piece.push(merge, &parts);
        let there = Handover {
            latency_us: constants.start_us,
            transfer_us_per_byte: 0.0,
            reader_us_per_byte: constants.copy_in_factor * self.smoothed.copy_in / bytes_in,
        };
        let back = Handover {
            latency_us: 0.0,
            transfer_us_per_byte: constants.copy_out_factor * self.smoothed.copy_out / bytes_out,
            reader_us_per_byte: constants.merge_us(1.0),
        };
        (piece, there, back)
    }

    /// What the simulation of [`SplitLayer::piece`] comes to, without its rounding to picoseconds: fits evaluate it
    /// a million times. A test holds the two together.
    #[must_use]
    pub fn closed_form_us(&self, constants: &Constants) -> f64 {
        let (first, second) = self.parts();
        if self.channels.1 == 0 {
            return first.alone_us;
        }
        let there = constants.start_us + constants.copy_in_factor * self.smoothed.copy_in;
        let back = constants.copy_out_factor * self.smoothed.copy_out;
        let second = there + constants.second_us(&second) + back;
        let first = if self.channels.0 > 0 { constants.first_us(&first) } else { 0.0 };
        first.max(second) + constants.hand_back_us + constants.merge_us(self.copies().1)
    }
}
