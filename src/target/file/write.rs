//! A target as the text of a file, which reads back as the same.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    BuiltInHook, CommandLine, CommandTarget, HookTarget, InitiatorTarget, KemIdName, ListenAddress,
    ProvisionFormat, Ready, ResponderTarget, TargetFile, Wait, WebUrl, value::Filled,
};
use crate::wire::RpcProtocol;

impl TargetFile {
    /// The whole of it. The values of the state service's headers may be secrets, and can be left out.
    pub fn to_toml(&self, with_headers: bool) -> String {
        let mut text = String::new();
        for (key, value) in [("name", &self.name), ("version", &self.version)] {
            if let Some(value) = value {
                line(&mut text, key, &quoted(value));
            }
        }
        if let Some(roles) = &self.roles {
            let names = roles.iter().map(|role| role.name());
            line(&mut text, "roles", &list(names));
        }
        spoken(&mut text, self.protocols.as_deref());
        if let Some(kem_id) = self.kem_id {
            line(&mut text, "kem-id", kem_id_name(kem_id));
        }
        if let Some(known) = &self.known_failing {
            path(&mut text, "known-failing", known);
        }
        self.write_sections(&mut text, with_headers);
        if !self.capabilities.is_empty() {
            text.push_str("\n[capabilities]\n");
            for (capability, has) in &self.capabilities {
                line(&mut text, &capability.to_string(), &has.to_string());
            }
        }
        text
    }

    /// How the peer is reached and looked into: all tables but that of the capabilities.
    pub(super) fn write_sections(&self, text: &mut String, with_headers: bool) {
        if let Some(command) = &self.command {
            write_command(text, command);
        }
        let responder = &self.responder;
        if *responder != ResponderTarget::default() {
            text.push_str("\n[responder]\n");
            url(text, responder.url.as_ref());
            if let Some(ca) = &responder.tls_ca {
                path(text, "tls-ca", ca);
            }
            spoken(text, responder.protocols.as_deref());
        }
        let initiator = &self.initiator;
        if *initiator != InitiatorTarget::default() {
            text.push_str("\n[initiator]\n");
            if let Some(listen) = &initiator.listen {
                line(text, "listen", &quoted(ListenAddress::as_str(listen)));
            }
            url(text, initiator.url.as_ref());
            spoken(text, initiator.protocols.as_deref());
        }
        let state = &self.state_service;
        if state.url.is_some() || (with_headers && !state.headers.is_empty()) {
            text.push_str("\n[state-service]\n");
            url(text, state.url.as_ref());
            if with_headers {
                table(text, "headers", &state.headers, String::as_str);
            }
        }
        if let Some(hook) = &self.hook {
            write_hook(text, hook);
        }
    }
}

fn write_command(text: &mut String, command: &CommandTarget) {
    text.push_str("\n[command]\n");
    line(text, "run", &words(&command.run));
    let format = match command.format {
        ProvisionFormat::Json => "json",
        ProvisionFormat::BackrestConfig => "backrest-config",
    };
    line(text, "format", &quoted(format));
    if let Some(dir) = &command.dir {
        path(text, "dir", dir);
    }
    table(text, "env", &command.env, Filled::as_str);
    if let Some(ready) = command.ready {
        let ready = match ready {
            Ready::Port => "port",
            Ready::Dials => "dials",
        };
        line(text, "ready", &quoted(ready));
    }
    wait(text, "start-within", command.start_within);
    wait(text, "stop-within", command.stop_within);
    if let Some(most) = command.restarts_max {
        line(text, "restarts-max", &most.to_string());
    }
}

fn write_hook(text: &mut String, hook: &HookTarget) {
    text.push_str("\n[hook]\n");
    if let Some(run) = &hook.run {
        line(text, "run", &words(run));
    }
    if let Some(BuiltInHook::BackrestHttp) = hook.built_in {
        line(text, "built-in", &quoted("backrest-http"));
    }
    if let Some(dir) = &hook.dir {
        path(text, "dir", dir);
    }
    wait(text, "within", hook.within);
    if hook.of_clients {
        line(text, "of-clients", "true");
    }
}

pub(super) fn kem_id_name(kem_id: KemIdName) -> &'static str {
    match kem_id {
        KemIdName::Deployed => "\"0051\"",
        KemIdName::Published => "\"0050\"",
    }
}

pub(super) fn line(text: &mut String, key: &str, value: &str) {
    let _ = writeln!(text, "{key} = {value}");
}

pub(super) fn path(text: &mut String, key: &str, path: &std::path::Path) {
    line(text, key, &quoted(&path.display().to_string()));
}

fn url(text: &mut String, url: Option<&WebUrl>) {
    if let Some(url) = url {
        line(text, "url", &quoted(WebUrl::as_str(url)));
    }
}

fn spoken(text: &mut String, protocols: Option<&[RpcProtocol]>) {
    if let Some(protocols) = protocols {
        let names = protocols.iter().map(|protocol| protocol.name());
        line(text, "protocols", &list(names));
    }
}

fn wait(text: &mut String, key: &str, wait: Option<Wait>) {
    if let Some(wait) = wait {
        line(text, key, &quoted(&format!("{}ms", wait.0.as_millis())));
    }
}

fn table<T>(
    text: &mut String,
    key: &str,
    entries: &BTreeMap<String, T>,
    as_str: impl Fn(&T) -> &str,
) {
    if entries.is_empty() {
        return;
    }
    let entries = entries.iter();
    let entries =
        entries.map(|(name, value)| format!("{} = {}", quoted(name), quoted(as_str(value))));
    let entries: Vec<String> = entries.collect();
    line(text, key, &format!("{{ {} }}", entries.join(", ")));
}

fn words(command: &CommandLine) -> String {
    let words = std::iter::once(command.program()).chain(command.args());
    list(words.map(Filled::as_str))
}

/// JSON's texts are TOML's, but that TOML takes no DEL.
pub(super) fn quoted(text: &str) -> String {
    let text = serde_json::Value::from(text).to_string();
    text.replace('\u{7f}', "\\u007f")
}

pub(super) fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(quoted).collect();
    format!("[{}]", words.join(", "))
}
