//! What the host remembers, beside what the model says it should.

use syncspec::{reference::store::Store as _, wire::v1sync::ConnectionState};

use super::Bench;
use crate::world::Who;

impl Bench {
    /// Config, operations and peer states are the model's.
    pub(super) fn state_equals_the_models(&mut self) {
        assert_eq!(
            *self.host.config().message(),
            self.model.config,
            "the host's config"
        );
        for who in Who::ALL {
            let keyid = who.identity().keyid();
            let stored = self
                .host
                .store()
                .operations(keyid)
                .expect("a store in memory does not fail");
            let record = self.model.clients.entry(keyid.to_owned()).or_default();
            record.check_operations(keyid, &stored);
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
            assert_eq!(
                state
                    .remote_config
                    .as_ref()
                    .map(prost::Message::encode_to_vec),
                record
                    .remote_config
                    .as_ref()
                    .map(prost::Message::encode_to_vec),
                "the config {who:?} told of"
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
