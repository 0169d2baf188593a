//! Everything a peer under test must have been given before the cases run: its own identity, and every other side, token,
//! repository and plan that they need. All of it is derived from names, so the same suite always asks for the same.
//!
//! The keys are public by construction: never give a peer that holds anything of value this provision.

mod client;
mod host;

use serde_json::{Value, json};

pub use client::{ClientProvision, path_of};
pub use host::Provision;

pub use crate::scenario::fixtures::HOST_INSTANCE_ID;
use crate::scenario::{
    fixtures::{Fixtures, Plan, Repo},
    model::PermissionFixture,
};

/// Version of the layout of the neutral form.
pub const SCHEMA: u32 = 1;
/// Version of the configuration form that deployed peers read.
const BACKREST_CONFIG_VERSION: i32 = 6;

/// Repositories in the neutral form.
fn repos_json<'a>(repos: impl Iterator<Item = &'a Repo>) -> Vec<Value> {
    repos
        .map(|repo| {
            json!({
                "id": repo.id,
                "guid": repo.guid,
                "uri": repo.uri,
                "shared": repo.shared,
            })
        })
        .collect()
}

/// Plans in the neutral form.
fn plans_json<'a>(plans: impl Iterator<Item = &'a Plan>) -> Vec<Value> {
    plans
        .map(|plan| {
            json!({
                "id": plan.id,
                "repo": plan.repo_id,
                "paths": ["/nonexistent"],
            })
        })
        .collect()
}

/// Repositories as deployed peers' configuration has them.
fn backrest_repos<'a>(repos: impl Iterator<Item = &'a Repo>) -> Vec<Value> {
    repos
        .map(|repo| {
            json!({
                "id": repo.id,
                "guid": repo.guid,
                "uri": repo.uri,
                "password": "syncspec",
                "shared": repo.shared,
            })
        })
        .collect()
}

/// Plans as deployed peers' configuration has them.
fn backrest_plans<'a>(plans: impl Iterator<Item = &'a Plan>) -> Vec<Value> {
    plans
        .map(|plan| {
            json!({
                "id": plan.id,
                "repo": plan.repo_id,
                "paths": ["/nonexistent"],
                "schedule": { "disabled": true },
            })
        })
        .collect()
}

fn repos_of(fixtures: &[Fixtures]) -> impl Iterator<Item = &Repo> {
    fixtures.iter().flat_map(|fixtures| &fixtures.repos)
}

fn plans_of(fixtures: &[Fixtures]) -> impl Iterator<Item = &Plan> {
    fixtures.iter().flat_map(|fixtures| &fixtures.plans)
}

fn permissions(permissions: &[PermissionFixture]) -> Vec<Value> {
    permissions
        .iter()
        .map(|permission| {
            json!({
                "type": permission.kind.name(),
                "scopes": permission.scopes,
            })
        })
        .collect()
}
