//! The peer under test, as the command line or a target file tells of it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use syncspec::{
    crypto::kem::KemId,
    report::saved::PeerAddress,
    rules::Level,
    runner::{Expectations, Source},
    scenario::{CaseTemplate, load_error::LoadError, released::Released},
    target::{
        file::{self, CommandLine, CommandTarget, KemIdName, ProvisionFormat, TargetFile, WebUrl},
        known_failing::{self, Catalogue, Date},
        provision::Provision,
    },
    wire::RpcProtocol,
};

use super::super::{SelectArgs, exit, kem_id};

#[derive(clap::Args)]
#[command(next_help_heading = "Peer under test")]
pub struct TargetArgs {
    /// http://HOST:PORT[/PREFIX], https://..., or a target file; without one, the reference on a loopback port
    #[arg(long, value_name = "URL|FILE")]
    target: Option<String>,
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

/// Everything known of the peer before it is reached.
pub struct Attached {
    /// What the command line and the target file say together; none for the reference.
    target: Option<TargetFile>,
    /// Where the target file is.
    file: Option<PathBuf>,
}

impl TargetArgs {
    /// Reads the target file, if one is named; flags count before what it says.
    pub fn read(&self) -> Result<Attached, u8> {
        let named = self.target.as_deref();
        let file = named
            .filter(|named| !named.contains("://"))
            .map(PathBuf::from);
        let mut target = match (&file, named) {
            (Some(file), _) => {
                Some(file::load(file).map_err(|errors| refuse("target file", &errors))?)
            }
            // What is wrong with a URL shows when it is dialled, as what is wrong with a port does.
            (None, Some(url)) => Some(TargetFile::of_url(WebUrl::unchecked(url))),
            (None, None) => None,
        };
        if let Some(run) = &self.command {
            let target = target.get_or_insert_default();
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
            let mistakes = target.mistakes();
            for mistake in &mistakes {
                eprintln!("error: {}", mistake.text);
            }
            if !mistakes.is_empty() {
                return Err(exit::USAGE);
            }
        }
        let absolute = |file: PathBuf| fs::canonicalize(&file).unwrap_or(file);
        Ok(Attached {
            target,
            file: file.map(absolute),
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
        let said = attached.target.as_ref().and_then(|target| target.kem_id);
        let said = said.map(|id| match id {
            KemIdName::Deployed => KemId::MlKem1024P384,
            KemIdName::Published => KemId::AsPublished,
        });
        self.kem_id.or(said).unwrap_or_default()
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
                .map_err(|errors| refuse("list of known failures", &errors))?,
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
        let target = file::load(file).map_err(|errors| refuse("target file", &errors))?;
        Ok(Attached {
            target: Some(target),
            file: Some(file.to_owned()),
        })
    }

    /// What is said of the peer; none for the reference.
    pub fn target(&self) -> Option<&TargetFile> {
        self.target.as_ref()
    }

    /// The RPC protocols that are asked for and that the peer is said to speak.
    pub fn protocols(&self, select: &SelectArgs) -> Vec<RpcProtocol> {
        let mut protocols = select.protocols().to_vec();
        if let Some(target) = &self.target {
            let spoken = target.protocols();
            protocols.retain(|protocol| spoken.contains(protocol));
        }
        protocols
    }

    /// The word of reports for it.
    pub fn kind(&self) -> &'static str {
        match &self.target {
            None => "reference",
            Some(TargetFile {
                command: Some(_), ..
            }) => "command",
            Some(_) => "url",
        }
    }

    /// Where the peer comes from, and what it is given if we start it.
    pub fn source(&self, provision: Provision) -> Source {
        match &self.target {
            None => Source::Reference(provision),
            Some(target) if target.command.is_some() => {
                Source::Command(Box::new(target.clone()), provision)
            }
            Some(target) => Source::Url(target.responder_url().unwrap_or_default().to_owned()),
        }
    }

    /// How a single case is played on it again.
    pub fn address(&self, url: &str) -> PeerAddress {
        match (&self.target, &self.file) {
            (None, _) => PeerAddress::Reference,
            (Some(_), Some(file)) => PeerAddress::TargetFile { file: file.clone() },
            (Some(target), None) => PeerAddress::Url {
                url: url.to_owned(),
                tls_ca: target.responder.tls_ca.clone(),
            },
        }
    }

    /// The authorities to trust beside those that browsers trust.
    pub fn tls_ca(&self) -> Option<&PathBuf> {
        self.target.as_ref()?.responder.tls_ca.as_ref()
    }
}

fn refuse(what: &str, errors: &[LoadError]) -> u8 {
    for error in errors {
        eprintln!("{}", error.render());
    }
    eprintln!(
        "error: {} problem(s) in the {what}; nothing was played",
        errors.len()
    );
    exit::USAGE
}

fn today() -> Date {
    // A clock before the epoch makes nothing expire.
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Date::at_unix(now.as_secs())
}
