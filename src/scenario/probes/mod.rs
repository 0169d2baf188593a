//! Cases that try what a target file says of a peer's capabilities: one where it has it, one where it lacks it.
//!
//! They are no claims about the protocol, so they are in no catalogue and no list; a run takes those that its target
//! file calls for.

use super::{CaseTemplate, load::load_files_of, load_error::LoadError};
use crate::rules::Capability;

/// Where they stand.
const ROOT: &str = "src/scenario/probes/";
/// First part of their ids.
const FOLDER: &str = "capability";

const FILES: &[(&str, &str)] = &[
    ("logs-on", include_str!("logs-on.yaml")),
    ("logs-off", include_str!("logs-off.yaml")),
    ("throttle-on", include_str!("throttle-on.yaml")),
    ("throttle-off", include_str!("throttle-off.yaml")),
    ("pairing-on", include_str!("pairing-on.yaml")),
    ("pairing-off", include_str!("pairing-off.yaml")),
    ("state-service-on", include_str!("state-service-on.yaml")),
    ("state-service-off", include_str!("state-service-off.yaml")),
    (
        "operations-provisioned-on",
        include_str!("operations-provisioned-on.yaml"),
    ),
    (
        "operations-provisioned-off",
        include_str!("operations-provisioned-off.yaml"),
    ),
];

/// The case that tries whether a peer has a capability (`on`), or lacks it; none for those that follow from something
/// else that a target file says.
pub fn probe_of(capability: Capability, on: bool) -> Option<CaseTemplate> {
    let id = id_of(capability, on);
    // A test reads them all.
    let probes = load_probes().unwrap_or_default();
    probes.into_iter().find(|probe| probe.id() == id)
}

/// All of them.
///
/// # Errors
/// What is wrong in any of them; a test keeps that from being released.
pub fn load_probes() -> Result<Vec<CaseTemplate>, Vec<LoadError>> {
    let file = |(name, text): &(&str, &str)| {
        let path = format!("{FOLDER}/{name}.yaml");
        (path, text.as_bytes().to_vec())
    };
    load_files_of(ROOT, FILES.iter().map(file).collect())
}

/// Whether a case is one of them.
pub fn is_probe(id: &str) -> bool {
    id.split('/').next() == Some(FOLDER)
}

/// The id of the case that tries this.
pub fn id_of(capability: Capability, on: bool) -> String {
    format!("{FOLDER}/{capability}-{}", if on { "on" } else { "off" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_capability_that_can_be_declared_then_tried_both_ways() {
        let probes = load_probes().unwrap_or_else(|errors| {
            let errors: Vec<_> = errors.iter().map(LoadError::render).collect();
            panic!("{}", errors.join("\n"))
        });
        let declared = Capability::ALL
            .iter()
            .filter(|capability| capability.follows_from().is_none());
        let mut count = 0;
        for capability in declared {
            for on in [true, false] {
                let id = id_of(*capability, on);
                assert!(probe_of(*capability, on).is_some(), "{id}");
                assert!(is_probe(&id));
                count += 1;
            }
        }
        assert_eq!(probes.len(), count);
    }
}
