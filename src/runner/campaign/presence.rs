//! Whether the peer of a campaign is still there, and how it is had back.

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::AbortHandle;

use super::variations::Pair;
use crate::{
    campaign::{Dice, variation::Base},
    runner::{
        Caller, Peers, Source, Switchboard, crash::crash_of, gone::serves_within,
        reference::start_reference_until_aborted, starts::STATES_MAX,
    },
    scenario::model::Scenario,
    target::{contact_scenario, provision::Provision},
    wire::{Role, RpcProtocol},
};

/// How long a peer that ended is waited for: whoever supervises it starts it again, or nobody does.
pub const RETURN_WAIT: Duration = Duration::from_secs(30);
/// How often, while it is waited for, whoever wants the campaign to be over is heeded.
const STOP_LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Where the reference client calls us.
const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A future that a trait object gives.
pub type Coming<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Whether the peer is there.
pub trait Presence: Send {
    /// Whether it is known to have ended.
    fn has_ended(&self) -> bool;
    /// Whether to have it back is to start it.
    fn starts_it(&self) -> bool;
    /// What keeps it from serving, if it is there and serves nobody any more.
    fn hangs<'a>(&'a mut self, pairs: &'a [Pair]) -> Coming<'a, Option<String>>;
    /// How it ended, if it has, or what keeps it from serving.
    fn end<'a>(&'a mut self, pairs: &'a [Pair]) -> Coming<'a, Option<String>>;
    /// Has it back, with whatever it was given at first, and the reference with it.
    fn renew<'a>(&'a mut self, pairs: &'a mut [Pair]) -> Coming<'a, Result<(), String>>;
}

/// A peer within this process ends with it.
pub struct Always;

impl Presence for Always {
    fn has_ended(&self) -> bool {
        false
    }

    fn starts_it(&self) -> bool {
        false
    }

    fn hangs<'a>(&'a mut self, _: &'a [Pair]) -> Coming<'a, Option<String>> {
        Box::pin(std::future::ready(None))
    }

    fn end<'a>(&'a mut self, _: &'a [Pair]) -> Coming<'a, Option<String>> {
        Box::pin(std::future::ready(None))
    }

    fn renew<'a>(&'a mut self, _: &'a mut [Pair]) -> Coming<'a, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A peer that a command starts, or that somebody else runs.
pub struct Elsewhere<'a> {
    /// Where it comes from.
    pub peers: &'a mut Peers,
    /// Its role.
    pub role: Role,
    /// The cases that it may be given; a client that a command starts is given some of them at a time.
    pub cases: Vec<Base>,
    /// What it is given beside them, always.
    pub beside: Vec<Arc<Scenario>>,
    /// Chooses among the cases.
    pub dice: Dice,
    /// Set by whoever wants it to be over.
    pub stop: Arc<AtomicBool>,
    /// The reference host that was started beside it last: one at a time, for each holds all that the peer is given.
    pub reference_host: Option<AbortHandle>,
}

/// Cases for one start of a client, whose hosts it dials all at once: as many as it can be asked the states of.
fn some_of(all: &[Base], dice: &mut Dice) -> Vec<Arc<Scenario>> {
    let mut left: Vec<&Base> = all.iter().collect();
    let mut chosen = Vec::new();
    let mut known = 0;
    while !left.is_empty() {
        let base = left.swap_remove(dice.below(left.len()));
        known += base.scenario.fixtures.known().count();
        if known > STATES_MAX {
            break;
        }
        chosen.push(base.scenario.clone());
    }
    chosen
}

