//! Logs, asked for and served: an optional capability (`docs/protocol.md`, section 10).

use std::{collections::BTreeMap, error::Error, fmt};

use super::limits::Limits;
use crate::{
    rules::RuleId,
    session::Violation,
    wire::{
        Action,
        v1sync::sync_stream_item::{SyncActionReceiveLogData, SyncActionRequestLog},
    },
};

/// Bytes of one chunk: far below any limit on items, and still few items for a long log.
pub const CHUNK_LEN_BYTES: usize = 64 << 10;

/// What every request is answered with that cannot be served, so that it does not tell a log that is missing from one
/// that is not for the asker.
const UNAVAILABLE: &str = "no such log";

/// A log that can be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Id of the operation that wrote it.
    pub owner_opid: i64,
    /// Last second since the epoch at which it can be had; 0 for no end.
    pub expiration_ts_unix: i64,
    /// The log.
    pub content: Vec<u8>,
}

/// The logs that can be served, by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Logs(BTreeMap<String, Log>);

impl Logs {
    pub fn put(&mut self, log_id: String, log: Log) {
        self.0.insert(log_id, log);
    }

    /// The whole answer to a request: chunks, or the word that there is no such log.
    pub fn answer(
        &self,
        log_id: &str,
        now_unix: i64,
        may_read: impl FnOnce(i64) -> bool,
    ) -> Vec<Action> {
        let log = self.0.get(log_id).filter(|log| may_read(log.owner_opid));
        answer(log_id, log, now_unix)
    }
}

/// The whole answer to a request for a log that is there for the asker, or is not.
pub(super) fn answer(log_id: &str, log: Option<&Log>, now_unix: i64) -> Vec<Action> {
    let is_current = |log: &&Log| log.expiration_ts_unix == 0 || now_unix <= log.expiration_ts_unix;
    match log.filter(is_current) {
        Some(log) => chunks(log_id, log),
        None => vec![Action::ReceiveLogData(SyncActionReceiveLogData {
            log_id: log_id.to_owned(),
            error_message: UNAVAILABLE.to_owned(),
            ..SyncActionReceiveLogData::default()
        })],
    }
}

/// Owner and expiration go with the first chunk only; an empty one ends the log. An empty log is one chunk that is both.
fn chunks(log_id: &str, log: &Log) -> Vec<Action> {
    let mut items: Vec<_> = log
        .content
        .chunks(CHUNK_LEN_BYTES)
        .chain([&[][..]])
        .map(|chunk| SyncActionReceiveLogData {
            log_id: log_id.to_owned(),
            chunk: chunk.to_vec(),
            ..SyncActionReceiveLogData::default()
        })
        .collect();
    if let Some(first) = items.first_mut() {
        first.owner_opid = log.owner_opid;
        first.expiration_ts_unix = log.expiration_ts_unix;
    }
    items.into_iter().map(Action::ReceiveLogData).collect()
}

/// A request for a log that has been answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedLog {
    /// Its id.
    pub log_id: String,
    /// The log, or why it can't be had.
    pub result: Result<Log, String>,
}

/// Why a log cannot be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogRequestError {
    /// We would refuse the answer.
    CapabilityOff,
    /// No session with this peer serves.
    NotConnected,
    /// This log is being asked for, or as many as may be are.
    TooMany,
}

impl fmt::Display for LogRequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LogRequestError::CapabilityOff => "expected the capability `logs` to be on, saw it off",
            LogRequestError::NotConnected => "expected a peer that is connected, saw none",
            LogRequestError::TooMany => {
                "expected a log that is not being asked for, saw one too many"
            }
        })
    }
}

impl Error for LogRequestError {}

/// The logs asked of one peer and not yet complete.
#[derive(Debug, Default)]
pub(super) struct LogRequests(BTreeMap<String, Option<Log>>);

impl LogRequests {
    /// The request to send; none when it is pending already or too many are.
    pub fn request(&mut self, log_id: &str, limits: &Limits) -> Option<Action> {
        if self.0.len() >= limits.logs_pending_max || self.0.contains_key(log_id) {
            return None;
        }
        self.0.insert(log_id.to_owned(), None);
        Some(Action::RequestLog(SyncActionRequestLog {
            log_id: log_id.to_owned(),
        }))
    }

    /// Takes one chunk; returns the answer once it is whole.
    ///
    /// # Errors
    /// Data of a log that was not asked for, and a log over the limit.
    pub fn receive(
        &mut self,
        data: SyncActionReceiveLogData,
        limits: &Limits,
    ) -> Result<Option<ReceivedLog>, Violation> {
        let Some(partial) = self.0.get_mut(&data.log_id) else {
            return Err(Violation::protocol(
                RuleId::LogsChunks,
                "data of a log that was not asked for",
            ));
        };
        let first = partial.is_none();
        let log = partial.get_or_insert(Log {
            owner_opid: data.owner_opid,
            expiration_ts_unix: data.expiration_ts_unix,
            content: Vec::new(),
        });
        if !data.error_message.is_empty() {
            return Ok(self.finish(data.log_id, Some(data.error_message)));
        }
        if !first && (data.owner_opid != 0 || data.expiration_ts_unix != 0) {
            return Err(Violation::protocol(
                RuleId::LogsChunks,
                "owner or expiration in a chunk that is not the first",
            ));
        }
        if data.chunk.is_empty() {
            return Ok(self.finish(data.log_id, None));
        }
        if log.content.len() + data.chunk.len() > limits.log_len_bytes_max {
            return Err(Violation::limit(
                RuleId::LogsChunks,
                format!("a log of more than {} bytes", limits.log_len_bytes_max),
            ));
        }
        log.content.extend_from_slice(&data.chunk);
        Ok(None)
    }

