//! Published gains of Band, of pipelines and of branch parallelism: named beforehand, then looked for.

pub mod claims;
pub mod verdict;
