//! Section 5 of `docs/protocol.md`, read naively: the texts of scopes are compared as they stand.

use crate::scenario::model::PermissionKind::{
    self, ReadConfig, ReadOperations, ReadWriteConfig, ReceiveSharedRepos,
};

/// One permission of an entry.
#[derive(Clone, Copy, Debug)]
pub struct Permission<'a> {
    /// What it is for.
    pub kind: PermissionKind,
    /// Where.
    pub scopes: &'a [&'a str],
}

/// A repository or a plan.
#[derive(Clone, Copy, Debug)]
pub struct Thing {
    /// `repo` or `plan`, as scopes write it.
    pub kind: &'static str,
    /// Name within the case.
    pub name: &'static str,
}

impl Thing {
    /// The variable that is its id.
    pub fn variable(self) -> String {
        format!("${}", self.name)
    }
}

/// May the peer see its configuration?
pub fn visible(permissions: &[Permission<'_>], thing: Thing) -> bool {
    let mut permissions = permissions.iter();
    permissions.any(|permission| {
        matches!(permission.kind, ReadConfig | ReadWriteConfig)
            && in_scope(permission.scopes, thing)
    })
}

/// May the peer know that it is there?
pub fn known(permissions: &[Permission<'_>], thing: Thing) -> bool {
    let mut of_operations = permissions.iter();
    visible(permissions, thing)
        || of_operations.any(|permission| {
            permission.kind == ReadOperations && in_scope(permission.scopes, thing)
        })
}

/// May the peer change it?
pub fn writable(permissions: &[Permission<'_>], thing: Thing) -> bool {
    let mut permissions = permissions.iter();
    permissions
        .any(|permission| permission.kind == ReadWriteConfig && in_scope(permission.scopes, thing))
}

/// Host side: may it be pushed to the peer, if it is shared?
pub fn shared_with(permissions: &[Permission<'_>], thing: Thing) -> bool {
    let mut permissions = permissions.iter();
    permissions.any(|permission| {
        permission.kind == ReceiveSharedRepos && in_scope(permission.scopes, thing)
    })
}

fn in_scope(scopes: &[&str], thing: Thing) -> bool {
    let text = format!("{}:${}", thing.kind, thing.name);
    let excluded = scopes.contains(&format!("!{text}").as_str());
    let included = scopes.contains(&"*") || scopes.contains(&text.as_str());
    scopes.is_empty() || included && !excluded
}
