//! All cases of the suite: those in files, and those that follow from the model.

use super::{boundaries, matrix, operations, permissions};
use crate::scenario::{CaseTemplate, builtin::load_builtin, load_error::LoadError};

/// Every case, in the order of ids.
///
/// # Errors
/// All that is wrong in any file; a test keeps that from being released.
pub fn load_catalogue() -> Result<Vec<CaseTemplate>, Vec<LoadError>> {
    let mut cases = load_builtin()?;
    cases.extend(generated()?);
    cases.sort_by(|left, right| left.id().cmp(right.id()));
    Ok(cases)
}

/// The cases that follow from the model.
///
/// # Errors
/// What is wrong with any, which is the suite's own fault; a test keeps that from being released.
pub fn generated() -> Result<Vec<CaseTemplate>, Vec<LoadError>> {
    let cases = matrix::cases()
        .chain(permissions::cases())
        .chain(operations::cases())
        .chain(boundaries::cases());
    cases
        .map(|(id, file)| CaseTemplate::generated(&id, &file))
        .collect()
}
