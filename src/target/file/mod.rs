//! The target file: how a peer under test is reached or started, what it can do, and which of its failures are known.
//!
//! These types are the format, in TOML; `docs/target.md` is its manual, [`schema`] the same for editors. [`load`] reads
//! one and reports everything that is wrong with it at once. Command-line flags fill in the same types.

mod check;
mod first;
mod load;
mod placeholder;
mod toml;
mod value;
mod write;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use schemars::JsonSchema;
use serde::Deserialize;

pub use check::Mistake;
pub use first::{Tried, first_file};
pub use load::{load, read};
pub use placeholder::{Filling, PLACEHOLDERS, fill};
pub use value::{CommandLine, Filled, ListenAddress, Wait, WebUrl};

use crate::{
    rules::Capability,
    wire::{Role, RpcProtocol},
};

/// How long a command may take until its peer is ready, where the file does not say.
pub const START_WAIT: Duration = Duration::from_secs(10);
/// How long a peer may take to leave after SIGTERM before it is killed, where the file does not say.
pub const STOP_WAIT: Duration = Duration::from_secs(5);
/// How often a peer that crashes is started again within one run, where the file does not say: a peer that falls at
/// every tenth case is mended before it is tested.
pub const RESTARTS_MAX: u32 = 20;
/// Where a command's peer answers, where the file does not say.
pub const COMMAND_URL: &str = "http://127.0.0.1:{port}";
/// Where we listen for a command's peer, where the file does not say: a free port, which the provision tells it.
pub const COMMAND_LISTEN: &str = "127.0.0.1:0";

/// Everything known of a peer under test.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TargetFile {
    /// What the peer is called in reports.
    pub name: Option<String>,
    /// Its version, for reports.
    pub version: Option<String>,
    /// The roles it plays. By default `responder` where there is a URL or a command, `initiator` where we listen.
    pub roles: Option<Vec<Role>>,
    /// The RPC protocols it is to be tested over, in each role of which nothing else is said.
    pub protocols: Option<Vec<RpcProtocol>>,
    /// The KEM id it derives keys with: `0051` as deployed, which is the default, or `0050` as published.
    pub kem_id: Option<KemIdName>,
    /// A host that is dialled.
    pub responder: ResponderTarget,
    /// A client that dials us.
    pub initiator: InitiatorTarget,
    /// A command that starts the peer. It is stopped and started again as the run needs it.
    pub command: Option<CommandTarget>,
    /// The state service beside the peer.
    pub state_service: StateServiceTarget,
    /// A command that looks inside the peer, or changes it, for the cases that need that.
    pub hook: Option<HookTarget>,
    /// What the peer can do beyond what the protocol asks of everyone, and which parts it lacks. Cases that need what it
    /// lacks are skipped, and say so; what is said here is tried in each run, and a finding where it is not so.
    #[schemars(with = "BTreeMap<Capability, bool>")]
    pub capabilities: BTreeMap<Capability, bool>,
    /// List of the failures that are known of it, beside this file.
    pub known_failing: Option<PathBuf>,
}

/// A KEM id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum KemIdName {
    /// As deployed.
    #[serde(rename = "0051")]
    Deployed,
    /// As published.
    #[serde(rename = "0050")]
    Published,
}

/// How a host is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ResponderTarget {
    /// `http://HOST:PORT[/PREFIX]` or `https://...`. With a command it may hold `{port}`, and is
    /// `http://127.0.0.1:{port}` by default.
    #[schemars(with = "Option<String>")]
    pub url: Option<WebUrl>,
    /// PEM file of authorities to trust beside those that browsers trust.
    pub tls_ca: Option<PathBuf>,
    /// The RPC protocols it answers as a host; both by default.
    pub protocols: Option<Vec<RpcProtocol>>,
}

/// How a client reaches us.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct InitiatorTarget {
    /// `ADDRESS:PORT` to listen on. With a command it is a free loopback port by default.
    #[schemars(with = "Option<String>")]
    pub listen: Option<ListenAddress>,
    /// URL by which the client reaches that address, where it is another than `http://` and the address.
    #[schemars(with = "Option<String>")]
    pub url: Option<WebUrl>,
    /// The RPC protocols it speaks as a client: `connect` by default, as deployed clients do. Its cases are played once for
    /// each.
    pub protocols: Option<Vec<RpcProtocol>>,
}

