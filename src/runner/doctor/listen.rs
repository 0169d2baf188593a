//! Waiting for a client: we are the host that it is to dial.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout, timeout_at},
};

use super::ANSWER_WAIT;
use crate::{
    actor::Entropy,
    crypto::{
        identity::{Identity, KeyPolicy},
        kem::{EncapsulationRandomness, KemId},
    },
    lapses::Lapses,
    net::{self, Link, LinkError, LinkEvent, LinkLimits, Listener, OutFrame, Route},
    rules::RuleId,
    runner::drive::end_of,
    scenario::fixtures,
    session::{Deadlines, Input, Local, Output, ResponderParams, Session, StepError, Violation},
    target::{
        doctor::{
            Diagnosis, Listening, diagnose_client,
            seen::{AfterHalfClose, ClientCall, ClientSeen, NotListening, Stop, Stray},
        },
        provision::HOST_INSTANCE_ID,
    },
    wire::{SyncStreamItem, decode},
};

/// How long a client is waited for, unless told otherwise: deployed ones dial again after a minute.
pub const DIALLED_WAIT: Duration = Duration::from_secs(90);
/// How long something better is waited for, once a caller came that did it wrong: a client that is set up right dials at
/// the same moment.
const BETTER_WAIT: Duration = Duration::from_secs(2);
/// How long a second caller is waited for, once a session stands: two clients with one identity that start together.
const AGAIN_WAIT: Duration = Duration::from_secs(1);

/// How to listen.
#[derive(Clone, Debug)]
pub struct ListenOptions {
    /// Address to listen on, such as `127.0.0.1:9898`.
    pub address: String,
    /// Path prefix under which the client is waited for; empty for none.
    pub prefix: String,
    /// Which reading of the KEM id to follow.
    pub kem_id: KemId,
    /// How long to wait for a client.
    pub wait: Duration,
    /// Seed of our part of the key exchange.
    pub seed: u64,
}

/// Listens, and says what is likely wrong with the client. `ready` hears whom the client is to dial, once it can.
pub async fn listen(options: &ListenOptions, ready: impl FnOnce(&Listening)) -> Diagnosis {
    let identity = Identity::from_seed(&fixtures::seed_of("host"));
    let mut listening = Listening {
        url: format!("http://{}{}", options.address, options.prefix),
        keyid: identity.keyid().to_owned(),
        instance_id: HOST_INSTANCE_ID.to_owned(),
        kem_id: options.kem_id,
    };
    let bound = Listener::bind_noting(options.address.as_str(), LinkLimits::default()).await;
    let (listener, strays) = match bound {
        Ok(bound) => bound,
        Err(error) => {
            let seen = ClientSeen {
                not_listening: Some(not_listening(&error)),
                ..ClientSeen::default()
            };
            return diagnose_client(&listening, &seen);
        }
    };
    let route = match listener.route(&options.prefix) {
        Ok(route) => route,
        Err(error) => {
            let seen = ClientSeen {
                not_listening: Some(not_listening(&error)),
                ..ClientSeen::default()
            };
            return diagnose_client(&listening, &seen);
        }
    };
    listening.url = route.url().to_owned();
    ready(&listening);
    let host = Host {
        local: Local {
            identity,
            instance_id: HOST_INSTANCE_ID.to_owned(),
            kem_id: options.kem_id,
            key_policy: KeyPolicy::Deployed,
            deadlines: Deadlines::default(),
            lapses: Lapses::NONE,
        },
        entropy: Entropy::new(options.seed, "doctor/listen"),
    };
    let seen = host.wait(options, route, strays).await;
    diagnose_client(&listening, &seen)
}

fn not_listening(error: &LinkError) -> NotListening {
    NotListening {
        taken: matches!(error, LinkError::ListenFailed { taken: true, .. }),
        seen: error.to_string(),
    }
}

struct Host {
    local: Local,
    entropy: Entropy,
}

