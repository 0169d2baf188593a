//! `syncspec fuzz merge`: the folders of several campaigns as one.

use std::{fs, path::PathBuf};

use super::folder::{Folder, PARTS, put};
use crate::cli::exit;

#[derive(clap::Args)]
pub struct MergeArgs {
    /// Folder to add to
    #[arg(value_name = "INTO")]
    into: PathBuf,
    /// Folders to take from
    #[arg(value_name = "FROM", required = true)]
    from: Vec<PathBuf>,
}

/// Files are named by what they hold, or what they found: what is there already stays.
pub fn merge(args: &MergeArgs) -> Result<u8, u8> {
    let into = Folder::open(&args.into)?;
    let failed = |path: &std::path::Path, why: &dyn std::fmt::Display| {
        eprintln!("error: failed to read {}: {why}", path.display());
        exit::USAGE
    };
    for folder in &args.from {
        let mut taken = [0_usize; PARTS.len()];
        for (part, taken) in PARTS.iter().zip(&mut taken) {
            let from = folder.join(part);
            let entries = fs::read_dir(&from).map_err(|error| failed(&from, &error))?;
            for entry in entries {
                let entry = entry.map_err(|error| failed(&from, &error))?;
                let to = into.path().join(part).join(entry.file_name());
                if to.exists() || !entry.path().is_file() {
                    continue;
                }
                let text = fs::read_to_string(entry.path());
                let text = text.map_err(|error| failed(&entry.path(), &error))?;
                put(&to, &text).map_err(|error| {
                    eprintln!("error: {error}");
                    exit::SUITE
                })?;
                *taken += 1;
            }
        }
        println!(
            "{}: {} dialogues, {} variations and {} findings that were not there",
            folder.display(),
            taken[0],
            taken[1],
            taken[2]
        );
    }
    // What cannot be read as a dialogue is told now rather than by the next campaign.
    into.dialogues(None)?;
    into.variations(None)?;
    Ok(exit::CONFORMS)
}
