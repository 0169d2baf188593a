//! `syncspec keygen` and `syncspec pair`.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::json;
use syncspec::{
    crypto::{identity::Identity, token},
    net::client::{ConfigFile, ConfigKeeper as _},
    reference::{config::Config, grants::Grants},
    wire::v1::multihost::{PairingToken, Permission, permission::Type},
};

use super::{FormatArg, exit, print, print_json, wait::wait};

#[derive(clap::Args)]
pub struct KeygenArgs {
    /// How to print
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    format: FormatArg,
}

#[derive(clap::Args)]
pub struct PairArgs {
    /// Host's config file, which gets the token
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// What the token is for, as the config file says it
    #[arg(long)]
    label: String,
    /// How many clients may pair with it; 0 for any number
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i32).range(0..))]
    max_uses: i32,
    /// How long it lasts, such as 24h; without it, until it is used up or taken out
    #[arg(long, value_name = "DURATION", value_parser = wait)]
    expires_in: Option<Duration>,
    /// What its clients may do, TYPE or TYPE:SCOPE,SCOPE..., of read-operations, read-config, read-write-config and
    /// receive-shared-repos; without a scope, everywhere
    #[arg(long, value_name = "TYPE[:SCOPE,...]", value_parser = permission)]
    permission: Vec<Permission>,
}

pub fn keygen(args: &KeygenArgs) -> Result<u8, u8> {
    let identity = new_identity()?;
    match args.format {
        FormatArg::Text => print(&format!(
            "keyId        {}\ned25519priv  {}\ned25519pub   {}",
            identity.keyid(),
            identity.private_key_text(),
            identity.public_key_text()
        )),
        FormatArg::Json => print_json(&json!({
            "keyId": identity.keyid(),
            "ed25519priv": identity.private_key_text(),
            "ed25519pub": identity.public_key_text(),
        })),
    }
}

pub fn pair(args: PairArgs) -> Result<u8, u8> {
    let (file, config) = ConfigFile::open(&args.config).map_err(|error| {
        eprintln!("error: failed to {error}");
        exit::USAGE
    })?;
    let token = PairingToken {
        label: args.label,
        max_uses: args.max_uses,
        permissions: args.permission,
        ..new_token(args.expires_in)?
    };
    let text = token_text(&config, &token);
    let paired = config
        .edited(|message| {
            message.modno = message.modno.saturating_add(1);
            let sync = message.multihost.get_or_insert_default();
            sync.pairing_tokens.push(token);
        })
        .map_err(|error| {
            eprintln!("error: {}: {error}", args.config.display());
            exit::USAGE
        })?;
    file.keep(&paired).map_err(|error| {
        eprintln!("error: failed to {error}");
        exit::SUITE
    })?;
    print(&text)
}

/// An identity that nobody has yet.
pub fn new_identity() -> Result<Identity, u8> {
    Ok(Identity::from_seed(&random()?))
}

/// A token with a secret of its own, made now.
pub fn new_token(expires_in: Option<Duration>) -> Result<PairingToken, u8> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let unix_s = |at: Duration| i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    let secret: [u8; 32] = random()?;
    Ok(PairingToken {
        secret: secret.iter().map(|byte| format!("{byte:02x}")).collect(),
        created_at_unix: unix_s(now),
        expires_at_unix: expires_in.map_or(0, |wait| unix_s(now + wait)),
        ..PairingToken::default()
    })
}

/// What a client is given to pair.
pub fn token_text(config: &Config, token: &PairingToken) -> String {
    let text = token::PairingToken {
        keyid: config.identity().keyid().to_owned(),
        secret: token.secret.clone(),
        instance_id: config.instance_id().to_owned(),
    };
    text.to_string()
}

fn random<const N: usize>() -> Result<[u8; N], u8> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        eprintln!("error: failed to draw randomness: {error}");
        exit::SUITE
    })?;
    Ok(bytes)
}

fn permission(text: &str) -> Result<Permission, String> {
    let (kind, scopes) = match text.split_once(':') {
        Some((kind, scopes)) => (kind, scopes.split(',').map(str::to_owned).collect()),
        None => (text, Vec::new()),
    };
    let kind = match kind {
        "read-operations" => Type::PermissionReadOperations,
        "read-config" => Type::PermissionReadConfig,
        "read-write-config" => Type::PermissionReadWriteConfig,
        "receive-shared-repos" => Type::PermissionReceiveSharedRepos,
        _ => {
            return Err(
                "expected read-operations, read-config, read-write-config or \
                        receive-shared-repos"
                    .to_owned(),
            );
        }
    };
    let permission = Permission {
        r#type: kind.into(),
        scopes,
    };
    // A host would refuse every session of the clients that pair with it.
    Grants::parse(std::slice::from_ref(&permission)).map_err(|error| error.to_string())?;
    Ok(permission)
}
