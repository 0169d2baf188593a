//! The peer under test: dialled, waited for, or the reference started for it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use syncspec::{
    report::saved::PeerAddress,
    runner::{self, Caller, FIRST_CALL_WAIT, Job, Looks, Switchboard},
    scenario::model::Scenario,
    wire::{Role, RpcProtocol},
};

use super::RunArgs;
use crate::cli::{
    exit,
    provision::{client_contacts, provision_for},
};

/// One role of the peer under test, and what is spoken with it there.
pub struct Part {
    pub role: Role,
    pub protocols: &'static [RpcProtocol],
}

impl RunArgs {
    /// The roles that are asked for: those that can be reached, unless said otherwise.
    pub fn parts(&self) -> Result<Vec<Part>, u8> {
        let reachable: &[Role] = match (&self.target, self.listen) {
            (Some(_), None) => &[Role::Responder],
            (None, Some(_)) => &[Role::Initiator],
            (Some(_), Some(_)) | (None, None) => &[Role::Responder, Role::Initiator],
        };
        let roles = self.select.roles().unwrap_or(reachable);
        if let Some(role) = roles.iter().find(|role| !reachable.contains(role)) {
            eprintln!(
                "error: nothing says where the {role} is: {}",
                match role {
                    Role::Responder => "give its URL with --target",
                    Role::Initiator => "give an address where it finds us with --listen",
                }
            );
            return Err(exit::USAGE);
        }
        let part = |role: &Role| Part {
            role: *role,
            protocols: match (role, self.listen) {
                (Role::Initiator, Some(_)) => self.select.client_protocols(),
                _ => self.select.protocols(),
            },
        };
        Ok(roles.iter().map(part).collect())
    }
}

/// How the peer under test is reached.
pub struct Peer {
    /// `url`, `client` or `reference`.
    pub kind: &'static str,
    /// What it is called in reports.
    pub name: String,
    /// Its URL, where it is a host.
    pub url: String,
    pub switchboard: Option<Arc<Switchboard>>,
    /// What looks inside the reference; inside others, what the arguments say.
    pub looks: Looks,
    host: PeerAddress,
    client: PeerAddress,
}

impl Peer {
    /// How a case against that role is played again.
    pub fn address_of(&self, role: Role) -> PeerAddress {
        match role {
            Role::Responder => self.host.clone(),
            Role::Initiator => self.client.clone(),
        }
    }

    /// Starts what is to be started, and listens where the peer is to call.
    pub async fn reach(args: &RunArgs, parts: &[&Part], jobs: &[Job]) -> Result<Peer, u8> {
        let is_reference = args.target.is_none() && args.listen.is_none();
        let plays = |role: Role| parts.iter().any(|part| part.role == role);
        let mut looks = Looks::default();
        let url = match &args.target {
            Some(url) => url.clone(),
            None if is_reference && plays(Role::Responder) => {
                let started = runner::start_reference(&provision_for(jobs)).await;
                let reference = started.map_err(failed)?;
                looks = reference.looks;
                reference.url
            }
            None => String::new(),
        };
        let switchboard = match args.listen {
            _ if !plays(Role::Initiator) => None,
            Some(address) => {
                let contacts = client_contacts(args.select.client_protocols());
                let cases = jobs.iter().map(|job| &*job.scenario);
                let cases = cases.filter(|case| case.role == Role::Initiator);
                Some(wait_for_client(address, cases.chain(&contacts)).await?)
            }
            None => Some(reference_calls().await?),
        };
        let name = match (&args.target, args.listen) {
            (Some(url), None) => url.clone(),
            (None, Some(address)) => format!("a client that calls {address}"),
            (Some(url), Some(address)) => format!("{url}, which calls {address}"),
            (None, None) if url.is_empty() => "the reference client".to_owned(),
            (None, None) => url.clone(),
        };
        Ok(Peer {
            kind: match (is_reference, &args.target) {
                (true, _) => "reference",
                (false, Some(_)) => "url",
                (false, None) => "client",
            },
            name,
            url,
            switchboard: switchboard.map(Arc::new),
            looks,
            host: match &args.target {
                Some(url) => PeerAddress::Url {
                    url: url.clone(),
                    tls_ca: args.tls_ca.clone(),
                },
                None => PeerAddress::Reference,
            },
            client: match args.listen {
                Some(listen) => PeerAddress::Calls { listen },
                None => PeerAddress::Reference,
            },
        })
    }
}

/// Where the reference client, a fresh one for each case, calls.
pub async fn reference_calls() -> Result<Switchboard, u8> {
    let client = Caller::Reference(Box::default());
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Switchboard::open(address, client).await.map_err(failed)
}

/// Listens for a client that somebody starts, and says what to do.
pub async fn wait_for_client<'a>(
    address: SocketAddr,
    cases: impl Iterator<Item = &'a Scenario>,
) -> Result<Switchboard, u8> {
    let switchboard = Switchboard::open(address, Caller::Outside).await;
    // A port that is taken, or an address that is not ours, is for the user to change.
    let switchboard = switchboard.map_err(|error| {
        eprintln!("error: failed to {error}");
        exit::USAGE
    })?;
    switchboard.expect(cases).map_err(failed)?;
    println!(
        "waiting {} s for the client: give it the output of `syncspec provision --role initiator --listen {address}`, then \
         start it",
        FIRST_CALL_WAIT.as_secs()
    );
    Ok(switchboard)
}

fn failed(error: impl std::fmt::Display) -> u8 {
    eprintln!("error: failed to {error}");
    exit::SUITE
}
