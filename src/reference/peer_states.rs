//! What is known of each peer, as the state service tells it (`docs/protocol.md`, section 9).

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use super::{config::Config, limits::Limits};
use crate::wire::v1sync::{ConnectionState, PeerState, PlanMetadata, RemoteConfig, RepoMetadata};

/// The states of every known host, then of every authorized client, in the config's order.
#[derive(Clone, Debug, Default)]
pub struct PeerStates {
    order: Vec<String>,
    peers: HashMap<String, Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    state: PeerState,
    /// Where each id stands in the known lists, which add up item by item.
    plan_index: HashMap<String, usize>,
    repo_index: HashMap<String, usize>,
}

impl PeerStates {
    /// Nobody has connected yet.
    pub fn new(config: &Config) -> Self {
        let mut states = PeerStates::default();
        states.follow(config);
        states
    }

    /// Follows a change of the config: what is known of peers that stay is kept.
    pub fn follow(&mut self, config: &Config) {
        self.order = config.peers().map(|peer| peer.keyid.clone()).collect();
        let listed: HashSet<&String> = self.order.iter().collect();
        self.peers.retain(|keyid, _| listed.contains(keyid));
        for peer in config.peers() {
            let entry = self
                .peers
                .entry(peer.keyid.clone())
                .or_insert_with(|| Entry::new(&peer.keyid));
            entry.state.peer_instance_id.clone_from(&peer.instance_id);
        }
    }

    /// All states, in order.
    pub fn snapshot(&self) -> Vec<PeerState> {
        self.order
            .iter()
            .filter_map(|keyid| self.get(keyid).cloned())
            .collect()
    }

    /// The state of one peer.
    pub fn get(&self, keyid: &str) -> Option<&PeerState> {
        self.peers.get(keyid).map(|entry| &entry.state)
    }

    /// Takes over a state that another mind keeps, such as that of a host which our client side dials. False when
    /// there is no such peer.
    pub fn put(&mut self, state: PeerState) -> bool {
        self.edit(&state.peer_keyid.clone(), |entry| entry.replace(state))
    }

    pub(super) fn set_connection(
        &mut self,
        keyid: &str,
        state: ConnectionState,
        message: String,
    ) -> bool {
        self.edit(keyid, |entry| {
            entry.state.state = state.into();
            entry.state.status_message = message;
        })
    }

    /// A new session serves: it is connected, and has told us of nothing yet.
    pub(super) fn begin_session(&mut self, keyid: &str) -> bool {
        self.edit(keyid, |entry| {
            entry.replace(PeerState {
                state: ConnectionState::Connected.into(),
                status_message: String::new(),
                known_plans: Vec::new(),
                known_repos: Vec::new(),
                ..entry.state.clone()
            });
        })
    }

    pub(super) fn heartbeat(&mut self, keyid: &str, unix_ms: i64) -> bool {
        self.edit(keyid, |entry| entry.state.last_heartbeat_millis = unix_ms)
    }

    pub(super) fn set_remote_config(&mut self, keyid: &str, config: Option<RemoteConfig>) -> bool {
        self.edit(keyid, |entry| entry.state.remote_config = config)
    }

    /// Adds to the known lists, by id.
    ///
    /// # Errors
    /// [`KnownListFull`]; the lists are cut off where they were full.
    pub(super) fn merge_resources(
        &mut self,
        keyid: &str,
        repos: Vec<RepoMetadata>,
        plans: Vec<PlanMetadata>,
        limits: &Limits,
    ) -> Result<(), KnownListFull> {
        let Some(entry) = self.peers.get_mut(keyid) else {
            return Ok(());
        };
        let too_long = |text: &str| text.len() > limits.id_len_bytes_max;
        for repo in repos {
            if too_long(&repo.id) || too_long(&repo.guid) {
                return Err(KnownListFull);
            }
            let id = repo.id.clone();
            merge(
                &mut entry.state.known_repos,
                &mut entry.repo_index,
                id,
                repo,
                limits,
            )?;
        }
        for plan in plans {
            if too_long(&plan.id) {
                return Err(KnownListFull);
            }
            let id = plan.id.clone();
            merge(
                &mut entry.state.known_plans,
                &mut entry.plan_index,
                id,
                plan,
                limits,
            )?;
        }
        Ok(())
    }

    fn edit(&mut self, keyid: &str, edit: impl FnOnce(&mut Entry)) -> bool {
        self.peers.get_mut(keyid).map(edit).is_some()
    }
}

/// A known list, or an id in it, is over its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KnownListFull;

impl fmt::Display for KnownListFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "expected known lists within their limits, saw a longer one, or a longer id in one",
        )
    }
}

fn merge<T>(
    list: &mut Vec<T>,
    index: &mut HashMap<String, usize>,
    id: String,
    item: T,
    limits: &Limits,
) -> Result<(), KnownListFull> {
    if let Some(&at) = index.get(&id) {
        list[at] = item;
        return Ok(());
    }
    if list.len() >= limits.known_list_len_max {
        return Err(KnownListFull);
    }
    index.insert(id, list.len());
    list.push(item);
    Ok(())
}

impl Entry {
    fn new(keyid: &str) -> Self {
        Entry {
            state: PeerState {
                peer_keyid: keyid.to_owned(),
                state: ConnectionState::Disconnected.into(),
                ..PeerState::default()
            },
            plan_index: HashMap::new(),
            repo_index: HashMap::new(),
        }
    }

