//! What looks inside a peer, before the peer is there: the state service and the hook of a target.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{
    hook::{BackrestHttp, BothHooks, CommandHook, Hook},
    looks::{Inside, Looks, StateService},
};
use crate::{
    net::DialOptions,
    target::file::{CommandLine, Filling, fill},
    wire::RpcProtocol,
};

/// What there may be beside a peer, and how it is called.
#[derive(Clone, Debug, Default)]
pub struct LookPlan {
    /// The state service; `{port}` may stand in its URL.
    pub state_service: StateService,
    /// The hook.
    pub hook: Option<HookPlan>,
}

/// A hook before the peer is there.
#[derive(Clone, Debug)]
pub enum HookPlan {
    /// The web API of deployed peers; and beside it a command for what only clients are asked, where there is one.
    BackrestHttp(Option<CommandHookPlan>),
    /// A command.
    Command(CommandHookPlan),
}

/// A hook that is a command.
#[derive(Clone, Debug)]
pub struct CommandHookPlan {
    /// Program and arguments.
    pub run: CommandLine,
    /// Folder it is started in.
    pub dir: PathBuf,
    /// How long it may think about one question.
    pub within: Duration,
    /// Whether it answers what is asked of clients.
    pub of_clients: bool,
}

impl LookPlan {
    /// What there is beside the peer that is dialled so. The second part says what a state service that is of no use
    /// did; it is done without, as where it is not to be asked.
    pub async fn look(
        &self,
        dial: &DialOptions,
        filling: &Filling,
        asks_states: bool,
    ) -> (Looks, Option<String>) {
        let filled = |text: &String| fill(text, filling);
        let service = StateService {
            url: self.state_service.url.as_ref().map(filled),
            headers: self.state_service.headers.clone(),
        };
        let mut looks = Looks {
            hook: self.hook(dial, filling),
            state_service: asks_states.then_some(service),
        };
        if !asks_states {
            return (looks, None);
        }
        let inside = Inside {
            looks: looks.clone(),
            dial: dial.clone(),
        };
        let useless = inside.try_state_service().await.err();
        if useless.is_some() {
            looks.state_service = None;
        }
        (looks, useless)
    }

    fn hook(&self, dial: &DialOptions, filling: &Filling) -> Option<Arc<dyn Hook>> {
        match self.hook.as_ref()? {
            // It is where the peer answers: one that answers nowhere has none.
            HookPlan::BackrestHttp(_) if dial.url.is_empty() => None,
            HookPlan::BackrestHttp(of_clients) => {
                // The API is no RPC service of the suite's protocols; Connect's plain requests come closest.
                let mut dial = dial.clone();
                dial.protocol = RpcProtocol::Connect;
                let headers = self.state_service.headers.iter().cloned();
                dial.headers.extend(headers);
                let of_all = Arc::new(BackrestHttp::new(dial));
                Some(match of_clients {
                    None => of_all,
                    Some(plan) => Arc::new(BothHooks {
                        of_all,
                        of_clients: Arc::new(plan.hook(filling)),
                    }),
                })
            }
            HookPlan::Command(plan) => Some(Arc::new(plan.hook(filling))),
        }
    }
}

impl CommandHookPlan {
    fn hook(&self, filling: &Filling) -> CommandHook {
        let arguments = self.run.args().iter().map(|word| word.fill(filling));
        CommandHook::new(self.run.program().fill(filling), arguments.collect())
            .started_in(&self.dir)
            .answering_within(self.within)
            .answering_of_clients(self.of_clients)
    }
}
