//! Being dialled by the peer under test: one listener, and for each case a path for every identity that it answers as.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{net::ToSocketAddrs, time::timeout};

use crate::{
    net::{Link, LinkError, LinkEvent, LinkLimits, Listener, Route},
    scenario::{fixtures, model::Scenario},
    target::provision::path_of,
    trace::{LinkFailure, Stage},
};

/// How long a case that is being played waits for a call. A client dials all its hosts at once, and those of its config
/// that has just changed too.
pub const CALL_WAIT: Duration = Duration::from_secs(10);

/// The paths that the client's known hosts are at. A case takes its own; once it is over they are unknown.
pub struct Switchboard {
    listener: Listener,
    routes: Mutex<HashMap<String, Route>>,
}

impl Switchboard {
    /// Listens on an address such as `127.0.0.1:0`.
    ///
    /// # Errors
    /// An address that cannot be listened on.
    pub async fn open(address: impl ToSocketAddrs + ToString) -> Result<Self, LinkError> {
        Ok(Switchboard {
            listener: Listener::bind(address, LinkLimits::default()).await?,
            routes: Mutex::new(HashMap::new()),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Takes in calls for these cases from now on, so that a client may dial before they are played.
    ///
    /// # Errors
    /// Two identities at one path, which is the suite's own fault.
    pub fn expect<'a>(
        &self,
        scenarios: impl IntoIterator<Item = &'a Scenario>,
    ) -> Result<(), LinkError> {
        let mut routes = self.lock();
        for identity in scenarios.into_iter().flat_map(known_identities) {
            let path = path_of(identity);
            let route = self.listener.route(&path)?;
            routes.insert(path, route);
        }
        Ok(())
    }

    /// The calls of one case.
    pub fn calls_for(&self, scenario: &Scenario) -> Calls {
        let mut routes = self.lock();
        let lines = known_identities(scenario).filter_map(|identity| {
            let route = routes.remove(&path_of(identity))?;
            Some((identity.name.clone(), route))
        });
        Calls {
            routes: lines.collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Route>> {
        // Each change is one insertion or removal, so that a panic elsewhere leaves the map whole.
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client dials the hosts that it knows.
fn known_identities(scenario: &Scenario) -> impl Iterator<Item = &fixtures::Identity> {
    let identities = scenario.fixtures.identities.iter();
    identities.filter(|identity| identity.known)
}

/// The calls of one case, by the name of the identity that is called.
pub struct Calls {
    routes: BTreeMap<String, Route>,
}

impl Calls {
    /// Waits until every identity has been called; the paths that were not within `limit`.
    pub async fn all_there(&mut self, limit: Duration) -> Result<(), Vec<String>> {
        let all = async {
            for route in self.routes.values_mut() {
                route.is_called().await;
            }
        };
        if timeout(limit, all).await.is_ok() {
            return Ok(());
        }
        let mut missing = Vec::new();
        for route in self.routes.values_mut() {
            // Only what is there by now.
            if timeout(Duration::ZERO, route.is_called()).await.is_err() {
                missing.push(route.prefix().to_owned());
            }
        }
        Err(missing)
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
        let mut link = match timeout(CALL_WAIT, route.accept_latest()).await {
            Ok(Some(link)) => link,
            Ok(None) => return Err(failure("the listener is gone".to_owned())),
            Err(_) => {
                return Err(failure(format!(
                    "no call to {} within {:.0} s",
                    route.prefix(),
                    CALL_WAIT.as_secs_f64()
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
