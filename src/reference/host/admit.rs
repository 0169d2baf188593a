//! Who may connect (`docs/protocol.md`, section 4).

use super::{Host, Refusal, first_items, lapsing::paired_permissions};
use crate::{
    lapses::{Lapse, Lapses},
    reference::{
        config::{Config, check_instance_id},
        effect::{Effect, Moment, SessionId},
        grants::Grants,
        pairing::{PairingRefusal, select_token_lapsing},
        store::{PeerFact, Store},
    },
    rules::RuleId,
    session::{VerifiedPeer, Violation},
    wire::v1::multihost::{PairingToken, Peer, Permission},
};

impl<S: Store> Host<S> {
    /// A peer has proved an identity: decides whether it may stay, and if so what it is told first.
    ///
    /// A known key must come with the instance id known for it. An unknown one may pair, which adds it to the config,
    /// counts a use of the token and re-sends the config to the other clients, all in this one step, once the store has it.
    /// An older session of the same key ends.
    ///
    /// # Errors
    /// The refusal; nothing is changed then.
    pub fn admit(
        &mut self,
        session: SessionId,
        peer: &VerifiedPeer,
        now: Moment,
    ) -> Result<Vec<Effect>, Refusal> {
        let lapses = self.settings.lapses;
        self.check_past(peer)?;
        let (grants, paired) = match self.config.authorized_client(&peer.keyid) {
            Some(entry) => {
                let grants = known_grants(entry, peer, lapses)?;
                (grants, self.lapsing_pairing_of_known(peer, now)?)
            }
            None => match self.lapsing_admission(peer) {
                Some(grants) => (grants, None),
                None => {
                    let paired = self.pair(peer, now);
                    if paired.is_err() {
                        self.count_use_of_refused(peer);
                    }
                    let (grants, config) = paired?;
                    (grants, Some(config))
                }
            },
        };
        self.transact(|store| {
            if let Some(config) = &paired {
                store.keep_config(config)?;
            }
            store.keep_fact(&peer.keyid, PeerFact::SessionBegan)
        })?;
        let mut effects = Vec::new();
        let has_paired = paired.is_some();
        if let Some(config) = paired {
            self.states.follow(&config);
            self.config = config;
            effects.push(Effect::ConfigChanged);
            self.note_pairing(peer);
        }
        self.open(session, &peer.keyid, grants, now, &mut effects);
        if has_paired && lapses.has(Lapse::PairingSessionEnds) {
            effects.push(Effect::End(session, Ok(())));
        }
        if has_paired {
            self.send_first_items_to_all_but(Some(session), &mut effects);
        }
        self.links.announce(&mut effects);
        Ok(effects)
    }

    fn open(
        &mut self,
        session: SessionId,
        keyid: &str,
        grants: Grants,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) {
        let items = first_items(&self.config, &grants);
        if let Some(displaced) = self.links.open(session, keyid, grants, now.monotonic) {
            let violation = Violation::session(
                RuleId::ResponderNewestSessionWins,
                "a newer session of the same key",
            );
            if !self.settings.lapses.has(Lapse::DisplacedSessionLeftOpen) {
                effects.push(Effect::End(displaced, Err(violation)));
            }
            if self.settings.lapses.has(Lapse::NewerSessionDeaf) {
                self.links.close(session);
            }
        }
        self.begin_session(keyid);
        effects.push(Effect::PeerStateChanged(keyid.to_owned()));
        for item in items {
            self.links.send(session, item, effects);
        }
    }

