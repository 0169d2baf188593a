//! The calls of the peer under test that one case plays with.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::select_all;
use tokio::{task::AbortHandle, time::timeout};

use super::looks::Looks;
use crate::{
    net::{Link, LinkEvent, Route, client::ClientApp},
    trace::{LinkFailure, Stage},
};

/// The calls of one case, by the name of the identity that is called.
pub struct Calls {
    routes: BTreeMap<String, Route>,
    /// How long a further call is waited for.
    wait: Duration,
    /// Dials as long as it is held.
    client: Option<ClientApp>,
    /// What looks inside that client.
    inside: Option<(Looks, AbortHandle)>,
}

impl Drop for Calls {
    fn drop(&mut self) {
        if let Some((_, served)) = &self.inside {
            served.abort();
        }
    }
}

impl Calls {
    /// Those at these routes; a further one is waited for this long.
    pub(super) fn at(routes: BTreeMap<String, Route>, wait: Duration) -> Calls {
        Calls {
            routes,
            wait,
            client: None,
            inside: None,
        }
    }

    /// Of a client that is the case's own: it lasts as long as they do, as does what looks inside it.
    pub(super) fn hold(&mut self, client: ClientApp, inside: Option<(Looks, AbortHandle)>) {
        self.client = Some(client);
        self.inside = inside;
    }

    /// What looks inside the client that calls, where it is the case's own.
    pub(super) fn looks(&self) -> Option<&Looks> {
        self.inside.as_ref().map(|(looks, _)| looks)
    }

    /// Waits for a further call no longer than this.
    pub(super) fn hurry(&mut self, wait: Duration) {
        self.wait = self.wait.min(wait);
    }

    /// Waits until every identity has been called; the paths that were not within `limit`.
    pub(super) async fn all_there(&mut self, limit: Duration) -> Vec<String> {
        let all = async {
            for route in self.routes.values_mut() {
                route.is_called().await;
            }
        };
        if timeout(limit, all).await.is_ok() {
            return Vec::new();
        }
        let mut missing = Vec::new();
        for route in self.routes.values_mut() {
            // Only what is there by now.
            if timeout(Duration::ZERO, route.is_called()).await.is_err() {
                missing.push(route.prefix().to_owned());
            }
        }
        missing
    }

    /// The first of these identities that is called once more; waits for ever where none is.
    pub(super) async fn called_again<'a>(
        &mut self,
        identities: impl Iterator<Item = &'a String>,
    ) -> String {
        let wanted: Vec<&String> = identities.collect();
        let routes = self.routes.iter_mut();
        let waiting: Vec<_> = routes
            .filter(|(identity, _)| wanted.contains(identity))
            .map(|(identity, route)| {
                Box::pin(async move {
                    if !route.is_called().await {
                        // The listener is gone, and so is everything.
                        std::future::pending::<()>().await;
                    }
                    identity.clone()
                })
            })
            .collect();
        match waiting.is_empty() {
            true => std::future::pending().await,
            false => select_all(waiting).await.0,
        }
    }

    /// Takes the latest call to an identity, or waits for one.
    pub(super) async fn take(&mut self, identity: &str) -> Result<Link, LinkFailure> {
        let failure = |seen: String| LinkFailure {
            stage: Stage::Call,
            seen,
        };
        let Some(route) = self.routes.get_mut(identity) else {
            return Err(failure(format!("the client does not know `{identity}`")));
        };
        let mut link = match timeout(self.wait, route.accept_latest()).await {
            Ok(Some(link)) => link,
            Ok(None) => return Err(failure("the listener is gone".to_owned())),
            Err(_) => {
                return Err(failure(format!(
                    "no call to {} within {:.0} s",
                    route.prefix(),
                    self.wait.as_secs_f64()
                )));
            }
        };
        // A call begins with its headers, which is how it was recognised.
        match link.next().await {
            LinkEvent::Headers(_) => Ok(link),
            event => Err(failure(format!("a call without headers: {event:?}"))),
        }
    }
}
