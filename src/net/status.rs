//! How an RPC ended, as each protocol writes it: gRPC in headers or trailers, Connect as JSON.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::wire::Code;

/// Number of the code, in decimal.
pub const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// Text for a reader, percent-encoded UTF-8.
pub const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

// gRPC: everything but space..tilde is encoded, and so is the percent sign.
const GRPC_MESSAGE_ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// A code and a text for a reader; the text is no part of any contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcStatus {
    /// What happened.
    pub code: Code,
    /// Why; may be empty.
    pub message: String,
}

impl RpcStatus {
    /// A status with a text.
    pub fn new(code: Code, message: impl Into<String>) -> RpcStatus {
        RpcStatus {
            code,
            message: message.into(),
        }
    }

    /// Reads gRPC's status out of trailers, or out of headers when nothing else was sent; `None` where there is none.
    ///
    /// A number without a code reads as [`Code::Unknown`], as gRPC has it.
    pub fn from_grpc(headers: &HeaderMap) -> Option<Result<RpcStatus, StatusError>> {
        let number = headers.get(GRPC_STATUS)?;
        let parsed = number.to_str().ok().and_then(|text| text.parse().ok());
        let Some(number) = parsed else {
            return Some(Err(StatusError::NotANumber(lossy(number))));
        };
        let message = headers.get(GRPC_MESSAGE).map_or_else(String::new, |value| {
            percent_decode(value.as_bytes())
                .decode_utf8_lossy()
                .into_owned()
        });
        Some(Ok(RpcStatus {
            code: Code::from_number(number),
            message,
        }))
    }

    /// Writes gRPC's status into trailers.
    pub fn to_grpc(&self) -> HeaderMap {
        let mut trailers = HeaderMap::new();
        trailers.insert(
            GRPC_STATUS,
            HeaderValue::from(u16::from(self.code.number())),
        );
        if !self.message.is_empty() {
            let encoded = utf8_percent_encode(&self.message, GRPC_MESSAGE_ENCODED).to_string();
            // Percent encoding leaves only visible ASCII and spaces, which a header value may hold.
            if let Ok(value) = HeaderValue::try_from(encoded) {
                trailers.insert(GRPC_MESSAGE, value);
            }
        }
        trailers
    }
}

impl fmt::Display for RpcStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message.as_str() {
            "" => write!(f, "{}", self.code),
            message => write!(f, "{}: {message}", self.code),
        }
    }
}

/// The payload of Connect's end-of-stream envelope, such as
/// `{"error":{"code":"not_found","message":"no such peer"},"metadata":{"k":["v"]}}`; without an error the stream ended well.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnectEnd {
    /// The error, if there is one.
    pub error: Option<ConnectError>,
    /// Trailing metadata: lists of texts by name.
    pub metadata: Map<String, Value>,
}

/// Connect's error: in the end-of-stream envelope, and the whole body of a failed unary call.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectError {
    /// Code and text.
    pub status: RpcStatus,
    /// Typed details, as they came.
    pub details: Vec<Value>,
}

impl ConnectEnd {
    /// The end of a stream with this status.
    pub fn of(status: RpcStatus) -> ConnectEnd {
        let error = (status.code != Code::Ok).then(|| ConnectError::of(status));
        ConnectEnd {
            error,
            metadata: Map::new(),
        }
    }

    /// Reads the payload; members it does not know are ignored.
    pub fn parse(payload: &[u8]) -> Result<ConnectEnd, StatusError> {
        let mut members = Members::parse(payload)?;
        let error = members.object("error")?;
        Ok(ConnectEnd {
            error: error.map(ConnectError::from_members).transpose()?,
            metadata: members.object("metadata")?.unwrap_or_default().0,
        })
    }

    /// Writes the payload.
    pub fn to_json(&self) -> Bytes {
        let mut members = Map::new();
        if let Some(error) = &self.error {
            members.insert("error".to_owned(), Value::Object(error.to_members()));
        }
        if !self.metadata.is_empty() {
            members.insert("metadata".to_owned(), Value::Object(self.metadata.clone()));
        }
        print(members)
    }

    /// The status that it stands for.
    pub fn into_status(self) -> RpcStatus {
        self.error
            .map_or_else(|| RpcStatus::new(Code::Ok, ""), |error| error.status)
    }
}

impl ConnectError {
    /// An error without details.
    pub fn of(status: RpcStatus) -> ConnectError {
        ConnectError {
            status,
            details: Vec::new(),
        }
    }

    /// Reads the body of a failed unary call.
    pub fn parse(body: &[u8]) -> Result<ConnectError, StatusError> {
        ConnectError::from_members(Members::parse(body)?)
    }

    /// Writes the body of a failed unary call.
    pub fn to_json(&self) -> Bytes {
        print(self.to_members())
    }

    fn from_members(mut members: Members) -> Result<ConnectError, StatusError> {
        let name = members
            .text("code")?
            .ok_or_else(|| StatusError::NotConnectJson("an error without `code`".to_owned()))?;
        let Some(code) = Code::from_connect_name(&name) else {
            return Err(StatusError::UnknownConnectCode(name));
        };
        Ok(ConnectError {
            status: RpcStatus::new(code, members.text("message")?.unwrap_or_default()),
            details: members.list("details")?.unwrap_or_default(),
        })
    }

    fn to_members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("code".to_owned(), self.status.code.connect_name().into());
        if !self.status.message.is_empty() {
            members.insert("message".to_owned(), self.status.message.clone().into());
        }
        if !self.details.is_empty() {
            members.insert("details".to_owned(), self.details.clone().into());
        }
        members
    }
}

