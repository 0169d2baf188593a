//! The peer under test, as the command line or a target file tells of it.

use std::{
    env::current_dir,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use syncspec::{
    crypto::kem::KemId,
    report::saved::PeerAddress,
    rules::Level,
    runner::{Expectations, FIRST_CALL_WAIT, LookPlan, Source},
    scenario::{CaseTemplate, model::Scenario, released::Released},
    target::{
        file::{
            self, CommandLine, CommandTarget, KemIdName, ListenAddress, ProvisionFormat,
            TargetFile, WebUrl,
        },
        known_failing::{self, Catalogue, Date},
    },
    wire::{Role, RpcProtocol},
};

use super::{
    super::{
        ProtocolArg, SelectArgs, client_protocols_of, exit, kem_id,
        looks::{LooksArgs, look_plan},
        protocols_of,
        provision::client_contacts,
        refuse,
        wait::wait,
    },
    calls::{NoCalls, wait_for_client},
};

#[derive(clap::Args)]
#[command(next_help_heading = "Peer under test")]
pub struct TargetArgs {
    /// http://HOST:PORT[/PREFIX], https://..., or a target file; without one, the reference on a loopback port
    #[arg(long, value_name = "URL|FILE")]
    target: Option<String>,
    /// Wait for the client under test at this address, such as 127.0.0.1:9899
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Trust the authorities in this PEM file too, for an https:// target
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// Start the peer with this command; {provision}, {port} and {data} in it are filled in
    #[arg(long, value_name = "COMMAND", value_parser = CommandLine::parse)]
    command: Option<CommandLine>,
    /// Form of the file at {provision}
    #[arg(long, value_enum, requires = "command")]
    provision_format: Option<FormatOfProvision>,
    /// KEM id to derive keys with: 0051 as deployed, which is the default, 0050 as published
    #[arg(long, value_name = "ID", value_parser = kem_id)]
    kem_id: Option<KemId>,
    /// How long the first call of a client that you start yourself is waited for [default: 120s]
    #[arg(long, value_name = "DURATION", value_parser = wait)]
    wait: Option<Duration>,
    /// List of the failures that are known of the peer
    #[arg(long, value_name = "FILE")]
    known_failing: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum FormatOfProvision {
    /// A layout of our own, for any peer
    Json,
    /// The configuration file of deployed peers
    BackrestConfig,
}

/// One role of the peer under test, and what is spoken with it there.
pub struct Part {
    pub role: Role,
    pub protocols: Vec<RpcProtocol>,
}

/// Everything known of the peer before it is reached.
pub struct Attached {
    /// What the command line and the target file say together; none for the reference.
    target: Option<TargetFile>,
    /// Where the target file is, if it says all of that.
    file: Option<PathBuf>,
    /// How long the first call of a client that somebody else starts may take.
    first_call_wait: Duration,
}

impl TargetArgs {
    /// Reads the target file, if one is named; flags count before what it says. `roles` are those of a command that
    /// stands on the command line, where it is said which.
    pub fn read(&self, roles: Option<&[Role]>, looks: &LooksArgs) -> Result<Attached, u8> {
        let named = self.target.as_deref();
        let file = named
            .filter(|named| !named.contains("://"))
            .map(PathBuf::from);
        let mut target = match (&file, named) {
            (Some(file), _) => {
                Some(file::load(file).map_err(|errors| refuse("the target file", &errors))?)
            }
            // What is wrong with a URL shows when it is dialled, as what is wrong with a port does.
            (None, Some(url)) => Some(TargetFile::of_url(WebUrl::unchecked(url))),
            (None, None) => None,
        };
        if let Some(listen) = self.listen {
            let target = target.get_or_insert_default();
            target.initiator.listen = Some(ListenAddress::from(listen));
        }
        if let Some(run) = &self.command {
            let target = target.get_or_insert_default();
            target.roles = roles.map(<[Role]>::to_vec).or(target.roles.take());
            target.command = Some(CommandTarget {
                format: match self.provision_format {
                    Some(FormatOfProvision::BackrestConfig) => ProvisionFormat::BackrestConfig,
                    Some(FormatOfProvision::Json) | None => ProvisionFormat::Json,
                },
                ..CommandTarget::new(run.clone())
            });
        }
        if let Some(target) = &mut target {
            self.override_with_flags(target);
            looks.override_in(target);
            let here = current_dir().map_err(|error| {
                eprintln!("error: failed to find the folder that this runs in: {error}");
                exit::SUITE
            })?;
            target.resolve_paths(&here);
            let mistakes = target.mistakes();
            for mistake in &mistakes {
                eprintln!("error: {}", mistake.text);
            }
            if !mistakes.is_empty() {
                return Err(exit::USAGE);
            }
        }
        let absolute = |file: PathBuf| fs::canonicalize(&file).unwrap_or(file);
        // Where flags say more, the file alone does not tell how a case is played again.
        let is_all = looks.is_empty()
            && self.listen.is_none()
            && self.command.is_none()
            && self.tls_ca.is_none();
        Ok(Attached {
            target,
            file: file.filter(|_| is_all).map(absolute),
            first_call_wait: self.wait.unwrap_or(FIRST_CALL_WAIT),
        })
    }

    fn override_with_flags(&self, target: &mut TargetFile) {
        if let Some(ca) = &self.tls_ca {
            target.responder.tls_ca = Some(ca.clone());
        }
        if let Some(list) = &self.known_failing {
            target.known_failing = Some(list.clone());
        }
    }

    /// The KEM id that is followed.
    pub fn kem_id(&self, attached: &Attached) -> KemId {
        self.kem_id.unwrap_or(attached.kem_id())
    }

    /// What is known of the peer's failures.
    pub fn expectations(
        &self,
        attached: &Attached,
        cases: &[CaseTemplate],
        held_to: Level,
        preview_fails: bool,
    ) -> Result<Expectations, u8> {
        let released = Released::built_in();
        let in_target = attached
            .target
            .as_ref()
            .and_then(|target| target.known_failing.as_ref());
        let entries = match self.known_failing.as_ref().or(in_target) {
            None => Vec::new(),
            Some(list) => known_failing::load(list, &Catalogue { cases, released })
                .map_err(|errors| refuse("the list of known failures", &errors))?,
        };
        Ok(Expectations {
            entries,
            today: today(),
            held_to,
            released: (!preview_fails).then_some(released),
        })
    }
}

impl Attached {
    /// What a target file says, and nothing else.
    pub fn of_file(file: &Path) -> Result<Attached, u8> {
        let target = file::load(file).map_err(|errors| refuse("the target file", &errors))?;
        Ok(Attached {
            target: Some(target),
            file: Some(file.to_owned()),
            ..Attached::reference()
        })
    }

    /// The same of a saved text, with what flags say beside it.
    pub fn described(text: &str, looks: &LooksArgs) -> Result<Attached, u8> {
        let target = file::read("the saved target", text);
        let target = target.map_err(|errors| refuse("the target of the saved case", &errors))?;
        Ok(Attached::of(target).with(looks))
    }

    /// A host at a URL.
    pub fn at(url: &str, tls_ca: Option<&PathBuf>, looks: &LooksArgs) -> Attached {
        let mut target = TargetFile::of_url(WebUrl::unchecked(url));
        target.responder.tls_ca = tls_ca.cloned();
        Attached::of(target).with(looks)
    }

    /// The reference.
    pub fn reference() -> Attached {
        Attached {
            target: None,
            file: None,
            first_call_wait: FIRST_CALL_WAIT,
        }
    }

    fn of(target: TargetFile) -> Attached {
        Attached {
            target: Some(target),
            ..Attached::reference()
        }
    }

    /// The same, with what these flags say.
    pub fn with(mut self, looks: &LooksArgs) -> Attached {
        if let Some(target) = &mut self.target {
            looks.override_in(target);
        }
        self
    }

    /// The same, with a client that somebody else starts waited for so long.
    pub fn waiting(mut self, wait: Option<Duration>) -> Self {
        self.first_call_wait = wait.unwrap_or(self.first_call_wait);
        self
    }

    /// The KEM id that the peer is said to follow.
    pub fn kem_id(&self) -> KemId {
        match self.target.as_ref().and_then(|target| target.kem_id) {
            Some(KemIdName::Deployed) => KemId::MlKem1024P384,
            Some(KemIdName::Published) => KemId::AsPublished,
            None => KemId::default(),
        }
    }

    /// What is spoken with it in that role, where nothing else is asked for.
    pub fn spoken_as(&self, role: Role) -> Vec<RpcProtocol> {
        match &self.target {
            None => RpcProtocol::ALL.to_vec(),
            Some(target) => target.protocols(role),
        }
    }

    /// What is said of the peer; none for the reference.
    pub fn target(&self) -> Option<&TargetFile> {
        self.target.as_ref()
    }

    /// The roles that are asked for and what is spoken in each: by default all that can be reached.
    pub fn parts(&self, select: &SelectArgs) -> Result<Vec<Part>, u8> {
        let reachable = match &self.target {
            None => vec![Role::Responder, Role::Initiator],
            Some(target) => target.roles(),
        };
        let roles = select.roles().unwrap_or(&reachable);
        if let Some(role) = roles.iter().find(|role| !reachable.contains(role)) {
            eprintln!(
                "error: nothing says where the {role} is: {}",
                match role {
                    Role::Responder => "give its URL with --target",
                    Role::Initiator => "give an address where it finds us with --listen",
                }
            );
            return Err(exit::USAGE);
        }
        let part = |role: &Role| Part {
            role: *role,
            protocols: self.protocols(*role, select.protocol),
        };
        Ok(roles.iter().map(part).collect())
    }

    /// What is spoken with it in that role, where that much is asked for.
    pub fn protocols(&self, role: Role, asked: ProtocolArg) -> Vec<RpcProtocol> {
        let said = self.target.as_ref().map(|it| it.protocols_said(role));
        match (role, said) {
            (Role::Initiator, Some(None)) => client_protocols_of(asked).to_vec(),
            (_, None | Some(None)) => protocols_of(asked).to_vec(),
            (_, Some(Some(mut spoken))) => {
                spoken.retain(|protocol| protocols_of(asked).contains(protocol));
                spoken
            }
        }
    }

    /// The word of reports for it.
    pub fn kind(&self) -> &'static str {
        match &self.target {
            None => "reference",
            Some(TargetFile {
                command: Some(_), ..
            }) => "command",
            Some(target) if target.responder.url.is_none() => "client",
            Some(_) => "url",
        }
    }

    /// What it is called in messages.
    pub fn shown(&self) -> String {
        let Some(target) = &self.target else {
            return "the reference".to_owned();
        };
        let url = target.responder.url.as_ref().map(WebUrl::as_str);
        let listen = target.initiator.listen.as_ref().map(ListenAddress::as_str);
        match (&target.name, &target.command, url, listen) {
            (Some(name), ..) => match &target.version {
                Some(version) => format!("{name} {version}"),
                None => name.clone(),
            },
            (_, Some(command), ..) => format!("`{}`", command.run.program().as_str()),
            (_, _, Some(url), None) => url.to_owned(),
            (_, _, None, listen) => {
                format!("a client that calls {}", listen.unwrap_or_default())
            }
            (_, _, Some(url), Some(listen)) => format!("{url}, which calls {listen}"),
        }
    }

    /// Where the peer comes from. Where it is a client that somebody else starts, these cases are listened for from now
    /// on.
    pub async fn source<'a>(
        &self,
        cases: impl Iterator<Item = &'a Scenario>,
    ) -> Result<Source, NoCalls> {
        let Some(target) = &self.target else {
            return Ok(Source::Reference);
        };
        if target.command.is_some() {
            return Ok(Source::Command(Box::new(target.clone())));
        }
        let spoken = target.protocols_said(Role::Initiator);
        let contacts = client_contacts(spoken.as_deref().unwrap_or(&RpcProtocol::ALL));
        let mut calling: Vec<&Scenario> =
            cases.filter(|case| case.role == Role::Initiator).collect();
        let switchboard = match target.listen_address() {
            Some(address) if !calling.is_empty() => {
                calling.extend(&contacts);
                let wait = self.first_call_wait;
                let switchboard = wait_for_client(address, wait, calling.into_iter()).await?;
                Some(Arc::new(switchboard))
            }
            _ => None,
        };
        let url = target.responder_url().unwrap_or_default().to_owned();
        Ok(Source::Outside { url, switchboard })
    }

    /// Whether it is started for the run.
    pub fn is_started(&self) -> bool {
        self.target
            .as_ref()
            .is_none_or(|target| target.command.is_some())
    }

    /// How a single case is played on it again.
    pub fn address(&self) -> PeerAddress {
        match (&self.target, &self.file) {
            (None, _) => PeerAddress::Reference,
            (Some(_), Some(file)) => PeerAddress::TargetFile { file: file.clone() },
            (Some(target), None) => PeerAddress::Described {
                target: target.to_toml(false),
                state_headers: target.state_service.headers.keys().cloned().collect(),
            },
        }
    }

    /// What looks inside it.
    pub fn look_plan(&self) -> LookPlan {
        look_plan(self.target.as_ref())
    }

    /// The authorities to trust beside those that browsers trust.
    pub fn tls_ca(&self) -> Option<&PathBuf> {
        self.target.as_ref()?.responder.tls_ca.as_ref()
    }
}

fn today() -> Date {
    // A clock before the epoch makes nothing expire.
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Date::at_unix(now.as_secs())
}
