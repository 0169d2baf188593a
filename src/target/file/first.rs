//! A first target file, written from what a peer showed when its capabilities were tried.

use std::fmt::Write as _;

use super::{
    KemIdName, TargetFile,
    write::{kem_id_name, line, list, path, quoted},
};
use crate::{rules::Capability, wire::Role};

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

/// The text of the file: how the peer was reached and looked into, as the command line or another file said it, what it
/// speaks in each role, and what it can do.
pub fn first_file(target: &TargetFile, roles: &[Role], tried: &[Tried]) -> String {
    let mut text = "# Written by `syncspec run --discover` from what the peer showed. The manual is docs/target.md.\n"
        .to_owned();
    match &target.name {
        Some(name) => line(&mut text, "name", &quoted(name)),
        None => text.push_str("#name = \"my-peer\"\n"),
    }
    if let Some(version) = &target.version {
        line(&mut text, "version", &quoted(version));
    }
    let names = list(roles.iter().map(|role| role.name()));
    line(&mut text, "roles", &names);
    if let Some(KemIdName::Published) = target.kem_id {
        line(&mut text, "kem-id", kem_id_name(KemIdName::Published));
    }
    match &target.known_failing {
        Some(known) => path(&mut text, "known-failing", known),
        None => text.push_str("#known-failing = \"known-failing.yaml\"\n"),
    }
    target.write_sections(&mut text, true);
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
