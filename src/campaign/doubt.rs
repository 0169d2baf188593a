//! What a play showed without showing what did it, and what is played to find out.

use super::{
    dialogue::{Begin, Dialogue},
    finding::{Finding, Key},
};
use crate::judge;

/// An open question.
#[derive(Clone, Debug)]
pub enum Doubt {
    /// It was under way when the peer ended; others were too.
    Suspect(Dialogue),
    /// The peer ended with it: its beginnings are played alone, the shortest first, and the last turn of the first that
    /// ends the peer is to blame.
    Fatal {
        /// All of it.
        dialogue: Dialogue,
        /// What was seen.
        told: judge::Finding,
        /// Turns to play next.
        turns: usize,
        /// The finding that it would be a shorter form of.
        shrinks: Option<Key>,
    },
    /// A rule was broken behind turns that nothing had shown: it is played with a look at each.
    Undecided {
        /// What is known if that shows nothing: only together do they break the rule.
        finding: Box<Finding>,
        /// The finding that it would be a shorter form of.
        shrinks: Option<Key>,
    },
    /// No session came up in a lane in which one did before.
    Silent {
        /// Which.
        lane: usize,
    },
}

impl Doubt {
    /// What to play.
    pub fn dialogue(&self) -> Dialogue {
        match self {
            Doubt::Suspect(dialogue) => dialogue.clone(),
            Doubt::Fatal {
                dialogue, turns, ..
            } => dialogue.prefix(*turns),
            Doubt::Undecided { finding, .. } => finding.dialogue.clone().shown(),
            Doubt::Silent { .. } => Dialogue::coming_up(),
        }
    }

    /// Whether nothing may be played beside it.
    pub fn is_alone(&self) -> bool {
        !matches!(self, Doubt::Undecided { .. })
    }

    /// The lane that it must be played in.
    pub fn lane(&self) -> Option<usize> {
        match self {
            Doubt::Silent { lane } => Some(*lane),
            _ => None,
        }
    }
}

/// Whether the beginning of a dialogue takes a session that serves.
pub fn needs_session(dialogue: &Dialogue) -> bool {
    dialogue.begin == Begin::Established
}
