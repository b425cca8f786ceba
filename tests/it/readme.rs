//! Every command of README.md and docs/ERRORS.md runs, and prints what the page says.
//!
//! `HETSOC_UPDATE_PAGES=1 cargo test --test it readme` writes the present outputs into the pages; read the difference.

use std::path::Path;
use std::process::Command;

fn run(command: &str) -> String {
    let arguments: Vec<&str> = command.split_whitespace().skip(1).collect();
    let output = Command::new(env!("CARGO_BIN_EXE_hetsoc"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let mut text = String::from_utf8(output.stdout).unwrap();
    if !output.status.success() {
        // What went wrong is the point of showing such a command.
        text.push_str(&String::from_utf8(output.stderr).unwrap());
    }
    text
}

/// The page with the outputs of its console blocks as they are now, and the number of commands.
fn rendered(page: &str) -> (String, usize) {
    let mut fresh = String::new();
    let mut commands = 0;
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        fresh.push_str(line);
        fresh.push('\n');
        if line != "```console" {
            continue;
        }
        for line in lines.by_ref() {
            if line == "```" {
                fresh.push_str("```\n");
                break;
            }
            if let Some(command) = line.strip_prefix("$ ") {
                commands += 1;
                fresh.push_str(line);
                fresh.push('\n');
                for output in run(command).lines() {
                    fresh.push_str(output.trim_end());
                    fresh.push('\n');
                }
            }
        }
    }
    (fresh, commands)
}

fn check(page: &str, least: usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let (fresh, commands) = rendered(&text);
    assert!(commands >= least, "only {commands} commands found in {page}");
    if std::env::var_os("HETSOC_UPDATE_PAGES").is_some() {
        std::fs::write(&path, &fresh).unwrap();
        return;
    }
    for (number, (said, is)) in text.lines().zip(fresh.lines()).enumerate() {
        assert_eq!(said, is, "{page}, line {}", number + 1);
    }
    assert_eq!(text.lines().count(), fresh.lines().count(), "{page}");
}

#[test]
fn commands_of_the_readme_print_what_it_says() {
    check("README.md", 8);
}

#[test]
fn wrong_input_is_told_what_the_gallery_says() {
    check("docs/ERRORS.md", 30);
}

#[test]
fn commands_by_example_print_what_the_page_says() {
    check("docs/COMMANDS.md", 7);
}

#[test]
fn the_tour_prints_what_the_page_says() {
    check("docs/TOUR.md", 11);
}

/// Pages with console blocks that no test compares would rot.
#[test]
fn no_page_escapes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md"), root.join("CONTRIBUTING.md"), root.join("ARCHITECTURE.md")];
    pages.extend(std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    let compared = ["README.md", "ERRORS.md", "COMMANDS.md", "TOUR.md"];
    for page in pages.iter().filter(|page| page.extension().is_some_and(|e| e == "md")) {
        let name = page.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(page).unwrap();
        assert!(
            compared.contains(&name) || !text.contains("```console"),
            "{name} has a console block that no test compares"
        );
    }
}

#[test]
fn the_native_graph_of_the_formats_page_is_read() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/FORMATS.md")).unwrap();
    let text = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.toml");
    std::fs::write(&path, text).unwrap();
    let output = run(&format!("hetsoc show {}", path.display()));
    assert!(output.contains("2 operators") && output.contains("1x16x112x112"), "{output}");
}

#[test]
fn the_first_command_is_the_one_shown() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let after = page.split("<!-- main-job -->").nth(1).unwrap();
    let command = after.lines().find(|line| line.starts_with("cargo ")).unwrap();
    let (cargo, arguments) = command.split_once(" -- ").unwrap();
    assert_eq!(cargo, "cargo run --release --locked");
    assert!(page.contains(&format!("$ hetsoc {arguments}\n")));
    let output = run(&format!("hetsoc {arguments}"));
    assert!(output.contains("latency (ms)"), "{output}");
}
