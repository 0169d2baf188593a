//! How a stream must end, and how a refusal shows where it need not.

use std::time::Duration;

use super::{Broken, Events, Look, Mark, Reading, done, failed, scan};
use crate::{
    rules::RuleId,
    scenario::{fixtures::PROBE, model::Ending},
    trace::{End, EventKind},
    wire::{Code, Role},
};

impl Events<'_> {
    /// The stream must end.
    pub(super) fn ended(&self, ending: &Ending) -> Reading {
        let expected = match (self.peer_role, ending.code) {
            (Role::Initiator, _) => "the client to close the stream".to_owned(),
            (Role::Responder, Some(code)) => {
                format!("the stream to end with {code} (another error code: a warning)")
            }
            (Role::Responder, None) => "the stream to end with an error".to_owned(),
        };
        self.no_further(&expected, ending)
    }

    /// The peer must act on nothing further: a responder ends the stream, a client answers no more.
    pub(super) fn refused(&self, ending: &Ending) -> Reading {
        if self.peer_role == Role::Responder {
            return self.ended(ending);
        }
        let expected = "nothing more: the client to close the stream, or to answer nothing that \
                        comes behind what it must refuse";
        match self.no_further(expected, ending) {
            Reading::Open { wanted } => self.unwitnessed().unwrap_or(Reading::Open { wanted }),
            reading => reading,
        }
    }

    fn no_further(&self, expected: &str, ending: &Ending) -> Reading {
        let broken = |seen: String, index| Look::Over(failed(expected, seen, index));
        scan(self, expected, |index, kind| match kind {
            EventKind::Ended(end) => Look::Over(match self.peer_role {
                Role::Responder => judge_end(expected, ending, end, index),
                // A caller has no status to give.
                Role::Initiator => done(index),
            }),
            EventKind::Alive => Look::Over(done(index)),
            EventKind::KeyExchanged if self.peer_role == Role::Initiator => Look::Fine,
            // Sent as soon as the keys exist, so it may come before or after what is refused.
            EventKind::Verified(_) | EventKind::Unopened if self.may_have_keys(index) => Look::Fine,
            EventKind::Verified(_) | EventKind::Unopened => broken(
                "its handshake came: it took what it was sent for a key exchange".to_owned(),
                index,
            ),
            EventKind::Received { item, .. }
                if ending.or_goes_on && self.answers_fence(index, item) =>
            {
                Look::Over(done(index))
            }
            // What serving it brings is not this step's claim.
            EventKind::Received { .. } if ending.or_goes_on => Look::Fine,
            EventKind::Received { item, .. } if self.answers_fence(index, item) => broken(
                "the stream goes on: the fence was answered".to_owned(),
                index,
            ),
            EventKind::Received { item, .. }
                if self.is_unasked(index, item) && self.established_before(index) =>
            {
                Look::Fine
            }
            EventKind::Received { item, .. } => broken(
                format!("{} came, which must not have come", item.describe()),
                index,
            ),
            EventKind::DeadlinePassed { waited } => broken(
                format!("the stream stands open after {:.1} s", waited.as_secs_f64()),
                index,
            ),
            _ => Look::Strange,
        })
    }

    /// Whether the key exchange was good enough for the peer to have keys, and so to send its handshake.
    fn may_have_keys(&self, index: usize) -> bool {
        self.peer_role == Role::Responder
            || self.sent_before(index, "key")
            || self
                .before(index)
                .any(|kind| matches!(kind, EventKind::Sent(sent) if sent.what == "handshake"))
    }

    /// Another session of the same client, that should have been served meanwhile, was not.
    fn unwitnessed(&self) -> Option<Reading> {
        let later = || self.trace.of(PROBE).filter(|(at, _)| *at >= self.mark.0);
        let end = later().find_map(|(_, event)| match &event.kind {
            EventKind::Ended(end) => Some(end),
            _ => None,
        });
        let seen = |waited: Duration| match end {
            Some(end) => format!("its stream ended with {end}"),
            None => format!(
                "it was not, for {:.1} s: neither session answers",
                waited.as_secs_f64()
            ),
        };
        later()
            .filter_map(|(at, event)| match &event.kind {
                EventKind::DeadlinePassed { waited } => Some((at, *waited)),
                _ => None,
            })
            .map(|(at, waited)| {
                Reading::Failed(Broken {
                    rule: Some(RuleId::InitiatorHostsIndependent),
                    expected: "another session of the client to be served meanwhile".to_owned(),
                    seen: seen(waited),
                    event: Some(at),
                })
            })
            .next()
    }
}

fn judge_end(expected: &str, ending: &Ending, end: &End, index: usize) -> Reading {
    let remark = |rule, seen: String| Broken {
        rule: Some(rule),
        expected: expected.to_owned(),
        seen,
        event: Some(index),
    };
    let wrong_code = |code: Code| ending.code != Some(code) && !ending.also_allowed.contains(&code);
    let remarks = match end {
        End::Status { code: Code::Ok, .. } if wrong_code(Code::Ok) => {
            return Reading::Failed(remark(
                RuleId::CloseFailureIsNotOk,
                "the stream ended with status ok, as if nothing had happened".to_owned(),
            ));
        }
        End::Status { code, .. } => match (ending.code, wrong_code(*code)) {
            (Some(wanted), true) => vec![remark(
                close_rule(wanted),
                format!("the stream ended with {end}"),
            )],
            _ => Vec::new(),
        },
        _ if ending.or_reset => Vec::new(),
        _ => vec![remark(
            RuleId::RpcEndHasStatus,
            format!("the stream ended with {end}"),
        )],
    };
    Reading::Satisfied {
        mark: Mark(index + 1),
        remarks,
    }
}

/// The rule that names the code deployed peers give.
fn close_rule(code: Code) -> RuleId {
    match code {
        Code::PermissionDenied => RuleId::CloseAuthCode,
        Code::InvalidArgument => RuleId::CloseProtocolCode,
        _ => RuleId::CloseOtherCode,
    }
}
