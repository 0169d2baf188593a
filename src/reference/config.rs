//! A peer's configuration, in the form that deployed peers keep in a file: protobuf's JSON mapping of `v1.Config`.
//!
//! Scopes are not checked here. A scope of no known form refuses the *session* (`docs/protocol.md`, section 5), so a
//! config must be able to hold one.

use std::{collections::HashSet, error::Error, fmt};

use prost::Message as _;
use prost_reflect::DynamicMessage;

use crate::{
    crypto::identity::{Identity, IdentityError, KeyPolicy},
    wire::{
        descriptor_pool, v1,
        v1::multihost::{PairingToken, Peer},
    },
};

/// The only config version there is.
pub const CONFIG_VERSION: i32 = 6;
/// Longest instance id, in characters.
pub const INSTANCE_ID_LEN_CHARS_MAX: usize = 50;

/// A config that was found valid, and the identity it holds. Debug shows no secret of it.
#[derive(Clone)]
pub struct Config {
    message: v1::Config,
    identity: Identity,
}

impl Config {
    /// Checks a config.
    ///
    /// # Errors
    /// [`ConfigError`] of the first check that fails, in the order of the fields.
    pub fn new(message: v1::Config) -> Result<Config, ConfigError> {
        let identity = check(&message)?;
        Ok(Config { message, identity })
    }

    /// Reads a config file. Unknown keys are refused: a misspelt permission must not pass for none.
    ///
    /// # Errors
    /// As [`Config::new`]; [`Problem::Json`] when the text is not protobuf's JSON mapping of the message.
    pub fn from_json(text: &str) -> Result<Config, ConfigError> {
        let json =
            |error: &dyn fmt::Display| ConfigError::new("", Problem::Json(error.to_string()));
        let mut reader = serde_json::Deserializer::from_str(text);
        let descriptor = v1_config_descriptor();
        let message =
            DynamicMessage::deserialize(descriptor, &mut reader).map_err(|error| json(&error))?;
        reader.end().map_err(|error| json(&error))?;
        let message =
            v1::Config::decode(message.encode_to_vec().as_slice()).map_err(|error| json(&error))?;
        Config::new(message)
    }

    /// The config as a file, private key and pairing secrets included.
    pub fn to_json(&self) -> String {
        let mut message = DynamicMessage::new(v1_config_descriptor());
        message
            .merge(self.message.encode_to_vec().as_slice())
            .expect("a message of our own encoding parses under its own descriptor");
        serde_json::to_string_pretty(&message).expect("every value of the message has a JSON form")
    }

    /// The same config, changed.
    ///
    /// # Errors
    /// As [`Config::new`], for the result.
    pub fn edited(&self, edit: impl FnOnce(&mut v1::Config)) -> Result<Config, ConfigError> {
        let mut message = self.message.clone();
        edit(&mut message);
        Config::new(message)
    }

    /// The message itself.
    pub fn message(&self) -> &v1::Config {
        &self.message
    }

    /// Our identity.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Our instance id.
    pub fn instance_id(&self) -> &str {
        &self.message.instance
    }

    /// The repos, in the order of the file.
    pub fn repos(&self) -> &[v1::Repo] {
        &self.message.repos
    }

    /// The plans, in the order of the file.
    pub fn plans(&self) -> &[v1::Plan] {
        &self.message.plans
    }

    /// The hosts we dial, in the order of the file.
    pub fn known_hosts(&self) -> &[Peer] {
        self.multihost().map_or(&[], |sync| &sync.known_hosts)
    }

    /// The clients that may dial us, in the order of the file.
    pub fn authorized_clients(&self) -> &[Peer] {
        self.multihost()
            .map_or(&[], |sync| &sync.authorized_clients)
    }

    /// The tokens that admit new clients.
    pub fn pairing_tokens(&self) -> &[PairingToken] {
        self.multihost().map_or(&[], |sync| &sync.pairing_tokens)
    }

    /// The known host with this key id.
    pub fn known_host(&self, keyid: &str) -> Option<&Peer> {
        self.known_hosts().iter().find(|peer| peer.keyid == keyid)
    }

    /// The authorized client with this key id.
    pub fn authorized_client(&self, keyid: &str) -> Option<&Peer> {
        self.authorized_clients()
            .iter()
            .find(|peer| peer.keyid == keyid)
    }

