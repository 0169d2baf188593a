//! What a host with a lapse makes of operations, logs and resources. The honest way is in [`super::receive`].

use std::collections::{HashMap, HashSet};

use super::{Host, Refusal};
use crate::{
    lapses::{Lapse, Lapses},
    reference::{
        effect::{Effect, SessionId},
        lapsing::operation_with_numbers,
        store::{PutError, Store, StoreFault, wanted},
        view,
    },
    rules::RuleId,
    session::Violation,
    wire::{Action, v1, v1::operation_event::Event, v1sync::sync_stream_item::SyncActionSetConfig},
};

impl<S: Store> Host<S> {
    /// Follows a manifest, and says what to ask for.
    pub(super) fn lapsing_reconcile(
        &mut self,
        keyid: &str,
        listed: Vec<(i64, i64)>,
    ) -> Result<Vec<i64>, StoreFault> {
        let lapses = self.settings.lapses;
        let owner = self.owner(keyid);
        let kept = |id: i64| id >= 0 || !lapses.has(Lapse::NegativeIdsDropped);
        let listed: Vec<(i64, i64)> = listed
            .into_iter()
            .filter(|&(id, _)| kept(id))
            .map(|(id, modno)| (spoilt_id(id, lapses), spoilt_modno(modno, lapses)))
            .collect();
        let ids: HashSet<i64> = listed.iter().map(|&(id, _)| id).collect();
        if lapses.has(Lapse::ManifestDeletesOthers) {
            self.delete_absent_of_others(keyid, &ids)?;
        }
        let held: HashMap<i64, i64> = self
            .store
            .operations(&owner)?
            .iter()
            .map(|operation| (operation.original_id, operation.modno))
            .collect();
        let absent = held.keys().filter(|id| !ids.contains(id));
        let deleted = absent.map(|&id| (owner.clone(), id));
        self.lapsing.deleted.extend(deleted);
        let keeps_absent = lapses.has(Lapse::AbsentOperationsKept)
            || lapses.has(Lapse::EmptyManifestIgnored) && listed.is_empty();
        let mut asked = match keeps_absent {
            true => wanted(&listed, |id| held.get(&id).copied()),
            false => self.store.reconcile(&owner, &listed)?,
        };
        let sent: HashMap<i64, i64> = listed.iter().copied().collect();
        let held_modno = |id: &i64| held.get(id).copied();
        if lapses.has(Lapse::EverythingRequested) {
            asked = listed.iter().map(|&(id, _)| id).collect();
        }
        if lapses.has(Lapse::NewIdsNotRequested) {
            asked.retain(|id| held_modno(id).is_some());
        }
        if lapses.has(Lapse::ChangedIdsNotRequested) {
            asked.retain(|id| held_modno(id).is_none());
        }
        if lapses.has(Lapse::LowerModnoNotRequested) {
            asked.retain(|id| held_modno(id).is_none_or(|held| sent.get(id) > Some(&held)));
        }
        if lapses.has(Lapse::HigherModnoNotRequested) {
            asked.retain(|id| held_modno(id).is_none_or(|held| sent.get(id) < Some(&held)));
        }
        if lapses.has(Lapse::LastIdNotRequested) && asked.last() == listed.last().map(|(id, _)| id)
        {
            asked.pop();
        }
        if lapses.has(Lapse::FirstIdRequestedOnly) {
            asked.truncate(1);
        }
        if lapses.has(Lapse::RequestsSorted) {
            asked.sort_unstable();
        }
        if lapses.has(Lapse::RequestsReversed) {
            asked.reverse();
        }
        Ok(asked)
    }

    /// Takes an event in.
    pub(super) fn lapsing_event(&mut self, keyid: &str, event: Event) -> Result<(), Refusal> {
        let lapses = self.settings.lapses;
        match event {
            Event::KeepAlive(_) if lapses.has(Lapse::KeepAliveRefused) => Err(refused(
                RuleId::ResponderOperationsKeepAlive,
                "keep_alive from a client",
            )),
            Event::KeepAlive(_) if lapses.has(Lapse::KeepAliveDeletes) => {
                self.lapsing_reconcile(keyid, Vec::new())?;
                Ok(())
            }
            Event::KeepAlive(_) => Ok(()),
            Event::CreatedOperations(list) => {
                if lapses.has(Lapse::CreatedNotStored) {
                    return Ok(());
                }
                self.lapsing_put(keyid, list.operations, true)
            }
            Event::UpdatedOperations(list) => {
                if lapses.has(Lapse::UpdatesNotStored) {
                    return Ok(());
                }
                self.lapsing_put(keyid, list.operations, false)
            }
            Event::DeletedOperations(list) => self.lapsing_delete(keyid, list.values),
        }
    }

