//! Parts of a run, for several machines.

use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// One part of several. Which part a case belongs to follows from its id alone: a new case moves no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    of: u32,
}

impl Shard {
    /// Whether a case belongs to it, in all its roles and protocols.
    pub fn takes(self, id: &str) -> bool {
        let hash = Sha256::digest(id.as_bytes());
        let number = hash
            .iter()
            .take(4)
            .fold(0, |number: u32, byte| (number << 8) | u32::from(*byte));
        number % self.of == self.index - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let parts = text.split_once('/');
        let parts = parts.and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((index, of)) if (1..=of).contains(&index) => Ok(Shard { index, of }),
            _ => Err("expected I/N with I from 1 to N, such as 1/4".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shards(of: u32) -> Vec<Shard> {
        (1..=of)
            .map(|index| format!("{index}/{of}").parse().unwrap())
            .collect()
    }

    #[test]
    fn every_case_then_in_exactly_one_part() {
        for of in [1, 2, 3, 7] {
            for case in 0..500 {
                let id = format!("folder/case-{case}");
                let taking = shards(of).into_iter().filter(|shard| shard.takes(&id));
                assert_eq!(taking.count(), 1, "{id} of {of}");
            }
        }
    }

    #[test]
    fn many_cases_then_parts_of_about_one_size() {
        let counts = shards(4).into_iter().map(|shard| {
            (0..1000)
                .filter(|case| shard.takes(&format!("folder/case-{case}")))
                .count()
        });
        for count in counts {
            assert!((200..300).contains(&count), "{count}");
        }
    }

    #[test]
    fn known_ids_then_the_parts_they_have_always_been_in() {
        // From `printf ID | sha256sum`: the first 8 hex digits modulo 4, plus 1.
        for (id, index) in [
            ("transport/says-nothing-before-the-key", 4),
            ("rpc/refuses-get", 3),
        ] {
            let at = shards(4).iter().position(|shard| shard.takes(id));
            assert_eq!(at.map(|at| at + 1), Some(index), "{id}");
        }
    }

    #[test]
    fn anything_else_then_refused() {
        for text in ["", "1", "0/4", "5/4", "1/0", "a/b", "-1/4", "1/4/2"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
