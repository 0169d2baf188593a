//! How a host with a lapse admits, and what it keeps that an honest one does not. The honest way is in [`super::admit`].

use std::collections::HashSet;

use super::{
    Host,
    admit::{count_use, known_grants, parse_grants},
};
use crate::{
    lapses::{Lapse, Lapses},
    reference::{
        config::{Config, check_instance_id},
        effect::{Gone, Moment},
        grants::Grants,
        pairing::select_token_lapsing,
        store::Store,
    },
    rules::RuleId,
    session::{VerifiedPeer, Violation},
    wire::v1::{
        Operation,
        multihost::{PairingToken, Peer, Permission, permission::Type},
    },
};

/// What only a host with a lapse remembers.
#[derive(Debug, Default)]
pub(super) struct Lapsing {
    /// Clients that were removed or altered.
    former: Vec<Peer>,
    /// Key ids whose last session ended with an error.
    locked_out: HashSet<String>,
    /// Key ids that have paired, with the secret whose use is not counted yet.
    owed: Vec<(String, String)>,
    /// Ids that were deleted, by owner.
    pub deleted: HashSet<(String, i64)>,
    /// Operations that come back with the next session of their owner.
    pub undeleted: Vec<(String, Operation)>,
    /// Key ids that have paired, each with the secret that it used.
    paired: Vec<(String, String)>,
}

impl Lapsing {
    pub fn remember_clients(&mut self, old: &Config) {
        self.former.extend(old.authorized_clients().iter().cloned());
    }

    pub fn left(&mut self, keyid: &str, why: &Gone) {
        if let Gone::Violation(_) = why {
            self.locked_out.insert(keyid.to_owned());
        }
    }
}

impl<S: Store> Host<S> {
    /// Refuses a peer for what it did in an earlier session, as no honest host does.
    pub(super) fn check_past(&self, peer: &VerifiedPeer) -> Result<(), Violation> {
        let lapses = self.settings.lapses;
        let is_second = self.links.session_of(&peer.keyid).is_some();
        let is_refused = lapses.has(Lapse::FaultLocksOut)
            && self.lapsing.locked_out.contains(&peer.keyid)
            || lapses.has(Lapse::NewerSessionRefused) && is_second;
        match is_refused {
            true => Err(Violation::session(
                RuleId::ResponderSurvives,
                "a client that was here before",
            )),
            false => Ok(()),
        }
    }

    /// What a host with a lapse grants to a key that is no client's.
    pub(super) fn lapsing_admission(&self, peer: &VerifiedPeer) -> Option<Grants> {
        let lapses = self.settings.lapses;
        let is_own = peer.keyid == self.config.identity().keyid();
        if lapses.has(Lapse::UnknownKeyAdmitted) && peer.pairing_secret.is_empty() && !is_own
            || lapses.has(Lapse::OwnIdentityAdmitted) && is_own
        {
            return Grants::parse_lapsing(&[], lapses).ok();
        }
        let mut former = self.lapsing.former.iter();
        let entry = former.find(|entry| entry.keyid == peer.keyid)?;
        match lapses.has(Lapse::RevokedClientAdmitted) {
            true => known_grants(entry, peer, lapses).ok(),
            false => None,
        }
    }

    /// What the secret of a known client does to a host that looks at it.
    pub(super) fn lapsing_pairing_of_known(
        &self,
        peer: &VerifiedPeer,
        now: Moment,
    ) -> Result<Option<Config>, Violation> {
        let lapses = self.settings.lapses;
        if peer.pairing_secret.is_empty() {
            return Ok(None);
        }
        let tokens = self.config.pairing_tokens();
        let found = select_token_lapsing(&peer.pairing_secret, tokens, now.unix_s(), lapses);
        match found {
            Ok(index) if lapses.has(Lapse::KnownKeyCountsUse) => Ok(self.with_use_counted(index)),
            Err(refusal) if lapses.has(Lapse::KnownKeySecretChecked) => Err(Violation::auth(
                RuleId::PairingKnownKeyConsumesNothing,
                refusal.to_string(),
            )),
            _ => Ok(None),
        }
    }

    fn with_use_counted(&self, index: usize) -> Option<Config> {
        let counted = self.config.edited(|message| {
            if let Some(sync) = &mut message.multihost {
                count_use(&mut sync.pairing_tokens, index, Lapses::NONE);
            }
        });
        counted.ok()
    }

