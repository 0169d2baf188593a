//! The claim that no single case makes: that the peer's process lives as long as the run.

use crate::{
    scenario::{
        fixtures::Fixtures,
        model::{Given, Location, Profile, Scenario},
        survives,
    },
    wire::{Role, RpcProtocol},
};

/// Id of the case, which no file has.
const ID: &str = "peer/outlives-the-run";

/// The case that a crash stands under which no case of the run causes by itself.
pub fn outlives_scenario(role: Role) -> Scenario {
    let given = Given::default();
    Scenario {
        id: ID.to_owned(),
        about: "The peer's process lives as long as the run.".to_owned(),
        rules: vec![survives(role)],
        role,
        profile: Profile::Smoke,
        alone: false,
        fixtures: Fixtures::for_case(ID, role, RpcProtocol::Connect, &given),
        given,
        deviate: Vec::new(),
        steps: Vec::new(),
        location: Location {
            file: ID.to_owned(),
            line: 1,
            column: 1,
        },
    }
}
