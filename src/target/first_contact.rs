//! The case that is never judged: the client by which the set-up is checked before any other, and that every provision
//! holds therefore.

use crate::{
    rules::RuleId,
    scenario::{
        fixtures::Fixtures,
        model::{Establish, Given, Location, Nothing, Profile, Scenario, Step, Verb},
    },
    wire::{Role, RpcProtocol},
};

/// Name of the case, and so of the identity it is provisioned with.
const ID: &str = "first-contact";

/// A known client with a session that serves.
pub fn scenario(link: RpcProtocol) -> Scenario {
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
        about: "A known client gets a session that serves.".to_owned(),
        rules: vec![RuleId::ResponderSurvives],
        role: Role::Responder,
        profile: Profile::Smoke,
        alone: false,
        fixtures: Fixtures::for_case(ID, Role::Responder, link, &given),
        given,
        deviate: Vec::new(),
        steps: vec![
            step(Verb::Establish(Establish::default())),
            step(Verb::ExpectEstablished(Nothing {})),
        ],
        location: location.clone(),
    }
}
