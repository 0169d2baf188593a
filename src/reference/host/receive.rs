//! What the host makes of each action of a client (`docs/protocol.md`, section 6).

use prost::Message as _;

use super::{Host, Refusal, lapsing_store::spoilt_log};
use crate::{
    lapses::{Lapse, Quirk},
    reference::{
        effect::{Effect, Moment, SessionId},
        lapsing::{config_with_numbers, resources_with_numbers},
        logs,
        own_operations::missing_field,
        store::{PeerFact, PutError, Store},
    },
    rules::RuleId,
    session::Violation,
    wire::{
        Action, v1,
        v1::operation_event::Event,
        v1sync::{
            RemoteConfig,
            sync_stream_item::{
                SyncActionHeartbeat, SyncActionOperationManifest, SyncActionReceiveLogData,
                SyncActionReceiveOperations, SyncActionReceiveResources,
                SyncActionRequestOperationData,
            },
        },
    },
};

impl<S: Store> Host<S> {
    /// An admitted client sent this action. What a session sends that is not admitted any more changes nothing.
    ///
    /// What it changes is in the store once this returns.
    ///
    /// # Errors
    /// What ends the session. It leaves no trace but in the peer's state, save that what came before a limit was reached
    /// is kept.
    pub fn receive(
        &mut self,
        session: SessionId,
        action: Action,
        now: Moment,
    ) -> Result<Vec<Effect>, Refusal> {
        let Some(link) = self.links.get(session) else {
            return Ok(Vec::new());
        };
        let keyid = link.keyid.clone();
        let mut effects = Vec::new();
        let taken = self.take(session, &keyid, action, now, &mut effects);
        let lapses = self.settings.lapses;
        let taken = match taken {
            Err(Refusal::Violation(violation)) if lapses.skips(violation.rule) => Ok(()),
            taken => taken,
        };
        match self.settle(taken) {
            Ok(()) => {
                if lapses.shows(Quirk::Chatty) {
                    let heartbeat = Action::Heartbeat(SyncActionHeartbeat {});
                    self.links.send(session, heartbeat, &mut effects);
                }
                self.links.announce(&mut effects);
                Ok(effects)
            }
            Err(refusal) => {
                self.links.fail(session);
                Err(refusal)
            }
        }
    }

    /// Commits what an action changed, even up to a limit; takes it back when the store failed.
    fn settle(&mut self, taken: Result<(), Refusal>) -> Result<(), Refusal> {
        let settled = match taken {
            Err(Refusal::Store(_)) => taken,
            taken => self.store.commit().map_err(Refusal::Store).and(taken),
        };
        if let Err(Refusal::Store(_)) = settled {
            self.store.roll_back();
        }
        settled
    }

