//! Who may call the state service of `serve`.

use std::{env, fs, net::IpAddr, path::PathBuf};

use syncspec::net::serve::Credential;

use crate::cli::exit;

/// Where a credential can be given without any other process seeing it.
const VARIABLE: &str = "SYNCSPEC_STATE_AUTH";

/// Without any of these the state service is open, which is possible on a loopback address only.
#[derive(clap::Args)]
#[command(next_help_heading = "State service")]
pub struct AccessArgs {
    /// Credential that lets a caller in, basic:USER:PASSWORD or bearer:TOKEN; other processes can see it here, so rather
    /// set it as SYNCSPEC_STATE_AUTH
    #[arg(long, value_name = "CREDENTIAL")]
    state_auth: Vec<String>,
    /// File that holds a bearer token
    #[arg(long, value_name = "FILE")]
    state_token_file: Vec<PathBuf>,
    /// Let everyone in who reaches the port
    #[arg(long, conflicts_with_all = ["state_auth", "state_token_file"])]
    state_open: bool,
}

/// Who is let in.
pub enum Access {
    /// There is no state service.
    Nobody,
    Open,
    Guarded(Vec<Credential>),
}

impl AccessArgs {
    pub fn read(&self, listens_on: IpAddr) -> Result<Access, u8> {
        let mut credentials = Vec::new();
        // Read here and not by the parser of arguments, whose errors repeat what was given.
        for text in &self.state_auth {
            credentials.push(read("--state-auth", text)?);
        }
        credentials.extend(from_environment()?);
        for file in &self.state_token_file {
            credentials.push(from_file(file)?);
        }
        if !credentials.is_empty() && !self.state_open {
            return Ok(Access::Guarded(credentials));
        }
        if self.state_open || listens_on.is_loopback() {
            return Ok(Access::Open);
        }
        eprintln!(
            "error: the state service shows and changes configs, and {listens_on} can be reached from elsewhere: give a \
             credential with {VARIABLE} or --state-token-file, or say --state-open"
        );
        Err(exit::USAGE)
    }
}

fn from_environment() -> Result<Option<Credential>, u8> {
    let Some(text) = env::var_os(VARIABLE) else {
        return Ok(None);
    };
    read(VARIABLE, text.to_str().unwrap_or_default()).map(Some)
}

fn from_file(file: &PathBuf) -> Result<Credential, u8> {
    let failed = |why: &str| {
        eprintln!("error: failed to read {}: {why}", file.display());
        exit::USAGE
    };
    let text = fs::read_to_string(file).map_err(|error| failed(&error.to_string()))?;
    match text.trim() {
        "" => Err(failed("expected a token, saw nothing")),
        token => Ok(Credential::bearer(token)),
    }
}

fn read(source: &str, text: &str) -> Result<Credential, u8> {
    let credential = match text.split_once(':') {
        Some(("bearer", token)) if !token.is_empty() => Some(Credential::bearer(token)),
        Some(("basic", pair)) => pair
            .split_once(':')
            .filter(|(user, password)| !user.is_empty() && !password.is_empty())
            .map(|(user, password)| Credential::basic(user, password)),
        _ => None,
    };
    credential.ok_or_else(|| {
        eprintln!("error: {source}: expected basic:USER:PASSWORD or bearer:TOKEN");
        exit::USAGE
    })
}
