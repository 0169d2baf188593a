//! A machine with more to do than it can: what depends on timing shows under it.

use std::{
    hint::black_box,
    io,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

/// Most threads for each processor. More try the operating system, not the peer.
pub const STRESS_MAX: usize = 64;

/// What a thread computes before it offers its processor to others: a fraction of a millisecond, so that the scheduler is
/// asked some thousand times a second.
const STEPS_AT_ONCE: u64 = 200_000;

/// Threads that keep every processor busy until this is dropped.
pub struct Stress {
    threads: Vec<JoinHandle<()>>,
    over: Arc<AtomicBool>,
}

impl Stress {
    /// Begins `by_processor` threads for each processor, at most [`STRESS_MAX`].
    ///
    /// # Errors
    /// The operating system's, where it gives no thread.
    pub fn begin(by_processor: usize) -> io::Result<Self> {
        Self::telling(by_processor, |_| ())
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// `turn` hears the number of each thread that has had a processor.
    fn telling(
        by_processor: usize,
        turn: impl Fn(usize) + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let mut stress = Stress {
            threads: Vec::new(),
            over: Arc::default(),
        };
        for number in 0..by_processor.min(STRESS_MAX) * processors() {
            let (over, turn) = (Arc::clone(&stress.over), turn.clone());
            let named = thread::Builder::new().name("stress".to_owned());
            let thread = named.spawn(move || keep_busy(&over, || turn(number)))?;
            stress.threads.push(thread);
        }
        Ok(stress)
    }
}

impl Drop for Stress {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

fn keep_busy(over: &AtomicBool, turn: impl Fn()) {
    while !over.load(Ordering::Relaxed) {
        for step in 0..STEPS_AT_ONCE {
            black_box(step);
        }
        turn();
        thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashSet,
        sync::mpsc::{self, TryRecvError},
    };

    use super::*;

    #[test]
    fn stress_then_every_thread_works_until_it_is_dropped() {
        let (told, turns) = mpsc::channel();
        let stress = Stress::telling(3, move |number| told.send(number).unwrap()).unwrap();
        let mut seen = HashSet::new();
        while seen.len() < 3 * processors() {
            seen.insert(turns.recv().unwrap());
        }
        drop(stress);
        // What was told before is heard, then that nobody is left to tell more.
        while turns.try_recv().is_ok() {}
        assert_eq!(turns.try_recv(), Err(TryRecvError::Disconnected));
    }

    #[test]
    fn more_than_there_may_be_then_as_many_as_there_may_be() {
        let stress = Stress::begin(STRESS_MAX + 1).unwrap();
        assert_eq!(stress.threads(), STRESS_MAX * processors());
    }
}
