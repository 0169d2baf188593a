//! Waiting for a client: we are the host that it is to dial.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{Instant, timeout, timeout_at},
};

use super::meet::meet;
use crate::{
    actor::Entropy,
    crypto::{
        identity::{Identity, KeyPolicy},
        kem::KemId,
    },
    net::{self, LinkError, LinkLimits, Listener, Route},
    scenario::fixtures,
    session::Local,
    target::{
        doctor::{
            Diagnosis, Listening, diagnose_client,
            seen::{ClientCall, ClientSeen, NotListening, Stray},
        },
        provision::HOST_INSTANCE_ID,
    },
};

/// How long a client is waited for, unless told otherwise: deployed ones dial again after a minute.
pub const DIALLED_WAIT: Duration = Duration::from_secs(90);
/// How long something better is waited for, once a caller came that did it wrong: a client that is set up right dials at
/// the same moment.
const BETTER_WAIT: Duration = Duration::from_secs(2);
/// How long a second caller is waited for, once a session stands: two clients with one identity that start together.
const AGAIN_WAIT: Duration = Duration::from_secs(1);

/// What came in place of a call is kept so far; the last of it tells most, and all of one client is alike.
const STRAYS_KEPT_MAX: usize = 1000;

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
        client: None,
        protocol: None,
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
    let local = Local {
        kem_id: options.kem_id,
        key_policy: KeyPolicy::Deployed,
        ..Local::new(identity, HOST_INSTANCE_ID)
    };
    let seen = wait(options, &local, route, strays).await;
    diagnose_client(&listening, &seen)
}

pub(in crate::runner) fn not_listening(error: &LinkError) -> NotListening {
    NotListening {
        taken: matches!(error, LinkError::ListenFailed { taken: true, .. }),
        seen: error.to_string(),
    }
}

/// Waits for a call, or for what is none: the first call, then whether the same client makes another beside it.
async fn wait(
    options: &ListenOptions,
    local: &Local,
    mut route: Route,
    mut strays: mpsc::Receiver<net::Stray>,
) -> ClientSeen {
    let call = timeout(options.wait, route.accept());
    let (call, strays) = called_or_not(call, &mut strays, BETTER_WAIT).await;
    let mut seen = ClientSeen {
        waited: options.wait,
        strays,
        ..ClientSeen::default()
    };
    let Some(Ok(Some(mut link))) = call else {
        return seen;
    };
    let entropy = Entropy::new(options.seed, "doctor/listen");
    let mut call = meet(&mut link, local, &entropy, "first").await;
    if call.went_on
        && let Ok(Some(mut again)) = timeout(AGAIN_WAIT, route.accept()).await
    {
        let second = meet(&mut again, local, &entropy, "second").await;
        let keyid = |call: &ClientCall| call.client.as_ref().map(|client| client.keyid.clone());
        call.came_again = keyid(&second).is_some() && keyid(&second) == keyid(&call);
    }
    seen.call = Some(call);
    seen
}

/// Waits for a call, and notes what comes in its place. Once something has, and then nothing more for `quiet`, no call is
/// waited for any longer.
pub(in crate::runner) async fn called_or_not<T>(
    call: impl Future<Output = T>,
    strays: &mut mpsc::Receiver<net::Stray>,
    quiet: Duration,
) -> (Option<T>, Vec<Stray>) {
    let mut seen = Vec::new();
    let mut until = None;
    tokio::pin!(call);
    loop {
        tokio::select! {
            biased;
            call = &mut call => return (Some(call), seen),
            stray = next_stray(strays, until) => match stray {
                Some(stray) => {
                    if seen.len() < STRAYS_KEPT_MAX {
                        seen.push(stray_of(stray));
                    }
                    until = Some(Instant::now() + quiet);
                }
                None => return (None, seen),
            },
        }
    }
}

/// The next stray; none at that time, which without one never comes.
async fn next_stray(
    strays: &mut mpsc::Receiver<net::Stray>,
    until: Option<Instant>,
) -> Option<net::Stray> {
    let stray = async {
        match strays.recv().await {
            Some(stray) => stray,
            // The listener is gone, which whoever waits for the call hears.
            None => std::future::pending().await,
        }
    };
    match until {
        Some(until) => timeout_at(until, stray).await.ok(),
        None => Some(stray.await),
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