    fn lapsing_put(
        &mut self,
        keyid: &str,
        mut operations: Vec<v1::Operation>,
        created: bool,
    ) -> Result<(), Refusal> {
        let lapses = self.settings.lapses;
        if !lapses.has(Lapse::InvalidOperationStored) {
            // Checks them all, and stores none of them yet.
            for operation in &operations {
                self.check_operation(operation)?;
            }
        }
        if lapses.has(Lapse::OperationsNotStored) {
            return Ok(());
        }
        if lapses.has(Lapse::FirstOperationStoredOnly) {
            operations.truncate(1);
        }
        for mut operation in operations {
            let mut owner = self.owner(keyid);
            if lapses.has(Lapse::OwnerFromMessage) && !operation.original_instance_keyid.is_empty()
            {
                owner.clone_from(&operation.original_instance_keyid);
            }
            if lapses.has(Lapse::OriginalIdFromMessage) && operation.original_id != 0 {
                operation.id = operation.original_id;
            }
            if lapses.has(Lapse::FlowPerOperation) {
                operation.flow_id = operation.id;
            }
            if lapses.has(Lapse::ContentDropped) {
                operation.display_message.clear();
                operation.status = 0;
            }
            if lapses.has(Lapse::IdsReadAsNumbers) {
                operation = operation_with_numbers(operation);
            }
            operation.id = spoilt_id(operation.id, lapses);
            operation.modno = spoilt_modno(operation.modno, lapses);
            let is_known = self
                .store
                .operations(&owner)?
                .iter()
                .any(|known| known.original_id == operation.id);
            if is_known && created && lapses.has(Lapse::SecondCreationRefused) {
                return Err(refused(
                    RuleId::ResponderOperationsUpsert,
                    "an operation that exists",
                ));
            }
            let is_ignored = is_known && lapses.has(Lapse::SecondWriteIgnored)
                || lapses.has(Lapse::DeletedIdsStayDeleted)
                    && self
                        .lapsing
                        .deleted
                        .contains(&(owner.clone(), operation.id));
            if !is_ignored {
                self.store
                    .upsert(&owner, operation)
                    .map_err(|error| match error {
                        PutError::Full(full) => {
                            Violation::limit(RuleId::ResponderLargeItems, full.to_string()).into()
                        }
                        PutError::Fault(fault) => Refusal::Store(fault),
                    })?;
            }
        }
        Ok(())
    }

    fn lapsing_delete(&mut self, keyid: &str, mut ids: Vec<i64>) -> Result<(), Refusal> {
        let lapses = self.settings.lapses;
        if lapses.has(Lapse::DeletionIgnored) {
            return Ok(());
        }
        if lapses.has(Lapse::DeletionOfFirstOnly) {
            ids.truncate(1);
        }
        let owner = self.owner(keyid);
        for id in ids {
            let mut id = spoilt_id(id, lapses);
            if lapses.has(Lapse::DeletesByLocalId) {
                let held = self.store.operations(&owner)?;
                let named = held.iter().find(|operation| operation.id == id);
                let Some(named) = named else { continue };
                id = named.original_id;
            }
            if lapses.has(Lapse::DeletionsLostWithSession) {
                self.remember_deleted(&owner, id)?;
            }
            let existed = self.store.delete(&owner, id)?;
            self.lapsing.deleted.insert((owner.clone(), id));
            if lapses.has(Lapse::DeletesAnyones) {
                for other in self.other_clients(keyid) {
                    self.store.delete(&other, id)?;
                }
            }
            if !existed && lapses.has(Lapse::UnknownDeletionRefused) {
                return Err(refused(
                    RuleId::ResponderOperationsDeleteUnknown,
                    "the deletion of an unknown id",
                ));
            }
        }
        Ok(())
    }

