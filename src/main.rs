//! The `hetsoc` command.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    hetsoc::cli::main()
}