impl Elsewhere<'_> {
    /// What the next start of the peer is given.
    pub fn given(&mut self) -> Vec<Arc<Scenario>> {
        let mut given = match self.role == Role::Initiator && self.peers.can_renew() {
            true => some_of(&self.cases, &mut self.dice),
            false => self
                .cases
                .iter()
                .map(|base| base.scenario.clone())
                .collect(),
        };
        given.extend(self.beside.iter().cloned());
        given
    }

    /// The reference, given the same as the peer.
    async fn start_reference_anew(
        &mut self,
        pairs: &mut [Pair],
        given: Vec<Arc<Scenario>>,
    ) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| format!("failed to {error}");
        let reference = &mut pairs[0].reference;
        match self.role {
            Role::Responder => {
                let contacts =
                    RpcProtocol::ALL.map(|protocol| contact_scenario(Role::Responder, protocol));
                let given = given.iter().map(|case| &**case);
                let provision = Provision::for_cases(given.chain(&contacts));
                let started = start_reference_until_aborted(&provision).await;
                let (started, served) = started.map_err(|error| failed(&error))?;
                (reference.url, reference.looks) = (started.url, started.looks);
                if let Some(former) = self.reference_host.replace(served) {
                    former.abort();
                }
            }
            Role::Initiator => {
                let board = Switchboard::open(LOOPBACK, Caller::Reference(Box::default()));
                let board = board.await.map_err(|error| failed(&error))?;
                // Of the suite's own there is one for each case; others have one configuration for all that they are given.
                let beside = match self.peers.source() {
                    Source::Reference => Vec::new(),
                    _ => given,
                };
                reference.switchboard = Some(Arc::new(board.beside(beside)));
            }
        }
        Ok(())
    }

    /// Starts it for the first time, and the reference beside it.
    ///
    /// # Errors
    /// Why one of them cannot be started, in words.
    pub async fn begin(&mut self, pairs: &mut [Pair]) -> Result<(), String> {
        let given = self.given();
        let begun = self.peers.begin(self.role, &given).await;
        begun.map_err(|why| why.to_string())?;
        self.peers.renew(self.role, &given).await?;
        self.peers
            .reach(&mut pairs[0].peer, true, RpcProtocol::Connect)
            .await;
        self.start_reference_anew(pairs, given).await
    }
}

