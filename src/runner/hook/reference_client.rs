//! The hook of a reference client in this process.

use std::fmt;

use futures_util::{FutureExt as _, future::BoxFuture};
use serde_json::{Value as Json, json};

use super::{Hook, config_form};
use crate::{net::client::ClientApp, scenario::message_pattern::message_from_json};

/// Asks the client itself.
pub struct ReferenceClientHook(ClientApp);

impl ReferenceClientHook {
    /// The hook of this client.
    pub fn new(client: ClientApp) -> Self {
        ReferenceClientHook(client)
    }

    fn answer(&self, question: &Json) -> Result<Json, String> {
        match question["do"].as_str().unwrap_or_default() {
            "put-operation" => {
                let operation = message_from_json(&question["operation"]);
                let operation = operation.map_err(|error| error.to_string())?;
                let put = self.0.put_operation(operation);
                put.map_err(|error| error.to_string())?;
            }
            "delete-operation" => {
                let id = question["id"].as_str().and_then(|id| id.parse().ok());
                self.0.delete_operation(id.ok_or("`id` is no number")?);
            }
            "change-config" => {
                let config = self.0.config();
                let mut form = config_form::form_of(&config)?;
                config_form::change(&mut form, question)?;
                self.0
                    .replace_config(config_form::successor(&config, &form)?);
            }
            other => return Err(format!("it cannot do `{other}`")),
        }
        Ok(json!({}))
    }
}

impl Hook for ReferenceClientHook {
    fn ask(&self, question: Json) -> BoxFuture<'_, Result<Json, String>> {
        async move { self.answer(&question) }.boxed()
    }

    fn of_clients(&self) -> bool {
        true
    }
}

impl fmt::Debug for ReferenceClientHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReferenceClientHook")
    }
}
