//! What the host makes of each action of a client (`docs/protocol.md`, section 6).

use std::collections::HashSet;

use prost::Message as _;

use super::Host;
use crate::{
    reference::{
        effect::{Effect, Moment, SessionId},
        logs::Logs,
        oplog::{LogFull, OperationLog},
        own_operations::missing_field,
    },
    rules::RuleId,
    session::Violation,
    wire::{
        Action, v1,
        v1::operation_event::Event,
        v1sync::{
            RemoteConfig,
            sync_stream_item::{
                SyncActionOperationManifest, SyncActionReceiveLogData, SyncActionReceiveOperations,
                SyncActionReceiveResources, SyncActionRequestOperationData,
            },
        },
    },
};

impl<L: OperationLog> Host<L> {
    /// An admitted client sent this action. What a session sends that is not admitted any more changes nothing.
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
        let keyid = link.keyid.clone();
        let mut effects = Vec::new();
        let taken = self.take(session, &keyid, action, now, &mut effects);
        match taken {
            Ok(()) => {
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
        session: SessionId,
        keyid: &str,
        action: Action,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        let name = action.name();
        let refused = |rule| Err(Violation::protocol(rule, format!("{name} from a client")));
        match action {
            Action::Heartbeat(_) => {
                self.states.heartbeat(keyid, now.unix_ms);
                effects.push(Effect::PeerStateChanged(keyid.to_owned()));
            }
            Action::ReceiveConfig(item) => self.keep_config(keyid, item.config, effects)?,
            Action::ReceiveResources(item) => self.merge_resources(keyid, item, effects)?,
            Action::OperationManifest(item) => self.reconcile(session, keyid, item, effects)?,
            Action::ReceiveOperations(item) => self.receive_operations(keyid, item)?,
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
                self.serve_log(session, keyid, &item.log_id, now, effects);
            }
            Action::ReceiveLogData(item) if self.settings.capabilities.logs => {
                self.receive_log_data(session, keyid, item, effects)?;
            }
            Action::RequestLog(_) | Action::ReceiveLogData(_) => {
                return refused(RuleId::ResponderLogsOrRefusal);
            }
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
    ) -> Result<(), Violation> {
        let len_max = self.settings.limits.remote_config_len_bytes_max;
        if config
            .as_ref()
            .is_some_and(|config| config.encoded_len() > len_max)
        {
            return Err(over_limit(format!("a config of more than {len_max} bytes")));
        }
        self.states.set_remote_config(keyid, config);
        effects.push(Effect::PeerStateChanged(keyid.to_owned()));
        Ok(())
    }

    fn merge_resources(
        &mut self,
        keyid: &str,
        item: SyncActionReceiveResources,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        let limits = self.settings.limits;
        self.states
            .merge_resources(keyid, item.repos, item.plans, &limits)
            .map_err(|full| over_limit(full.to_string()))?;
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
    ) -> Result<(), Violation> {
        let (ids, modnos) = (manifest.op_ids, manifest.modnos);
        if ids.len() != modnos.len() {
            return Err(Violation::protocol(
                RuleId::ResponderManifestLengths,
                format!("{} op ids beside {} modnos", ids.len(), modnos.len()),
            ));
        }
        let len_max = self.settings.limits.manifest_len_max;
        if ids.len() > len_max {
            return Err(over_limit(format!("a manifest of more than {len_max} ids")));
        }
        let listed: HashSet<i64> = ids.iter().copied().collect();
        self.operations.delete_absent(keyid, &listed);
        let wanted: Vec<i64> = ids
            .into_iter()
            .zip(modnos)
            .filter(|&(id, modno)| self.operations.modno(keyid, id) != Some(modno))
            .map(|(id, _)| id)
            .collect();
        if !wanted.is_empty() {
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
    ) -> Result<(), Violation> {
        let event = item.event.ok_or_else(|| {
            let seen = "receiveOperations without an event";
            Violation::protocol(RuleId::ResponderOperationsNoEvent, seen)
        })?;
        let event = event.event.ok_or_else(|| {
            let seen = "an operation event of no kind";
            Violation::protocol(RuleId::ResponderOperationsNoKind, seen)
        })?;
        match event {
            Event::KeepAlive(_) => Ok(()),
            Event::CreatedOperations(list) | Event::UpdatedOperations(list) => {
                self.store(keyid, list.operations)
            }
            Event::DeletedOperations(list) => {
                for id in list.values {
                    self.operations.delete(keyid, id);
                }
                Ok(())
            }
        }
    }

    /// All are checked before the first is stored. Only a full log is found out half-way; what fitted stays then, as if
    /// it had come in an item of its own.
    fn store(&mut self, keyid: &str, operations: Vec<v1::Operation>) -> Result<(), Violation> {
        for operation in &operations {
            if let Some(field) = missing_field(operation) {
                return Err(Violation::protocol(
                    RuleId::ResponderOperationsInvalidRefused,
                    format!("operation {} without {field}", operation.id),
                ));
            }
        }
        for operation in operations {
            self.operations
                .upsert(keyid, operation)
                .map_err(|full: LogFull| over_limit(full.to_string()))?;
        }
        Ok(())
    }

    fn serve_log(
        &mut self,
        session: SessionId,
        keyid: &str,
        log_id: &str,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) {
        // A client's logs are kept under its key id, so that whatever is found there is its own.
        let answer = match self.logs.get(keyid) {
            Some(logs) => logs.answer(log_id, now.unix_s(), |_| true),
            None => Logs::default().answer(log_id, now.unix_s(), |_| false),
        };
        for action in answer {
            self.links.send(session, action, effects);
        }
    }

    fn receive_log_data(
        &mut self,
        session: SessionId,
        keyid: &str,
        data: SyncActionReceiveLogData,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Violation> {
        if let Some(log) = self.links.receive_log_data(session, data)? {
            effects.push(Effect::LogReceived(keyid.to_owned(), log));
        }
        Ok(())
    }
}

fn over_limit(seen: String) -> Violation {
    Violation::limit(RuleId::ResponderLargeItems, seen)
}
