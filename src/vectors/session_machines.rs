//! The same sessions once more, played by the session machines of both roles: every envelope must come out of the sender's
//! machine and be taken by the receiver's.

use std::time::Duration;

use prost::Message as _;

use super::findings::Findings;
use crate::{
    session::{InitiatorParams, Input, Output, ResponderParams, Session, StepError, VerifiedPeer},
    wire::{
        Action, Role, SyncStreamItem,
        decode::{Reading, item_as},
    },
};

/// The machines never look at a clock in a replay: no deadline passes.
const NOW: Duration = Duration::ZERO;

/// One listed step, as far as the machines are concerned.
pub(super) struct ListedStep<'a> {
    /// Who sends.
    pub sender: Role,
    /// What is sealed, where something is.
    pub plaintext: Option<&'a [u8]>,
    /// What goes onto the stream.
    pub envelope: &'a [u8],
}

/// Plays the steps, which are listed in one possible order; only the order within a direction matters.
pub(super) fn replay(
    initiator: InitiatorParams,
    responder: ResponderParams,
    steps: &[ListedStep<'_>],
    findings: &mut Findings,
) {
    let (initiator, first) = Session::initiator(initiator, NOW);
    let (responder, _) = Session::responder(responder, NOW);
    let mut machines = Machines {
        initiator: Some(initiator),
        responder: Some(responder),
        sent: [Vec::new(), Vec::new()],
        verified: 0,
    };
    machines.keep(Role::Initiator, first);
    if let Err(error) = machines.play(steps, findings) {
        findings.mismatch("machine", "a session that stands", error);
        return;
    }
    findings.equal("machine.verified", 2, machines.verified);
}

struct Machines {
    initiator: Option<Session>,
    responder: Option<Session>,
    /// Envelopes under way, the initiator's and the responder's.
    sent: [Vec<SyncStreamItem>; 2],
    verified: usize,
}

impl Machines {
    fn play(&mut self, steps: &[ListedStep<'_>], findings: &mut Findings) -> Result<(), StepError> {
        // Both handshakes stand after the key, its reply, the host's handshake and the client's: in this order each
        // machine has what it waits for, a client with a secret too.
        let (opening, session): (Vec<_>, Vec<_>) = steps
            .iter()
            .partition(|step| step.plaintext.is_none_or(is_handshake));
        let order = [
            Role::Initiator,
            Role::Responder,
            Role::Responder,
            Role::Initiator,
        ];
        let mut of_role = [Role::Initiator, Role::Responder]
            .map(|role| opening.iter().filter(move |step| step.sender == role));
        for sender in order {
            if let Some(step) = of_role[index(sender)].next() {
                self.pass_on(step, None, findings)?;
            }
        }
        for step in session {
            let submitted = step.plaintext.and_then(action_of);
            if let Some(action) = submitted.clone() {
                let outputs = self.step(step.sender, Input::Submit(action))?;
                self.keep(step.sender, outputs);
            }
            self.pass_on(step, submitted, findings)?;
        }
        Ok(())
    }

    /// Holds the sender's next envelope against the listed one, and gives the listed one to the receiver.
    fn pass_on(
        &mut self,
        step: &ListedStep<'_>,
        delivers: Option<Action>,
        findings: &mut Findings,
    ) -> Result<(), StepError> {
        let queue = &mut self.sent[index(step.sender)];
        let sent = match queue.is_empty() {
            true => None,
            false => Some(queue.remove(0).encode_to_vec()),
        };
        // A plaintext in Go's order of fields reads the same and is other bytes than ours, so it seals to others too.
        if step.plaintext.is_none_or(is_in_our_order) {
            findings.bytes("machine.envelope", step.envelope, &sent.unwrap_or_default());
        } else {
            let length = |envelope: &[u8]| envelope.len();
            findings.equal(
                "machine.envelope.length",
                Some(length(step.envelope)),
                sent.as_deref().map(length),
            );
        }
        let Ok(item) = item_as(step.envelope, Reading::Deployed) else {
            findings.mismatch("machine.envelope", "an item", "bytes that are none");
            return Ok(());
        };
        let receiver = step.sender.other();
        let outputs = self.step(receiver, Input::Received(item))?;
        let delivered = outputs.iter().find_map(|output| match output {
            Output::Deliver(action) => Some(action.clone()),
            _ => None,
        });
        findings.equal("machine.delivers", delivers, delivered);
        self.keep(receiver, outputs);
        Ok(())
    }

    fn step(&mut self, role: Role, input: Input) -> Result<Vec<Output>, StepError> {
        let machine = match role {
            Role::Initiator => &mut self.initiator,
            Role::Responder => &mut self.responder,
        };
        // It is missing only after an error, which ends the replay.
        let Some(session) = machine.take() else {
            return Ok(Vec::new());
        };
        let (session, outputs) = session.step(input, NOW)?;
        *machine = Some(session);
        Ok(outputs)
    }

    fn keep(&mut self, role: Role, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(item) => self.sent[index(role)].push(item),
                Output::PeerVerified(VerifiedPeer { .. }) => self.verified += 1,
                Output::Deliver(_) | Output::WakeAt(_) | Output::NoWake => {}
            }
        }
    }
}

fn index(role: Role) -> usize {
    usize::from(role == Role::Responder)
}

fn action_of(plaintext: &[u8]) -> Option<Action> {
    item_as(plaintext, Reading::Deployed).ok()?.action
}

fn is_in_our_order(plaintext: &[u8]) -> bool {
    item_as(plaintext, Reading::Deployed).is_ok_and(|item| item.encode_to_vec() == plaintext)
}

fn is_handshake(plaintext: &[u8]) -> bool {
    matches!(action_of(plaintext), Some(Action::Handshake(_)))
}

/// Whether the machine of the receiving role takes this as its first item.
pub(super) fn takes_first(
    receiver: Role,
    initiator: InitiatorParams,
    responder: ResponderParams,
    envelope: &[u8],
) -> bool {
    let Ok(item) = item_as(envelope, Reading::Deployed) else {
        return false;
    };
    let (session, _) = match receiver {
        Role::Initiator => Session::initiator(initiator, NOW),
        Role::Responder => Session::responder(responder, NOW),
    };
    session.step(Input::Received(item), NOW).is_ok()
}
