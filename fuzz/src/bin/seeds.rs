//! Writes the seeds of every fuzz target, or of those named, below a folder: `seeds [--corpus DIR] [TARGET..]`.

use std::{path::PathBuf, process::ExitCode};

use syncspec_fuzz::targets::{TARGETS, Target, find};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let mut corpus = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus"));
    let mut names = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--corpus" => {
                corpus = arguments
                    .next()
                    .ok_or("expected a folder behind --corpus")?
                    .into()
            }
            name => names.push(name.to_owned()),
        }
    }
    let chosen: Vec<&Target> = match names.is_empty() {
        true => TARGETS.iter().collect(),
        false => names
            .iter()
            .map(|name| known(name))
            .collect::<Result<_, _>>()?,
    };
    for target in chosen {
        let folder = corpus.join(target.name);
        let written = target.write_seeds(&folder);
        let count =
            written.map_err(|error| format!("failed to write {}: {error}", folder.display()))?;
        println!("{:<16} {} seeds", target.name, count);
    }
    Ok(())
}

fn known(name: &str) -> Result<&'static Target, String> {
    find(name).ok_or_else(|| {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        format!(
            "no target is called `{name}`; known here: {}",
            names.join(", ")
        )
    })
}