    /// Whether this instance id belongs to us, a known host or an authorized client.
    pub fn knows_instance_id(&self, instance_id: &str) -> bool {
        self.instance_id() == instance_id
            || self.peers().any(|peer| peer.instance_id == instance_id)
    }

    /// Whether this key id belongs to us, a known host or an authorized client.
    pub fn knows_keyid(&self, keyid: &str) -> bool {
        self.identity.keyid() == keyid || self.peers().any(|peer| peer.keyid == keyid)
    }

    /// Known hosts, then authorized clients.
    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.known_hosts().iter().chain(self.authorized_clients())
    }

    fn multihost(&self) -> Option<&v1::Multihost> {
        self.message.multihost.as_ref()
    }
}

impl PartialEq for Config {
    fn eq(&self, other: &Self) -> bool {
        // The identity follows from the message.
        self.message == other.message
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("instance", &self.message.instance)
            .field("modno", &self.message.modno)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

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

/// A config that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where, as a path of JSON keys such as `sync.authorizedClients[1].keyId`; empty when the text is not JSON.
    pub path: String,
    /// What is wrong there.
    pub problem: Problem,
}

/// What can be wrong at one place of a config.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// Not JSON, or not this message's JSON mapping; says line and column.
    Json(String),
    /// The config has another version.
    Version {
        /// The version.
        seen: i32,
    },
    /// A field that is needed is empty.
    Empty,
    /// Not an instance id.
    InstanceIdForm,
    /// Another entry has the same value.
    Taken,
    /// There is no identity.
    IdentityMissing,
    /// The identity does not decode.
    Identity(IdentityError),
    /// A plan names a repo that does not exist.
    RepoUnknown,
}

impl ConfigError {
    fn new(path: impl Into<String>, problem: Problem) -> Self {
        ConfigError {
            path: path.into(),
            problem,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        self.problem.fmt(f)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Json(error) => write!(
                f,
                "expected v1.Config in protobuf's JSON mapping, saw {error}"
            ),
            Problem::Version { seen } => write!(f, "expected version {CONFIG_VERSION}, saw {seen}"),
            Problem::Empty => f.write_str("expected a value, saw none"),
            Problem::InstanceIdForm => write!(
                f,
                "expected at most {INSTANCE_ID_LEN_CHARS_MAX} letters, digits, '_', '-' and '.', not between two \
                 underscores, saw another text"
            ),
            Problem::Taken => f.write_str("expected a value of its own, saw that of another entry"),
            Problem::IdentityMissing => f.write_str("expected an identity, saw none"),
            Problem::Identity(error) => error.fmt(f),
            Problem::RepoUnknown => f.write_str("expected the id of a repo, saw another"),
        }
    }
}

impl Error for ConfigError {}

fn v1_config_descriptor() -> prost_reflect::MessageDescriptor {
    descriptor_pool()
        .get_message_by_name("v1.Config")
        .expect("the contract has v1.Config")
}

