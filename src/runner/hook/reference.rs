//! The hook of the reference in this process.

use std::fmt;

use futures_util::{FutureExt as _, future::BoxFuture};
use serde_json::{Value as Json, json};

use super::{Hook, config_form};
use crate::{
    net::host::HostApp, scenario::message_pattern::message_to_json, target::provision::Provision,
};

/// Asks the host itself.
pub struct ReferenceHook(HostApp);

impl ReferenceHook {
    /// The hook of this host.
    pub fn new(host: HostApp) -> Self {
        ReferenceHook(host)
    }

    fn answer(&self, question: &Json) -> Result<Json, String> {
        match question["do"].as_str().unwrap_or_default() {
            "read-config" => Ok(config_form::told(&config_form::form_of(&self.0.config())?)),
            "change-config" => {
                let mut config = config_form::form_of(&self.0.config())?;
                config_form::change(&mut config, question)?;
                self.put(&config)
            }
            "read-operations" => {
                let keyid = question["key_id"].as_str().unwrap_or_default();
                let held = self
                    .0
                    .operations_of(keyid)
                    .map_err(|fault| fault.to_string())?;
                let operations: Vec<Json> = held.iter().map(message_to_json).collect();
                Ok(json!({"operations": operations}))
            }
            other => Err(format!("it cannot do `{other}`")),
        }
    }

    fn put(&self, config: &Json) -> Result<Json, String> {
        let config = config_form::successor(&self.0.config(), config)?;
        self.0
            .replace_config(config)
            .map_err(|fault| fault.to_string())?;
        Ok(json!({}))
    }
}

impl Hook for ReferenceHook {
    fn ask(&self, question: Json) -> BoxFuture<'_, Result<Json, String>> {
        async move { self.answer(&question) }.boxed()
    }

    fn reset<'a>(&'a self, provision: &Provision) -> BoxFuture<'a, Result<(), String>> {
        let config = provision.to_backrest_config();
        async move { self.put(&config).map(drop) }.boxed()
    }
}

impl fmt::Debug for ReferenceHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReferenceHook")
    }
}
