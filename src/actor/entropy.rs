//! Repeatable randomness: everything we draw comes from the run's seed, the case and a label.

use shake::{
    Shake256,
    digest::{ExtendableOutput, Update, XofReader},
};

/// A source that gives the same bytes for the same labels.
#[derive(Clone, Debug)]
pub struct Entropy {
    path: String,
    seed: u64,
}

impl Entropy {
    /// The source of one case, played over one RPC protocol.
    pub fn new(seed: u64, case: &str) -> Self {
        Entropy {
            path: case.to_owned(),
            seed,
        }
    }

    /// A source of its own for a part of the case.
    pub fn child(&self, label: &str) -> Self {
        Entropy {
            path: format!("{}\0{label}", self.path),
            seed: self.seed,
        }
    }

    /// `N` bytes for a label; the same every time.
    pub fn bytes<const N: usize>(&self, label: &str) -> [u8; N] {
        let mut shake = Shake256::default();
        shake.update(b"syncspec/entropy/1\0");
        shake.update(&self.seed.to_be_bytes());
        shake.update(self.path.as_bytes());
        shake.update(b"\0");
        shake.update(label.as_bytes());
        let mut out = [0; N];
        shake.finalize_xof().read(&mut out);
        out
    }
}