    fn take(
        &mut self,
        session: SessionId,
        keyid: &str,
        action: Action,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let name = action.name();
        let refused = |rule| Err(Violation::protocol(rule, format!("{name} from a client")).into());
        let lapses = self.settings.lapses;
        match action {
            Action::Heartbeat(_) if lapses.has(Lapse::HeartbeatNotNoted) => {}
            Action::Heartbeat(_) => {
                let at = lapses.swap(Lapse::HeartbeatInSeconds, now.unix_ms, |ms| ms / 1000);
                self.store.keep_fact(keyid, PeerFact::Heartbeat(at))?;
                self.states.heartbeat(keyid, at);
                effects.push(Effect::PeerStateChanged(keyid.to_owned()));
            }
            Action::ReceiveConfig(item) => self.keep_config(keyid, item.config, effects)?,
            Action::ReceiveResources(item) => self.merge_resources(keyid, item, effects)?,
            Action::OperationManifest(item) => self.reconcile(session, keyid, item, effects)?,
            Action::ReceiveOperations(item) => self.receive_operations(keyid, item)?,
            Action::RequestResources(_) if lapses.has(Lapse::RequestResourcesAnswered) => {
                self.answer_with_resources(session, effects);
            }
            Action::SetConfig(item) if lapses.has(Lapse::SetConfigObeyed) => self.obey(&item),
            Action::RequestOperationData(_)
            | Action::SetConfig(_)
            | Action::RequestResources(_) => {
                return refused(RuleId::ResponderHostOnlyActionsRefused);
            }
            Action::RequestLog(item) if self.settings.capabilities.logs => {
                let id_len_max = self.settings.limits.id_len_bytes_max;
                if item.log_id.len() > id_len_max {
                    return Err(over_limit(format!(
                        "a log id of more than {id_len_max} bytes"
                    )));
                }
                self.serve_log(session, keyid, &item.log_id, now, effects)?;
            }
            Action::ReceiveLogData(item) if self.settings.capabilities.logs => {
                self.receive_log_data(session, keyid, item, effects)?;
            }
            Action::RequestLog(_) | Action::ReceiveLogData(_) => {
                return refused(RuleId::ResponderLogsOrRefusal);
            }
            Action::Throttle(_) if lapses.has(Lapse::ThrottleUnheeded) => {}
            Action::Throttle(item) if self.settings.capabilities.throttle => {
                self.links.throttle(session, item.delay_ms, now.monotonic);
            }
            Action::Throttle(_) => return refused(RuleId::ResponderThrottleOrRefusal),
            Action::Handshake(_) => return refused(RuleId::HandshakeAgainRefused),
            Action::Encrypted(_) => return refused(RuleId::EnvelopeNestedRefused),
            Action::SignedMessage(_) | Action::EstablishSharedSecret(_) => {
                return refused(RuleId::ResponderUnknownActionRefused);
            }
        }
        Ok(())
    }

    /// The text demands a config of hosts only, so a client may take its config back by sending none.
    fn keep_config(
        &mut self,
        keyid: &str,
        config: Option<RemoteConfig>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let lapses = self.settings.lapses;
        let config = lapses.swap(Lapse::ListedIdsReadAsNumbers, config, |config| {
            config.map(config_with_numbers)
        });
        let has_one = self
            .states
            .get(keyid)
            .is_some_and(|state| state.remote_config.is_some());
        if lapses.has(Lapse::RemoteConfigDropped)
            || lapses.has(Lapse::FirstRemoteConfigKept) && has_one
        {
            return Ok(());
        }
        let len_max = self.settings.limits.remote_config_len_bytes_max;
        if config
            .as_ref()
            .is_some_and(|config| config.encoded_len() > len_max)
        {
            return Err(over_limit(format!("a config of more than {len_max} bytes")));
        }
        self.store
            .keep_fact(keyid, PeerFact::RemoteConfig(config.as_ref()))?;
        self.states.set_remote_config(keyid, config);
        effects.push(Effect::PeerStateChanged(keyid.to_owned()));
        Ok(())
    }

    fn merge_resources(
        &mut self,
        keyid: &str,
        item: SyncActionReceiveResources,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        if self.settings.lapses.has(Lapse::ResourcesDropped) {
            return Ok(());
        }
        if self.settings.lapses.has(Lapse::ResourcesReplaced) {
            self.forget_resources(keyid);
        }
        let lapses = self.settings.lapses;
        let item = lapses.swap(Lapse::ListedIdsReadAsNumbers, item, resources_with_numbers);
        let limits = self.settings.limits;
        let resources = item.clone();
        self.states
            .merge_resources(keyid, item.repos, item.plans, &limits)
            .map_err(|full| over_limit(full.to_string()))?;
        self.store
            .keep_fact(keyid, PeerFact::Resources(&resources))?;
        effects.push(Effect::PeerStateChanged(keyid.to_owned()));
        Ok(())
    }