/// A command that starts the peer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CommandTarget {
    /// Program and arguments, started without a shell. A program with a `/` in it is looked for from `dir`.
    /// `{provision}` and `{operations}` are paths of files that we write, `{port}` a free port, `{data}` an empty folder,
    /// `{listen}` the URL at which we listen for the client.
    #[schemars(with = "Vec<String>")]
    pub run: CommandLine,
    /// Form of the file at `{provision}`.
    #[serde(default)]
    pub format: ProvisionFormat,
    /// Folder it is started in; that of the target file by default.
    #[serde(default)]
    pub dir: Option<PathBuf>,
    /// Added to its environment; the same words in braces may stand in it.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub env: BTreeMap<String, Filled>,
    /// When it is ready. By default a host when its port answers, a mere client when it dials.
    #[serde(default)]
    pub ready: Option<Ready>,
    /// Longest wait until it is ready, `10s` by default.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub start_within: Option<Wait>,
    /// Longest wait between SIGTERM and SIGKILL, `5s` by default.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub stop_within: Option<Wait>,
    /// How often it is started again after a crash, in one run; 20 by default.
    #[serde(default)]
    pub restarts_max: Option<u32>,
}

impl CommandTarget {
    /// A command of which nothing else is said.
    pub fn new(run: CommandLine) -> CommandTarget {
        CommandTarget {
            run,
            format: ProvisionFormat::default(),
            dir: None,
            env: BTreeMap::new(),
            ready: None,
            start_within: None,
            stop_within: None,
            restarts_max: None,
        }
    }

    /// Whether this word is filled in for it.
    pub fn learns(&self, word: &str) -> bool {
        self.run.mentions(word) || self.env.values().any(|value| value.mentions(word))
    }

    /// Longest wait until it is ready.
    pub fn start_wait(&self) -> Duration {
        self.start_within.map_or(START_WAIT, |wait| wait.0)
    }

    /// Longest wait between SIGTERM and SIGKILL.
    pub fn stop_wait(&self) -> Duration {
        self.stop_within.map_or(STOP_WAIT, |wait| wait.0)
    }

    /// How often it is started again after a crash.
    pub fn restarts_max(&self) -> u32 {
        self.restarts_max.unwrap_or(RESTARTS_MAX)
    }
}

/// The forms of a provision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProvisionFormat {
    /// A layout of our own, for any peer.
    #[default]
    Json,
    /// The configuration file of deployed peers.
    BackrestConfig,
}

/// What shows that a started peer can be tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ready {
    /// Its port takes connections.
    Port,
    /// It dials us.
    Dials,
}

/// Where the state service is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct StateServiceTarget {
    /// Its URL, as `responder.url`, which it is by default.
    #[schemars(with = "Option<String>")]
    pub url: Option<WebUrl>,
    /// Headers of each call, such as `Authorization`. Sync is called without them.
    pub headers: BTreeMap<String, String>,
}

/// A way to look inside the peer, and to change it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct HookTarget {
    /// Program and arguments of a command that talks JSON lines. A program with a `/` in it is looked for from `dir`. The
    /// words in braces of `command.run` may stand in it, and `{url}`, which is `responder.url`.
    #[schemars(with = "Option<Vec<String>>")]
    pub run: Option<CommandLine>,
    /// One of those that the suite brings along.
    pub built_in: Option<BuiltInHook>,
    /// Folder that `run` is started in; that of the target file by default.
    pub dir: Option<PathBuf>,
    /// Longest wait for one answer, `10s` by default.
    #[schemars(with = "Option<String>")]
    pub within: Option<Wait>,
    /// Whether `run` answers what only clients are asked. Beside a `built_in` it is asked nothing else.
    pub of_clients: bool,
}

/// The hooks that the suite brings along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BuiltInHook {
    /// The web API of deployed peers, at `responder.url`, called with the headers of the state service.
    BackrestHttp,
}

