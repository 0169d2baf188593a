//! Waiting for a client that somebody else starts.

use std::time::Duration;

use syncspec::{
    runner::{Caller, NotStarted, Switchboard},
    scenario::model::Scenario,
    target::doctor::Diagnosis,
    wire::Role,
};

use super::super::{doctor, exit};

/// Listens for a client that somebody starts, and says what to do. Its first call may take so long.
pub async fn wait_for_client<'a>(
    address: &str,
    wait: Duration,
    cases: impl Iterator<Item = &'a Scenario>,
) -> Result<Switchboard, u8> {
    let switchboard = Switchboard::open(address, Caller::Outside(wait)).await;
    let switchboard = switchboard.map_err(|error| {
        let why = NotStarted::not_listening(&error);
        let diagnosis = Diagnosis::not_begun(Role::Initiator, why.check);
        eprintln!(
            "error: no case was played: the client has nobody to dial\n\n{}",
            doctor::text(&diagnosis)
        );
        exit::NOT_JUDGED
    })?;
    switchboard.expect(cases).map_err(|error| {
        eprintln!("error: failed to {error}");
        exit::SUITE
    })?;
    let address = switchboard.address();
    println!(
        "waiting {} s for the client: give it the output of `syncspec provision --role initiator --listen {address}`, then \
         start it",
        wait.as_secs_f64()
    );
    Ok(switchboard)
}