    /// Keeps an operation, as its client sent it, for its next session.
    fn remember_deleted(&mut self, owner: &str, id: i64) -> Result<(), StoreFault> {
        let held = self.store.operations(owner)?;
        let named = held.iter().find(|operation| operation.original_id == id);
        let kept = named.cloned().map(|operation| v1::Operation {
            id: operation.original_id,
            flow_id: operation.original_flow_id,
            ..operation
        });
        let kept = kept.map(|operation| (owner.to_owned(), operation));
        self.lapsing.undeleted.extend(kept);
        Ok(())
    }

    /// What of the session before does not outlast it.
    pub(super) fn lose_changes_of(&mut self, keyid: &str) -> Result<(), StoreFault> {
        let undeleted = self.lapsing.undeleted.extract_if(.., |(of, _)| of == keyid);
        for (owner, operation) in undeleted.collect::<Vec<_>>() {
            // One that no longer fits stays deleted.
            let _ = self.store.upsert(&owner, operation);
        }
        if self.settings.lapses.has(Lapse::OperationsLostWithSession) {
            self.store.reconcile(keyid, &[])?;
        }
        self.store.commit()
    }

    fn delete_absent_of_others(
        &mut self,
        keyid: &str,
        ids: &HashSet<i64>,
    ) -> Result<(), StoreFault> {
        for other in self.other_clients(keyid) {
            for operation in self.store.operations(&other)? {
                if !ids.contains(&operation.original_id) {
                    self.store.delete(&other, operation.original_id)?;
                }
            }
        }
        Ok(())
    }

    fn owner(&self, keyid: &str) -> String {
        self.settings
            .lapses
            .swap(Lapse::IdsSharedByClients, keyid.to_owned(), |_| {
                "all".to_owned()
            })
    }

    fn other_clients(&self, keyid: &str) -> Vec<String> {
        let clients = self.config.authorized_clients().iter();
        let others = clients.filter(|client| client.keyid != keyid);
        others.map(|client| client.keyid.clone()).collect()
    }

    /// Answers what only hosts ask.
    pub(super) fn answer_with_resources(&mut self, session: SessionId, effects: &mut Vec<Effect>) {
        let Some(link) = self.links.get(session) else {
            return;
        };
        let grants = link.grants.clone();
        let resources = view::receive_resources(&self.config, self.settings.lapses, |resource| {
            grants.may_read_config(resource)
        });
        self.links.send(session, resources, effects);
    }

    /// Lets a client change our config.
    pub(super) fn obey(&mut self, request: &SyncActionSetConfig) {
        let edited = self.config.edited(|message| {
            message
                .repos
                .retain(|repo| !request.repos_to_delete.contains(&repo.id));
        });
        if let Ok(config) = edited {
            self.config = config;
        }
    }

    pub(super) fn forget_resources(&mut self, keyid: &str) {
        if let Some(mut state) = self.states.get(keyid).cloned() {
            state.known_repos.clear();
            state.known_plans.clear();
            self.states.put(state);
        }
    }
}

/// What a host with a lapse answers a request for a log with.
pub(super) fn spoilt_log(mut answer: Vec<Action>, lapses: Lapses) -> Vec<Action> {
    if lapses.has(Lapse::LogRequestUnanswered) {
        answer.clear();
    }
    if lapses.has(Lapse::LogWithoutEnd) && answer.len() > 1 {
        answer.pop();
    }
    if lapses.has(Lapse::LogErrorSilent) {
        for action in &mut answer {
            if let Action::ReceiveLogData(data) = action {
                data.error_message.clear();
            }
        }
    }
    answer
}

fn spoilt_id(id: i64, lapses: Lapses) -> i64 {
    let id = lapses.swap(Lapse::IdsCutTo32Bits, id, |id| i64::from(id as i32));
    lapses.swap(Lapse::IdsThroughFloats, id, |id| id as f64 as i64)
}

fn spoilt_modno(modno: i64, lapses: Lapses) -> i64 {
    lapses.swap(Lapse::ModnosCutTo32Bits, modno, |modno| {
        i64::from(modno as i32)
    })
}

fn refused(rule: RuleId, seen: &str) -> Refusal {
    Violation::protocol(rule, seen).into()
}
