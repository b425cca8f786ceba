//! Statistics of samples: summaries, confidence intervals, warm-up detection, paired comparison and
//! the error metrics by which predictions are judged. Pure functions over slices.

mod errors;
mod intervals;
mod multiple;
mod steady_state;
mod summary;

pub use errors::{ErrorMetrics, error_metrics, kendall_tau_b};
pub use intervals::{Interval, mean_interval, paired_interval, quantile_interval};
pub use multiple::{holm, paired_p_value, pareto_front};
pub use steady_state::{BatchMeans, WarmUp, batch_means, mser5};
pub use summary::{Summary, quantile, summarize};
