//! A host as naive as can be: sections 4 to 6 of the protocol, with lists and scans.

use std::{borrow::Cow, collections::BTreeMap};

use prost::Message as _;
use syncspec::{
    reference::config::Config,
    session::Class,
    wire::{
        Action,
        v1::{
            self,
            multihost::{PairingToken, Peer, Permission, permission::Type},
            operation_event::Event,
        },
        v1sync::{
            PlanMetadata, RemoteConfig, RepoMetadata,
            sync_stream_item::{
                SyncActionReceiveConfig, SyncActionReceiveResources,
                SyncActionRequestOperationData, SyncActionSetConfig,
            },
        },
    },
};

use super::permissions::{covered, may_read_config};

/// Longest id that is kept, in bytes: a limit of the reference, not of the protocol.
const ID_LEN_BYTES_MAX: usize = 1024;

/// What the host should know.
pub struct HostModel {
    /// Its config, with what pairing made of it.
    pub config: Cow<'static, v1::Config>,
    /// What it keeps of each client, by key id. It outlives the client's entry.
    pub clients: BTreeMap<String, ClientRecord>,
    capable: bool,
}

/// What the host should know of one client.
#[derive(Clone, Debug, Default)]
pub struct ClientRecord {
    /// Operations as they were sent, by the id they were sent under.
    pub operations: BTreeMap<i64, v1::Operation>,
    /// What it told of its config.
    pub remote_config: Option<RemoteConfig>,
    /// The repos it told of in this session.
    pub repos: Vec<RepoMetadata>,
    /// The plans it told of in this session.
    pub plans: Vec<PlanMetadata>,
    /// When its last heartbeat came.
    pub last_heartbeat_millis: i64,
}

/// What the host should make of an item.
#[derive(Debug, PartialEq)]
pub enum Expected {
    /// It goes on, and answers this to the sender.
    Answer(Vec<Action>),
    /// It ends the session.
    Refused(Class),
    /// It serves a log, or takes data of one, in a way that this model leaves open; nothing else changes.
    Logs,
}

/// Who is admitted, and how.
pub enum Admission {
    /// A known client.
    Known,
    /// A new one, which changed the config.
    Paired,
    /// Nobody.
    Refused,
}

impl HostModel {
    /// A host that nobody has called.
    pub fn new(config: &'static Config, capable: bool) -> Self {
        HostModel {
            config: Cow::Borrowed(config.message()),
            clients: BTreeMap::new(),
            capable,
        }
    }

    /// The entry of a client.
    pub fn entry(&self, keyid: &str) -> Option<&Peer> {
        let sync = self.config.multihost.as_ref()?;
        sync.authorized_clients
            .iter()
            .find(|peer| peer.keyid == keyid)
    }

    /// Somebody proved this identity.
    pub fn admit(
        &mut self,
        keyid: &str,
        instance_id: &str,
        secret: &str,
        now_unix: i64,
    ) -> Admission {
        if let Some(entry) = self.entry(keyid) {
            if entry.instance_id != instance_id {
                return Admission::Refused;
            }
            self.begin_session(keyid);
            return Admission::Known;
        }
        if secret.is_empty() || !self.may_join(keyid, instance_id) {
            return Admission::Refused;
        }
        let sync = self.config.to_mut().multihost.get_or_insert_default();
        let valid = |token: &PairingToken| {
            token.secret == secret
                && (token.expires_at_unix == 0 || now_unix <= token.expires_at_unix)
                && (token.max_uses == 0 || token.uses < token.max_uses)
        };
        let Some(at) = sync.pairing_tokens.iter().position(valid) else {
            return Admission::Refused;
        };
        let token = &mut sync.pairing_tokens[at];
        token.uses += 1;
        let permissions = token.permissions.clone();
        if token.max_uses > 0 && token.uses == token.max_uses {
            sync.pairing_tokens.remove(at);
        }
        sync.authorized_clients.push(Peer {
            instance_id: instance_id.to_owned(),
            keyid: keyid.to_owned(),
            permissions,
            ..Peer::default()
        });
        self.config.to_mut().modno += 1;
        self.begin_session(keyid);
        Admission::Paired
    }

