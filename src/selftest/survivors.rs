//! Why a defect that nothing catches is left at that.

use crate::{
    lapses::{Defect, Lapse},
    wire::Role,
};

/// The reason, where there is one: that of the rule, which no case can show, or one of the defect's own.
pub fn reason(defect: Defect) -> Option<&'static str> {
    let own = REASONS
        .iter()
        .find(|(lapse, role, _)| *lapse == defect.lapse && *role == defect.role)
        .map(|(.., reason)| *reason);
    own.or(defect.lapse.rule().rule().untestable)
}

#[rustfmt::skip]
const REASONS: &[(Lapse, Role, &str)] = &[
    (Lapse::KeyWaitedForForEver, Role::Responder, "No text says how long a host may wait for a key, and deployed ones do not give up."),
    (Lapse::LowOrderKeyAccepted, Role::Initiator, "A client takes one key id only, which is a hash of the key's 32 bytes, and no honest host has a key of low order, or one with a second spelling."),
    (Lapse::ConfigModnoZero, Role::Responder, "A host's first config may have modno 0, and no provision names another."),
];