    fn replace(&mut self, state: PeerState) {
        let index = |ids: Vec<&String>| {
            let numbered = ids.into_iter().enumerate();
            numbered.map(|(at, id)| (id.clone(), at)).collect()
        };
        self.plan_index = index(state.known_plans.iter().map(|plan| &plan.id).collect());
        self.repo_index = index(state.known_repos.iter().map(|repo| &repo.id).collect());
        self.state = state;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::fixture::{config, keyid, peer, sync};

    fn states() -> PeerStates {
        PeerStates::new(&config("me", 1, |c| {
            sync(c).authorized_clients = vec![peer("b", 4, &[]), peer("a", 2, &[])];
            sync(c).known_hosts = vec![peer("h", 3, &[])];
        }))
    }

    fn repo(id: &str, guid: &str) -> RepoMetadata {
        RepoMetadata {
            id: id.to_owned(),
            guid: guid.to_owned(),
        }
    }

    #[test]
    fn snapshot_then_hosts_before_clients_in_config_order() {
        let snapshot = states().snapshot();
        let ids: Vec<_> = snapshot
            .iter()
            .map(|s| s.peer_instance_id.as_str())
            .collect();
        assert_eq!(ids, ["h", "b", "a"]);
        assert!(
            snapshot
                .iter()
                .all(|s| s.state() == ConnectionState::Disconnected)
        );
    }

    #[test]
    fn resources_told_twice_then_lists_add_up_by_id_until_the_next_session() {
        let mut states = states();
        let (id, limits) = (keyid(2), Limits::default());
        states.begin_session(&id);
        let first = vec![repo("1", "x"), repo("2", "y")];
        states
            .merge_resources(&id, first, Vec::new(), &limits)
            .unwrap();
        let second = vec![repo("1", "z"), repo("3", "w")];
        states
            .merge_resources(&id, second, Vec::new(), &limits)
            .unwrap();
        let merged = [repo("1", "z"), repo("2", "y"), repo("3", "w")];
        assert_eq!(states.get(&id).unwrap().known_repos, merged);

        states.begin_session(&id);
        assert!(states.get(&id).unwrap().known_repos.is_empty());
        states
            .merge_resources(&id, vec![repo("2", "")], Vec::new(), &limits)
            .unwrap();
        assert_eq!(states.get(&id).unwrap().known_repos, [repo("2", "")]);
    }

    #[test]
    fn new_session_then_what_an_earlier_one_told_is_gone_but_not_when_it_lived() {
        let mut states = states();
        let id = keyid(2);
        let plan = PlanMetadata { id: "p".to_owned() };
        states.set_connection(&id, ConnectionState::ErrorAuth, "refused".to_owned());
        states.heartbeat(&id, 99);
        states
            .merge_resources(&id, vec![repo("1", "x")], vec![plan], &Limits::default())
            .unwrap();
        states.begin_session(&id);
        let state = PeerState {
            peer_instance_id: "a".to_owned(),
            peer_keyid: id.clone(),
            state: ConnectionState::Connected.into(),
            last_heartbeat_millis: 99,
            ..PeerState::default()
        };
        assert_eq!(states.get(&id), Some(&state));
    }

    #[test]
    fn known_list_over_a_limit_then_refused() {
        let mut states = states();
        let limits = Limits {
            known_list_len_max: 1,
            id_len_bytes_max: 2,
            ..Limits::default()
        };
        let mut merge = |repos, plans| states.merge_resources(&keyid(2), repos, plans, &limits);
        let plan = |id: &str| PlanMetadata { id: id.to_owned() };
        assert_eq!(merge(vec![repo("12", "12")], vec![plan("1")]), Ok(()));
        assert_eq!(merge(vec![repo("3", "")], vec![]), Err(KnownListFull));
        assert_eq!(merge(vec![], vec![plan("2")]), Err(KnownListFull));
        assert_eq!(merge(vec![repo("12", "123")], vec![]), Err(KnownListFull));
        assert_eq!(merge(vec![], vec![plan("123")]), Err(KnownListFull));
    }

    #[test]
    fn config_changed_then_known_peers_keep_their_state() {
        let mut states = states();
        states.heartbeat(&keyid(2), 99);
        states.follow(&config("me", 1, |c| {
            sync(c).authorized_clients = vec![peer("renamed", 2, &[]), peer("new", 5, &[])];
        }));
        let snapshot = states.snapshot();
        assert_eq!(snapshot.len(), 2);
        assert_eq!(snapshot[0].peer_instance_id, "renamed");
        assert_eq!(snapshot[0].last_heartbeat_millis, 99);
        assert!(!states.heartbeat(&keyid(3), 1));
    }

    #[test]
    fn state_of_another_mind_put_then_told() {
        let mut states = states();
        let told = PeerState {
            peer_instance_id: "h".to_owned(),
            peer_keyid: keyid(3),
            state: ConnectionState::Connected.into(),
            known_repos: vec![repo("1", "x")],
            ..PeerState::default()
        };
        assert!(states.put(told.clone()));
        assert_eq!(states.snapshot()[0], told);
        assert!(!states.put(PeerState::default()));
    }
}
