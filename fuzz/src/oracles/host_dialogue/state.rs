//! What the host remembers, beside what the model says it should.

use syncspec::{reference::store::Store as _, wire::v1sync::ConnectionState};

use super::Bench;
use crate::{
    oracles::{host_model::ClientRecord, stream::is_same},
    world::Who,
};

impl Bench {
    /// Config, operations and peer states are the model's.
    pub(super) fn state_equals_the_models(&mut self) {
        assert_eq!(
            *self.host.config().message(),
            *self.model.config,
            "the host's config"
        );
        let nothing = ClientRecord::default();
        for who in Who::ALL {
            let keyid = who.identity().keyid();
            let stored = self
                .host
                .store()
                .operations(keyid)
                .expect("a store in memory does not fail");
            let record = match self.model.clients.get_mut(keyid) {
                Some(record) => {
                    record.check_operations(keyid, &stored);
                    record
                }
                None => {
                    assert_eq!(stored, [], "operations of {who:?}, who never came");
                    &nothing
                }
            };
            let Some(state) = self.host.peer_states().get(keyid) else {
                assert!(
                    self.model.entry(keyid).is_none(),
                    "no state of {who:?}, who has an entry"
                );
                continue;
            };
            let mut streams = self.streams.values();
            let serving = streams.any(|stream| stream.admitted && stream.who == who);
            assert_eq!(
                state.state() == ConnectionState::Connected,
                serving,
                "{who:?} is {:?}",
                state.state()
            );
            assert_eq!(
                state.last_heartbeat_millis, record.last_heartbeat_millis,
                "the heartbeat of {who:?}"
            );
            assert!(
                is_same(state.remote_config.as_ref(), record.remote_config.as_ref()),
                "{who:?} told of the config {:?}, and it is held as {:?}",
                record.remote_config,
                state.remote_config
            );
            assert_eq!(state.known_repos, record.repos, "the repos {who:?} told of");
            assert_eq!(state.known_plans, record.plans, "the plans {who:?} told of");
        }
    }

    /// What was known of a client that has no entry any more is gone; its operations are not.
    pub(super) fn forget_the_unlisted(&mut self) {
        let unlisted: Vec<String> = self
            .model
            .clients
            .keys()
            .filter(|keyid| self.model.entry(keyid).is_none())
            .cloned()
            .collect();
        for keyid in unlisted {
            if let Some(record) = self.model.clients.get_mut(&keyid) {
                record.remote_config = None;
                record.last_heartbeat_millis = 0;
                record.repos.clear();
                record.plans.clear();
            }
        }
    }
}
