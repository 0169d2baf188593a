//! The case that is never judged: the other side by which the set-up is checked before any other case, and that every
//! provision holds therefore. What the check makes of the session is [`super::doctor`]'s to say.

use crate::{
    scenario::{
        fixtures::Fixtures,
        model::{Establish, Given, Location, Nothing, Profile, Scenario, Step, Verb},
        survives,
    },
    wire::{Role, RpcProtocol},
};

/// Name of the case, and so of the identity it is provisioned with.
const ID: &str = "first-contact";

/// The case: a known other side with a session that serves.
pub fn scenario(role: Role, link: RpcProtocol) -> Scenario {
    let given = Given::default();
    let location = Location {
        file: ID.to_owned(),
        line: 1,
        column: 1,
    };
    let step = |verb| Step {
        verb,
        on: None,
        deviate: Vec::new(),
        within: None,
        rule: None,
        location: location.clone(),
    };
    Scenario {
        id: ID.to_owned(),
        about: "A session with a known other side serves.".to_owned(),
        rules: vec![survives(role)],
        role,
        profile: Profile::Smoke,
        alone: false,
        fixtures: Fixtures::for_case(ID, role, link, &given),
        given,
        deviate: Vec::new(),
        steps: vec![
            step(Verb::Establish(Establish::default())),
            step(Verb::ExpectEstablished(Nothing {})),
        ],
        location: location.clone(),
    }
}
