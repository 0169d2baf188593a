//! What `serve` starts with: a config, and a store that has it.

use std::{path::Path, time::Duration};

use syncspec::{
    net::{client::ConfigFile, host::HostOptions},
    reference::{
        config::{CONFIG_VERSION, Config, carry_over},
        memory_store::MemoryStore,
        store::{Store, StoreFault},
    },
    storage::{self, KeptConfigs, StorageLimits},
    wire::{
        v1::{
            self,
            multihost::{PairingToken, Permission, permission::Type},
        },
        v1sync::PeerState,
    },
};

use super::ServeArgs;
use crate::cli::{exit, keys};

/// Instance id of a host that was given no config.
const INSTANCE_ID: &str = "syncspec-host";
/// How long the token lasts that such a host makes.
const TOKEN_LASTS: Duration = Duration::from_secs(24 * 60 * 60);

/// Everything a host starts with.
pub struct Kept {
    pub config: Config,
    pub store: Box<dyn Store + Send>,
    pub states: Vec<PeerState>,
    /// What a client is given to pair with a host that has just been made.
    token_text: Option<String>,
}

impl Kept {
    /// What is printed once the host can be reached.
    pub fn about(&self, url: &str) -> String {
        let mut lines = vec![
            format!("url            {url}"),
            format!("instance id    {}", self.config.instance_id()),
            format!("key id         {}", self.config.identity().keyid()),
        ];
        lines.extend(
            self.token_text
                .iter()
                .map(|text| format!("pairing token  {text}")),
        );
        lines.push("ready".to_owned());
        lines.join("\n")
    }
}

/// Opens what there is; what is wrong with it is printed.
pub fn open(args: &ServeArgs, options: &HostOptions) -> Result<Kept, u8> {
    let file = args.config.as_deref().map(read).transpose()?;
    let share = options.settings.limits.share();
    let Some(folder) = &args.data else {
        let (config, token_text) = match file {
            Some(config) => (config, None),
            None => new_config()?,
        };
        return Ok(Kept {
            config,
            store: Box::new(MemoryStore::new(share)),
            states: Vec::new(),
            token_text,
        });
    };
    let limits = StorageLimits {
        share,
        len_bytes_max: args.limits.data_max,
    };
    let mut opened = storage::open(folder, limits).map_err(|fault| cannot_store(&fault))?;
    let (configs, token_text) = match (file, opened.configs) {
        (Some(file), kept) => {
            let kept = kept.filter(|_| !args.replace_config);
            (with_file(args.config.as_deref(), file, kept)?, None)
        }
        (None, Some(kept)) => (kept, None),
        (None, None) => {
            let (config, token_text) = new_config()?;
            let configs = KeptConfigs {
                in_force: config.clone(),
                imported: config,
            };
            (configs, token_text)
        }
    };
    let imported = opened.store.import(&configs.in_force, &configs.imported);
    imported.map_err(|fault| cannot_store(&fault))?;
    Ok(Kept {
        config: configs.in_force,
        store: Box::new(opened.store),
        states: opened.states,
        token_text,
    })
}

fn read(file: &Path) -> Result<Config, u8> {
    match ConfigFile::open(file) {
        Ok((_, config)) => Ok(config),
        Err(error) => {
            eprintln!("error: failed to {error}");
            Err(exit::USAGE)
        }
    }
}

fn with_file(
    name: Option<&Path>,
    file: Config,
    kept: Option<KeptConfigs>,
) -> Result<KeptConfigs, u8> {
    let in_force = match kept {
        None => file.clone(),
        Some(kept) => carry_over(&kept.imported, &kept.in_force, &file).map_err(|error| {
            let name = name.unwrap_or(Path::new("")).display();
            eprintln!(
                "error: {name}: together with the clients that have paired since it was last read, {error}; mend it, or \
                 forget them with --replace-config"
            );
            exit::USAGE
        })?,
    };
    Ok(KeptConfigs {
        in_force,
        imported: file,
    })
}

fn cannot_store(fault: &StoreFault) -> u8 {
    eprintln!("error: failed to {fault}");
    exit::NOT_JUDGED
}

/// A host that nobody has heard of, and the text of a token that lets clients pair with it.
fn new_config() -> Result<(Config, Option<String>), u8> {
    let identity = keys::new_identity()?;
    let token = PairingToken {
        label: "made by syncspec serve".to_owned(),
        permissions: vec![
            permission(Type::PermissionReadOperations),
            permission(Type::PermissionReadConfig),
        ],
        ..keys::new_token(Some(TOKEN_LASTS))?
    };
    let config = Config::new(v1::Config {
        modno: 1,
        version: CONFIG_VERSION,
        instance: INSTANCE_ID.to_owned(),
        multihost: Some(v1::Multihost {
            identity: Some(v1::PrivateKey {
                keyid: identity.keyid().to_owned(),
                ed25519priv: identity.private_key_text(),
                ed25519pub: identity.public_key_text(),
            }),
            pairing_tokens: vec![token.clone()],
            ..v1::Multihost::default()
        }),
        ..v1::Config::default()
    });
    let config = config.map_err(|error| {
        eprintln!("error: failed to make a config: {error}");
        exit::SUITE
    })?;
    let text = keys::token_text(&config, &token);
    Ok((config, Some(text)))
}

fn permission(kind: Type) -> Permission {
    Permission {
        r#type: kind.into(),
        ..Permission::default()
    }
}