    fn may_join(&self, keyid: &str, instance_id: &str) -> bool {
        let Some(sync) = &self.config.multihost else {
            return false;
        };
        let own_keyid = sync
            .identity
            .as_ref()
            .map(|identity| identity.keyid.as_str());
        let mut peers = sync.known_hosts.iter().chain(&sync.authorized_clients);
        let taken = instance_id == self.config.instance
            || own_keyid == Some(keyid)
            || peers.any(|peer| peer.instance_id == instance_id || peer.keyid == keyid);
        let reserved =
            instance_id.len() > 1 && instance_id.starts_with('_') && instance_id.ends_with('_');
        let characters = instance_id.chars();
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        !taken
            && !reserved
            && !instance_id.is_empty()
            && characters.clone().count() <= 50
            && characters.clone().all(allowed)
    }

    fn begin_session(&mut self, keyid: &str) {
        let record = self.clients.entry(keyid.to_owned()).or_default();
        record.repos.clear();
        record.plans.clear();
    }

    /// What a client is told first, and again whenever the config changes.
    pub fn first_items(&self, keyid: &str) -> Vec<Action> {
        let permissions: &[Permission] = self.entry(keyid).map_or(&[], |entry| &entry.permissions);
        let repos: Vec<&v1::Repo> = self
            .config
            .repos
            .iter()
            .filter(|repo| may_read_config(permissions, &format!("repo:{}", repo.id)))
            .collect();
        let plans: Vec<&v1::Plan> = self
            .config
            .plans
            .iter()
            .filter(|plan| may_read_config(permissions, &format!("plan:{}", plan.id)))
            .collect();
        let shares = |repo: &&v1::Repo| {
            let kind = [Type::PermissionReceiveSharedRepos];
            repo.shared && covered(permissions, &kind, &format!("repo:{}", repo.id))
        };
        let shared = self
            .config
            .repos
            .iter()
            .filter(shares)
            .map(|repo| v1::Repo {
                origin_instance_id: self.config.instance.clone(),
                ..repo.clone()
            });
        let shared: Vec<v1::Repo> = shared.collect();
        let mut items = vec![
            Action::ReceiveConfig(SyncActionReceiveConfig {
                config: Some(RemoteConfig {
                    modno: self.config.modno,
                    version: self.config.version,
                    repos: repos.iter().copied().cloned().collect(),
                    plans: plans.iter().copied().cloned().collect(),
                }),
            }),
            Action::ReceiveResources(SyncActionReceiveResources {
                repos: repos
                    .iter()
                    .map(|repo| RepoMetadata {
                        id: repo.id.clone(),
                        guid: repo.guid.clone(),
                    })
                    .collect(),
                plans: plans
                    .iter()
                    .map(|plan| PlanMetadata {
                        id: plan.id.clone(),
                    })
                    .collect(),
            }),
        ];
        if !shared.is_empty() {
            items.push(Action::SetConfig(SyncActionSetConfig {
                repos: shared,
                ..SyncActionSetConfig::default()
            }));
        }
        items
    }

    /// An admitted client sent this.
    pub fn receive(&mut self, keyid: &str, action: &Action, now_unix_ms: i64) -> Expected {
        let capable = self.capable;
        let record = self.clients.entry(keyid.to_owned()).or_default();
        let nothing = Expected::Answer(Vec::new());
        match action {
            Action::Heartbeat(_) => {
                record.last_heartbeat_millis = now_unix_ms;
                nothing
            }
            Action::ReceiveConfig(item) => {
                record.remote_config.clone_from(&item.config);
                nothing
            }
            Action::ReceiveResources(item) => match record.merge(item) {
                true => nothing,
                false => Expected::Refused(Class::Limit),
            },
            Action::OperationManifest(item) if item.op_ids.len() != item.modnos.len() => {
                Expected::Refused(Class::Protocol)
            }
            Action::OperationManifest(item) => {
                record.operations.retain(|id, _| item.op_ids.contains(id));
                let listed = item.op_ids.iter().zip(&item.modnos);
                let held = |id| record.operations.get(id).map(|operation| operation.modno);
                let op_ids: Vec<i64> = listed
                    .filter(|(id, modno)| held(*id) != Some(**modno))
                    .map(|(id, _)| *id)
                    .collect();
                match op_ids.is_empty() {
                    true => nothing,
                    false => Expected::Answer(vec![Action::RequestOperationData(
                        SyncActionRequestOperationData { op_ids },
                    )]),
                }
            }
            Action::ReceiveOperations(item) => {
                let event = item.event.as_ref().and_then(|event| event.event.as_ref());
                match event {
                    None => Expected::Refused(Class::Protocol),
                    Some(event) if !record.take(event) => Expected::Refused(Class::Protocol),
                    Some(_) => nothing,
                }
            }
            Action::RequestLog(item) if capable && item.log_id.len() > ID_LEN_BYTES_MAX => {
                Expected::Refused(Class::Limit)
            }
            Action::RequestLog(_) if capable => Expected::Logs,
            // Nobody has asked for a log.
            Action::ReceiveLogData(_) => Expected::Refused(Class::Protocol),
            Action::Throttle(_) if capable => nothing,
            _ => Expected::Refused(Class::Protocol),
        }
    }
}

