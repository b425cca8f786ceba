//! Data that is not part of the project.

use std::path::PathBuf;

/// The path of a file of the shared data folder, if that folder is there: `HETSOC_SHARED`, else `../shared`.
pub fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HETSOC_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let full = root.join(path);
    if full.exists() {
        println!("shared: used {path}");
        Some(full)
    } else {
        println!("skipped: no shared data ({path})");
        None
    }
}
