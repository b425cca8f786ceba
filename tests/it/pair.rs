use hetsoc::calibration::pair::coexec::read_split_layers;
use hetsoc::calibration::pair::fit::fit_pairs;
use hetsoc::diagnostics::SourceText;
#[test]
fn probe() {
    let text = std::fs::read_to_string("/work/shared/data/x86/coexec.csv").unwrap();
    let rows = read_split_layers(&SourceText::new("coexec.csv", text), &[]).unwrap_or_else(|e| panic!("{e}"));
    for fit in fit_pairs(&rows) {
        println!("{} own {:?}\n unseen {:?}\n {:?}\n{:?} cond {}", fit.sync, fit.own, fit.unseen, fit.values, fit.widths, fit.condition);
    }
}