impl Host {
    async fn wait(
        &self,
        options: &ListenOptions,
        mut route: Route,
        mut strays: mpsc::Receiver<net::Stray>,
    ) -> ClientSeen {
        let mut seen = ClientSeen {
            waited: options.wait,
            ..ClientSeen::default()
        };
        let mut until = Instant::now() + options.wait;
        let link = loop {
            tokio::select! {
                biased;
                link = timeout_at(until, route.accept()) => break link.ok().flatten(),
                Some(stray) = strays.recv() => {
                    seen.strays.push(stray_of(stray));
                    until = until.min(Instant::now() + BETTER_WAIT);
                }
            }
        };
        let Some(mut link) = link else {
            return seen;
        };
        let mut call = self.meet(&mut link, "first").await;
        if call.went_on
            && let Ok(Some(mut again)) = timeout(AGAIN_WAIT, route.accept()).await
        {
            let second = self.meet(&mut again, "second").await;
            let keyid = |call: &ClientCall| call.client.as_ref().map(|client| client.keyid.clone());
            call.came_again = keyid(&second).is_some() && keyid(&second) == keyid(&call);
        }
        seen.call = Some(call);
        seen
    }

    /// Exchanges keys and handshakes, and waits until the client goes on.
    async fn meet(&self, link: &mut Link, label: &str) -> ClientCall {
        let mut call = ClientCall {
            protocol: link.protocol(),
            keyed: false,
            client: None,
            went_on: false,
            broke: None,
            came_again: false,
            stop: None,
        };
        let params = ResponderParams {
            local: self.local.clone(),
            encapsulation: EncapsulationRandomness::from_seed(&self.entropy.bytes(label)),
        };
        let started = Instant::now();
        let (session, _) = Session::responder(params, Duration::ZERO);
        let mut session = Some(session);
        while !call.went_on {
            let Ok(event) = timeout(ANSWER_WAIT, link.next()).await else {
                call.stop = Some(Stop::Silent {
                    waited: ANSWER_WAIT,
                    then: AfterHalfClose::Nothing,
                });
                break;
            };
            match event {
                LinkEvent::Headers(_) => {}
                LinkEvent::Ended(end) => {
                    call.stop = Some(Stop::Ended(end_of(end)));
                    break;
                }
                LinkEvent::Message { payload, .. } => {
                    match Self::receive(&mut call, &mut session, &payload, started.elapsed()) {
                        Ok(items) => {
                            for item in items {
                                let message = OutFrame::Message(Bytes::from(item.encode_to_vec()));
                                // A stream that is over says so when it is read.
                                drop(link.send(message).await);
                            }
                        }
                        Err(violation) => {
                            call.broke = Some(violation);
                            break;
                        }
                    }
                }
            }
        }
        call
    }

    /// Takes one message; what is to be said in answer.
    fn receive(
        call: &mut ClientCall,
        session: &mut Option<Session>,
        payload: &[u8],
        now: Duration,
    ) -> Result<Vec<SyncStreamItem>, Violation> {
        let item = decode::item_as(payload, decode::Reading::Deployed)
            .map_err(|error| Violation::session(RuleId::WireContract, error.to_string()))?;
        let Some(before) = session.take() else {
            return Ok(Vec::new());
        };
        let (after, outputs) = match before.step(Input::Received(item), now) {
            Ok(stepped) => stepped,
            Err(StepError::Violation(violation)) => return Err(violation),
            // Only what we submit can be a misuse, and we submit nothing.
            Err(_) => return Ok(Vec::new()),
        };
        *session = Some(after);
        let mut items = Vec::new();
        for output in outputs {
            match output {
                Output::Send(item) => {
                    call.keyed = true;
                    items.push(item);
                }
                Output::PeerVerified(client) => call.client = Some(client),
                Output::Deliver(_) => call.went_on = true,
                Output::WakeAt(_) | Output::NoWake => {}
            }
        }
        Ok(items)
    }
}

fn stray_of(stray: net::Stray) -> Stray {
    match stray {
        net::Stray::Path(path) => Stray::Path(path),
        net::Stray::Method(method) => Stray::Method(method),
        net::Stray::ContentType(content_type) => Stray::ContentType(content_type),
        net::Stray::Tls => Stray::Tls,
        net::Stray::NotHttp2(line) => Stray::NotHttp2(line),
        net::Stray::NoCall => Stray::NoCall,
    }
}
