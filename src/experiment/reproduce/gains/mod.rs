//! Published gains of Band, of pipelines and of branch parallelism: named beforehand, then looked for.

pub mod afterwards;
mod ceiling;
mod cells;
pub mod claims;
mod page;
mod play;
pub mod report;
pub mod table;
pub mod verdict;

pub use page::{claim_section, gains_page, number, published};
pub use report::{ClaimReport, GainsOptions, GainsReport, gains};