/// A JSON object being taken apart. By hand, because a derived reader also takes an array for an object.
#[derive(Default)]
struct Members(Map<String, Value>);

impl Members {
    fn parse(bytes: &[u8]) -> Result<Members, StatusError> {
        serde_json::from_slice(bytes)
            .map(Members)
            .map_err(|error| StatusError::NotConnectJson(error.to_string()))
    }

    fn object(&mut self, name: &str) -> Result<Option<Members>, StatusError> {
        self.take(name, |value| match value {
            Value::Object(members) => Some(Members(members)),
            _ => None,
        })
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, StatusError> {
        self.take(name, |value| match value {
            Value::String(text) => Some(text),
            _ => None,
        })
    }

    fn list(&mut self, name: &str) -> Result<Option<Vec<Value>>, StatusError> {
        self.take(name, |value| match value {
            Value::Array(values) => Some(values),
            _ => None,
        })
    }

    /// The member in its type; absent and `null` are the same, another type is an error.
    fn take<T>(
        &mut self,
        name: &str,
        as_type: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>, StatusError> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => as_type(value)
                .map(Some)
                .ok_or_else(|| StatusError::NotConnectJson(format!("`{name}` of another type"))),
        }
    }
}

fn print(members: Map<String, Value>) -> Bytes {
    Value::Object(members).to_string().into()
}

/// The HTTP status of a Connect unary call that failed with this code.
pub fn connect_http_status(code: Code) -> u16 {
    match code {
        Code::Ok => 200,
        Code::Cancelled => 499,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => 400,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound => 404,
        Code::AlreadyExists | Code::Aborted => 409,
        Code::ResourceExhausted => 429,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        Code::DeadlineExceeded => 504,
        Code::Unknown | Code::Internal | Code::DataLoss => 500,
    }
}

/// Something in the place of a status that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusError {
    /// `grpc-status` is no number.
    NotANumber(String),
    /// Connect's JSON does not parse or lacks a code; the text says where.
    NotConnectJson(String),
    /// An error code that Connect does not have.
    UnknownConnectCode(String),
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StatusError::NotANumber(seen) => {
                write!(f, "expected a number in grpc-status, seen `{seen}`")
            }
            StatusError::NotConnectJson(text) => {
                write!(f, "expected Connect's status as JSON, seen {text}")
            }
            StatusError::UnknownConnectCode(seen) => {
                write!(f, "expected a Connect error code, seen `{seen}`")
            }
        }
    }
}

impl std::error::Error for StatusError {}

fn lossy(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trailers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn grpc_trailers_then_code_and_decoded_message() {
        let status = RpcStatus::from_grpc(&trailers(&[
            ("grpc-status", "7"),
            ("grpc-message", "caf%C3%A9 100%25"),
        ]));
        assert_eq!(
            status,
            Some(Ok(RpcStatus::new(Code::PermissionDenied, "café 100%")))
        );
    }

    #[test]
    fn grpc_message_with_other_than_printable_ascii_then_percent_encoded() {
        let trailers = RpcStatus::new(Code::Internal, "é%\n").to_grpc();
        assert_eq!(trailers[GRPC_STATUS], "13");
        assert_eq!(trailers[GRPC_MESSAGE], "%C3%A9%25%0A");
    }

    #[test]
    fn grpc_status_absent_or_no_number_then_none_or_error() {
        assert_eq!(RpcStatus::from_grpc(&trailers(&[])), None);
        assert_eq!(
            RpcStatus::from_grpc(&trailers(&[("grpc-status", "ok")])),
            Some(Err(StatusError::NotANumber("ok".to_owned())))
        );
    }

    #[test]
    fn connect_error_then_status_and_details() {
        let end = ConnectEnd::parse(
            br#"{"error":{"code":"invalid_argument","message":"m","details":[{"type":"t","value":"v"}],"new":1},"metadata":{"a":["b"]}}"#,
        )
        .unwrap();
        let error = end.error.clone().unwrap();
        assert_eq!(error.status, RpcStatus::new(Code::InvalidArgument, "m"));
        assert_eq!(error.details.len(), 1);
        assert_eq!(end.metadata["a"], serde_json::json!(["b"]));
    }

    #[test]
    fn connect_success_then_ok_and_printed_as_empty_object() {
        let end = ConnectEnd::parse(b"{}").unwrap();
        assert_eq!(end.clone().into_status(), RpcStatus::new(Code::Ok, ""));
        assert_eq!(end.to_json().as_ref(), b"{}");
    }

    #[test]
    fn connect_error_printed_then_names_of_the_protocol() {
        let end = ConnectEnd::of(RpcStatus::new(Code::Cancelled, "gone"));
        assert_eq!(
            end.to_json().as_ref(),
            br#"{"error":{"code":"canceled","message":"gone"}}"#
        );
    }

    #[test]
    fn connect_json_without_a_known_code_then_error() {
        for payload in ["", "[]", r#"{"error":{}}"#, r#"{"error":"x"}"#] {
            assert!(
                matches!(
                    ConnectEnd::parse(payload.as_bytes()),
                    Err(StatusError::NotConnectJson(_))
                ),
                "{payload}"
            );
        }
        for code in ["ok", "INVALID_ARGUMENT", "invalid-argument"] {
            let payload = format!(r#"{{"error":{{"code":"{code}"}}}}"#);
            assert_eq!(
                ConnectEnd::parse(payload.as_bytes()),
                Err(StatusError::UnknownConnectCode(code.to_owned()))
            );
        }
    }
}
