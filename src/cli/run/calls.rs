//! Waiting for a client that somebody else starts.

use std::time::Duration;

use syncspec::{
    net::LinkError,
    runner::{Caller, NotReached, NotStarted, Switchboard},
    scenario::model::Scenario,
    wire::Role,
};

use super::{super::exit, not_reached};

/// Why a client that somebody else starts cannot be waited for.
pub enum NoCalls {
    /// A mistake in the set-up.
    NotReached(Box<NotReached>),
    /// A fault of the suite's own.
    NoPath(LinkError),
}

impl NoCalls {
    /// Prints it; the code to exit with.
    pub fn print(&self) -> u8 {
        match self {
            NoCalls::NotReached(why) => {
                eprintln!("error: no case was played: {}", not_reached(why, ""));
                exit::NOT_JUDGED
            }
            NoCalls::NoPath(error) => {
                eprintln!("error: failed to {error}");
                exit::SUITE
            }
        }
    }
}

/// Listens for a client that somebody starts, and says what to do. Its first call may take so long.
pub async fn wait_for_client<'a>(
    address: &str,
    wait: Duration,
    cases: impl Iterator<Item = &'a Scenario>,
) -> Result<Switchboard, NoCalls> {
    let switchboard = Switchboard::open(address, Caller::Outside(wait)).await;
    let switchboard = switchboard.map_err(|error| {
        let why = NotStarted::not_listening(&error);
        NoCalls::NotReached(Box::new(NotReached::not_started(Role::Initiator, why)))
    })?;
    switchboard.expect(cases).map_err(NoCalls::NoPath)?;
    let address = switchboard.address();
    println!(
        "waiting {} s for the client: give it the output of `syncspec provision --role initiator --listen {address}`, then \
         start it",
        wait.as_secs_f64()
    );
    Ok(switchboard)
}
