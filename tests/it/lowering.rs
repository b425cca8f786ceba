//! probe
use crate::shared::shared;
use hetsoc::graph::onnx::{OnnxOptions, read_onnx};
use hetsoc::graph::passes;
use std::collections::BTreeMap;

#[test]
fn probe() {
    let Some(folder) = shared("models/onnx") else { return };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for f in files {
        let name = f.file_stem().unwrap().to_str().unwrap().to_owned();
        let g = read_onnx(&std::fs::read(&f).unwrap(), &name, &OnnxOptions::default()).unwrap();
        for r in passes::ALL {
            let start = std::time::Instant::now();
            let l = passes::lower(&g, r).unwrap();
            let t = start.elapsed();
            let mut h = BTreeMap::new();
            for o in &l.operators {
                *h.entry(o.op_type.clone()).or_insert(0) += 1;
            }
            let macs: u64 = l.operators.iter().map(|o| o.macs).sum();
            let want = hetsoc::graph::costs::count_graph(&g).macs;
            println!("{name:32} {:12} {:4} {:?} {t:?} {h:?}", r.id, l.operators.len(), macs == want);
        }
    }
}
