//! Dialogues made anew by walking the model, and changed ones.

use std::collections::BTreeSet;

use super::{
    coverage::Coverage,
    dialogue::{Begin, Dialogue, Operation, Saying, TURNS_MAX, Turn},
    dice::Dice,
    position::Position,
};
use crate::{
    model::{Item, Message, State},
    scenario::deviation::{
        CiphertextFault, Deviation, EnvelopeFault, FrameFault, IdentityFault, KeyFault, KeyIdFault,
        NonceFault, PayloadFault, PublicKeyFault, SealFault, SignOver, SignatureFault,
    },
};

/// Longest walk; a changed dialogue may grow to [`TURNS_MAX`].
const WALK_TURNS_MAX: usize = 12;
/// Throws for a turn that makes sense before the walk ends there.
const TRIES_MAX: usize = 20;
/// Sayings of which the one that was said least in this state is taken.
const CHOICES: usize = 3;
/// What can be said in any session.
const HEARTBEAT: Message = Message::Item(Item::Heartbeat);

/// What dialogues are made of beside chance.
pub struct Source<'a> {
    /// What was seen already.
    pub coverage: &'a Coverage,
    /// Sayings that end the peer, by name: said again they would only show it again.
    pub avoided: &'a BTreeSet<String>,
}

impl Source<'_> {
    /// A walk of the model.
    pub fn fresh(&self, dice: &mut Dice) -> Dialogue {
        let begin = match dice.once_in(3) {
            true => *dice.one_of(&Begin::ALL).unwrap_or(&Begin::Established),
            false => Begin::Established,
        };
        let mut dialogue = Dialogue {
            begin,
            turns: Vec::new(),
        };
        let length = 1 + dice.below(WALK_TURNS_MAX);
        while dialogue.turns.len() < length && self.grow(&mut dialogue, dice) {}
        dialogue
    }

    /// Adds a turn at the end; says whether there can be another.
    fn grow(&self, dialogue: &mut Dialogue, dice: &mut Dice) -> bool {
        let Some(position) = position_behind(dialogue) else {
            return false;
        };
        for _ in 0..TRIES_MAX {
            let say = self.saying(&position, dice);
            if self.avoided.contains(&say.name()) {
                continue;
            }
            let Some(expected) = position.expect(&say) else {
                continue;
            };
            let settled = position.is_up();
            dialogue.turns.push(Turn {
                say,
                shown: !settled || !expected.can_wait() || dice.once_in(2),
            });
            return expected.goes_on();
        }
        false
    }

    fn saying(&self, position: &Position, dice: &mut Dice) -> Saying {
        // Who is let in is decided once in a session, and most that a peer can get wrong there shows nowhere else.
        let comes_up = matches!(
            position.state,
            State::Opened | State::KeyExchanged | State::HandshakeCame
        );
        if comes_up && dice.once_in(2) {
            return self.spoilt_opening(position, dice);
        }
        match dice.below(22) {
            0..=10 => self.least_said(position, dice, |dice| {
                let all: Vec<Message> = Message::all().collect();
                Saying::Message(*dice.one_of(&all).unwrap_or(&HEARTBEAT))
            }),
            11 | 12 => Saying::Manifest(listed(position, dice)),
            13 | 14 => Saying::Store {
                created: dice.once_in(2),
                operations: operations(position, dice),
            },
            15 => Saying::Delete(ids(position, dice)),
            16 => self.least_said(position, dice, |dice| {
                let all: Vec<Message> = Message::all().collect();
                oddly(*dice.one_of(&all).unwrap_or(&HEARTBEAT), dice)
            }),
            17 => self.least_said(position, dice, |dice| Saying::Spoilt(frame_fault(dice))),
            18 => self.least_said(position, dice, |dice| {
                Saying::SpoiltRequest(frame_fault(dice))
            }),
            19 => self.spoilt_opening(position, dice),
            20 => Saying::Anew,
            _ => Saying::Again,
        }
    }

    fn spoilt_opening(&self, position: &Position, dice: &mut Dice) -> Saying {
        self.least_said(position, dice, |dice| match position.state {
            State::Opened => Saying::SpoiltKey(key_fault(dice)),
            _ => Saying::SpoiltHandshake(handshake_fault(dice)),
        })
    }

    /// Of some sayings the one that was said least here.
    fn least_said(
        &self,
        position: &Position,
        dice: &mut Dice,
        draw: impl Fn(&mut Dice) -> Saying,
    ) -> Saying {
        let first = draw(dice);
        let said = |saying: &Saying| self.coverage.said(position.state, &saying.name());
        let others = (1..CHOICES).map(|_| draw(dice));
        others.fold(first, |least, other| match said(&other) < said(&least) {
            true => other,
            false => least,
        })
    }

    /// A dialogue changed in a few places, or joined with another.
    pub fn changed(&self, dialogue: &Dialogue, other: &Dialogue, dice: &mut Dice) -> Dialogue {
        let mut changed = dialogue.clone();
        for _ in 0..=dice.below(3) {
            self.change(&mut changed, other, dice);
        }
        changed.turns.truncate(TURNS_MAX);
        mended(changed, self.avoided)
    }

    fn change(&self, dialogue: &mut Dialogue, other: &Dialogue, dice: &mut Dice) {
        let at = dice.below(dialogue.turns.len() + 1);
        let position = Position::at(dialogue.begin);
        match dice.below(8) {
            0 | 1 => {
                let turn = Turn {
                    say: self.saying(&position, dice),
                    shown: dice.once_in(2),
                };
                dialogue.turns.insert(at, turn);
            }
            2 if at < dialogue.turns.len() => drop(dialogue.turns.remove(at)),
            3 if at < dialogue.turns.len() => {
                let again = dialogue.turns[at].clone();
                dialogue.turns.insert(at, again);
            }
            4 if dialogue.turns.len() > 1 => {
                let with = dice.below(dialogue.turns.len());
                let at = at.min(dialogue.turns.len() - 1);
                dialogue.turns.swap(at, with);
            }
            5 => {
                let from = dice.below(other.turns.len() + 1);
                dialogue.turns.truncate(at);
                dialogue.turns.extend_from_slice(&other.turns[from..]);
            }
            6 => {
                if let Some(turn) = dialogue.turns.get_mut(at) {
                    turn.shown = !turn.shown;
                }
            }
            7 => dialogue.begin = *dice.one_of(&Begin::ALL).unwrap_or(&Begin::Established),
            _ => {
                self.grow(dialogue, dice);
            }
        }
    }
}

