//! One question, one answer: a stream of one message each way in gRPC, a bare HTTP body in Connect.

use bytes::Bytes;

use super::{
    dial::Connection,
    error::{LinkError, Step},
    framing::RpcProtocol,
    inbound::BODY_START_LEN_BYTES_MAX,
    link::{End, Link, LinkEvent, OutFrame},
    request::RequestShape,
    status::{ConnectError, RpcStatus},
};
use crate::wire::Code;

const CONTENT_TYPE: &str = "application/proto";
const HTTP_OK: u16 = 200;

/// How a unary call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnaryEnd {
    /// With an answer, and so with status OK.
    Answer(Bytes),
    /// Without one.
    Ended(End),
}

impl Connection {
    /// Calls a unary method and waits for its answer, for no longer than a step may take.
    ///
    /// Over Connect an answer has less than 4096 bytes; the protocol's only unary answer is empty.
    pub async fn unary(&self, path: &str, message: Bytes) -> Result<UnaryEnd, LinkError> {
        let protocol = self.protocol();
        let mut shape = RequestShape::new(protocol, path);
        let frame = match protocol {
            RpcProtocol::Grpc => OutFrame::Message(message),
            RpcProtocol::Connect => {
                shape.content_type = Some(CONTENT_TYPE.to_owned());
                OutFrame::Raw(message)
            }
        };
        let mut link = self.open(&shape).await?;
        self.within(Step::Answer, async {
            match link.send(frame).await {
                // A call may be answered before it is read to its end.
                Ok(()) => drop(link.half_close()),
                Err(LinkError::StreamOver) => {}
                Err(error) => return Err(error),
            }
            Ok(answer(&mut link).await)
        })
        .await?
    }
}

async fn answer(link: &mut Link) -> UnaryEnd {
    let mut answer = None;
    loop {
        match link.next().await {
            LinkEvent::Headers(_) => {}
            LinkEvent::Message { payload, .. } => answer = Some(payload),
            LinkEvent::Ended(End::Status(status)) if status.code == Code::Ok => {
                let ended = UnaryEnd::Ended(End::Status(status));
                return answer.map_or(ended, UnaryEnd::Answer);
            }
            LinkEvent::Ended(End::HttpStatus {
                status,
                content_type,
                body_start,
            }) if link.protocol() == RpcProtocol::Connect => {
                return connect_answer(status, content_type, body_start);
            }
            LinkEvent::Ended(end) => return UnaryEnd::Ended(end),
        }
    }
}

fn connect_answer(status: u16, content_type: Option<String>, body: Bytes) -> UnaryEnd {
    let is_whole = body.len() < BODY_START_LEN_BYTES_MAX;
    if status == HTTP_OK && is_whole && content_type.as_deref() == Some(CONTENT_TYPE) {
        return UnaryEnd::Answer(body);
    }
    UnaryEnd::Ended(match connect_error(status, &body) {
        Some(status) => End::Status(status),
        None => End::HttpStatus {
            status,
            content_type,
            body_start: body,
        },
    })
}

fn connect_error(status: u16, body: &[u8]) -> Option<RpcStatus> {
    let error = ConnectError::parse(body).ok()?;
    (status != HTTP_OK).then_some(error.status)
}