    /// How a host with a lapse pairs a client that an honest one would refuse; nothing where it does as others do.
    pub(super) fn lapsing_pairing(
        &self,
        peer: &VerifiedPeer,
        index: usize,
    ) -> Result<Option<(Grants, Config)>, Violation> {
        let lapses = self.settings.lapses;
        if lapses.has(Lapse::PairingRefused) {
            return Err(Violation::auth(
                RuleId::PairingValidSecretAdmits,
                "a client that pairs",
            ));
        }
        let permissions = paired_permissions(&self.config.pairing_tokens()[index], lapses);
        let grants = || parse_grants(&permissions, lapses);
        let is_taken = self.config.knows_instance_id(&peer.instance_id);
        if is_taken && lapses.has(Lapse::TakenInstanceIdReplaces) {
            let replaced = self.config.edited(|message| {
                let clients = message.multihost.iter_mut();
                for entry in clients.flat_map(|sync| &mut sync.authorized_clients) {
                    if entry.instance_id == peer.instance_id {
                        entry.keyid.clone_from(&peer.keyid);
                    }
                }
            });
            let config = replaced.unwrap_or_else(|_| self.config.clone());
            return Ok(Some((grants()?, config)));
        }
        let is_odd = check_instance_id(&peer.instance_id).is_err();
        let is_long = is_odd && {
            let cut: String = peer.instance_id.chars().take(50).collect();
            check_instance_id(&cut).is_ok()
        };
        let is_admitted = is_taken && lapses.has(Lapse::TakenInstanceIdAdmitted)
            || is_odd && lapses.has(Lapse::InstanceIdFormUnchecked)
            || is_long && lapses.has(Lapse::InstanceIdLengthUnchecked);
        match is_admitted {
            true => Ok(Some((grants()?, self.config.clone()))),
            false => Ok(None),
        }
    }

    /// Counts a use for a client that was refused.
    pub(super) fn count_use_of_refused(&mut self, peer: &VerifiedPeer) {
        let mut tokens = self.config.pairing_tokens().iter();
        let used = tokens.position(|token| token.secret == peer.pairing_secret);
        if self.settings.lapses.has(Lapse::RefusalCountsUse)
            && let Some(config) = used.and_then(|index| self.with_use_counted(index))
        {
            self.config = config;
        }
    }

    /// Notes who has paired: a use may be counted only once the session has ended, or be forgotten.
    pub(super) fn note_pairing(&mut self, peer: &VerifiedPeer) {
        let lapses = self.settings.lapses;
        let pairing = || (peer.keyid.clone(), peer.pairing_secret.clone());
        if lapses.has(Lapse::UseCountedLate) {
            self.lapsing.owed.push(pairing());
        }
        if lapses.has(Lapse::UseLostWithChange) || lapses.has(Lapse::PairedClientLostWithChange) {
            self.lapsing.paired.push(pairing());
        }
    }

    /// A changed config, as a host has it that wrote it over what pairing had added meanwhile.
    pub(super) fn without_pairings(&mut self, config: Config) -> Config {
        let lapses = self.settings.lapses;
        let paired = std::mem::take(&mut self.lapsing.paired);
        let stale = config.edited(|message| {
            let Some(sync) = &mut message.multihost else {
                return;
            };
            if lapses.has(Lapse::PairedClientLostWithChange) {
                let has_paired =
                    |client: &Peer| paired.iter().any(|(keyid, _)| *keyid == client.keyid);
                sync.authorized_clients.retain(|client| !has_paired(client));
            }
            if lapses.has(Lapse::UseLostWithChange) {
                for token in &mut sync.pairing_tokens {
                    let uses = paired.iter().filter(|(_, secret)| *secret == token.secret);
                    token.uses -= uses.count() as i32;
                }
            }
        });
        stale.unwrap_or(config)
    }

    /// Counts what was owed for this client.
    pub(super) fn count_owed_uses(&mut self, keyid: &str) {
        let owed: Vec<_> = self
            .lapsing
            .owed
            .extract_if(.., |owed| owed.0 == keyid)
            .collect();
        for (_, secret) in owed {
            let mut tokens = self.config.pairing_tokens().iter();
            let used = tokens.position(|token| token.secret == secret);
            if let Some(config) = used.and_then(|index| self.with_use_counted(index)) {
                self.config = config;
            }
        }
    }

    /// A new session serves; the lists of the one before may outlive it.
    pub(super) fn begin_session(&mut self, keyid: &str) {
        // A store that fails loses nothing more.
        let _ = match self.settings.lapses.is_honest() {
            true => Ok(()),
            false => self.lose_changes_of(keyid),
        };
        let before = self.states.get(keyid).cloned();
        self.states.begin_session(keyid);
        if self.settings.lapses.has(Lapse::KnownListsOutliveSession)
            && let Some(before) = before
            && let Some(mut state) = self.states.get(keyid).cloned()
        {
            state.known_repos = before.known_repos;
            state.known_plans = before.known_plans;
            self.states.put(state);
        }
    }
}

/// What a client that pairs is granted.
pub(super) fn paired_permissions(token: &PairingToken, lapses: Lapses) -> Vec<Permission> {
    let permissions = token.permissions.clone();
    let permissions = lapses.swap(Lapse::PairingGrantsNothing, permissions, |_| Vec::new());
    lapses.swap(Lapse::PairingGrantsEverything, permissions, |_| {
        let everything = |kind: Type| Permission {
            r#type: kind.into(),
            scopes: vec!["*".to_owned()],
        };
        vec![
            everything(Type::PermissionReadOperations),
            everything(Type::PermissionReadWriteConfig),
            everything(Type::PermissionReceiveSharedRepos),
        ]
    })
}
