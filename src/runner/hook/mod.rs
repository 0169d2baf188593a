//! The hook: what reads and changes the inside of a peer for the cases that need it (`docs/hook.md`).

mod backrest;
mod both;
mod command;
mod config_form;
mod reference;
mod reference_client;

use std::fmt;

use futures_util::future::BoxFuture;
use serde_json::{Value as Json, json};

pub use backrest::BackrestHttp;
pub use both::BothHooks;
pub use command::{ANSWER_WAIT, CommandHook};
pub use reference::ReferenceHook;
pub use reference_client::ReferenceClientHook;

use crate::target::provision::Provision;

/// Something that answers the suite's questions about one peer. One question is asked at a time.
pub trait Hook: fmt::Debug + Send + Sync {
    /// Asks one question, a map whose `do` says what is wanted; the error says in words why there is no answer.
    fn ask(&self, question: Json) -> BoxFuture<'_, Result<Json, String>>;

    /// Whether it answers what is asked of clients.
    fn of_clients(&self) -> bool {
        false
    }

    /// Gives the peer its provision afresh.
    fn reset<'a>(&'a self, provision: &Provision) -> BoxFuture<'a, Result<(), String>> {
        let question = json!({"do": "reset", "provision": provision.to_json()});
        Box::pin(async move { self.ask(question).await.map(drop) })
    }
}