    /// What the config becomes when this peer pairs, and what the peer may then have.
    fn pair(&self, peer: &VerifiedPeer, now: Moment) -> Result<(Grants, Config), Violation> {
        if peer.pairing_secret.is_empty() || !self.settings.capabilities.pairing {
            return Err(Violation::auth(
                RuleId::HandshakeUnknownKeyRefused,
                format!("key id {} of no authorized client", peer.keyid),
            ));
        }
        let tokens = self.config.pairing_tokens();
        let lapses = self.settings.lapses;
        let index = select_token_lapsing(&peer.pairing_secret, tokens, now.unix_s(), lapses)
            .map_err(|refusal| Violation::auth(pairing_rule(refusal), refusal.to_string()))?;
        if let Some(admitted) = self.lapsing_pairing(peer, index)? {
            return Ok(admitted);
        }
        self.check_newcomer(peer)?;
        let permissions = paired_permissions(&tokens[index], lapses);
        let grants = parse_grants(&permissions, lapses)?;
        let config = self
            .config
            .edited(|message| {
                message.modno = message.modno.saturating_add(1);
                let sync = message.multihost.get_or_insert_default();
                let instance_id = peer.instance_id.clone();
                if !lapses.has(Lapse::PairingForgetsClient) {
                    sync.authorized_clients.push(Peer {
                        instance_id: lapses.swap(
                            Lapse::PairingAddsOtherInstanceId,
                            instance_id,
                            |id| format!("paired-{}", id.len()),
                        ),
                        keyid: peer.keyid.clone(),
                        permissions,
                        ..Peer::default()
                    });
                }
                count_use(&mut sync.pairing_tokens, index, lapses);
            })
            .map_err(|error| {
                Violation::auth(RuleId::PairingTakenInstanceIdRefused, error.to_string())
            })?;
        Ok((grants, config))
    }

    fn check_newcomer(&self, peer: &VerifiedPeer) -> Result<(), Violation> {
        if self.config.knows_keyid(&peer.keyid) {
            return Err(Violation::auth(
                RuleId::HandshakeUnknownKeyRefused,
                format!("key id {} of ourselves or of a host", peer.keyid),
            ));
        }
        if self.config.knows_instance_id(&peer.instance_id) {
            return Err(Violation::auth(
                RuleId::PairingTakenInstanceIdRefused,
                format!("instance id {:?}, which is taken", peer.instance_id),
            ));
        }
        check_instance_id(&peer.instance_id).map_err(|problem| {
            Violation::auth(RuleId::PairingInstanceIdForm, problem.to_string())
        })?;
        let clients_max = self.settings.limits.authorized_clients_max;
        if self.config.authorized_clients().len() >= clients_max {
            return Err(Violation::limit(
                RuleId::ResponderSurvives,
                format!("more than {clients_max} clients"),
            ));
        }
        Ok(())
    }
}

/// Counts one use; the last one removes the token.
pub(super) fn count_use(tokens: &mut Vec<PairingToken>, index: usize, lapses: Lapses) {
    let uses = lapses.swap(Lapse::UseCountedTwice, 1, |_| 2);
    let uses = lapses.swap(Lapse::UseNotCounted, uses, |_| 0);
    let uses = lapses.swap(Lapse::UseCountedLate, uses, |_| 0);
    let token = &mut tokens[index];
    token.uses = token.uses.saturating_add(uses);
    let is_spent = token.max_uses > 0 && token.uses >= token.max_uses;
    if is_spent && !lapses.has(Lapse::UsesOffByOne) || lapses.has(Lapse::TokenDroppedAtFirstUse) {
        tokens.remove(index);
    }
}

pub(super) fn known_grants(
    entry: &Peer,
    peer: &VerifiedPeer,
    lapses: Lapses,
) -> Result<Grants, Violation> {
    let (known, sent) = (&entry.instance_id, &peer.instance_id);
    let is_taken = known == sent
        || lapses.has(Lapse::InstanceIdUnchecked)
        || lapses.has(Lapse::EmptyInstanceIdAccepted) && sent.is_empty()
        || lapses.has(Lapse::InstanceIdCaseIgnored) && known.eq_ignore_ascii_case(sent)
        || lapses.has(Lapse::InstanceIdComparedInPart) && sent.starts_with(known.as_str());
    if !is_taken {
        return Err(Violation::auth(
            RuleId::HandshakeInstanceIdOfKey,
            format!(
                "expected instance id {:?}, saw {:?}",
                entry.instance_id, peer.instance_id
            ),
        ));
    }
    parse_grants(&entry.permissions, lapses)
}

pub(super) fn parse_grants(
    permissions: &[Permission],
    lapses: Lapses,
) -> Result<Grants, Violation> {
    Grants::parse_lapsing(permissions, lapses)
        .map_err(|error| Violation::auth(RuleId::PermissionsScopeForms, error.to_string()))
}

fn pairing_rule(refusal: PairingRefusal) -> RuleId {
    match refusal {
        PairingRefusal::Expired { .. } => RuleId::PairingExpiredRefused,
        PairingRefusal::UsedUp { .. } => RuleId::PairingUsedUpRefused,
        PairingRefusal::SecretEmpty | PairingRefusal::SecretUnknown => {
            RuleId::PairingUnknownSecretRefused
        }
    }
}
