//! The figures, and how each is measured.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use prost::Message as _;
use syncspec::{
    net::{
        Connection, DialOptions, Link, LinkEvent, OutFrame, RequestShape, RpcProtocol,
        request::PEER_STATES_PATH,
    },
    wire::{
        Action, types,
        v1::{self, OperationEvent, OperationList, operation_event::Event},
        v1sync::{
            PeerState, SyncStateStreamRequest,
            sync_stream_item::{SyncActionHeartbeat, SyncActionReceiveOperations},
        },
    },
};

use crate::{
    host::{Host, Who},
    session::Client,
};

const SET_UPS: usize = 200;
const SET_UPS_AT_ONCE: usize = 8;
const KEEP_ALIVES: usize = 200_000;
const UPDATES: i64 = 20_000;
const MANIFEST_LEN: i64 = 1_000_000;
/// Idle sessions set up at a time: fewer than a host lets in before they have proved who they are.
const IDLE_AT_ONCE: usize = 64;
const FOLLOWERS: usize = 32;
const HEARTBEATS: usize = 200;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Dial, key exchange and handshakes until receive_resources, one after the other; median.
    SetUp,
    /// The same, eight at a time.
    SetUpsAtOnce,
    /// receive_operations with keep_alive, one session.
    KeepAlives,
    /// receive_operations with one updated operation each, one session.
    Updates,
    /// A manifest of a million unknown ids, until all of them are asked for.
    Manifest,
    /// Sessions that stand and say nothing.
    Idle,
    /// A heartbeat, until every follower of the peer states has been told; median.
    FanOut,
}

/// One value, and what to know of it.
pub struct Measured {
    pub value: f64,
    pub note: String,
}

impl Figure {
    pub const ALL: &[Figure] = &[
        Figure::SetUp,
        Figure::SetUpsAtOnce,
        Figure::KeepAlives,
        Figure::Updates,
        Figure::Manifest,
        Figure::Idle,
        Figure::FanOut,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Figure::SetUp => "set-up",
            Figure::SetUpsAtOnce => "set-ups-at-8",
            Figure::KeepAlives => "keep-alives",
            Figure::Updates => "updates",
            Figure::Manifest => "manifest",
            Figure::Idle => "idle",
            Figure::FanOut => "fan-out",
        }
    }

    pub fn unit(self) -> &'static str {
        match self {
            Figure::SetUp | Figure::FanOut => "ms",
            Figure::SetUpsAtOnce | Figure::KeepAlives | Figure::Updates => "1/s",
            Figure::Manifest => "s",
            Figure::Idle => "KiB",
        }
    }

    /// Whether it makes a difference where the host keeps things.
    pub fn touches_the_store(self) -> bool {
        matches!(self, Figure::Updates | Figure::Manifest)
    }

    pub async fn measure(self, host: &Host, idle: usize) -> Measured {
        match self {
            Figure::SetUp => set_up(host).await,
            Figure::SetUpsAtOnce => set_ups_at_once(host).await,
            Figure::KeepAlives => keep_alives(host).await,
            Figure::Updates => updates(host).await,
            Figure::Manifest => manifest(host).await,
            Figure::Idle => idle_sessions(host, idle).await,
            Figure::FanOut => fan_out(host).await,
        }
    }
}

async fn set_up(host: &Host) -> Measured {
    let mut times = Vec::with_capacity(SET_UPS);
    for number in 0..SET_UPS {
        let began = Instant::now();
        let client = Client::establish(host, Who::Idle(number)).await;
        times.push(began.elapsed());
        drop(client);
    }
    Measured {
        value: milliseconds(median(&mut times)),
        note: format!("median of {SET_UPS}, both sides' work"),
    }
}

async fn set_ups_at_once(host: &Host) -> Measured {
    let began = Instant::now();
    let lanes = (0..SET_UPS_AT_ONCE).map(|lane| async move {
        for number in 0..SET_UPS {
            drop(Client::establish(host, Who::Idle(lane * SET_UPS + number)).await);
        }
    });
    join_all(lanes).await;
    Measured {
        value: rate(SET_UPS_AT_ONCE * SET_UPS, began.elapsed()),
        note: "both sides' work".to_owned(),
    }
}

async fn keep_alives(host: &Host) -> Measured {
    let mut client = Client::establish(host, Who::Busy(0)).await;
    let began = Instant::now();
    for _ in 0..KEEP_ALIVES {
        client
            .send(operations(Event::KeepAlive(types::Empty {})))
            .await;
    }
    client.fence(Vec::new(), Vec::new()).await;
    Measured {
        value: rate(KEEP_ALIVES, began.elapsed()),
        note: format!("{KEEP_ALIVES} sent"),
    }
}

async fn updates(host: &Host) -> Measured {
    let mut client = Client::establish(host, Who::Busy(1)).await;
    let began = Instant::now();
    for id in 1..=UPDATES {
        let list = OperationList {
            operations: vec![operation(id)],
        };
        client
            .send(operations(Event::UpdatedOperations(list)))
            .await;
    }
    let ids = || (1..=UPDATES).collect::<Vec<_>>();
    let asked = client.fence(ids(), vec![1; ids().len()]).await;
    let elapsed = began.elapsed();
    assert_eq!(asked, 1, "operations that were sent are asked for again");
    Measured {
        value: rate(ids().len(), elapsed),
        note: format!("{UPDATES} operations, all held"),
    }
}

