//! What looks inside the peer under test: flags, and what a target file says.

use std::collections::BTreeMap;

use syncspec::{
    runner::{HookPlan, LookPlan, StateService},
    target::file::{BuiltInHook, CommandLine, TargetFile, WebUrl},
};

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
    #[arg(long, value_name = "COMMAND", value_parser = hook)]
    hook: Option<HookPlan>,
}

impl LooksArgs {
    /// Where no flag is given.
    pub fn none() -> Self {
        LooksArgs {
            state_url: None,
            state_header: Vec::new(),
            hook: None,
        }
    }

    /// What there may be beside the peer; flags count before what its target file says.
    pub fn plan(&self, target: Option<&TargetFile>) -> LookPlan {
        let said = target.map(|target| &target.state_service);
        let url = said.and_then(|service| service.url.as_ref());
        let headers = said.map_or_else(BTreeMap::new, |service| service.headers.clone());
        let hook = target.and_then(|target| target.hook.as_ref());
        let hook = hook.and_then(|hook| match (&hook.run, hook.built_in) {
            (Some(run), _) => Some(HookPlan::Command {
                run: run.clone(),
                of_clients: hook.of_clients,
            }),
            (None, Some(BuiltInHook::BackrestHttp)) => Some(HookPlan::BackrestHttp),
            (None, None) => None,
        });
        LookPlan {
            state_service: StateService {
                url: self
                    .state_url
                    .clone()
                    .or(url.map(|url| WebUrl::as_str(url).to_owned())),
                headers: match self.state_header.is_empty() {
                    true => headers.into_iter().collect(),
                    false => self.state_header.clone(),
                },
            },
            hook: self.hook.clone().or(hook),
        }
    }
}

fn hook(text: &str) -> Result<HookPlan, String> {
    match text {
        BACKREST_HTTP => Ok(HookPlan::BackrestHttp),
        command => CommandLine::parse(command).map(|run| HookPlan::Command {
            run,
            of_clients: false,
        }),
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