impl TargetFile {
    /// A host at a URL, and nothing else known of it.
    pub fn of_url(url: WebUrl) -> TargetFile {
        TargetFile {
            responder: ResponderTarget {
                url: Some(url),
                ..ResponderTarget::default()
            },
            ..TargetFile::default()
        }
    }

    /// The roles it plays, each once, responder first.
    pub fn roles(&self) -> Vec<Role> {
        let mut roles = match &self.roles {
            Some(roles) => roles.clone(),
            None => {
                let dialled =
                    self.responder.url.is_some() || (self.command.is_some() && !self.only_dials());
                let listened_for = self.initiator.listen.is_some() || self.only_dials();
                [(dialled, Role::Responder), (listened_for, Role::Initiator)]
                    .into_iter()
                    .filter_map(|(plays, role)| plays.then_some(role))
                    .collect()
            }
        };
        roles.sort();
        roles.dedup();
        roles
    }

    fn only_dials(&self) -> bool {
        let ready = self.command.as_ref().and_then(|command| command.ready);
        ready == Some(Ready::Dials)
    }

    /// The RPC protocols that the file says it speaks in this role, each once; none where it says nothing.
    pub fn protocols_said(&self, role: Role) -> Option<Vec<RpcProtocol>> {
        let of_role = match role {
            Role::Responder => &self.responder.protocols,
            Role::Initiator => &self.initiator.protocols,
        };
        let mut protocols = of_role.as_ref().or(self.protocols.as_ref())?.clone();
        protocols.sort();
        protocols.dedup();
        Some(protocols)
    }

    /// The RPC protocols it is tested over in this role, each once.
    pub fn protocols(&self, role: Role) -> Vec<RpcProtocol> {
        let said = self.protocols_said(role);
        said.unwrap_or_else(|| usual_protocols(role).to_vec())
    }

    /// Where a host answers; `{port}` stands where a command's port is to be filled in. None for a mere client.
    pub fn responder_url(&self) -> Option<&str> {
        if !self.roles().contains(&Role::Responder) {
            return None;
        }
        let url = self.responder.url.as_ref().map(WebUrl::as_str);
        url.or(self.command.as_ref().map(|_| COMMAND_URL))
    }

    /// Where we listen for a client; none for a mere host.
    pub fn listen_address(&self) -> Option<&str> {
        if !self.roles().contains(&Role::Initiator) {
            return None;
        }
        let listen = self.initiator.listen.as_ref().map(ListenAddress::as_str);
        listen.or(self.command.as_ref().map(|_| COMMAND_LISTEN))
    }

    /// What shows that a started peer can be tested.
    pub fn ready(&self) -> Ready {
        let said = self.command.as_ref().and_then(|command| command.ready);
        said.unwrap_or(match self.roles().contains(&Role::Responder) {
            true => Ready::Port,
            false => Ready::Dials,
        })
    }

    /// Whether the peer has a capability: as the file says, or as peers mostly are.
    pub fn has(&self, capability: Capability) -> bool {
        let said = self.capabilities.get(&capability).copied();
        let is_given_it = match capability {
            Capability::OperationsProvisioned => self.is_given_operations(),
            _ => true,
        };
        said.unwrap_or(capability.is_usual() && is_given_it)
    }

    /// Whether we give a client operations of its own. Whoever starts one by hand mostly gives it a config, which has no
    /// place for them.
    fn is_given_operations(&self) -> bool {
        self.command.as_ref().is_some_and(|command| {
            command.format == ProvisionFormat::Json || command.learns("operations")
        })
    }

    /// Whether the file itself leaves a case nothing to be played on: the first capability that it needs, and that the
    /// peer has not. Those that follow from something else show once the peer is there.
    pub fn lacks(&self, needs: &BTreeSet<Capability>) -> Option<Capability> {
        let mut needs = needs.iter().copied();
        needs.find(|capability| capability.follows_from().is_none() && !self.has(*capability))
    }
}

/// What peers mostly speak in this role: a host answers what it is asked in, a client has chosen.
pub fn usual_protocols(role: Role) -> &'static [RpcProtocol] {
    match role {
        Role::Responder => &RpcProtocol::ALL,
        Role::Initiator => &[RpcProtocol::Connect],
    }
}

/// JSON Schema of a target file.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(TargetFile).to_value()
}

#[cfg(test)]
mod tests;
