//! One honest call of `Sync`, as far as it goes.

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use prost::Message as _;
use tokio::time::timeout;

use super::{ANSWER_WAIT, GRPC_WEB, after_half_close, sync_shape};
use crate::{
    actor::Entropy,
    crypto::{
        hpke::SessionKeys,
        identity::{Identity, KeyPolicy},
        kem::{KemId, PrivateKey},
        transcript::{TRANSPORT_VERSION, transport_transcript},
    },
    net::{Connection, Link, LinkError, LinkEvent, OutFrame, RequestShape, Start},
    runner::streams::end_of,
    scenario::fixtures,
    session::{
        Channel, Local, Violation, decapsulate, key_item, own_handshake, read_encapsulation,
        verify_handshake,
    },
    target::{
        contact_scenario,
        doctor::{
            Wanted,
            seen::{AfterHalfClose, Answer, Call, Stop},
        },
    },
    wire::{
        Action, Role, RpcProtocol, SyncStreamItem, decode,
        v1sync::sync_stream_item::SyncActionOperationManifest,
    },
};

/// An id that no stored operation has; a host that serves asks for it.
const ASKED_FOR_ID: i64 = 0x5359_4e43_0000;
/// Longest attempt, whatever the host says meanwhile: each of its parts may take a while on a loaded machine.
const ATTEMPT_WAIT: Duration = Duration::from_secs(20);
/// What a page that asks for a password holds, in lower case.
const LOGIN_FORM: [&str; 3] = ["type=\"password\"", "type=password", "type='password'"];

/// What the headers of an answer tell beside the answer itself.
#[derive(Default)]
pub(super) struct Headers {
    pub date: Option<SystemTime>,
    /// When they came.
    pub at: Option<SystemTime>,
    pub server: Option<String>,
}

/// Calls, exchanges keys, reads the host's handshake, and where the host is to know us, introduces ourselves and asks
/// for something.
pub(super) async fn try_sync(
    connection: &Connection,
    entropy: &Entropy,
    wanted: &Wanted,
) -> (Call, Headers) {
    let mut attempt = Attempt {
        call: Call::new(connection.protocol()),
        headers: Headers::default(),
        key: PrivateKey::from_seed_array(&entropy.bytes("kem")),
        key_sent_at: Instant::now(),
        asked_at: None,
        channel: None,
        wanted,
    };
    let shape = sync_shape(connection.protocol());
    match connection.open(&shape).await {
        Ok(link) => {
            if timeout(ATTEMPT_WAIT, attempt.run(link)).await.is_err() {
                attempt.call.stop = Some(Stop::Silent {
                    waited: ATTEMPT_WAIT,
                    then: AfterHalfClose::Nothing,
                });
            }
        }
        Err(error) => return not_opened(connection.protocol(), &error),
    }
    (attempt.call, attempt.headers)
}

/// A call for which there is no connection.
pub(super) fn not_opened(protocol: RpcProtocol, error: &LinkError) -> (Call, Headers) {
    let call = Call {
        stop: Some(Stop::NotOpened {
            seen: error.to_string(),
        }),
        ..Call::new(protocol)
    };
    (call, Headers::default())
}

/// Whether a call is answered as RPC, whatever it says.
pub(super) async fn answers_as_rpc(connection: &Connection) -> bool {
    let Ok(mut link) = connection.open(&sync_shape(connection.protocol())).await else {
        return false;
    };
    let key = PrivateKey::from_seed_array(&[1; 32]);
    let sent = link
        .send(OutFrame::Message(Bytes::from(
            key_item(key.public_key()).encode_to_vec(),
        )))
        .await;
    sent.is_ok()
        && timeout(ANSWER_WAIT, async {
            loop {
                match link.next().await {
                    LinkEvent::Headers(_) => {}
                    LinkEvent::Message { .. } => return true,
                    LinkEvent::Ended(crate::net::End::Status(status)) => {
                        return status.code != crate::wire::Code::Unimplemented;
                    }
                    LinkEvent::Ended(_) => return false,
                }
            }
        })
        .await
        .unwrap_or(false)
}

