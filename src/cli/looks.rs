//! What looks inside the peer under test: flags, and what a target file says.

use std::path::PathBuf;

use syncspec::{
    runner::{CommandHookPlan, HookPlan, LookPlan, StateService, hook},
    target::file::{BuiltInHook, CommandLine, HookTarget, TargetFile, WebUrl},
};

use super::exit;

/// Name of the built-in hook for deployed peers.
const BACKREST_HTTP: &str = "backrest-http";

#[derive(clap::Args)]
pub struct LooksArgs {
    /// Call the state service here rather than where the sync service is
    #[arg(long, value_name = "URL", value_parser = WebUrl::parse)]
    state_url: Option<WebUrl>,
    /// Send this header to the state service, such as 'Authorization: Bearer TOKEN'
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    state_header: Vec<(String, String)>,
    /// Look inside the peer with this command (docs/hook.md), or with `backrest-http`, its own API
    #[arg(long, value_name = "COMMAND", value_parser = hook)]
    hook: Option<HookTarget>,
}

impl LooksArgs {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.state_url.is_none() && self.state_header.is_empty() && self.hook.is_none()
    }

    /// Takes them into what is said of the peer; flags count before it.
    pub fn override_in(&self, target: &mut TargetFile) {
        if let Some(url) = &self.state_url {
            target.state_service.url = Some(url.clone());
        }
        if !self.state_header.is_empty() {
            target.state_service.headers = self.state_header.iter().cloned().collect();
        }
        if let Some(hook) = &self.hook {
            target.hook = Some(hook.clone());
        }
    }

    /// What a saved case needs that its file leaves out: the values of these headers.
    ///
    /// # Errors
    /// Where they are not given again; what is missing is printed.
    pub fn fill_headers(&self, names: &[String]) -> Result<(), u8> {
        let is_given = |name: &String| {
            let mut given = self.state_header.iter();
            given.any(|(given, _)| given.eq_ignore_ascii_case(name))
        };
        let missing: Vec<&String> = names.iter().filter(|name| !is_given(name)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        for name in missing {
            eprintln!(
                "error: the state service was called with the header `{name}`, which is not saved, as it may be a secret: \
                 give it with --state-header '{name}: VALUE'"
            );
        }
        Err(exit::USAGE)
    }
}

/// What there may be beside a peer of which this is said.
pub fn look_plan(target: Option<&TargetFile>) -> LookPlan {
    let Some(target) = target else {
        return LookPlan::default();
    };
    let service = &target.state_service;
    LookPlan {
        state_service: StateService {
            url: service
                .url
                .as_ref()
                .map(|url| WebUrl::as_str(url).to_owned()),
            headers: service.headers.clone().into_iter().collect(),
        },
        hook: target.hook.as_ref().and_then(hook_plan),
    }
}

fn hook_plan(target: &HookTarget) -> Option<HookPlan> {
    let command = target.run.as_ref().map(|run| CommandHookPlan {
        run: run.clone(),
        dir: target.dir.clone().unwrap_or_else(|| PathBuf::from(".")),
        within: target.within.map_or(hook::ANSWER_WAIT, |wait| wait.0),
        of_clients: target.of_clients,
    });
    match target.built_in {
        Some(BuiltInHook::BackrestHttp) => Some(HookPlan::BackrestHttp(command)),
        None => command.map(HookPlan::Command),
    }
}

fn hook(text: &str) -> Result<HookTarget, String> {
    let mut hook = HookTarget::default();
    match text {
        BACKREST_HTTP => hook.built_in = Some(BuiltInHook::BackrestHttp),
        command => hook.run = Some(CommandLine::parse(command)?),
    }
    Ok(hook)
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("expected `NAME: VALUE`".to_owned()),
    }
}
