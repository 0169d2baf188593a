//! The hook of deployed peers: their own API, JSON over HTTP, on the port of the sync service.

use std::{
    fmt,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::{Value as Json, json};
use tokio::{sync::Mutex, time::sleep_until};

use super::{Hook, config_form};
use crate::{
    net::{Connection, DialOptions},
    target::provision::Provision,
};

/// Deployed peers take changes that follow each other faster than this for one.
const CHANGE_GAP: Duration = Duration::from_millis(300);
/// Longest part of an error's body that is told, in characters.
const ERROR_LEN_MAX: usize = 200;

/// Asks the peer's own API.
pub struct BackrestHttp {
    dial: DialOptions,
    /// When the configuration was last changed; held while it is read and written.
    changed: Mutex<Option<Instant>>,
}

impl BackrestHttp {
    /// The API at this URL, with these headers.
    pub fn new(dial: DialOptions) -> Self {
        BackrestHttp {
            dial,
            changed: Mutex::new(None),
        }
    }

    async fn call(&self, method: &str, body: Json) -> Result<Json, String> {
        let failed = |error: &dyn fmt::Display| format!("{method}: {error}");
        let connection = Connection::dial(&self.dial)
            .await
            .map_err(|error| failed(&error))?;
        let path = format!("/v1.Backrest/{method}");
        let body = Bytes::from(body.to_string());
        let answer = connection
            .post(&path, "application/json", body)
            .await
            .map_err(|error| failed(&error))?;
        if answer.status != 200 {
            let body = String::from_utf8_lossy(&answer.body);
            let start: String = body.chars().take(ERROR_LEN_MAX).collect();
            return Err(format!("{method}: HTTP {}: {start}", answer.status));
        }
        serde_json::from_slice(&answer.body).map_err(|error| failed(&error))
    }

    async fn change(
        &self,
        edit: impl FnOnce(&mut Json) -> Result<(), String>,
    ) -> Result<Json, String> {
        let mut changed = self.changed.lock().await;
        if let Some(at) = *changed {
            sleep_until((at + CHANGE_GAP).into()).await;
        }
        let mut config = self.call("GetConfig", json!({})).await?;
        edit(&mut config)?;
        self.call("SetConfig", config).await?;
        *changed = Some(Instant::now());
        Ok(json!({}))
    }

    async fn answer(&self, question: Json) -> Result<Json, String> {
        match question["do"].as_str().unwrap_or_default() {
            "read-config" => Ok(config_form::told(&self.call("GetConfig", json!({})).await?)),
            "change-config" => {
                self.change(|config| config_form::change(config, &question))
                    .await
            }
            "read-operations" => {
                let selector = json!({"originalInstanceKeyid": question["key_id"]});
                let mut answer = self
                    .call("GetOperations", json!({"selector": selector}))
                    .await?;
                Ok(json!({"operations": answer["operations"].take()}))
            }
            other => Err(format!("it cannot do `{other}`")),
        }
    }
}

impl Hook for BackrestHttp {
    fn ask(&self, question: Json) -> BoxFuture<'_, Result<Json, String>> {
        Box::pin(self.answer(question))
    }

    fn reset<'a>(&'a self, provision: &Provision) -> BoxFuture<'a, Result<(), String>> {
        let afresh = provision.to_backrest_config();
        Box::pin(async move {
            let put = |config: &mut Json| {
                // Whoever writes a config must have read its number.
                let modno = config["modno"].take();
                *config = afresh;
                config["modno"] = modno;
                Ok(())
            };
            self.change(put).await.map(drop)
        })
    }
}

impl fmt::Debug for BackrestHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackrestHttp")
            .field("url", &self.dial.url)
            .finish_non_exhaustive()
    }
}
