//! What no single value shows: whether the parts of a target fit together.

use super::{CommandTarget, TargetFile};
use crate::wire::Role;

/// A part that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Key of the file, outermost first; empty where something is missing altogether.
    pub key: &'static [&'static str],
    /// What is wrong, and what to do.
    pub text: String,
}

impl TargetFile {
    /// Everything about it that does not fit together.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut found = Vec::new();
        let mut mistake = |key: &'static [&'static str], text: &str| {
            found.push(Mistake {
                key,
                text: text.to_owned(),
            });
        };
        let roles = self.roles();
        if roles.is_empty() {
            mistake(
                &[],
                "expected a way to the peer: `responder.url` for a host, `initiator.listen` for a client, or `command`",
            );
        }
        for (key, protocols) in [
            (&["protocols"][..], &self.protocols),
            (&["responder", "protocols"], &self.responder.protocols),
            (&["initiator", "protocols"], &self.initiator.protocols),
        ] {
            if protocols.as_ref().is_some_and(Vec::is_empty) {
                mistake(key, "expected `grpc`, `connect` or both, seen neither");
            }
        }
        if self.command.is_none() {
            if roles.contains(&Role::Responder) && self.responder.url.is_none() {
                mistake(
                    &["roles"],
                    "a host needs `responder.url`, or a `command` that starts it",
                );
            }
            if roles.contains(&Role::Initiator) && self.initiator.listen.is_none() {
                mistake(
                    &["roles"],
                    "a client needs `initiator.listen`, or a `command` that starts it",
                );
            }
            let urls = [
                (&["responder", "url"][..], &self.responder.url),
                (&["initiator", "url"][..], &self.initiator.url),
                (&["state-service", "url"][..], &self.state_service.url),
            ];
            for (key, url) in urls {
                if url.as_ref().is_some_and(|url| url.mentions("port")) {
                    mistake(
                        key,
                        "`{port}` is a port that a `command` is given, and there is none",
                    );
                }
            }
        }
        if let Some(command) = &self.command {
            self.check_command(command, &roles, &mut mistake);
        }
        for capability in self.capabilities.keys() {
            if let Some(key) = capability.follows_from() {
                mistake(
                    &["capabilities"],
                    &format!("`{capability}` is not declared here: it follows from `{key}`"),
                );
            }
        }
        if let Some(hook) = &self.hook {
            match (&hook.run, hook.built_in) {
                (None, None) => mistake(&["hook"], "expected `run` or `built-in`"),
                (Some(_), Some(_)) if !hook.of_clients => mistake(
                    &["hook"],
                    "expected either `run` or `built-in`, or `of-clients = true`, by which `run` is asked of clients only",
                ),
                (None, Some(_)) if hook.of_clients => mistake(
                    &["hook", "of-clients"],
                    "a built-in hook answers nothing that only clients are asked: name a `run` beside it that does",
                ),
                _ => {}
            }
        }
        found
    }

    fn check_command(
        &self,
        command: &CommandTarget,
        roles: &[Role],
        mistake: &mut dyn FnMut(&'static [&'static str], &str),
    ) {
        let given_port = command.learns("port");
        let dialled = roles.contains(&Role::Responder);
        if dialled && self.responder.url.is_none() && !given_port {
            mistake(
                &["command", "run"],
                "the command does not say `{port}`, so the peer cannot know where to listen: add it, or say where it \
                 listens in `responder.url`",
            );
        }
        if let Some(url) = &self.responder.url
            && url.mentions("port")
            && !given_port
        {
            mistake(
                &["responder", "url"],
                "`{port}` stands here, but the command is not given it",
            );
        }
        if !command.learns("provision") && !command.learns("listen") && !dialled {
            mistake(
                &["command", "run"],
                "the client cannot know whom to dial: give it `{provision}`, or `{listen}`",
            );
        }
        if dialled && !command.learns("provision") {
            mistake(
                &["command", "run"],
                "the command does not say `{provision}`, so the peer would know none of our clients",
            );
        }
    }
}
