//! What the client makes of each action of a host (`docs/protocol.md`, section 7).

use std::{collections::HashSet, sync::Arc};

use prost::Message as _;

use super::{Client, receive_operations, set_config};
use crate::{
    lapses::{Lapse, Quirk},
    reference::{
        effect::{Effect, Moment, SessionId},
        grants::Grants,
        view::OperationView,
    },
    rules::RuleId,
    session::Violation,
    wire::{
        Action, v1,
        v1::operation_event::Event,
        v1sync::{
            RemoteConfig,
            sync_stream_item::{
                SyncActionHeartbeat, SyncActionReceiveResources, SyncActionRequestOperationData,
                SyncActionSetConfig,
            },
        },
    },
};

/// Operations in one `receive_operations`. Deployed: 512.
pub const OPERATION_BATCH_LEN_MAX: usize = 512;

impl Client {
    /// An admitted host sent this action. What a session sends that has ended for us changes nothing.
    ///
    /// # Errors
    /// The violation that ends the session. It leaves no trace but in the peer's state, save that what came before a limit
    /// was reached is kept.
    pub fn receive(
        &mut self,
        session: SessionId,
        action: Action,
        now: Moment,
    ) -> Result<Vec<Effect>, Violation> {
        let Some(link) = self.links.get(session) else {
            return Ok(Vec::new());
        };
        let (keyid, grants) = (link.keyid.clone(), Arc::clone(&link.grants));
        let mut effects = Vec::new();
        let host = Sender {
            session,
            keyid: &keyid,
            grants: &grants,
        };
        let taken = self.take(host, action, now, &mut effects);
        let lapses = self.settings.lapses;
        let taken = match taken {
            Err(violation) if lapses.skips(violation.rule) => Ok(()),
            taken => taken,
        };
        match taken {
            Ok(()) => {
                if lapses.shows(Quirk::Chatty) {
                    let heartbeat = Action::Heartbeat(SyncActionHeartbeat {});
                    self.links.send(session, heartbeat, &mut effects);
                }
                // That it speaks shows that it has verified us.
                self.admitted_by(&keyid, &mut effects);
                self.links.announce(&mut effects);
                Ok(effects)
            }
            Err(violation) => {
                self.links.fail(session);
                Err(violation)
            }
        }
    }

    fn take(
        &mut self,
        host: Sender<'_>,
        action: Action,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        let name = action.name();
        let capabilities = self.settings.capabilities;
        let refused = |rule| Err(Violation::protocol(rule, format!("{name} from a host")));
        let lapses = self.settings.lapses;
        match action {
            Action::Heartbeat(_) => {
                self.states.heartbeat(host.keyid, now.unix_ms);
                effects.push(Effect::PeerStateChanged(host.keyid.to_owned()));
            }
            Action::RequestOperationData(item) => self.serve_operations(host, item, effects)?,
            Action::OperationManifest(_) if lapses.has(Lapse::ManifestNotResent) => {}
            Action::RequestResources(_) if lapses.has(Lapse::ResourcesNotResent) => {}
            Action::ReceiveOperations(item) if lapses.has(Lapse::HostOperationsStored) => {
                self.take_for_own(item);
            }
            Action::OperationManifest(_) => {
                let manifest = self.manifest(host.grants);
                self.links.send(host.session, manifest, effects);
            }
            Action::RequestResources(_) => {
                let resources = self.resources(host.grants);
                self.links.send(host.session, resources, effects);
            }
            Action::ReceiveConfig(item) => self.keep_config(host, item.config, effects)?,
            Action::ReceiveResources(item) => self.merge_resources(host, item, effects)?,
            Action::SetConfig(item) => self.set_config(host, item, now, effects)?,
            Action::ReceiveOperations(_) => {
                return refused(RuleId::InitiatorClientOnlyActionsRefused);
            }
            Action::RequestLog(item) if capabilities.logs => {
                self.serve_log(host, &item.log_id, now, effects)?;
            }
            Action::ReceiveLogData(item) if capabilities.logs => {
                if let Some(log) = self.links.receive_log_data(host.session, item)? {
                    effects.push(Effect::LogReceived(host.keyid.to_owned(), log));
                }
            }
            Action::Throttle(_) if lapses.has(Lapse::ThrottleUnheeded) => {}
            Action::Throttle(item) if capabilities.throttle => {
                self.links
                    .throttle(host.session, item.delay_ms, now.monotonic);
            }
            Action::Handshake(_) => return refused(RuleId::HandshakeAgainRefused),
            Action::Encrypted(_) => return refused(RuleId::EnvelopeNestedRefused),
            Action::RequestLog(_)
            | Action::ReceiveLogData(_)
            | Action::Throttle(_)
            | Action::SignedMessage(_)
            | Action::EstablishSharedSecret(_) => {
                return refused(RuleId::InitiatorUnknownActionRefused);
            }
        }
        Ok(())
    }

