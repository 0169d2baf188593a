//! The vectors, a trial for each test; and proof that the checks are not blind: one changed digit in any expected value
//! turns its test red, and whatever a file holds that is unknown is an error.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod flip;
mod loader;

use std::{fs, path::Path, process::ExitCode, sync::Arc};

use libtest_mimic::{Arguments, Trial};
use syncspec::vectors::{RunError, Test, VectorSet, load};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let set = match load(files()) {
        Ok(set) => Arc::new(set),
        Err(errors) => {
            errors.iter().for_each(|error| eprintln!("{error}"));
            return ExitCode::FAILURE;
        }
    };
    let mut trials = vector_trials(&set);
    trials.extend(flip::trials(&set));
    trials.extend(loader::trials(&set));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn files() -> Vec<(String, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut paths: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths
        .iter()
        .map(|path| (name(path), fs::read_to_string(path).unwrap()))
        .collect()
}

fn vector_trials(set: &Arc<VectorSet>) -> Vec<Trial> {
    let trial = |test: Test<'_>| {
        let (set, id) = (Arc::clone(set), test.id().to_owned());
        let stem = test.file().trim_end_matches(".json");
        Trial::test(format!("{stem}/{id}"), move || {
            set.test(&id)
                .unwrap()
                .run()
                .map_err(|found| RunError::Mismatches(found).into())
        })
    };
    set.tests().map(trial).collect()
}
