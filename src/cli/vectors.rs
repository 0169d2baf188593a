//! `syncspec vectors`: the fixed vectors, or a folder of others in the same format.

use std::{
    fs,
    path::{Path, PathBuf},
};

use syncspec::vectors::{self, Test};

use super::{exit, print};

#[derive(clap::Args)]
pub struct VectorsArgs {
    /// Folder of *.json files to run in place of the built-in ones
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Run the tests whose id contains any of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
}

const BUILTIN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/vectors.rs"));

pub fn vectors(args: &VectorsArgs) -> Result<u8, u8> {
    let files = match &args.dir {
        Some(dir) => read_dir(dir)?,
        None => BUILTIN
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect(),
    };
    let set = vectors::load(files).map_err(|errors| {
        for error in &errors {
            eprintln!("{error}");
        }
        eprintln!(
            "error: {} problem(s) in vector files; nothing was run",
            errors.len()
        );
        exit::USAGE
    })?;
    let selected: Vec<Test<'_>> = set
        .tests()
        .filter(|test| {
            args.filters.is_empty() || args.filters.iter().any(|filter| test.id().contains(filter))
        })
        .collect();
    if selected.is_empty() {
        eprintln!("error: no vector was run");
        return Err(exit::NOT_JUDGED);
    }
    let failed: Vec<String> = selected.iter().filter_map(failure).collect();
    for text in &failed {
        print(text)?;
    }
    print(&format!(
        "{} passed, {} failed",
        selected.len() - failed.len(),
        failed.len()
    ))?;
    match failed.is_empty() {
        true => Ok(exit::CONFORMS),
        false => Ok(exit::BROKEN),
    }
}

fn failure(test: &Test<'_>) -> Option<String> {
    let mismatches = test.run().err()?;
    let mut text = format!("FAIL  {} {}: {}", test.file(), test.id(), test.comment());
    for mismatch in mismatches {
        text.push_str(&format!(
            "\n      {}\n        expected  {}\n        seen      {}",
            mismatch.field, mismatch.expected, mismatch.seen
        ));
    }
    Some(text)
}

fn read_dir(dir: &Path) -> Result<Vec<(String, String)>, u8> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| {
        eprintln!("error: failed to read {}: {error}", path.display());
        exit::USAGE
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| failed(dir, &error))? {
        let path = entry.map_err(|error| failed(dir, &error))?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let text = fs::read_to_string(&path).map_err(|error| failed(&path, &error))?;
            files.push((path.to_string_lossy().into_owned(), text));
        }
    }
    files.sort();
    Ok(files)
}
