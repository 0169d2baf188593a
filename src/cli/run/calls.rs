//! Waiting for a client that somebody else starts.

use syncspec::{
    runner::{Caller, FIRST_CALL_WAIT, Switchboard},
    scenario::model::Scenario,
};

use super::super::exit;

/// Listens for a client that somebody starts, and says what to do.
pub async fn wait_for_client<'a>(
    address: &str,
    cases: impl Iterator<Item = &'a Scenario>,
) -> Result<Switchboard, u8> {
    let switchboard = Switchboard::open(address, Caller::Outside).await;
    // A port that is taken, or an address that is not ours, is for the user to change.
    let switchboard = switchboard.map_err(|error| {
        eprintln!("error: failed to {error}");
        exit::USAGE
    })?;
    switchboard.expect(cases).map_err(|error| {
        eprintln!("error: failed to {error}");
        exit::SUITE
    })?;
    println!(
        "waiting {} s for the client: give it the output of `syncspec provision --role initiator --listen {address}`, then \
         start it",
        FIRST_CALL_WAIT.as_secs()
    );
    Ok(switchboard)
}
