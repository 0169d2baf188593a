//! Every defect and every oddity in the tables is one that the reference can have.
#![allow(clippy::panic, reason = "a test says what it relies on by failing")]

use std::{
    fs,
    path::{Path, PathBuf},
};

fn texts(path: &Path, found: &mut Vec<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a readable folder") {
            texts(&entry.expect("an entry").path(), found);
        }
    } else if path.extension().is_some_and(|ending| ending == "rs") {
        found.push(fs::read_to_string(path).expect("a readable file"));
    }
}

/// The names that a table defines, without those that its macro puts in force by itself.
fn names(table: &str) -> Vec<String> {
    let text = fs::read_to_string(source().join("lapses").join(table)).expect("the table");
    text.lines()
        .filter(|line| !line.contains(" skips, "))
        .filter_map(|line| line.trim_start().split_once(" = \""))
        .filter(|(name, _)| name.starts_with(char::is_uppercase))
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn every_row_of_the_tables_then_some_code_asks_for_it() {
    let mut code = Vec::new();
    texts(&source(), &mut code);
    let code = code.concat();
    for (table, kind) in [("table.rs", "Lapse"), ("quirks.rs", "Quirk")] {
        let names = names(table);
        assert!(names.len() > 10, "{table} was not read");
        for name in names {
            let used = code
                .match_indices(&format!("{kind}::{name}"))
                .any(|(at, asked)| {
                    let after = code[at + asked.len()..].chars().next();
                    !after.is_some_and(char::is_alphanumeric)
                });
            assert!(used, "nothing asks for {kind}::{name}");
        }
    }
}
