//! Where the peer under test dials us: one listener, and a path for every identity that a case answers as.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    net::ToSocketAddrs,
    sync::{MutexGuard as Held, mpsc, watch},
    time::timeout,
};

use super::{
    calls::Calls,
    reference::{StartError, look_into, start_reference_client},
};
use crate::{
    net::{LinkError, LinkLimits, Listener, Route, Stray, client::ClientOptions},
    scenario::{fixtures, model::Scenario},
    target::provision::{ClientProvision, path_of},
    wire::RpcProtocol,
};

/// How long a case that is being played waits for a call. A client dials all its hosts at once, and those of its config
/// that has just changed too.
pub const CALL_WAIT: Duration = Duration::from_secs(10);

/// How long the first call of a client that somebody else starts is waited for, where nothing else is said.
pub const FIRST_CALL_WAIT: Duration = Duration::from_secs(120);

/// How much longer the client may take for each host that it knows, when it dials all of them: a connection and a key
/// pair for each, on a machine that has other things to do.
const DIAL_WAIT_EACH: Duration = Duration::from_millis(20);

/// How long the calls for a case are waited for at least, however long ago the client was first heard of.
const CALL_WAIT_MIN: Duration = Duration::from_secs(1);

/// Who dials us.
#[derive(Clone, Debug)]
pub enum Caller {
    /// A client that was given everything at once, and that somebody else starts: how long its first call may take.
    Outside(Duration),
    /// A client that was given everything at once, and that we started: how long its first call may take.
    Started(Duration),
    /// The reference client: a fresh one for each case, which knows the hosts of that case.
    Reference(Box<ClientOptions>),
}

/// The paths that the client's known hosts are at. A case takes its own; once it is over they are unknown.
pub struct Switchboard {
    listener: Listener,
    /// What comes that is no call at a path that is waited for. It is looked at only while nothing else has come.
    strays: tokio::sync::Mutex<mpsc::Receiver<Stray>>,
    caller: Caller,
    routes: Mutex<HashMap<String, Route>>,
    /// When the client from outside was first heard of.
    first_call: OnceLock<Instant>,
    /// Hosts that the client from outside knows.
    hosts: AtomicU32,
    /// What the reference client holds beside what its case gives it.
    beside: Vec<Arc<Scenario>>,
}

impl Switchboard {
    /// Listens on an address such as `127.0.0.1:0`.
    ///
    /// # Errors
    /// An address that cannot be listened on.
    pub async fn open(
        address: impl ToSocketAddrs + ToString,
        caller: Caller,
    ) -> Result<Self, LinkError> {
        let (listener, strays) = Listener::bind_noting(address, LinkLimits::default()).await?;
        Ok(Switchboard {
            listener,
            strays: tokio::sync::Mutex::new(strays),
            caller,
            routes: Mutex::new(HashMap::new()),
            first_call: OnceLock::new(),
            hosts: AtomicU32::new(0),
            beside: Vec::new(),
        })
    }

