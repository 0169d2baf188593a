//! Why a defect that nothing catches is left at that.

use crate::{
    lapses::{Defect, Lapse},
    wire::Role,
};

/// The reason, where there is one.
pub fn reason(defect: Defect) -> Option<&'static str> {
    REASONS
        .iter()
        .find(|(lapse, role, _)| *lapse == defect.lapse && *role == defect.role)
        .map(|(.., reason)| *reason)
}

const REASONS: &[(Lapse, Role, &str)] = &[];
