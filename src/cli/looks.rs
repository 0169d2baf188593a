//! What looks inside the peer under test: flags, and what they come to.

use std::sync::Arc;

use syncspec::{
    net::DialOptions,
    runner::{
        self, Inside, Looks, StateService,
        hook::{BackrestHttp, CommandHook, Hook},
    },
    target::provision::Provision,
    wire::RpcProtocol,
};

use super::exit;

/// Name of the built-in hook for deployed peers.
const BACKREST_HTTP: &str = "backrest-http";

#[derive(clap::Args)]
pub struct LooksArgs {
    /// Call the state service here rather than where the sync service is
    #[arg(long, value_name = "URL")]
    state_url: Option<String>,
    /// Send this header to the state service, such as 'Authorization: Bearer TOKEN'
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    state_header: Vec<(String, String)>,
    /// Look inside the peer with this command (docs/hook.md), or with `backrest-http`, its own API
    #[arg(long, value_name = "COMMAND")]
    hook: Option<String>,
}

impl LooksArgs {
    /// What there is beside the peer at `sync`. A state service that does not answer is told of, and done without.
    pub async fn looks(&self, sync: &DialOptions) -> Result<Looks, u8> {
        let service = StateService {
            url: self.state_url.clone(),
            headers: self.state_header.clone(),
        };
        let mut looks = Looks {
            state_service: Some(service),
            hook: self.hook(sync)?,
        };
        let inside = Inside {
            looks: looks.clone(),
            dial: sync.clone(),
        };
        if let Err(reason) = runner::try_state_service(&inside).await {
            eprintln!(
                "note: cases that need the state service are skipped: {reason} (`--state-url`, `--state-header`)"
            );
            looks.state_service = None;
        }
        Ok(looks)
    }

    fn hook(&self, sync: &DialOptions) -> Result<Option<Arc<dyn Hook>>, u8> {
        let Some(command) = &self.hook else {
            return Ok(None);
        };
        if command == BACKREST_HTTP {
            // The API is no RPC service of the suite's protocols; Connect's plain requests come closest.
            let mut dial = sync.clone();
            dial.protocol = RpcProtocol::Connect;
            dial.headers.extend(self.state_header.iter().cloned());
            return Ok(Some(Arc::new(BackrestHttp::new(dial))));
        }
        let hook = CommandHook::new(command).map_err(|error| {
            eprintln!("error: failed to {error}");
            exit::USAGE
        })?;
        Ok(Some(Arc::new(hook)))
    }
}

/// Gives the peer its provision afresh, where it has a hook that can.
pub async fn reset(looks: &Looks, provision: &Provision) {
    let Some(hook) = &looks.hook else {
        return;
    };
    if let Err(reason) = hook.reset(provision).await {
        eprintln!("note: the hook did not give the peer its provision afresh: {reason}");
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("expected `NAME: VALUE`".to_owned()),
    }
}
