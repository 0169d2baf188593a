//! A first target file, written from what a peer showed when its capabilities were tried.

use std::fmt::Write as _;

use super::{KemIdName, ListenAddress, ProvisionFormat, TargetFile, WebUrl, value::Filled};
use crate::{
    rules::Capability,
    wire::{Role, RpcProtocol},
};

/// What became of trying one capability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The capability.
    pub capability: Capability,
    /// Whether the peer has it; none where that could not be told.
    pub has: Option<bool>,
    /// What was seen, in words.
    pub seen: String,
}

/// The text of the file: how the peer was reached, as the command line or another file said it, what it was seen to speak,
/// and what it can do. Headers are left out, as they may be secrets.
pub fn first_file(
    target: &TargetFile,
    roles: &[Role],
    protocols: &[RpcProtocol],
    tried: &[Tried],
) -> String {
    let mut text = "# Written by `syncspec run --discover` from what the peer showed. The manual is docs/target.md.\n"
        .to_owned();
    match &target.name {
        Some(name) => line(&mut text, "name", &quoted(name)),
        None => text.push_str("#name = \"my-peer\"\n"),
    }
    if let Some(version) = &target.version {
        line(&mut text, "version", &quoted(version));
    }
    let names = list(roles.iter().map(|role| role.name().to_owned()));
    line(&mut text, "roles", &names);
    text.push_str("# An honest session was had over each.\n");
    let names = list(protocols.iter().map(|protocol| protocol.name().to_owned()));
    line(&mut text, "protocols", &names);
    if let Some(KemIdName::Published) = target.kem_id {
        line(&mut text, "kem-id", "\"0050\"");
    }
    text.push_str("#known-failing = \"known-failing.yaml\"\n");
    reached(&mut text, target);
    text.push_str("\n[capabilities]\n");
    for Tried {
        capability,
        has,
        seen,
    } in tried
    {
        for said in seen.lines() {
            // A peer's words may hold anything, and TOML takes no control character.
            let escaped = |char: char| match char.is_control() {
                true => char.escape_default().to_string(),
                false => char.to_string(),
            };
            let harmless: String = said.chars().map(escaped).collect();
            let _ = writeln!(text, "# {harmless}");
        }
        let _ = match has {
            Some(has) => writeln!(text, "{capability} = {has}"),
            None => writeln!(text, "#{capability} = true"),
        };
    }
    text
}

fn reached(text: &mut String, target: &TargetFile) {
    if let Some(command) = &target.command {
        text.push_str("\n[command]\n");
        let words = std::iter::once(command.run.program()).chain(command.run.args());
        line(
            text,
            "run",
            &list(words.map(|word| Filled::as_str(word).to_owned())),
        );
        let format = match command.format {
            ProvisionFormat::Json => "json",
            ProvisionFormat::BackrestConfig => "backrest-config",
        };
        line(text, "format", &quoted(format));
    }
    if target.responder.url.is_some() || target.responder.tls_ca.is_some() {
        text.push_str("\n[responder]\n");
        if let Some(url) = &target.responder.url {
            line(text, "url", &quoted(WebUrl::as_str(url)));
        }
        if let Some(ca) = &target.responder.tls_ca {
            line(text, "tls-ca", &quoted(&ca.display().to_string()));
        }
    }
    if target.initiator.listen.is_some() || target.initiator.url.is_some() {
        text.push_str("\n[initiator]\n");
        if let Some(listen) = &target.initiator.listen {
            line(text, "listen", &quoted(ListenAddress::as_str(listen)));
        }
        if let Some(url) = &target.initiator.url {
            line(text, "url", &quoted(WebUrl::as_str(url)));
        }
    }
    if let Some(url) = &target.state_service.url {
        text.push_str("\n[state-service]\n");
        line(text, "url", &quoted(WebUrl::as_str(url)));
    }
}

fn line(text: &mut String, key: &str, value: &str) {
    let _ = writeln!(text, "{key} = {value}");
}

/// JSON's texts are TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn list(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.map(|word| quoted(&word)).collect();
    format!("[{}]", words.join(", "))
}
