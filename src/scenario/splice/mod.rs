//! Cases that stand between a host and a client under test, once as either: what one sends us is passed on to the other.
//!
//! Each is a case for a host and one for a client, and neither can be played without the other, so they are in no
//! catalogue; a run that has both peers plays them. We answer and call in the names of the two, whose keys come with their
//! provision: so the same dialogue with a signature of ours in place of one that is passed on would be a regular session.

use super::{
    CaseTemplate,
    fixtures::{CLIENT_INSTANCE_ID, HOST_INSTANCE_ID, PEER, seed_of},
    load::load_files_of,
    load_error::LoadError,
    model::Scenario,
};
use crate::wire::{Role, RpcProtocol};

/// Where they stand.
const ROOT: &str = "src/scenario/splice/";
/// First part of their ids.
const FOLDER: &str = "security";

const FILES: &[(&str, &str)] = &[(
    "security/man-in-the-middle.yaml",
    include_str!("security/man-in-the-middle.yaml"),
)];

/// All of them; their identities are ours until [`leg`] makes them those of the peers.
///
/// # Errors
/// What is wrong in any of them; a test keeps that from being released.
pub fn load_spliced() -> Result<Vec<CaseTemplate>, Vec<LoadError>> {
    let file = |(path, text): &(&str, &str)| ((*path).to_owned(), text.as_bytes().to_vec());
    load_files_of(ROOT, FILES.iter().map(file).collect())
}

/// Whether a case is one of them.
pub fn is_spliced(id: &str) -> bool {
    id.split('/').next() == Some(FOLDER)
}

/// The case as it is played against the peer in that role, in the name of the other; `None` where it is not for that role.
pub fn leg(template: &CaseTemplate, role: Role, protocol: RpcProtocol) -> Option<Scenario> {
    let mut scenario = template.instantiate(role, protocol)?;
    let identities = scenario.fixtures.identities.iter_mut();
    for identity in identities.filter(|identity| identity.name == PEER) {
        let (instance_id, seed) = match role {
            Role::Responder => (CLIENT_INSTANCE_ID, seed_of("client")),
            Role::Initiator => (HOST_INSTANCE_ID, seed_of("host")),
        };
        instance_id.clone_into(&mut identity.instance_id);
        identity.seed = seed;
    }
    Some(scenario)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_then_for_both_roles_and_in_the_name_of_the_other() {
        let cases = load_spliced().unwrap_or_else(|errors| {
            let errors: Vec<_> = errors.iter().map(LoadError::render).collect();
            panic!("{}", errors.join("\n"))
        });
        assert_eq!(cases.len(), FILES.len());
        for case in cases {
            assert!(is_spliced(case.id()), "{}", case.id());
            for (role, name) in [
                (Role::Responder, CLIENT_INSTANCE_ID),
                (Role::Initiator, HOST_INSTANCE_ID),
            ] {
                let leg = leg(&case, role, RpcProtocol::Connect).expect("for both");
                let peer = leg.fixtures.identity(PEER).expect("an identity");
                assert_eq!(peer.instance_id, name);
            }
        }
    }
}
