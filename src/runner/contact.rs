//! The first contact: before any case, whether the peer can be judged at all, and how fast it answers. It tells a mistake
//! in the set-up from a defect of the peer, so that no rule is blamed for a wrong port.

use std::time::Duration;

use super::{
    RunOptions,
    doctor::{self, called_or_not, meet},
    switchboard::NotCalled,
};
use crate::{
    crypto::identity::{Identity, KeyPolicy},
    scenario::fixtures::{self, CLIENT_INSTANCE_ID},
    session::Local,
    target::{
        contact_scenario,
        doctor::{
            Diagnosis, Listening, Provisioned, Wanted, diagnose_client, not_listening,
            seen::{ClientCall, ClientSeen, NotListening, Stop},
        },
    },
    trace::{LinkFailure, Stage},
    wire::{Role, RpcProtocol},
};

/// How long nothing may come any more of a client that has dialled other paths only: one that was set up right dials all
/// its hosts at once, on a machine that has other things to do.
const QUIET_WAIT: Duration = Duration::from_secs(10);

/// Has one honest session over each protocol.
pub async fn contact(options: &RunOptions, role: Role, protocols: &[RpcProtocol]) -> Diagnosis {
    match role {
        Role::Responder => check_host(options, protocols, true).await,
        Role::Initiator => {
            let mut diagnosis: Option<Diagnosis> = None;
            for protocol in protocols {
                // One that is said to speak several chooses one of them, mostly, and is called by each name.
                let spoken = (protocols.len() == 1).then_some(*protocol);
                let further = check_client(options, *protocol, spoken).await;
                diagnosis = Some(match diagnosis {
                    Some(before) => before.and(further),
                    None => further,
                });
                if diagnosis.as_ref().is_some_and(|it| it.mistake().is_some()) {
                    break;
                }
            }
            diagnosis.unwrap_or_default()
        }
    }
}

/// Has one honest session with a host over each protocol, at once. `clock_must_agree` says whether its clock is looked at
/// too, which no session depends on.
pub(super) async fn check_host(
    options: &RunOptions,
    protocols: &[RpcProtocol],
    clock_must_agree: bool,
) -> Diagnosis {
    let tried = doctor::DoctorOptions {
        url: options.url.clone(),
        tls_roots: options.tls_roots.clone(),
        protocols: protocols.to_vec(),
        state_headers: Vec::new(),
        thorough: false,
        watch: None,
        seed: options.seed,
    };
    let wanted = Wanted {
        protocols: protocols.to_vec(),
        kem_id: options.kem_id,
        keyid: None,
        provisioned: Provisioned::Required,
        clock_must_agree,
    };
    doctor::examine(&tried, &wanted).await
}

/// Waits for a client to dial the host of the first contact, and has one honest session with it.
async fn check_client(
    options: &RunOptions,
    protocol: RpcProtocol,
    spoken: Option<RpcProtocol>,
) -> Diagnosis {
    let scenario = contact_scenario(Role::Initiator, protocol);
    let (Some(us), Some(switchboard)) = (
        scenario.fixtures.identity(fixtures::PEER),
        &options.switchboard,
    ) else {
        let nobody = NotListening {
            taken: false,
            seen: "no client can dial: nothing listens".to_owned(),
        };
        return Diagnosis::not_begun(Role::Initiator, not_listening(&nobody));
    };
    let local = Local {
        kem_id: options.kem_id,
        key_policy: KeyPolicy::Deployed,
        ..Local::new(Identity::from_seed(&us.seed), us.instance_id.clone())
    };
    let listening = Listening {
        url: switchboard.url_of(us),
        keyid: local.identity.keyid().to_owned(),
        instance_id: local.instance_id.clone(),
        kem_id: options.kem_id,
        client: Some(CLIENT_INSTANCE_ID),
        protocol: spoken,
    };
    let waited = switchboard.wait();
    let mut strays = switchboard.strays().await;
    let calls = switchboard.calls_for(&scenario, protocol);
    let (calls, strays) = called_or_not(calls, &mut strays, QUIET_WAIT).await;
    let mut seen = ClientSeen {
        waited,
        strays,
        ..ClientSeen::default()
    };
    let taken = match calls {
        Some(Ok(mut calls)) => Some(calls.take(&us.name).await.map(|link| (calls, link))),
        Some(Err(NotCalled::Paths(_))) | None => None,
        Some(Err(error)) => Some(Err(LinkFailure {
            stage: Stage::Call,
            seen: error.to_string(),
        })),
    };
    match taken {
        None => {}
        Some(Ok((_calls, mut link))) => {
            let entropy = options.entropy(&scenario.id, protocol);
            seen.call = Some(meet(&mut link, &local, &entropy, "first").await);
            // A peer that was set up for more than is played dials more than is listened for.
            seen.strays.clear();
        }
        Some(Err(failure)) => {
            let stop = Some(Stop::NotOpened { seen: failure.seen });
            seen.call = Some(ClientCall {
                stop,
                ..ClientCall::new(protocol)
            });
        }
    }
    diagnose_client(&listening, &seen)
}