/// The dialogue without the turns that make no sense where they stand, up to the first that ends the stream.
pub fn mended(dialogue: Dialogue, avoided: &BTreeSet<String>) -> Dialogue {
    let mut position = Position::at(dialogue.begin);
    let mut turns = Vec::new();
    for turn in dialogue.turns {
        let Some(expected) = position.expect(&turn.say) else {
            continue;
        };
        if avoided.contains(&turn.say.name()) {
            continue;
        }
        let next = position.after(&turn.say);
        let shown = turn.shown || !expected.can_wait() || !position.is_up();
        position = if shown { next.shown(&expected) } else { next };
        let turn = Turn { shown, ..turn };
        turns.push(turn);
        if !expected.goes_on() {
            break;
        }
    }
    Dialogue { turns, ..dialogue }
}

fn position_behind(dialogue: &Dialogue) -> Option<Position> {
    let mut position = Position::at(dialogue.begin);
    for turn in &dialogue.turns {
        let expected = position
            .expect(&turn.say)
            .filter(|expected| expected.goes_on())?;
        let next = position.after(&turn.say);
        position = if turn.shown {
            next.shown(&expected)
        } else {
            next
        };
    }
    Some(position)
}

/// Ids at the edges, the model's own, and a few that meet often.
fn id(dice: &mut Dice) -> i64 {
    const IDS: [i64; 8] = [Item::OPERATION_ID, 1, 2, 3, -1, i64::MAX, i64::MIN, 1 << 53];
    *dice.one_of(&IDS).unwrap_or(&1)
}