impl Presence for Elsewhere<'_> {
    fn has_ended(&self) -> bool {
        self.peers.end().is_some()
    }

    fn starts_it(&self) -> bool {
        self.peers.process().is_some()
    }

    fn hangs<'a>(&'a mut self, pairs: &'a [Pair]) -> Coming<'a, Option<String>> {
        Box::pin(async move {
            let gone = self.peers.gone(self.role)?;
            gone.look_anyway(&pairs[0].peer, RpcProtocol::Connect).await
        })
    }

    fn end<'a>(&'a mut self, pairs: &'a [Pair]) -> Coming<'a, Option<String>> {
        Box::pin(async move {
            if let Some(process) = self.peers.process()
                && let Some((how, _)) = crash_of(&process, Instant::now()).await
            {
                return Some(how);
            }
            self.hangs(pairs).await
        })
    }

    fn renew<'a>(&'a mut self, pairs: &'a mut [Pair]) -> Coming<'a, Result<(), String>> {
        Box::pin(async move {
            let given = self.given();
            if self.peers.process().is_some() {
                self.peers.renew(self.role, &given).await?;
                self.peers
                    .reach(&mut pairs[0].peer, true, RpcProtocol::Connect)
                    .await;
                return self.start_reference_anew(pairs, given).await;
            }
            if self.role == Role::Initiator {
                return Ok(());
            }
            let since = Instant::now();
            let run = &pairs[0].peer;
            while let Err(last) = serves_within(STOP_LOOK_INTERVAL, run, RpcProtocol::Connect).await
            {
                if since.elapsed() > RETURN_WAIT || self.stop.load(Ordering::Relaxed) {
                    return Err(last);
                }
            }
            self.peers.is_back();
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        campaign::variation::grounds,
        rules::Level,
        runner::{LookPlan, RunOptions, start_reference},
        target::provision::ClientProvision,
    };

    fn pair(url: &str) -> Pair {
        let run = RunOptions {
            url: url.to_owned(),
            ..RunOptions::new(1, Level::Must)
        };
        Pair {
            peer: run.clone(),
            reference: run,
        }
    }

    fn host_of(peers: &mut Peers) -> Elsewhere<'_> {
        Elsewhere {
            peers,
            role: Role::Responder,
            cases: Vec::new(),
            beside: Vec::new(),
            dice: Dice::new(1),
            stop: Arc::default(),
            reference_host: None,
        }
    }

    #[test]
    fn client_then_it_knows_no_more_hosts_than_it_may_be_asked_of() {
        let all = grounds(Role::Initiator, &RpcProtocol::ALL).unwrap();
        let mut dice = Dice::new(1);
        let [first, second] = [(); 2].map(|()| some_of(&all, &mut dice));
        let known =
            |cases: &[Arc<Scenario>]| cases.iter().map(|case| case.fixtures.known().count()).sum();
        let counts: [usize; 2] = [known(&first), known(&second)];
        assert!(
            counts
                .iter()
                .all(|count| (STATES_MAX - 4..=STATES_MAX).contains(count)),
            "{counts:?}"
        );
        let ids =
            |cases: &[Arc<Scenario>]| cases.iter().map(|case| case.id.clone()).collect::<Vec<_>>();
        assert_ne!(ids(&first), ids(&second));
        assert_eq!(some_of(&all[..3], &mut dice).len(), 3);
    }

    #[test]
    fn reference_client_beside_others_then_it_holds_what_they_hold_and_knows_its_own_hosts() {
        let all = grounds(Role::Initiator, &[RpcProtocol::Grpc]).unwrap();
        let [one, other] = [&all[0].scenario, &all[1].scenario];
        let config = ClientProvision::for_cases("http://127.0.0.1:1", [&**one])
            .beside([&**other])
            .to_json();
        let count = |list: &str| config[list].as_array().map_or(0, Vec::len);
        assert_eq!(count("known_hosts"), one.fixtures.known().count());
        for (list, own, beside) in [
            (
                "repos",
                one.fixtures.repos.len(),
                other.fixtures.repos.len(),
            ),
            (
                "plans",
                one.fixtures.plans.len(),
                other.fixtures.plans.len(),
            ),
        ] {
            assert_eq!(count(list), own + beside, "{list}");
        }
    }

    #[tokio::test]
    async fn peer_is_started_anew_then_the_former_reference_host_is_gone() {
        let mut peers = Peers::new(Source::Reference, LookPlan::default());
        let mut presence = host_of(&mut peers);
        let mut pairs = [pair("http://127.0.0.1:1")];
        let mut urls = Vec::new();
        for _ in 0..2 {
            let started = presence.start_reference_anew(&mut pairs, Vec::new());
            started.await.unwrap();
            urls.push(pairs[0].reference.url.clone());
        }
        let connect = |url: &str| tokio::net::TcpStream::connect(url.replace("http://", ""));
        let gone = async { while connect(&urls[0]).await.is_ok() {} };
        let in_time = tokio::time::timeout(RETURN_WAIT, gone).await;
        assert!(in_time.is_ok(), "the former one still takes connections");
        assert!(connect(&urls[1]).await.is_ok());
    }

    #[tokio::test]
    async fn host_of_somebody_else_leaves_then_it_has_ended_until_it_is_back() {
        let contacts = RpcProtocol::ALL.map(|protocol| contact_scenario(Role::Responder, protocol));
        let provision = Provision::for_cases(&contacts);
        let there = start_reference(&provision).await.unwrap().url;
        let nobody = tokio::net::TcpListener::bind(LOOPBACK).await.unwrap();
        let gone = format!("http://{}", nobody.local_addr().unwrap());
        drop(nobody);
        let source = Source::Outside {
            url: there.clone(),
            switchboard: None,
        };
        let mut peers = Peers::new(source, LookPlan::default());
        let mut presence = host_of(&mut peers);
        let (there, gone) = ([pair(&there)], [pair(&gone)]);
        assert_eq!(presence.end(&there).await, None);
        assert!(presence.hangs(&gone).await.unwrap().contains("went away"));
        assert!(presence.has_ended());
        presence.renew(&mut there.clone()).await.unwrap();
        assert_eq!(presence.end(&there).await, None);
        assert!(!presence.has_ended());
    }
}