/// Whether gRPC-Web is answered in kind.
pub(super) async fn answers_grpc_web(connection: &Connection) -> bool {
    let mut shape = RequestShape::sync(connection.protocol());
    shape.content_type = Some(GRPC_WEB.to_owned());
    let Ok(mut link) = connection.open(&shape).await else {
        return false;
    };
    let key = PrivateKey::from_seed_array(&[1; 32]);
    let sent = link
        .send(OutFrame::Message(Bytes::from(
            key_item(key.public_key()).encode_to_vec(),
        )))
        .await;
    if sent.is_err() {
        return false;
    }
    match timeout(ANSWER_WAIT, link.next()).await {
        Ok(LinkEvent::Headers(headers)) => {
            headers.start == Start::Response { status: 200 }
                && headers
                    .content_type
                    .is_some_and(|content_type| content_type.starts_with("application/grpc-web"))
        }
        _ => false,
    }
}

struct Attempt<'a> {
    call: Call,
    headers: Headers,
    key: PrivateKey,
    key_sent_at: Instant,
    asked_at: Option<Instant>,
    /// The channel under either reading of the KEM id, until the first frame shows which one the host follows.
    channel: Option<(KemId, Channel, Channel)>,
    wanted: &'a Wanted,
}

impl Attempt<'_> {
    async fn run(&mut self, mut link: Link) {
        let key = key_item(self.key.public_key());
        self.key_sent_at = Instant::now();
        // A stream that is over says so when it is read.
        drop(send(&mut link, key).await);
        while !self.is_done() {
            let Ok(event) = timeout(ANSWER_WAIT, link.next()).await else {
                self.call.stop = Some(Stop::Silent {
                    waited: ANSWER_WAIT,
                    then: after_half_close(&mut link).await,
                });
                return;
            };
            match event {
                LinkEvent::Headers(headers) => self.answered(&headers),
                LinkEvent::Message { payload, .. } => {
                    let step = match self.receive(&payload) {
                        Ok(step) => step,
                        Err(violation) => {
                            self.call.broke = Some(violation);
                            return;
                        }
                    };
                    for item in step {
                        drop(send(&mut link, item).await);
                    }
                }
                LinkEvent::Ended(end) => {
                    if let crate::net::End::HttpStatus { body_start, .. } = &end {
                        let answer = self.call.answer.get_or_insert_default();
                        answer.has_login_form = is_login_form(body_start);
                    }
                    self.call.stop = Some(Stop::Ended(end_of(end)));
                    return;
                }
            }
        }
    }

    fn is_done(&self) -> bool {
        let known_enough = match &self.call.host {
            None => false,
            Some(host) => !self.wanted.provisioned.of(&host.keyid),
        };
        known_enough || self.call.served.is_some()
    }

    fn answered(&mut self, headers: &crate::net::Headers) {
        let text = |name: &str| {
            let value = headers.fields.get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        self.headers = Headers {
            date: text("date").and_then(|date| httpdate::parse_http_date(&date).ok()),
            at: Some(SystemTime::now()),
            server: text("server"),
        };
        if let Start::Response { status } = headers.start {
            self.call.answer = Some(Answer {
                status,
                content_type: headers.content_type.clone().unwrap_or_default(),
                location: text("location").unwrap_or_default(),
                has_login_form: false,
            });
        }
    }

    /// Takes one message; what is to be said in answer.
    fn receive(&mut self, payload: &[u8]) -> Result<Vec<SyncStreamItem>, Violation> {
        let item = decode::item_as(payload, decode::Reading::Deployed).map_err(|error| {
            Violation::session(crate::rules::RuleId::WireContract, error.to_string())
        })?;
        if self.call.key_exchange.is_none() {
            return self.exchange(item);
        }
        let Some(inner) = self.open(item)? else {
            return Ok(Vec::new());
        };
        if self.call.host.is_none() {
            return self.meet(inner);
        }
        self.call.admitted = true;
        if let (Some(Action::RequestOperationData(request)), Some(asked_at)) =
            (&inner.action, self.asked_at)
            && request.op_ids.contains(&ASKED_FOR_ID)
        {
            self.call.served = Some(asked_at.elapsed());
        }
        Ok(Vec::new())
    }

    fn exchange(&mut self, item: SyncStreamItem) -> Result<Vec<SyncStreamItem>, Violation> {
        let encapsulation = read_encapsulation(item)?;
        let secret = decapsulate(&self.key, &encapsulation)?;
        let transcript =
            transport_transcript(TRANSPORT_VERSION, self.key.public_key(), &encapsulation);
        self.call.key_exchange = Some(self.key_sent_at.elapsed());
        let kem_id = self.wanted.kem_id;
        let keys = |id| SessionKeys::derive(id, &secret);
        let [ours, other] = [(kem_id, kem_id.other()), (kem_id.other(), kem_id)]
            .map(|(id, not)| Channel::initiator(keys(id), keys(not), transcript));
        self.channel = Some((kem_id, ours, other));
        // One that must know us hears of us at once: neither side may wait for the other's handshake.
        match self.wanted.provisioned {
            crate::target::doctor::Provisioned::Required => self.introduce(),
            crate::target::doctor::Provisioned::IfOurs => Ok(Vec::new()),
        }
    }

    /// Opens a frame under the reading that the first one showed.
    fn open(&mut self, item: SyncStreamItem) -> Result<Option<SyncStreamItem>, Violation> {
        let Some((wanted, ours, other)) = &mut self.channel else {
            return Ok(None);
        };
        if let Some(kem_id) = self.call.kem_id {
            let channel = if kem_id == *wanted { ours } else { other };
            return channel.open(item).map(Some);
        }
        match ours.open(item.clone()) {
            Ok(inner) => {
                self.call.kem_id = Some(*wanted);
                Ok(Some(inner))
            }
            Err(violation) => match other.open(item) {
                Ok(inner) => {
                    self.call.kem_id = Some(wanted.other());
                    Ok(Some(inner))
                }
                Err(_) => Err(violation),
            },
        }
    }

    fn meet(&mut self, inner: SyncStreamItem) -> Result<Vec<SyncStreamItem>, Violation> {
        let Some((_, ours, _)) = &self.channel else {
            return Ok(Vec::new());
        };
        let transcript = *ours.transcript();
        let host = verify_handshake(inner, &transcript, KeyPolicy::Deployed)?;
        let introduce = self.wanted.provisioned.of(&host.keyid) && !self.call.introduced;
        self.call.host = Some(host);
        let mut items = match introduce {
            true => self.introduce()?,
            false => Vec::new(),
        };
        if self.call.introduced {
            items.extend(self.ask()?);
        }
        Ok(items)
    }

    /// Our handshake, as the client that every provision holds.
    fn introduce(&mut self) -> Result<Vec<SyncStreamItem>, Violation> {
        self.call.introduced = true;
        let scenario = contact_scenario(Role::Responder, self.call.protocol);
        let Some(client) = scenario.fixtures.identity(fixtures::PEER) else {
            return Ok(Vec::new());
        };
        let local = Local {
            kem_id: self.wanted.kem_id,
            key_policy: KeyPolicy::Deployed,
            ..Local::new(
                Identity::from_seed(&client.seed),
                client.instance_id.clone(),
            )
        };
        self.seal(|transcript| Action::Handshake(own_handshake(&local, "", transcript)))
    }

    /// A manifest with an id that the host does not hold, which it must ask for.
    fn ask(&mut self) -> Result<Vec<SyncStreamItem>, Violation> {
        self.asked_at = Some(Instant::now());
        self.seal(|_| {
            Action::OperationManifest(SyncActionOperationManifest {
                op_ids: vec![ASKED_FOR_ID],
                modnos: vec![1],
            })
        })
    }

    fn seal(
        &mut self,
        action: impl FnOnce(&[u8; 32]) -> Action,
    ) -> Result<Vec<SyncStreamItem>, Violation> {
        let Some((wanted, ours, other)) = &mut self.channel else {
            return Ok(Vec::new());
        };
        let channel = match self.call.kem_id {
            Some(kem_id) if kem_id != *wanted => other,
            _ => ours,
        };
        let action = action(channel.transcript());
        Ok(vec![channel.seal(action)?])
    }
}

async fn send(link: &mut Link, item: SyncStreamItem) -> Result<(), LinkError> {
    link.send(OutFrame::Message(Bytes::from(item.encode_to_vec())))
        .await
}

fn is_login_form(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    LOGIN_FORM.iter().any(|mark| text.contains(mark))
}