fn modno(dice: &mut Dice) -> i64 {
    const MODNOS: [i64; 7] = [1, 2, 3, -1, i64::MAX, i64::MIN, 1 << 32];
    *dice.one_of(&MODNOS).unwrap_or(&1)
}

fn ids(position: &Position, dice: &mut Dice) -> Vec<i64> {
    let mut chosen: Vec<i64> = (0..1 + dice.below(3)).map(|_| id(dice)).collect();
    chosen.extend(position.held.keys().filter(|_| dice.once_in(2)));
    let mut unique = BTreeSet::new();
    chosen.retain(|id| unique.insert(*id));
    chosen
}

fn listed(position: &Position, dice: &mut Dice) -> Vec<(i64, i64)> {
    ids(position, dice)
        .into_iter()
        .map(|id| match position.held.get(&id) {
            Some(held) if !dice.once_in(3) => (id, *held),
            _ => (id, modno(dice)),
        })
        .collect()
}

fn operations(position: &Position, dice: &mut Dice) -> Vec<Operation> {
    const PLACES: [&str; 6] = [
        "photos",
        "daily",
        "1e3",
        "true",
        "\u{e9}\u{1f600}",
        "a/b:c#d",
    ];
    ids(position, dice)
        .into_iter()
        .map(|id| Operation {
            id,
            modno: modno(dice),
            flow: modno(dice),
            place: (*dice.one_of(&PLACES).unwrap_or(&"photos")).to_owned(),
        })
        .collect()
}

fn oddly(message: Message, dice: &mut Dice) -> Saying {
    const WAYS: [Deviation; 4] = [
        Deviation::Payload(PayloadFault::UnknownFieldBeside),
        Deviation::Payload(PayloadFault::HeartbeatBefore),
        Deviation::Payload(PayloadFault::Unpacked),
        Deviation::Frame(FrameFault::ByteByByte),
    ];
    Saying::Oddly(message, dice.one_of(&WAYS).unwrap_or(&WAYS[0]).clone())
}

fn frame_fault(dice: &mut Dice) -> Deviation {
    const FAULTS: [Deviation; 27] = [
        Deviation::Nonce(NonceFault::RepeatLast),
        Deviation::Nonce(NonceFault::RepeatFirst),
        Deviation::Nonce(NonceFault::SkipOne),
        Deviation::Nonce(NonceFault::SkipMany),
        Deviation::Nonce(NonceFault::LittleEndian),
        Deviation::Nonce(NonceFault::CounterInFront),
        Deviation::Nonce(NonceFault::PrefixSet),
        Deviation::Nonce(NonceFault::Random),
        Deviation::Nonce(NonceFault::OneByteShort),
        Deviation::Nonce(NonceFault::OneByteLong),
        Deviation::Nonce(NonceFault::Missing),
        Deviation::Nonce(NonceFault::SentOther),
        Deviation::Nonce(NonceFault::SealedUnderOther),
        Deviation::Seal(SealFault::AssociatedData),
        Deviation::Seal(SealFault::OtherDirectionKey),
        Deviation::Seal(SealFault::ZeroKey),
        Deviation::Ciphertext(CiphertextFault::FirstBitFlipped),
        Deviation::Ciphertext(CiphertextFault::TagBitFlipped),
        Deviation::Ciphertext(CiphertextFault::TagCut),
        Deviation::Ciphertext(CiphertextFault::TagTruncated),
        Deviation::Ciphertext(CiphertextFault::TagZero),
        Deviation::Ciphertext(CiphertextFault::Empty),
        Deviation::Ciphertext(CiphertextFault::ShorterThanTag),
        Deviation::Ciphertext(CiphertextFault::Plaintext),
        Deviation::Ciphertext(CiphertextFault::Extended),
        Deviation::Envelope(EnvelopeFault::Plain),
        Deviation::Envelope(EnvelopeFault::Replayed),
    ];
    dice.one_of(&FAULTS).unwrap_or(&FAULTS[0]).clone()
}