fn check(config: &v1::Config) -> Result<Identity, ConfigError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::fixture::{bare, config, identity, keyid, peer, plan, repo, sync, token};

    type Edit = fn(&mut v1::Config);

    #[test]
    fn deployed_file_then_read() {
        let id = identity(1);
        let text = format!(
            r#"{{"modno":1,"version":6,"instance":"host","auth":{{"disabled":true}},
            "repos":[{{"id":"007","uri":"/r","guid":"{guid}","password":"x"}}],
            "plans":[{{"id":"1e3","repo":"007","paths":["/"],"schedule":{{"disabled":true}}}}],
            "sync":{{"identity":{{"keyId":"{keyid}","ed25519priv":"{private}","ed25519pub":"{public}"}},
            "authorizedClients":[{{"instanceId":"client","keyId":"k","permissions":[
                {{"type":"PERMISSION_READ_CONFIG","scopes":["*"]}}]}}],
            "pairingTokens":[{{"secret":"s","label":"l","createdAtUnix":"5","expiresAtUnix":6,"maxUses":1}}]}}}}"#,
            guid = "a".repeat(64),
            keyid = id.keyid(),
            private = id.private_key_text(),
            public = id.public_key_text(),
        );
        let config = Config::from_json(&text).unwrap();
        assert_eq!(config.repos()[0].id, "007");
        assert_eq!(config.plans()[0].id, "1e3");
        assert_eq!(
            config.authorized_client("k").unwrap().permissions[0].scopes,
            ["*"]
        );
        assert_eq!(config.pairing_tokens()[0].expires_at_unix, 6);
        assert_eq!(config.identity().keyid(), keyid(1));
        assert_eq!(Config::from_json(&config.to_json()).unwrap(), config);
    }

    #[test]
    fn unknown_key_then_error_names_it_and_its_line() {
        let error = Config::from_json("{\n\"versoin\": 6}").unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("versoin") && text.contains("line 2"),
            "{text}"
        );
    }

    #[test]
    fn text_after_the_config_then_error() {
        let text = config("host", 1, |_| ()).to_json();
        let error = Config::from_json(&format!("{text} {{}}")).unwrap_err();
        assert!(matches!(error.problem, Problem::Json(_)));
    }

    #[test]
    fn invalid_config_then_error_names_the_json_path() {
        let edits: [(&str, Problem, Edit); 17] = [
            ("version", Problem::Version { seen: 5 }, |c| c.version = 5),
            ("instance", Problem::Empty, |c| c.instance.clear()),
            ("instance", Problem::InstanceIdForm, |c| {
                c.instance = "_x_".to_owned()
            }),
            ("repos[0].id", Problem::Empty, |c| c.repos[0].id.clear()),
            ("repos[0].guid", Problem::Empty, |c| c.repos[0].guid.clear()),
            ("repos[1].id", Problem::Taken, |c| {
                c.repos[1].id = "a".to_owned()
            }),
            ("repos[1].uri", Problem::Taken, |c| {
                c.repos[1].uri = c.repos[0].uri.clone()
            }),
            ("repos[1].guid", Problem::Taken, |c| {
                c.repos[1].guid = c.repos[0].guid.clone()
            }),
            ("plans[1].id", Problem::Taken, |c| {
                c.plans.push(plan("p", "b"))
            }),
            ("plans[0].repo", Problem::RepoUnknown, |c| {
                c.plans[0].repo = "c".to_owned()
            }),
            ("plans[0].paths", Problem::Empty, |c| {
                c.plans[0].paths = vec![String::new()]
            }),
            ("sync.identity", Problem::IdentityMissing, |c| {
                c.multihost = None
            }),
            (
                "sync.identity",
                Problem::Identity(IdentityError::SeedOfOtherKey),
                |c| {
                    sync(c).identity.as_mut().unwrap().ed25519priv = identity(2).private_key_text();
                },
            ),
            ("sync.knownHosts[0].instanceId", Problem::Taken, |c| {
                sync(c).known_hosts.push(peer("host", 2, &[]));
            }),
            ("sync.authorizedClients[0].keyId", Problem::Taken, |c| {
                sync(c).known_hosts.push(peer("other", 2, &[]));
                sync(c).authorized_clients.push(peer("client", 2, &[]));
            }),
            ("sync.authorizedClients[0].keyId", Problem::Taken, |c| {
                sync(c).authorized_clients.push(peer("client", 1, &[]));
            }),
            ("sync.pairingTokens[1].secret", Problem::Taken, |c| {
                sync(c).pairing_tokens = vec![token("s", 0), token("s", 1)];
            }),
        ];
        for (path, problem, edit) in edits {
            let mut message = bare("host", 1);
            message.repos = vec![repo("a"), repo("b")];
            message.plans = vec![plan("p", "a")];
            edit(&mut message);
            let path = path.to_owned();
            assert_eq!(
                Config::new(message).unwrap_err(),
                ConfigError { path, problem }
            );
        }
    }

    #[test]
    fn instance_id_of_other_form_then_refused() {
        for good in ["a", "_", "_a", "a_", "A.b-c_9", &"x".repeat(50)] {
            assert_eq!(check_instance_id(good), Ok(()), "{good}");
        }
        for bad in ["_a_", "__", "a b", "a/b", "\u{e9}", &"x".repeat(51)] {
            assert_eq!(
                check_instance_id(bad),
                Err(Problem::InstanceIdForm),
                "{bad}"
            );
        }
    }

    #[test]
    fn debug_then_no_secret_in_it() {
        let config = config("host", 1, |c| {
            sync(c).pairing_tokens.push(token("s3cret", 1))
        });
        let text = format!("{config:?}");
        assert!(!text.contains("s3cret"));
        assert!(!text.contains(&identity(1).private_key_text()));
    }
}
