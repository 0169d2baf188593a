//! What a peer must have been given before a case.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the peer must have been given before the case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Given {
    /// Who we are to the peer.
    pub peer: PeerFixture,
    /// Further identities of ours, by the name that `as` uses.
    pub others: BTreeMap<String, PeerFixture>,
    /// A pairing token of this case's own; its secret is `$token`.
    pub token: Option<TokenFixture>,
    /// Repositories in the peer's configuration; `$NAME` is the id of the one called NAME.
    pub repos: Vec<RepoFixture>,
    /// Plans in the peer's configuration; `$NAME` is the id of the one called NAME.
    pub plans: Vec<PlanFixture>,
    /// The peer's own operations, as a client; `$NAME` is the id of the one called NAME.
    pub operations: Vec<OperationFixture>,
    /// Further identities of ours that the peer does not know, for `all-at-once` and `each`.
    pub strangers: u32,
}

/// An identity of ours, as the peer knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PeerFixture {
    /// Whether the peer has an entry for it.
    pub known: bool,
    /// What that entry permits.
    pub permissions: Vec<PermissionFixture>,
}

impl Default for PeerFixture {
    fn default() -> Self {
        PeerFixture {
            known: true,
            permissions: Vec::new(),
        }
    }
}

/// One permission of an entry or a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PermissionFixture {
    /// What is permitted.
    #[serde(rename = "type")]
    pub kind: PermissionKind,
    /// Where: `*`, `repo:ID`, `plan:ID`, `!repo:ID`, `!plan:ID`; none is everywhere.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// What a permission is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PermissionKind {
    /// PERMISSION_READ_OPERATIONS.
    ReadOperations,
    /// PERMISSION_READ_CONFIG.
    ReadConfig,
    /// PERMISSION_READ_WRITE_CONFIG.
    ReadWriteConfig,
    /// PERMISSION_RECEIVE_SHARED_REPOS.
    ReceiveSharedRepos,
}

impl PermissionKind {
    /// Its name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            PermissionKind::ReadOperations => "PERMISSION_READ_OPERATIONS",
            PermissionKind::ReadConfig => "PERMISSION_READ_CONFIG",
            PermissionKind::ReadWriteConfig => "PERMISSION_READ_WRITE_CONFIG",
            PermissionKind::ReceiveSharedRepos => "PERMISSION_RECEIVE_SHARED_REPOS",
        }
    }
}

/// A pairing token in the peer's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TokenFixture {
    /// Admissions it allows; 0 is any number.
    pub max_uses: u32,
    /// Admissions already counted.
    pub uses: u32,
    /// True when its expiry has passed.
    pub expired: bool,
    /// True when its expiry is far ahead; otherwise it never comes.
    pub expires_later: bool,
    /// What a client it admits may do.
    pub permissions: Vec<PermissionFixture>,
}

/// A repository in the peer's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RepoFixture {
    /// Name within this file.
    pub name: String,
    /// Whether it is marked shared.
    #[serde(default)]
    pub shared: bool,
}

/// A plan in the peer's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PlanFixture {
    /// Name within this file.
    pub name: String,
    /// Name of the repository it backs up to.
    pub repo: String,
}

/// One of a client's own operations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OperationFixture {
    /// Name within this file.
    pub name: String,
    /// Name of the plan that it belongs to.
    pub plan: String,
    /// Its modno.
    pub modno: i64,
    /// Its id, where that matters; no other operation of any case may have it.
    #[serde(default)]
    pub id: Option<i64>,
    /// The id that its repository had at the time, where that was another than now.
    #[serde(default)]
    pub repo_was: Option<String>,
    /// True where the client does not have it at first: `change-operations` puts it.
    #[serde(default)]
    pub later: bool,
}
