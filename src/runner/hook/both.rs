//! Two hooks of one peer: one for what is asked of everyone, one for what only clients are asked.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value as Json;

use super::Hook;
use crate::target::provision::Provision;

/// Asks each of them what it is for.
#[derive(Debug)]
pub struct BothHooks {
    /// Reads and changes what any peer has.
    pub of_all: Arc<dyn Hook>,
    /// Changes what a client has as a client: its operations, and what its hosts may do.
    pub of_clients: Arc<dyn Hook>,
}

impl Hook for BothHooks {
    fn ask(&self, question: Json) -> BoxFuture<'_, Result<Json, String>> {
        match is_of_clients(&question) {
            true => self.of_clients.ask(question),
            false => self.of_all.ask(question),
        }
    }

    fn of_clients(&self) -> bool {
        true
    }

    fn reset<'a>(&'a self, provision: &Provision) -> BoxFuture<'a, Result<(), String>> {
        self.of_all.reset(provision)
    }
}

fn is_of_clients(question: &Json) -> bool {
    match question["do"].as_str() {
        Some("put-operation" | "delete-operation") => true,
        Some("change-config") => question.get("permit_host").is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug)]
    struct Named(&'static str);

    impl Hook for Named {
        fn ask(&self, _question: Json) -> BoxFuture<'_, Result<Json, String>> {
            Box::pin(async { Ok(json!(self.0)) })
        }
    }

    #[tokio::test]
    async fn question_then_the_one_that_it_is_for_is_asked() {
        let both = BothHooks {
            of_all: Arc::new(Named("all")),
            of_clients: Arc::new(Named("clients")),
        };
        for (question, expected) in [
            (json!({"do": "read-config"}), "all"),
            (json!({"do": "change-config", "remove_repo": "r"}), "all"),
            (json!({"do": "change-config", "permit_host": {}}), "clients"),
            (json!({"do": "read-operations", "key_id": "k"}), "all"),
            (json!({"do": "put-operation", "operation": {}}), "clients"),
            (json!({"do": "delete-operation", "id": "1"}), "clients"),
        ] {
            let asked = question.to_string();
            assert_eq!(both.ask(question).await, Ok(json!(expected)), "{asked}");
        }
    }
}
