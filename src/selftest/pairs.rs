//! Two defects in one peer: neither may hide the other.

use super::{Challenged, Questions};
use crate::{campaign::Dice, lapses::Defect};

/// Two defects in one peer.
#[derive(Debug)]
pub struct Pair {
    /// Both.
    pub defects: Vec<Defect>,
    /// Whether anything caught them.
    pub caught: bool,
}

impl From<Challenged> for Pair {
    fn from(challenged: Challenged) -> Self {
        Pair {
            caught: challenged.is_caught(),
            defects: challenged.defects,
        }
    }
}

/// As many pairs of these defects as are asked for, each of one role, drawn by the seed; none where no role has two.
pub(super) fn draw(defects: &[Defect], questions: &Questions) -> Vec<[Defect; 2]> {
    let beside = |one: Defect| -> Vec<Defect> {
        let others = defects.iter().copied();
        others
            .filter(|other| other.role == one.role && *other != one)
            .collect()
    };
    let paired = defects.iter().copied();
    let paired: Vec<Defect> = paired.filter(|one| !beside(*one).is_empty()).collect();
    let mut dice = Dice::new(questions.seed);
    let pairs = (0..questions.pairs).map_while(|_| {
        let one = *dice.one_of(&paired)?;
        let other = *dice.one_of(&beside(one))?;
        Some([one, other])
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{lapses::defects, wire::Role};

    fn asked(pairs: usize, seed: u64) -> Questions {
        Questions {
            pairs,
            seed,
            ..Questions::default()
        }
    }

    #[test]
    fn pairs_then_of_one_role_and_of_two_defects() {
        let all: Vec<Defect> = defects().collect();
        let pairs = draw(&all, &asked(500, 7));
        assert_eq!(pairs.len(), 500);
        for [first, second] in &pairs {
            assert_eq!(first.role, second.role);
            assert_ne!(first, second);
        }
        assert_eq!(pairs, draw(&all, &asked(500, 7)));
        assert_ne!(pairs, draw(&all, &asked(500, 8)));
    }

    #[test]
    fn no_role_with_two_then_none() {
        let first = |role| defects().find(|defect| defect.role == role);
        let one_each: Vec<Defect> = [Role::Responder, Role::Initiator]
            .into_iter()
            .filter_map(first)
            .collect();
        assert_eq!(one_each.len(), 2);
        assert!(draw(&one_each, &asked(3, 1)).is_empty());
        assert!(draw(&one_each[..1], &asked(3, 1)).is_empty());
        assert!(draw(&[], &asked(3, 1)).is_empty());
    }
}
