//! What makes a config valid.

use std::collections::HashSet;

use super::{CONFIG_VERSION, ConfigError, INSTANCE_ID_LEN_CHARS_MAX, Problem};
use crate::{
    crypto::identity::{Identity, KeyPolicy},
    wire::v1,
};

/// Whether a text can be an instance id.
///
/// # Errors
/// [`Problem::Empty`], or [`Problem::InstanceIdForm`]: over [`INSTANCE_ID_LEN_CHARS_MAX`] characters, between two
/// underscores (such ids are reserved), or with a character other than ASCII letters, digits, `_`, `-` and `.`.
pub fn check_instance_id(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Err(Problem::Empty);
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let reserved = text
        .strip_prefix('_')
        .is_some_and(|rest| rest.ends_with('_'));
    if reserved || text.chars().count() > INSTANCE_ID_LEN_CHARS_MAX || !text.chars().all(allowed) {
        return Err(Problem::InstanceIdForm);
    }
    Ok(())
}

/// Checks everything but scopes; returns the identity.
pub(super) fn check(config: &v1::Config) -> Result<Identity, ConfigError> {
    if config.version != CONFIG_VERSION {
        let seen = config.version;
        return Err(ConfigError::new("version", Problem::Version { seen }));
    }
    check_instance_id(&config.instance).map_err(|problem| ConfigError::new("instance", problem))?;
    check_repos(&config.repos)?;
    check_plans(&config.plans, &config.repos)?;
    check_multihost(config)
}

fn check_repos(repos: &[v1::Repo]) -> Result<(), ConfigError> {
    let (mut ids, mut uris, mut guids) = (Unique::default(), Unique::default(), Unique::default());
    for (index, repo) in repos.iter().enumerate() {
        let at = |key| format!("repos[{index}].{key}");
        ids.claim(&repo.id, || at("id"))?;
        uris.claim(&repo.uri, || at("uri"))?;
        guids.claim(&repo.guid, || at("guid"))?;
    }
    Ok(())
}

fn check_plans(plans: &[v1::Plan], repos: &[v1::Repo]) -> Result<(), ConfigError> {
    let repos: HashSet<&str> = repos.iter().map(|repo| repo.id.as_str()).collect();
    let mut ids = Unique::default();
    for (index, plan) in plans.iter().enumerate() {
        let at = |key| format!("plans[{index}].{key}");
        ids.claim(&plan.id, || at("id"))?;
        if !repos.contains(plan.repo.as_str()) {
            return Err(ConfigError::new(at("repo"), Problem::RepoUnknown));
        }
        if plan.paths.iter().all(String::is_empty) {
            return Err(ConfigError::new(at("paths"), Problem::Empty));
        }
    }
    Ok(())
}

fn check_multihost(config: &v1::Config) -> Result<Identity, ConfigError> {
    let missing = || ConfigError::new("sync.identity", Problem::IdentityMissing);
    let sync = config.multihost.as_ref().ok_or_else(missing)?;
    let key = sync.identity.as_ref().ok_or_else(missing)?;
    // The file is ours, but the texts in it are what our peers are told, and they may read strictly.
    let identity = Identity::decode(
        &key.keyid,
        &key.ed25519priv,
        &key.ed25519pub,
        KeyPolicy::Strict,
    )
    .map_err(|error| ConfigError::new("sync.identity", Problem::Identity(error)))?;

    let mut instance_ids = Unique::holding(&config.instance);
    let mut keyids = Unique::holding(&key.keyid);
    for (list, peers) in [
        ("knownHosts", &sync.known_hosts),
        ("authorizedClients", &sync.authorized_clients),
    ] {
        for (index, peer) in peers.iter().enumerate() {
            let at = |key| format!("sync.{list}[{index}].{key}");
            check_instance_id(&peer.instance_id)
                .map_err(|problem| ConfigError::new(at("instanceId"), problem))?;
            instance_ids.claim(&peer.instance_id, || at("instanceId"))?;
            keyids.claim(&peer.keyid, || at("keyId"))?;
        }
    }
    let mut secrets = Unique::default();
    for (index, token) in sync.pairing_tokens.iter().enumerate() {
        secrets.claim(&token.secret, || {
            format!("sync.pairingTokens[{index}].secret")
        })?;
    }
    Ok(identity)
}

/// Values of which each must be there and be seen once.
#[derive(Default)]
struct Unique<'a>(HashSet<&'a str>);

impl<'a> Unique<'a> {
    fn holding(value: &'a str) -> Self {
        Unique(HashSet::from([value]))
    }

    fn claim(&mut self, value: &'a str, path: impl FnOnce() -> String) -> Result<(), ConfigError> {
        let problem = if value.is_empty() {
            Problem::Empty
        } else if !self.0.insert(value) {
            Problem::Taken
        } else {
            return Ok(());
        };
        Err(ConfigError::new(path(), problem))
    }
}
