//! How much of anything a peer may make us hold or do, and the other settings of a peer's mind.

use std::time::Duration;

use super::store::Share;
use crate::lapses::Lapses;

/// Named limits. A peer that passes one loses its session, never the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Ids in one manifest or one request for operation data. Deployed peers answer a million; twice that still fits in
    /// an item of 64 MiB.
    pub manifest_len_max: usize,
    /// Operations held for one client. As many as a manifest can list, or they could never be reconciled.
    pub operations_per_client_max: usize,
    /// Their encoded size in bytes, which the count alone does not bound: one error text can be megabytes long.
    pub operations_per_client_len_bytes_max: usize,
    /// Entries in each of a session's two known lists, which add up item by item for as long as it lasts.
    pub known_list_len_max: usize,
    /// Length in bytes of an id that is kept: of a repo, plan or log, or a repo's guid. The longest documented one is the
    /// 64 characters of a guid.
    pub id_len_bytes_max: usize,
    /// Encoded size in bytes of the remote config kept for one peer.
    pub remote_config_len_bytes_max: usize,
    /// Authorized clients, which a pairing token without a limit on its uses would let grow without end. As each client
    /// has at most one session, it bounds the sessions too.
    pub authorized_clients_max: usize,
    /// Repos, and plans, that `set_config` may leave in a client's config.
    pub config_list_len_max: usize,
    /// Items held back for one peer that asked us to wait, and items queued for one that does not read.
    pub queued_items_max: usize,
    /// Longest wait one `throttle` can ask for: held items are memory of ours.
    pub throttle_max: Duration,
    /// Logs asked of one peer and not yet complete.
    pub logs_pending_max: usize,
    /// Size in bytes of one log that is received.
    pub log_len_bytes_max: usize,
}

impl Limits {
    /// What one client may have stored.
    pub fn share(&self) -> Share {
        Share {
            operations_max: self.operations_per_client_max,
            len_bytes_max: self.operations_per_client_len_bytes_max,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            manifest_len_max: 2_000_000,
            operations_per_client_max: 2_000_000,
            operations_per_client_len_bytes_max: 1 << 30,
            known_list_len_max: 10_000,
            id_len_bytes_max: 1024,
            remote_config_len_bytes_max: 4 << 20,
            authorized_clients_max: 10_000,
            config_list_len_max: 10_000,
            queued_items_max: 1024,
            throttle_max: Duration::from_secs(300),
            logs_pending_max: 16,
            log_len_bytes_max: 16 << 20,
        }
    }
}

/// What a peer may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// `request_log` and `receive_log_data`; a peer without answers them with a protocol error.
    pub logs: bool,
    /// `throttle`; the same.
    pub throttle: bool,
    /// Pairing by tokens; a host without takes an unknown client for one that shows no secret.
    pub pairing: bool,
}

impl Default for Capabilities {
    fn default() -> Self {
        Capabilities {
            logs: true,
            throttle: true,
            pairing: true,
        }
    }
}

/// Everything about a mind that its config does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// See [`Limits`].
    pub limits: Limits,
    /// See [`Capabilities`].
    pub capabilities: Capabilities,
    /// Time between two heartbeats of a session. Deployed: 600 s.
    pub heartbeat_interval: Duration,
    /// What the peer gets wrong.
    pub lapses: Lapses,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            limits: Limits::default(),
            capabilities: Capabilities::default(),
            heartbeat_interval: Duration::from_secs(600),
            lapses: Lapses::NONE,
        }
    }
}
