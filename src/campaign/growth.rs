//! Whether a peer holds more memory the more is said to it.
//!
//! What is kept of a session that has ended is not given back, so a peer that keeps some of each runs out of memory in the
//! end, and nothing that it says shows it. Caches and allocators grow as well, but come to rest: only what does not is told of.

use std::fmt;

/// Looks of which the later half is judged; fewer say nothing.
const LOOKS_MIN: usize = 6;
/// Least growth over the later half that is told of: below it, an allocator's habits are as likely.
const GROWN_BYTES_MIN: u64 = 64 << 20;
/// Least growth for each dialogue, which is far below the some 50 KiB that a session's buffers and keys take.
const BYTES_PER_PLAY_MIN: u64 = 4 << 10;

/// What one process held, and when.
#[derive(Debug, Default)]
pub struct Memory {
    looks: Vec<Look>,
}

#[derive(Clone, Copy, Debug)]
struct Look {
    plays: u64,
    bytes: u64,
}

/// A growth that does not come to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    /// Bytes held at the first look that counts.
    pub from_bytes: u64,
    /// Bytes held at the last.
    pub to_bytes: u64,
    /// Dialogues between the two.
    pub plays: u64,
}

impl Memory {
    /// Another process stands for the peer now, of which nothing is known.
    pub fn begin_anew(&mut self) {
        self.looks.clear();
    }

    /// It held so many bytes once so many dialogues were played, and none was under way.
    pub fn look(&mut self, plays: u64, bytes: u64) {
        self.looks.push(Look { plays, bytes });
    }

    /// Whether it grew all through the later half of the looks, and in the last quarter about as fast as before.
    pub fn growth(&self) -> Option<Growth> {
        if self.looks.len() < LOOKS_MIN {
            return None;
        }
        let later = &self.looks[self.looks.len() / 2..];
        let (first, last) = (later.first()?, later.last()?);
        let middle = later[later.len() / 2];
        let grows = later.windows(2).all(|pair| pair[0].bytes < pair[1].bytes);
        let growth = Growth {
            from_bytes: first.bytes,
            to_bytes: last.bytes,
            plays: last.plays.saturating_sub(first.plays),
        };
        let at_rest = rate(&middle, last) * 2 < rate(first, &middle);
        let is_much =
            growth.bytes() >= GROWN_BYTES_MIN && growth.bytes_per_play() >= BYTES_PER_PLAY_MIN;
        (grows && is_much && !at_rest).then_some(growth)
    }
}

/// Bytes for each dialogue.
fn rate(from: &Look, to: &Look) -> u64 {
    to.bytes.saturating_sub(from.bytes) / to.plays.saturating_sub(from.plays).max(1)
}

impl Growth {
    fn bytes(&self) -> u64 {
        self.to_bytes.saturating_sub(self.from_bytes)
    }

    /// Bytes that it grew by for each dialogue.
    pub fn bytes_per_play(&self) -> u64 {
        self.bytes() / self.plays.max(1)
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "held {} MiB, and {} MiB {} dialogues later: {} KiB more for each, and no end of it",
            self.from_bytes >> 20,
            self.to_bytes >> 20,
            self.plays,
            self.bytes_per_play() >> 10
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked_at(mebibytes: &[u64]) -> Memory {
        let mut memory = Memory::default();
        for (at, one) in (1..).zip(mebibytes) {
            memory.look(at * 2_000, one << 20);
        }
        memory
    }

    #[test]
    fn leak_of_each_session_grows_without_end() {
        let growth = looked_at(&[100, 180, 260, 340, 420, 500, 580, 660]).growth();
        let growth = growth.unwrap();
        let told = "held 420 MiB, and 660 MiB 6000 dialogues later: 40 KiB more for each, and no end of it";
        assert_eq!(growth.to_string(), told);
    }

    #[test]
    fn peer_that_comes_to_rest_does_not_grow() {
        let caches = [100, 300, 500, 600, 660, 690, 695, 697];
        let gives_back = [100, 200, 300, 400, 500, 600, 590, 700];
        let slow = [100, 101, 102, 103, 104, 105, 106, 107];
        for looks in [caches, gives_back, slow, [100; 8]] {
            assert_eq!(looked_at(&looks).growth(), None, "{looks:?}");
        }
    }

    #[test]
    fn much_for_few_looks_or_little_for_each_dialogue_says_nothing() {
        assert_eq!(looked_at(&[100, 300, 500, 700, 900]).growth(), None);
        let mut many = Memory::default();
        for at in 1..=8 {
            many.look(at * 1_000_000, at * (30 << 20));
        }
        assert_eq!(many.growth(), None);
    }

    #[test]
    fn another_process_is_looked_at_anew() {
        let mut memory = looked_at(&[100, 180, 260, 340, 420, 500, 580]);
        memory.begin_anew();
        memory.look(16_000, 660 << 20);
        assert_eq!(memory.growth(), None);
    }
}
