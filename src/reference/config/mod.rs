//! A peer's configuration, in the form that deployed peers keep in a file: protobuf's JSON mapping of `v1.Config`.
//!
//! Scopes are not checked here. A scope of no known form refuses the *session* (`docs/protocol.md`, section 5), so a
//! config must be able to hold one.

mod carry_over;
mod check;

use std::{error::Error, fmt, sync::Arc};

use prost::Message as _;
use prost_reflect::DynamicMessage;

use crate::{
    crypto::identity::{Identity, IdentityError},
    wire::{
        descriptor_pool, v1,
        v1::multihost::{PairingToken, Peer},
    },
};

pub use carry_over::carry_over;
pub use check::check_instance_id;

/// The only config version there is.
pub const CONFIG_VERSION: i32 = 6;
/// Longest instance id, in characters.
pub const INSTANCE_ID_LEN_CHARS_MAX: usize = 50;

/// A config that was found valid, and the identity it holds. Debug shows no secret of it.
#[derive(Clone)]
pub struct Config {
    // Never changed in place, so that clones share it.
    message: Arc<v1::Config>,
    identity: Identity,
}

impl Config {
    /// Checks a config.
    ///
    /// # Errors
    /// [`ConfigError`] of the first check that fails, in the order of the fields.
    pub fn new(message: v1::Config) -> Result<Config, ConfigError> {
        let identity = check::check(&message)?;
        let message = Arc::new(message);
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
        let mut message = v1::Config::clone(&self.message);
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

#[cfg(test)]
mod tests;
