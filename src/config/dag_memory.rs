//! What plain task graphs may say beside times: memory traffic of tasks, and transfers that were measured one by one.

use super::dag_file::DagNetwork;
use crate::diagnostics::{Diagnostic, InputError};
use crate::graph::dag::GivenTransfer;
use crate::soc::ExecutorId;
use crate::units::{BytesPerSec, SimDuration};

/// Number of an edge, processor it leaves, processor it comes to, microseconds.
pub(super) type RawCrossing = (u32, u32, u32, f64);

/// The rate of main memory, after a look at what tasks move.
pub(super) fn memory<'a>(
    bytes_per_us: Option<f64>,
    tasks: impl Iterator<Item = (Option<f64>, &'a [Option<f64>])>,
) -> Result<Option<BytesPerSec>, InputError> {
    if let Some(rate) = bytes_per_us.filter(|rate| !(*rate > 0.0 && *rate <= 1e12)) {
        let message = format!("platform.memory_bytes_per_us is {rate}; it must be positive and at most 1e12");
        return Err(Diagnostic::new("dag::bandwidth", message).into());
    }
    for (task, (bytes, costs)) in tasks.enumerate() {
        let Some(bytes) = bytes else { continue };
        let Some(rate) = bytes_per_us else {
            let message = format!("task {task} has dram_bytes, but the platform has no memory_bytes_per_us");
            return Err(Diagnostic::new("dag::bytes", message)
                .help("say what main memory serves, such as \"memory_bytes_per_us\": 20000")
                .into());
        };
        if !(0.0..=1e18).contains(&bytes) {
            return Err(Diagnostic::new("dag::bytes", format!("task {task} moves {bytes} bytes"))
                .help("dram_bytes must be a finite number from 0 to 1e18")
                .into());
        }
        // A millionth of slack: times and bytes come rounded.
        if let Some(short) = costs.iter().flatten().find(|cost| bytes > rate * **cost * (1.0 + 1e-6)) {
            let message = format!(
                "task {task} moves {bytes} bytes in {short} us, more than main memory serves ({rate} bytes per us)"
            );
            return Err(Diagnostic::new("dag::bytes", message)
                .help("`cost` is the time alone: it contains waiting for memory")
                .into());
        }
    }
    Ok(bytes_per_us.map(|rate| BytesPerSec(rate * 1e6)))
}

/// Transfers with times of their own.
pub(super) fn given(
    raw: &[RawCrossing],
    edges: usize,
    processors: usize,
    network: DagNetwork,
) -> Result<Vec<GivenTransfer>, InputError> {
    let fault = |number: usize, what: String, help: &str| {
        let message = format!("crossings[{number}] {what}");
        Err(InputError::from(Diagnostic::new("dag::crossing", message).help(help.to_owned())))
    };
    if network == DagNetwork::SharedBus && !raw.is_empty() {
        let help = "play it contention-free, or let latency and bandwidth describe all transfers";
        return fault(0, "has a time of its own, which a shared bus cannot share".to_owned(), help);
    }
    let mut given: Vec<GivenTransfer> = Vec::with_capacity(raw.len());
    let mut seen = std::collections::BTreeSet::new();
    for (number, &(edge, from, to, micros)) in raw.iter().enumerate() {
        if edge as usize >= edges {
            let help = "crossings are [edge, from, to, us]; edges count from 0 as listed";
            return fault(number, format!("names edge {edge} of {edges}"), help);
        }
        if let Some(unknown) = [from, to].into_iter().find(|pe| *pe as usize >= processors) {
            let help = "processors count from 0 as listed in platform.pes";
            return fault(number, format!("names processor {unknown} of {processors}"), help);
        }
        if from == to {
            let help = "what stays on its processor crosses nothing";
            return fault(number, format!("leads from processor {from} to itself"), help);
        }
        if !(0.0..=1e12).contains(&micros) {
            return fault(number, format!("takes {micros} us"), "times lie between 0 and 1e12 us");
        }
        if !seen.insert((edge, from, to)) {
            let help = "give each edge and pair of processors once";
            return fault(number, format!("repeats edge {edge} from {from} to {to}"), help);
        }
        let time = SimDuration::from_micros(micros);
        let (from, to) = (ExecutorId(from as u16), ExecutorId(to as u16));
        given.push(GivenTransfer { tensor: edge, from, to, time });
    }
    Ok(given)
}
