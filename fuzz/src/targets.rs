//! Every fuzz target once: its name, its oracle, its seeds.

use std::{fs, io, path::Path};

use sha2::{Digest as _, Sha256};

use crate::{oracles, seeds};

/// One fuzz target.
#[derive(Clone, Copy)]
pub struct Target {
    /// The name of its binary and its corpus.
    pub name: &'static str,
    /// Plays one input and panics where a claim does not hold.
    pub check: fn(&[u8]),
    /// Inputs to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

impl Target {
    /// Writes its seeds into a folder, which is made, and says how many there are. They are named by content, as libFuzzer
    /// does: the folder merges with any other.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write_seeds(&self, folder: &Path) -> io::Result<usize> {
        fs::create_dir_all(folder)?;
        let seeds = (self.seeds)();
        for seed in &seeds {
            let name: String = Sha256::digest(seed)[..20]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            fs::write(folder.join(name), seed)?;
        }
        Ok(seeds.len())
    }
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "wire",
        check: oracles::wire::check,
        seeds: seeds::wire,
    },
    Target {
        name: "host_dialogue",
        check: oracles::host_dialogue::check,
        seeds: seeds::host_dialogue,
    },
    Target {
        name: "client_dialogue",
        check: oracles::client_dialogue::check,
        seeds: seeds::client_dialogue,
    },
    Target {
        name: "envelope",
        check: oracles::envelope::check,
        seeds: seeds::envelope,
    },
    Target {
        name: "meddling",
        check: oracles::meddling::check,
        seeds: seeds::meddling,
    },
    Target {
        name: "kem",
        check: oracles::kem::check,
        seeds: seeds::kem,
    },
    Target {
        name: "framing",
        check: oracles::framing::check,
        seeds: seeds::framing::framing,
    },
    Target {
        name: "token",
        check: oracles::token::check,
        seeds: seeds::token,
    },
    Target {
        name: "scenario",
        check: oracles::documents::scenario,
        seeds: seeds::scenario,
    },
    Target {
        name: "item_json",
        check: oracles::documents::item_json,
        seeds: seeds::item_json,
    },
    Target {
        name: "saved",
        check: oracles::results::saved,
        seeds: seeds::results::saved,
    },
    Target {
        name: "report",
        check: oracles::results::report,
        seeds: seeds::results::report,
    },
    Target {
        name: "permissions",
        check: oracles::permissions::check,
        seeds: seeds::permissions,
    },
];

/// The target of that name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