    /// Deletes what the client no longer has and asks for what is new or different.
    fn reconcile(
        &mut self,
        session: SessionId,
        keyid: &str,
        manifest: SyncActionOperationManifest,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let (ids, modnos) = (manifest.op_ids, manifest.modnos);
        let lapses = self.settings.lapses;
        let is_unequal = ids.len() != modnos.len();
        if is_unequal && lapses.has(Lapse::ManifestRefusedLate) {
            self.store.reconcile(keyid, &[])?;
        }
        if is_unequal && !lapses.has(Lapse::ManifestZipped) {
            return Err(Violation::protocol(
                RuleId::ResponderManifestLengths,
                format!("{} op ids beside {} modnos", ids.len(), modnos.len()),
            )
            .into());
        }
        let len_max = self.settings.limits.manifest_len_max;
        let len_max = lapses.swap(Lapse::ManifestLimitSmall, len_max, |_| 1000);
        if ids.len() > len_max {
            return Err(over_limit(format!("a manifest of more than {len_max} ids")));
        }
        let listed: Vec<(i64, i64)> = ids.into_iter().zip(modnos).collect();
        let wanted = match lapses.is_honest() {
            true => self.store.reconcile(keyid, &listed)?,
            false => self.lapsing_reconcile(keyid, listed)?,
        };
        if !wanted.is_empty() || lapses.has(Lapse::EmptyRequestSent) {
            let request = SyncActionRequestOperationData { op_ids: wanted };
            let action = Action::RequestOperationData(request);
            self.links.send(session, action, effects);
        }
        Ok(())
    }

    fn receive_operations(
        &mut self,
        keyid: &str,
        item: SyncActionReceiveOperations,
    ) -> Result<(), Refusal> {
        let event = item.event.ok_or_else(|| {
            let seen = "receiveOperations without an event";
            Violation::protocol(RuleId::ResponderOperationsNoEvent, seen)
        })?;
        let event = event.event.ok_or_else(|| {
            let seen = "an operation event of no kind";
            Violation::protocol(RuleId::ResponderOperationsNoKind, seen)
        })?;
        if !self.settings.lapses.is_honest() {
            return self.lapsing_event(keyid, event);
        }
        match event {
            Event::KeepAlive(_) => Ok(()),
            Event::CreatedOperations(list) | Event::UpdatedOperations(list) => {
                self.put_operations(keyid, list.operations)
            }
            Event::DeletedOperations(list) => {
                for id in list.values {
                    self.store.delete(keyid, id)?;
                }
                Ok(())
            }
        }
    }

    /// All are checked before the first is stored. Only a full log is found out half-way; what fitted stays then, as if
    /// it had come in an item of its own.
    fn put_operations(
        &mut self,
        keyid: &str,
        operations: Vec<v1::Operation>,
    ) -> Result<(), Refusal> {
        for operation in &operations {
            self.check_operation(operation)?;
        }
        for operation in operations {
            self.store
                .upsert(keyid, operation)
                .map_err(|error| match error {
                    PutError::Full(full) => over_limit(full.to_string()),
                    PutError::Fault(fault) => fault.into(),
                })?;
        }
        Ok(())
    }

    pub(super) fn check_operation(&self, operation: &v1::Operation) -> Result<(), Refusal> {
        match missing_field(operation) {
            None => Ok(()),
            Some(field) => Err(Violation::protocol(
                RuleId::ResponderOperationsInvalidRefused,
                format!("operation {} without {field}", operation.id),
            )
            .into()),
        }
    }

    fn serve_log(
        &mut self,
        session: SessionId,
        keyid: &str,
        log_id: &str,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        // A client's logs are kept under its key id, so that whatever is found there is its own.
        let log = self.store.log(keyid, log_id)?;
        let answer = logs::answer(log_id, log.as_ref(), now.unix_s());
        for action in spoilt_log(answer, self.settings.lapses) {
            self.links.send(session, action, effects);
        }
        Ok(())
    }

    fn receive_log_data(
        &mut self,
        session: SessionId,
        keyid: &str,
        data: SyncActionReceiveLogData,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        if let Some(log) = self.links.receive_log_data(session, data)? {
            if let Ok(content) = &log.result {
                self.store.keep_log(keyid, &log.log_id, content)?;
            }
            effects.push(Effect::LogReceived(keyid.to_owned(), log));
        }
        Ok(())
    }
}

fn over_limit(seen: String) -> Refusal {
    Violation::limit(RuleId::ResponderLargeItems, seen).into()
}