fn key_fault(dice: &mut Dice) -> Deviation {
    const FAULTS: [KeyFault; 15] = [
        KeyFault::Missing,
        KeyFault::InTheOtherField,
        KeyFault::OneByteShort,
        KeyFault::OneByteLong,
        KeyFault::OneByte,
        KeyFault::MlkemPartOnly,
        KeyFault::PointOnly,
        KeyFault::PartsSwapped,
        KeyFault::AllZero,
        KeyFault::CoefficientNotReduced,
        KeyFault::AllCoefficientsNotReduced,
        KeyFault::PointOffCurve,
        KeyFault::PointZero,
        KeyFault::PointCompressedTag,
        KeyFault::PointCompressed,
    ];
    const VERSIONS: [u32; 4] = [0, 2, 99, u32::MAX];
    match dice.once_in(4) {
        true => Deviation::TransportVersion(*dice.one_of(&VERSIONS).unwrap_or(&0)),
        false => Deviation::Key(*dice.one_of(&FAULTS).unwrap_or(&FAULTS[0])),
    }
}

/// Only those that every reading of the protocol refuses.
fn handshake_fault(dice: &mut Dice) -> Deviation {
    const FAULTS: [Deviation; 38] = [
        Deviation::ProtocolVersion(0),
        Deviation::ProtocolVersion(2),
        Deviation::ProtocolVersion(4),
        Deviation::ProtocolVersion(-1),
        Deviation::Identity(IdentityFault::Reflected),
        Deviation::Identity(IdentityFault::UnknownKey),
        Deviation::Identity(IdentityFault::OtherInstanceId),
        Deviation::Identity(IdentityFault::InstanceIdOtherCase),
        Deviation::PublicKey(PublicKeyFault::Missing),
        Deviation::PublicKey(PublicKeyFault::Empty),
        Deviation::PublicKey(PublicKeyFault::OneByteShort),
        Deviation::PublicKey(PublicKeyFault::OneByteLong),
        Deviation::PublicKey(PublicKeyFault::Hex),
        Deviation::PublicKey(PublicKeyFault::Padded),
        Deviation::PublicKey(PublicKeyFault::OtherKey),
        Deviation::KeyId(KeyIdFault::Empty),
        Deviation::KeyId(KeyIdFault::OfAnotherKey),
        Deviation::KeyId(KeyIdFault::WithoutPrefix),
        Deviation::KeyId(KeyIdFault::OtherPrefix),
        Deviation::KeyId(KeyIdFault::Truncated),
        Deviation::KeyId(KeyIdFault::OtherCase),
        Deviation::Signature(SignatureFault::Empty),
        Deviation::Signature(SignatureFault::OneByteShort),
        Deviation::Signature(SignatureFault::OneByteLong),
        Deviation::Signature(SignatureFault::Zero),
        Deviation::Signature(SignatureFault::Random),
        Deviation::Signature(SignatureFault::OfAnotherKey),
        Deviation::Signature(SignatureFault::FlippedInR),
        Deviation::Signature(SignatureFault::FlippedInS),
        Deviation::SignOver(SignOver::OtherTranscript),
        Deviation::SignOver(SignOver::EmptyTranscript),
        Deviation::SignOver(SignOver::ZeroTranscript),
        Deviation::SignOver(SignOver::OtherInstanceId),
        Deviation::SignOver(SignOver::OtherVersion),
        Deviation::SignOver(SignOver::UnsentSecret),
        Deviation::SignOver(SignOver::WithoutLengths),
        Deviation::SignOver(SignOver::LittleEndian),
        Deviation::SignOver(SignOver::OtherLabel),
    ];
    dice.one_of(&FAULTS).unwrap_or(&FAULTS[0]).clone()
}