    /// Answers in batches. An id asked for twice is answered once, or a short request could demand any amount of data.
    fn serve_operations(
        &mut self,
        host: Sender<'_>,
        request: SyncActionRequestOperationData,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        let len_max = self.settings.limits.manifest_len_max;
        if request.op_ids.len() > len_max {
            return Err(over_limit(format!("a request for more than {len_max} ids")));
        }
        let lapses = self.settings.lapses;
        let request = self.spoil_request(request)?;
        let view = OperationView::new(&self.config, host.grants);
        let mut asked = HashSet::new();
        let found: Vec<&v1::Operation> = request
            .op_ids
            .into_iter()
            .filter(|id| asked.insert(*id))
            .filter_map(|id| self.operations.get(id))
            .filter(|operation| view.includes(operation) || lapses.has(Lapse::ServesUnpermitted))
            .collect();
        let batch_len = lapses.swap(Lapse::NoBatches, OPERATION_BATCH_LEN_MAX, |_| usize::MAX);
        let batch_len = lapses.vary(Quirk::SmallBatches, batch_len, |_| 1);
        for batch in found.chunks(batch_len) {
            let operations = batch.iter().map(|&operation| operation.clone()).collect();
            let list = v1::OperationList { operations };
            let event = match lapses.has(Lapse::ServedAsCreated) {
                true => Event::CreatedOperations(list),
                false => Event::UpdatedOperations(list),
            };
            self.links
                .send(host.session, receive_operations(event), effects);
        }
        Ok(())
    }

    fn keep_config(
        &mut self,
        host: Sender<'_>,
        config: Option<RemoteConfig>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        let config = config.ok_or_else(|| {
            let seen = "receiveConfig without a config";
            Violation::protocol(RuleId::InitiatorConfigRequired, seen)
        })?;
        let len_max = self.settings.limits.remote_config_len_bytes_max;
        if config.encoded_len() > len_max {
            return Err(over_limit(format!("a config of more than {len_max} bytes")));
        }
        if !self.settings.lapses.has(Lapse::HostConfigDropped) {
            self.states.set_remote_config(host.keyid, Some(config));
        }
        effects.push(Effect::PeerStateChanged(host.keyid.to_owned()));
        Ok(())
    }

    fn merge_resources(
        &mut self,
        host: Sender<'_>,
        item: SyncActionReceiveResources,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        if self.settings.lapses.has(Lapse::HostResourcesDropped) {
            return Ok(());
        }
        let limits = self.settings.limits;
        self.states
            .merge_resources(host.keyid, item.repos, item.plans, &limits)
            .map_err(|full| over_limit(full.to_string()))?;
        effects.push(Effect::PeerStateChanged(host.keyid.to_owned()));
        Ok(())
    }

    fn set_config(
        &mut self,
        host: Sender<'_>,
        request: SyncActionSetConfig,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        // A session lasts no longer than its host's entry, so the entry is there.
        let Some(entry) = self.config.known_host(host.keyid) else {
            return Ok(());
        };
        let limits = &self.settings.limits;
        let changed = set_config::apply(
            &self.config,
            &entry.instance_id,
            host.grants,
            request,
            limits,
        )?;
        if let Some(config) = changed {
            effects.push(Effect::ConfigChanged);
            self.adopt(config, now, effects);
        }
        Ok(())
    }

    fn serve_log(
        &mut self,
        host: Sender<'_>,
        log_id: &str,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        let id_len_max = self.settings.limits.id_len_bytes_max;
        if log_id.len() > id_len_max {
            return Err(over_limit(format!(
                "a log id of more than {id_len_max} bytes"
            )));
        }
        let view = OperationView::new(&self.config, host.grants);
        let may_read = |owner| {
            let operation = self.operations.get(owner);
            operation.is_some_and(|operation| view.includes(operation))
        };
        for action in self.logs.answer(log_id, now.unix_s(), may_read) {
            self.links.send(host.session, action, effects);
        }
        Ok(())
    }
}

/// The host that an action came from.
#[derive(Clone, Copy)]
struct Sender<'a> {
    session: SessionId,
    keyid: &'a str,
    grants: &'a Grants,
}

fn over_limit(seen: String) -> Violation {
    Violation::limit(RuleId::InitiatorSurvives, seen)
}
