//! Where the data that is not part of the repository lies, if it is there.

use std::path::{Path, PathBuf};

/// `path` below the folder named by `HETSOC_SHARED`, else below `../shared`; `None`, with a note, if it
/// does not exist.
pub fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HETSOC_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let full = root.join(path);
    if full.exists() {
        println!("shared: used {path}");
        Some(full)
    } else {
        println!("skipped: no shared data");
        None
    }
}