impl ClientRecord {
    /// False where an id is over the limit; what came before it is kept.
    fn merge(&mut self, item: &SyncActionReceiveResources) -> bool {
        for repo in &item.repos {
            if repo.id.len() > ID_LEN_BYTES_MAX || repo.guid.len() > ID_LEN_BYTES_MAX {
                return false;
            }
            match self.repos.iter_mut().find(|known| known.id == repo.id) {
                Some(known) => known.clone_from(repo),
                None => self.repos.push(repo.clone()),
            }
        }
        for plan in &item.plans {
            if plan.id.len() > ID_LEN_BYTES_MAX {
                return false;
            }
            if !self.plans.contains(plan) {
                self.plans.push(plan.clone());
            }
        }
        true
    }

    /// False where an operation lacks what it is found and permitted by; then none of the event is taken.
    fn take(&mut self, event: &Event) -> bool {
        match event {
            Event::KeepAlive(_) => true,
            Event::CreatedOperations(list) | Event::UpdatedOperations(list) => {
                let whole = |operation: &v1::Operation| {
                    operation.id != 0
                        && operation.flow_id != 0
                        && !operation.repo_id.is_empty()
                        && !operation.plan_id.is_empty()
                        && !operation.instance_id.is_empty()
                };
                if !list.operations.iter().all(whole) {
                    return false;
                }
                for operation in &list.operations {
                    self.operations.insert(operation.id, operation.clone());
                }
                true
            }
            Event::DeletedOperations(list) => {
                self.operations.retain(|id, _| !list.values.contains(id));
                true
            }
        }
    }

    /// Whether the stored operations are these: each sent one once, under its sender's key id, with local ids of the
    /// host's own, and local flows that are one where the sent flows are.
    ///
    /// Takes over the modnos that the host chose in place of 0.
    pub fn check_operations(&mut self, keyid: &str, stored: &[v1::Operation]) {
        assert_eq!(
            stored
                .iter()
                .map(|operation| operation.original_id)
                .collect::<Vec<_>>(),
            self.operations.keys().copied().collect::<Vec<_>>(),
            "ids of the operations stored for {keyid}"
        );
        let mut flows: BTreeMap<i64, i64> = BTreeMap::new();
        for operation in stored {
            let sent = self
                .operations
                .get_mut(&operation.original_id)
                .expect("compared above");
            if sent.modno == 0 {
                assert_ne!(operation.modno, 0, "a modno of 0 is replaced");
                sent.modno = operation.modno;
            }
            let expected = v1::Operation {
                id: operation.id,
                flow_id: operation.flow_id,
                original_id: sent.id,
                original_flow_id: sent.flow_id,
                original_instance_keyid: keyid.to_owned(),
                ..sent.clone()
            };
            assert_eq!(
                operation.encode_to_vec(),
                expected.encode_to_vec(),
                "stored as {operation:?}, sent as {sent:?}"
            );
            let flow = flows.entry(sent.flow_id).or_insert(operation.flow_id);
            assert_eq!(*flow, operation.flow_id, "one sent flow is two local flows");
        }
        let mut local: Vec<i64> = flows.values().copied().collect();
        local.sort_unstable();
        local.dedup();
        assert_eq!(
            local.len(),
            flows.len(),
            "two sent flows are one local flow"
        );
    }
}