    /// The same, whose reference client holds what all of these cases give it, as a client does that is given them at once.
    #[must_use]
    pub fn beside(self, cases: Vec<Arc<Scenario>>) -> Self {
        Switchboard {
            beside: cases,
            ..self
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// What comes in place of calls, for one who looks at a time.
    pub(super) async fn strays(&self) -> Held<'_, mpsc::Receiver<Stray>> {
        self.strays.lock().await
    }

    /// The URL at which a client finds this host, by the address that is listened on.
    pub(super) fn url_of(&self, host: &fixtures::Identity) -> String {
        format!("http://{}{}", self.address(), path_of(host))
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
        let mut hosts = 0;
        for identity in scenarios.into_iter().flat_map(|case| case.fixtures.known()) {
            let path = path_of(identity);
            let route = self.listener.route(&path)?;
            routes.insert(path, route);
            hosts += 1;
        }
        self.hosts.fetch_add(hosts, Ordering::Relaxed);
        Ok(())
    }

    /// Whether a case could be played now without a wait: a client from outside has dialled all that the case is dialled at.
    pub(super) fn is_called_for(&self, scenario: &Scenario) -> bool {
        if !self.is_called_from_outside() {
            return true;
        }
        let routes = self.lock();
        let is_called = |path: String| routes.get(&path).is_some_and(Route::has_call);
        scenario
            .fixtures
            .known()
            .all(|identity| is_called(path_of(identity)))
    }

    /// Calls so far: it changes with each.
    pub(super) fn calls_count(&self) -> watch::Receiver<u64> {
        self.listener.calls_count()
    }

    /// Waits until a case could be played without a wait; `false` where it still could not when the time is up.
    pub(super) async fn calls_within(&self, limit: Duration, scenario: &Scenario) -> bool {
        // Made before the first look, so that no call in between is missed.
        let mut calls = self.calls_count();
        let called = async {
            while !self.is_called_for(scenario) {
                if calls.changed().await.is_err() {
                    return false;
                }
            }
            true
        };
        timeout(limit, called).await.unwrap_or(false)
    }

    /// Takes in calls for a case that was played: a client from outside dials again, sooner or later.
    pub(super) fn expect_again(&self, scenario: &Scenario) {
        if !self.is_called_from_outside() {
            return;
        }
        let mut routes = self.lock();
        for identity in scenario.fixtures.known() {
            let path = path_of(identity);
            // A path that is taken still is expected already.
            if let Ok(route) = self.listener.route(&path) {
                routes.insert(path, route);
            }
        }
    }

    /// Whether the client is one that somebody else starts, with one config for all cases.
    pub(super) fn is_called_from_outside(&self) -> bool {
        matches!(self.caller, Caller::Outside(_) | Caller::Started(_))
    }

    /// Whether each case has a client of its own, with all that looks inside it.
    pub(super) fn looks_inside(&self) -> bool {
        matches!(self.caller, Caller::Reference(_))
    }

    /// The calls of one case, once all of them are there.
    ///
    /// # Errors
    /// What did not come, or could not be started.
    pub(super) async fn calls_for(
        &self,
        scenario: &Scenario,
        protocol: RpcProtocol,
    ) -> Result<Calls, NotCalled> {
        let own = match &self.caller {
            Caller::Outside(_) | Caller::Started(_) => None,
            Caller::Reference(options) => {
                self.expect([scenario]).map_err(NotCalled::NoPath)?;
                let url = format!("http://{}", self.address());
                let beside = self.beside.iter().map(|case| &**case);
                let others = beside.filter(|case| case.fixtures != scenario.fixtures);
                let provision = ClientProvision::for_cases(&url, [scenario]).beside(others);
                let options = ClientOptions {
                    protocol,
                    ..(**options).clone()
                };
                let client = start_reference_client(&provision, options);
                let client = client.map_err(NotCalled::NoClient)?;
                let inside = match scenario.needs().is_empty() {
                    true => None,
                    false => Some(look_into(&client).await.map_err(NotCalled::NoClient)?),
                };
                Some((client, inside))
            }
        };
        let routes = self.take_routes(scenario);
        let mut calls = Calls::at(routes, CALL_WAIT + self.redial_wait(scenario));
        if let Some((client, inside)) = own {
            calls.hold(client, inside);
        }
        let wait = self.wait() + self.redial_wait(scenario);
        let missing = calls.all_there(wait).await;
        if scenario.alone && missing.is_empty() {
            self.hosts_are_dialled().await;
        }
        self.first_call.get_or_init(Instant::now);
        match missing.is_empty() {
            true => Ok(calls),
            false => Err(NotCalled::Paths(missing)),
        }
    }

    /// Waits a moment for the calls to hosts that no case has taken yet, where the client is ours alone. A case that changes its
    /// config while it is still dialling would show what becomes of two changes at once; and who asks a deployed one for its
    /// states, while more of them change than it keeps for a caller, stops it for good.
    pub(super) async fn hosts_are_dialled(&self) {
        if !matches!(self.caller, Caller::Started(_)) {
            return;
        }
        let mut others = std::mem::take(&mut *self.lock());
        let all = async {
            for route in others.values_mut() {
                route.is_called().await;
            }
        };
        // What it does not dial is missed where it is needed.
        let _ = timeout(CALL_WAIT_MIN, all).await;
        self.lock().extend(others);
    }

    /// How much longer than others a case may take whose client dials all its hosts anew.
    pub(super) fn redial_wait(&self, scenario: &Scenario) -> Duration {
        match (&self.caller, scenario.alone) {
            (Caller::Outside(_) | Caller::Started(_), true) => {
                DIAL_WAIT_EACH * self.hosts.load(Ordering::Relaxed)
            }
            _ => Duration::ZERO,
        }
    }

    fn take_routes(&self, scenario: &Scenario) -> BTreeMap<String, Route> {
        let mut routes = self.lock();
        let lines = scenario.fixtures.known().filter_map(|identity| {
            let route = routes.remove(&path_of(identity))?;
            Some((identity.name.clone(), route))
        });
        lines.collect()
    }

    /// A client dials all its hosts at once: those that it has not dialled soon after the first, it never will.
    pub(super) fn wait(&self) -> Duration {
        match (&self.caller, self.first_call.get()) {
            (Caller::Reference(_), _) => CALL_WAIT,
            (Caller::Outside(wait) | Caller::Started(wait), None) => *wait,
            (Caller::Outside(_) | Caller::Started(_), Some(first)) => {
                let all = CALL_WAIT + DIAL_WAIT_EACH * self.hosts.load(Ordering::Relaxed);
                all.saturating_sub(first.elapsed()).max(CALL_WAIT_MIN)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Route>> {
        // Each change is one insertion or removal, so that a panic elsewhere leaves the map whole.
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a case was not called.
#[derive(Debug)]
pub(super) enum NotCalled {
    /// Its paths are not free, which is the suite's own fault.
    NoPath(LinkError),
    /// The reference client could not be started.
    NoClient(StartError),
    /// The client never dialled these paths.
    Paths(Vec<String>),
}

impl fmt::Display for NotCalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotCalled::NoPath(error) => error.fmt(f),
            NotCalled::NoClient(error) => write!(f, "failed to {error}"),
            NotCalled::Paths(paths) => {
                write!(f, "the client never dialled {}", paths.join(" and "))
            }
        }
    }
}