    fn finish(&mut self, log_id: String, error: Option<String>) -> Option<ReceivedLog> {
        let log = self.0.remove(&log_id)??;
        let result = match error {
            Some(message) => Err(message),
            None => Ok(log),
        };
        Some(ReceivedLog { log_id, result })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Class;

    fn log(len_bytes: usize) -> Log {
        Log {
            owner_opid: 7,
            expiration_ts_unix: 100,
            content: vec![b'x'; len_bytes],
        }
    }

    fn served(len_bytes: usize, now_unix: i64, may_read: bool) -> Vec<SyncActionReceiveLogData> {
        let mut logs = Logs::default();
        logs.put("l".to_owned(), log(len_bytes));
        logs.answer("l", now_unix, |owner| may_read && owner == 7)
            .into_iter()
            .map(|action| match action {
                Action::ReceiveLogData(data) => data,
                other => panic!("expected receiveLogData, saw {}", other.name()),
            })
            .collect()
    }

    fn received(items: Vec<SyncActionReceiveLogData>) -> ReceivedLog {
        let mut requests = LogRequests::default();
        requests.request("l", &Limits::default()).unwrap();
        let mut answers: Vec<_> = items
            .into_iter()
            .map(|item| requests.receive(item, &Limits::default()).unwrap())
            .collect();
        let last = answers.pop().unwrap();
        assert!(answers.iter().all(Option::is_none));
        last.unwrap()
    }

    #[test]
    fn log_served_then_chunks_end_with_an_empty_one() {
        let items = served(CHUNK_LEN_BYTES + 1, 100, true);
        let shape: Vec<_> = items
            .iter()
            .map(|item| (item.chunk.len(), item.owner_opid, item.expiration_ts_unix))
            .collect();
        assert_eq!(shape, [(CHUNK_LEN_BYTES, 7, 100), (1, 0, 0), (0, 0, 0)]);
    }

    #[test]
    fn log_missing_expired_or_forbidden_then_same_error() {
        let expired = served(1, 101, true);
        assert_eq!(expired, served(1, 100, false));
        assert_eq!(expired[0].error_message, UNAVAILABLE);
        let missing = Logs::default().answer("l", 0, |_| true);
        assert_eq!(missing, [Action::ReceiveLogData(expired[0].clone())]);
    }

    #[test]
    fn chunks_received_then_whole_log() {
        for len_bytes in [0, 1, CHUNK_LEN_BYTES * 2] {
            let received = received(served(len_bytes, 0, true));
            assert_eq!(received.result, Ok(log(len_bytes)));
        }
    }

    #[test]
    fn error_received_then_request_is_over() {
        let received = received(served(1, 0, false));
        assert_eq!(received.result, Err(UNAVAILABLE.to_owned()));
    }

    #[test]
    fn data_not_asked_for_then_protocol_error() {
        let data = served(1, 0, true).remove(0);
        let error = LogRequests::default().receive(data, &Limits::default());
        assert_eq!(error.unwrap_err().rule, RuleId::LogsChunks);
    }

    #[test]
    fn owner_or_expiration_in_a_later_chunk_then_protocol_error() {
        for (owner_opid, expiration_ts_unix) in [(7, 0), (0, 100), (7, 100)] {
            let mut requests = LogRequests::default();
            requests.request("l", &Limits::default()).unwrap();
            let mut data = served(1, 0, true).remove(0);
            assert_eq!(requests.receive(data.clone(), &Limits::default()), Ok(None));
            (data.owner_opid, data.expiration_ts_unix) = (owner_opid, expiration_ts_unix);
            let error = requests.receive(data, &Limits::default()).unwrap_err();
            assert_eq!(error.class, Class::Protocol);
        }
    }

    #[test]
    fn log_over_the_limit_then_limit_error() {
        let limits = Limits {
            log_len_bytes_max: 1,
            ..Limits::default()
        };
        let mut requests = LogRequests::default();
        requests.request("l", &limits).unwrap();
        let items = served(1, 0, true);
        assert_eq!(requests.receive(items[0].clone(), &limits), Ok(None));
        let more = SyncActionReceiveLogData {
            owner_opid: 0,
            expiration_ts_unix: 0,
            ..items[0].clone()
        };
        let error = requests.receive(more, &limits).unwrap_err();
        assert_eq!(error.class, Class::Limit);
    }

    #[test]
    fn pending_requests_then_no_second_and_not_too_many() {
        let limits = Limits {
            logs_pending_max: 2,
            ..Limits::default()
        };
        let mut requests = LogRequests::default();
        assert!(requests.request("a", &limits).is_some());
        assert!(requests.request("a", &limits).is_none());
        assert!(requests.request("b", &limits).is_some());
        assert!(requests.request("c", &limits).is_none());
    }
}
