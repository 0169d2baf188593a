//! The suite's own scenarios, part of the binary.

use super::{CaseTemplate, load::load_files_of, load_error::LoadError};

const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/scenarios.rs"));
/// Folder they come from.
const ROOT: &str = "scenarios/";

/// Loads them.
///
/// # Errors
/// All that is wrong in any of them; a test keeps that from being released.
pub fn load_builtin() -> Result<Vec<CaseTemplate>, Vec<LoadError>> {
    load_files_of(
        ROOT,
        FILES
            .iter()
            .filter_map(|(path, text)| {
                let path = path.strip_prefix(ROOT)?;
                // Lists of known failures, which are no scenarios.
                if path.starts_with("known-failing/") {
                    return None;
                }
                Some((path.to_owned(), text.as_bytes().to_vec()))
            })
            .collect(),
    )
}
