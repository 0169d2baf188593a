//! Reads a target file, with everything that is wrong with it at once.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    CommandTarget, HookTarget, InitiatorTarget, Mistake, ResponderTarget, StateServiceTarget,
    TargetFile, toml,
};
use crate::{
    rules::Capability,
    scenario::{
        load_error::{LoadError, Problems},
        node::{Node, Place},
        problem::Problem,
        read_node, read_text,
    },
    wire::{Role, RpcProtocol},
};

/// Reads one. Paths in it are taken from the folder it stands in.
///
/// # Errors
/// Every problem, with its place.
pub fn load(file: &Path) -> Result<TargetFile, Vec<LoadError>> {
    let shown = file.display().to_string();
    let text = read_text(file)
        .map_err(|(place, problem)| vec![LoadError::new(&shown, place, problem, None)])?;
    let mut target = read(&shown, &text)?;
    // The folder is there: a file of it was just read.
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).unwrap_or_default();
    target.resolve_paths(&folder);
    Ok(target)
}

/// Reads the text of one; paths stay as they stand. `shown` is what its mistakes call it.
///
/// # Errors
/// As for [`load`].
pub fn read(shown: &str, text: &str) -> Result<TargetFile, Vec<LoadError>> {
    let problems = Problems::default();
    let root = toml::parse(text, &problems);
    let target: Option<TargetFile> = root.as_ref().and_then(|root| read_node(root, &problems));
    if let (None, Some(root)) = (&target, &root) {
        read_each_section(root, &problems);
    }
    if let (Some(target), Some(root), true) = (&target, &root, problems.is_empty()) {
        for Mistake { key, text } in target.mistakes() {
            problems.report(place_of(root, key), Problem::Refused(text));
        }
    }
    let found = problems.take();
    match target {
        Some(target) if found.is_empty() => Ok(target),
        _ => Err(found
            .into_iter()
            .map(|(place, problem)| LoadError::new(shown, place, problem, Some(text)))
            .collect()),
    }
}

/// A struct is read up to its first bad value; what is wrong in the sections behind that is worth telling too.
fn read_each_section(root: &Node, problems: &Problems) {
    for (key, section) in root.as_map().unwrap_or_default() {
        match key.text.as_str() {
            "roles" => drop(read_node::<Vec<Role>>(section, problems)),
            "protocols" => drop(read_node::<Vec<RpcProtocol>>(section, problems)),
            "responder" => drop(read_node::<ResponderTarget>(section, problems)),
            "initiator" => drop(read_node::<InitiatorTarget>(section, problems)),
            "command" => drop(read_node::<CommandTarget>(section, problems)),
            "state-service" => drop(read_node::<StateServiceTarget>(section, problems)),
            "hook" => drop(read_node::<HookTarget>(section, problems)),
            "capabilities" => drop(read_node::<BTreeMap<Capability, bool>>(section, problems)),
            _ => {}
        }
    }
}

/// The place of a key, or of the nearest above it that is there.
fn place_of(root: &Node, key: &[&str]) -> Place {
    let mut node = root;
    let mut place = root.place;
    for part in key {
        let entry = node
            .as_map()
            .and_then(|entries| entries.iter().find(|(key, _)| key.text == *part));
        let Some((key, below)) = entry else { break };
        place = key.place;
        node = below;
    }
    place
}

impl TargetFile {
    /// Makes paths relative to this folder, where they lead into it: how a file in it writes them.
    pub fn relate_paths(&mut self, folder: &Path) {
        let relate = |path: &mut PathBuf| {
            if let Ok(within) = path.strip_prefix(folder) {
                *path = within.to_owned();
            }
        };
        let dirs = [
            self.command.as_mut().map(|command| &mut command.dir),
            self.hook.as_mut().map(|hook| &mut hook.dir),
        ];
        for dir in dirs.into_iter().flatten() {
            // The folder itself is where they are by default.
            if let Some(mut path) = dir.take().filter(|dir| dir != folder) {
                relate(&mut path);
                *dir = Some(path);
            }
        }
        self.responder.tls_ca.as_mut().map(relate);
        self.known_failing.as_mut().map(relate);
    }

    /// Takes relative paths from this folder.
    pub fn resolve_paths(&mut self, folder: &Path) {
        let resolve = |path: &mut PathBuf| *path = folder.join(&*path);
        self.responder.tls_ca.as_mut().map(resolve);
        self.known_failing.as_mut().map(resolve);
        if let Some(command) = &mut self.command {
            let dir = command.dir.take().unwrap_or_default();
            command.dir = Some(folder.join(dir));
        }
        if let Some(hook) = &mut self.hook {
            let dir = hook.dir.take().unwrap_or_default();
            hook.dir = Some(folder.join(dir));
        }
    }
}
