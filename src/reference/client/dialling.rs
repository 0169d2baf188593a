//! From the wish to reach a host to the end of the session it led to.

use std::time::Duration;

use super::Client;
use crate::{
    lapses::Lapse,
    reference::{
        effect::{Effect, Gone, Moment, SessionId},
        grants::Grants,
    },
    rules::RuleId,
    session::{ExpectedPeer, VerifiedPeer, Violation},
    wire::{v1::multihost::Peer, v1sync::ConnectionState},
};
/// How to call a host. Debug shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Dial {
    /// Its URL.
    pub url: String,
    /// Who must answer.
    pub expected: ExpectedPeer,
    /// The pairing secret to send; empty for none.
    pub pairing_secret: String,
}

impl std::fmt::Debug for Dial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dial")
            .field("url", &self.url)
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}

/// One attempt to reach a host.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    keyid: String,
    since: Duration,
}

impl Client {
    /// Dials every known host.
    pub fn start(&self, now: Moment) -> Vec<Effect> {
        let hosts = self.config.known_hosts().iter();
        hosts
            .map(|host| Effect::DialAt(host.keyid.clone(), now.monotonic))
            .collect()
    }

    /// An attempt to reach this host begins, as `session`: whom to call, or nothing when the host is not known any more.
    pub fn dial(
        &mut self,
        keyid: &str,
        session: SessionId,
        now: Moment,
    ) -> Option<(Dial, Vec<Effect>)> {
        let host = self.config.known_host(keyid)?;
        let dial = Dial {
            url: host.instance_url.clone(),
            expected: ExpectedPeer {
                keyid: host.keyid.clone(),
                instance_id: host.instance_id.clone(),
            },
            pairing_secret: host.initial_pairing_secret.clone(),
        };
        let attempt = Attempt {
            keyid: keyid.to_owned(),
            since: now.monotonic,
        };
        self.dialling.insert(session, attempt);
        let mut effects = Vec::new();
        if self.settings.lapses.has(Lapse::SecretForgottenAtDial) {
            self.forget_secret(keyid, &mut effects);
        }
        let failures = self.failures.entry(keyid.to_owned()).or_default();
        *failures = failures.saturating_add(1);
        self.set_state(keyid, ConnectionState::Pending, String::new(), &mut effects);
        Some((dial, effects))
    }

    /// A host has proved an identity: tells it what it may know. An attempt that a change of the config has overtaken
    /// ends instead.
    ///
    /// # Errors
    /// Another host than the one dialled, one with another instance id than the one known, or permissions that cannot be
    /// read.
    pub fn admit(
        &mut self,
        session: SessionId,
        peer: &VerifiedPeer,
        now: Moment,
    ) -> Result<Vec<Effect>, Violation> {
        let Some(attempt) = self.dialling.get(&session) else {
            return Ok(vec![Effect::End(session, Ok(()))]);
        };
        let grants = self.grants_of(&attempt.keyid, peer)?;
        self.dialling.remove(&session);
        let mut effects = Vec::new();
        let items = self.first_items(&grants);
        if let Some(older) = self.links.open(session, &peer.keyid, grants, now.monotonic) {
            effects.push(Effect::End(older, Ok(())));
        }
        if self.settings.lapses.has(Lapse::SecretForgottenAtHandshake) {
            self.forget_secret(&peer.keyid, &mut effects);
        }
        self.states.begin_session(&peer.keyid);
        effects.push(Effect::PeerStateChanged(peer.keyid.clone()));
        for item in items {
            self.links.send(session, item, &mut effects);
        }
        self.links.announce(&mut effects);
        Ok(effects)
    }

    /// An attempt, or the stream it led to, has ended. One that was ended for another one's sake changes nothing.
    pub fn gone(&mut self, session: SessionId, why: &Gone, now: Moment) -> Vec<Effect> {
        let link = self
            .links
            .close(session)
            .map(|link| (link.keyid, link.since));
        let attempt = self
            .dialling
            .remove(&session)
            .map(|attempt| (attempt.keyid, attempt.since));
        let mut effects = Vec::new();
        if let Some((keyid, since)) = link.or(attempt) {
            let lasted = now.monotonic.saturating_sub(since);
            self.retry(&keyid, why, lasted, now, &mut effects);
        }
        self.end_for_a_fault(why, &mut effects);
        self.links.announce(&mut effects);
        effects
    }

    fn grants_of(&self, dialled: &str, peer: &VerifiedPeer) -> Result<Grants, Violation> {
        let known = self.config.known_host(dialled);
        let Some(host) = known.filter(|host| host.keyid == peer.keyid) else {
            return Err(Violation::auth(
                RuleId::HandshakeExpectedHost,
                format!("expected key id {dialled}, seen {}", peer.keyid),
            ));
        };
        if host.instance_id != peer.instance_id {
            return Err(Violation::auth(
                RuleId::HandshakeInstanceIdOfKey,
                format!(
                    "expected instance id {:?}, saw {:?}",
                    host.instance_id, peer.instance_id
                ),
            ));
        }
        Grants::parse_lapsing(&host.permissions, self.settings.lapses)
            .map_err(|error| Violation::auth(RuleId::PermissionsScopeForms, error.to_string()))
    }

    /// The host has let us in: from here on a failure is the first in a row, and the pairing secret has done its work.
    pub(super) fn admitted_by(&mut self, keyid: &str, effects: &mut Vec<Effect>) {
        self.failures.remove(keyid);
        if !self.settings.lapses.has(Lapse::SecretNeverForgotten) {
            self.forget_secret(keyid, effects);
        }
    }

    fn forget_secret(&mut self, keyid: &str, effects: &mut Vec<Effect>) {
        let holds_secret = |host: &Peer| !host.initial_pairing_secret.is_empty();
        if !self.config.known_host(keyid).is_some_and(holds_secret) {
            return;
        }
        let forgotten = self.config.edited(|message| {
            let hosts = message
                .multihost
                .iter_mut()
                .flat_map(|sync| &mut sync.known_hosts);
            for host in hosts.filter(|host| host.keyid == keyid) {
                host.initial_pairing_secret.clear();
            }
        });
        // A config without the secret is as valid as it was with it.
        if let Ok(config) = forgotten {
            self.config = config;
            effects.push(Effect::ConfigChanged);
        }
    }

    fn retry(
        &mut self,
        keyid: &str,
        why: &Gone,
        lasted: Duration,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) {
        if self.config.known_host(keyid).is_none() {
            return;
        }
        let failures = self.failures.get(keyid).copied().unwrap_or(0);
        let state = why.state(ConnectionState::RetryWait);
        self.set_state(keyid, state, why.message(), effects);
        if self.has_given_up(keyid) {
            return;
        }
        let delay = self.backoff.delay(failures, lasted);
        let delay = self
            .settings
            .lapses
            .swap(Lapse::RedialsAtOnce, delay, |_| Duration::ZERO);
        let at = now.monotonic + delay;
        effects.push(Effect::DialAt(keyid.to_owned(), at));
    }
}