async fn manifest(host: &Host) -> Measured {
    let mut client = Client::establish(host, Who::Busy(2)).await;
    let ids: Vec<i64> = (1..=MANIFEST_LEN).collect();
    let modnos = vec![1; ids.len()];
    let began = Instant::now();
    let asked = client.fence(ids, modnos).await;
    let elapsed = began.elapsed();
    Measured {
        value: elapsed.as_secs_f64(),
        note: format!("{asked} ids asked for{}", resident(host)),
    }
}

async fn idle_sessions(host: &Host, wanted: usize) -> Measured {
    // The first ones pay for what every process needs once.
    let mut clients = establish_idle(host, 0..IDLE_AT_ONCE.min(wanted)).await;
    let before = host.resident_len_bytes();
    let few = clients.len();
    let began = Instant::now();
    let mut next = few;
    while next < wanted {
        let end = wanted.min(next + IDLE_AT_ONCE);
        clients.extend(establish_idle(host, next..end).await);
        next = end;
    }
    let took = began.elapsed();
    let after = host.resident_len_bytes();
    let one_more = Instant::now();
    drop(Client::establish(host, Who::Busy(3)).await);
    let one_more = milliseconds(one_more.elapsed());
    let each = match (before, after) {
        (Some(before), Some(after)) if clients.len() > few => {
            after.saturating_sub(before) as f64 / (clients.len() - few) as f64 / 1024.0
        }
        _ => f64::NAN,
    };
    Measured {
        value: each,
        note: format!(
            "a session, at {} sessions set up in {:.1} s; one more takes {one_more:.1} ms{}",
            clients.len(),
            took.as_secs_f64(),
            resident(host)
        ),
    }
}

async fn establish_idle(host: &Host, numbers: std::ops::Range<usize>) -> Vec<Client> {
    join_all(numbers.map(|number| Client::establish(host, Who::Idle(number)))).await
}

async fn fan_out(host: &Host) -> Measured {
    let mut client = Client::establish(host, Who::Busy(4)).await;
    let keyid = Who::Busy(4).identity().keyid().to_owned();
    let mut followers = join_all((0..FOLLOWERS).map(|_| Follower::start(host))).await;
    let mut times = Vec::with_capacity(HEARTBEATS);
    for round in 0..=HEARTBEATS {
        let began = Instant::now();
        client.send(Action::Heartbeat(SyncActionHeartbeat {})).await;
        join_all(
            followers
                .iter_mut()
                .map(|follower| follower.told_of(&keyid)),
        )
        .await;
        // The first round ends wherever the followers' first snapshot did.
        if round > 0 {
            times.push(began.elapsed());
        }
    }
    Measured {
        value: milliseconds(median(&mut times)),
        note: format!("median of {HEARTBEATS}, {FOLLOWERS} followers"),
    }
}

/// A caller who follows the peer states.
struct Follower {
    link: Link,
    _connection: Connection,
}

impl Follower {
    async fn start(host: &Host) -> Follower {
        let options = DialOptions::new(host.url(), RpcProtocol::Grpc);
        let connection = Connection::dial(&options).await.unwrap();
        let shape = RequestShape::new(RpcProtocol::Grpc, PEER_STATES_PATH);
        let mut link = connection.open(&shape).await.unwrap();
        let request = SyncStateStreamRequest { subscribe: true }.encode_to_vec();
        link.send(OutFrame::Message(request.into())).await.unwrap();
        link.half_close().unwrap();
        Follower {
            link,
            _connection: connection,
        }
    }

    async fn told_of(&mut self, keyid: &str) {
        loop {
            match self.link.next().await {
                LinkEvent::Message { payload, .. } => {
                    let state = PeerState::decode(payload).unwrap();
                    if state.peer_keyid == keyid && state.last_heartbeat_millis > 0 {
                        return;
                    }
                }
                LinkEvent::Headers(_) => {}
                LinkEvent::Ended(end) => panic!("the host ended the states: {end:?}"),
            }
        }
    }
}

fn operations(event: Event) -> Action {
    Action::ReceiveOperations(SyncActionReceiveOperations {
        event: Some(OperationEvent { event: Some(event) }),
    })
}

fn operation(id: i64) -> v1::Operation {
    v1::Operation {
        id,
        modno: 1,
        flow_id: id,
        repo_id: "repo".to_owned(),
        repo_guid: "0".repeat(64),
        plan_id: "plan".to_owned(),
        instance_id: Who::Busy(1).instance_id(),
        unix_time_start_ms: 1_700_000_000_000 + id,
        ..v1::Operation::default()
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

fn resident(host: &Host) -> String {
    host.resident_len_bytes().map_or_else(String::new, |bytes| {
        format!("; {} MiB resident", bytes / (1024 * 1024))
    })
}
