//! What outlives a campaign.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use syncspec::{
    campaign::{
        Dialogue, Finding, Key, script,
        variation::{Departure, Variation},
    },
    scenario::CaseTemplate,
};

use crate::cli::exit;

/// Largest file that is read from a corpus; our own are below a tenth of it.
const CORPUS_FILE_LEN_BYTES_MAX: u64 = 256 * 1024;
/// Longest name of a file, without its ending.
const NAME_LEN_MAX: usize = 120;

/// The folders in it, each a file for each thing that was kept.
pub const PARTS: [&str; 3] = ["corpus", "variations", "findings"];

/// Where a campaign keeps what it learnt.
pub struct Folder(PathBuf);

impl Folder {
    /// Opens it, and makes what is missing of it.
    pub fn open(path: &Path) -> Result<Folder, u8> {
        let folder = Folder(path.to_owned());
        for part in PARTS {
            let part = folder.0.join(part);
            fs::create_dir_all(&part).map_err(|error| {
                eprintln!(
                    "error: failed to make the folder {}: {error}",
                    part.display()
                );
                exit::USAGE
            })?;
        }
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The dialogues that fall to this shard. A file that cannot be read as one ends the command: a corpus that shrinks
    /// unseen finds less.
    pub fn dialogues(&self, shard: Option<(u64, u64)>) -> Result<Vec<Dialogue>, u8> {
        let makes_sense = |dialogue: &Dialogue| match script(dialogue) {
            Some(_) => Ok(()),
            None => Err("a turn makes no sense where it stands".to_owned()),
        };
        self.read("corpus", shard, makes_sense)
    }

    /// The same of variations. One whose case there is no more is left out when it is to be played.
    pub fn variations(&self, shard: Option<(u64, u64)>) -> Result<Vec<Variation>, u8> {
        self.read("variations", shard, |_| Ok(()))
    }

    fn read<T: DeserializeOwned>(
        &self,
        part: &str,
        shard: Option<(u64, u64)>,
        check: impl Fn(&T) -> Result<(), String>,
    ) -> Result<Vec<T>, u8> {
        let folder = self.0.join(part);
        let failed = |path: &Path, why: &dyn std::fmt::Display| {
            eprintln!("error: failed to read {}: {why}", path.display());
            exit::USAGE
        };
        let entries = fs::read_dir(&folder).map_err(|error| failed(&folder, &error))?;
        let mut paths: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
        paths.sort();
        let mut read = Vec::new();
        for (at, path) in paths.iter().enumerate() {
            if shard.is_some_and(|(of, shards)| at as u64 % shards != of - 1) {
                continue;
            }
            let length = fs::metadata(path)
                .map_err(|error| failed(path, &error))?
                .len();
            if length > CORPUS_FILE_LEN_BYTES_MAX {
                return Err(failed(
                    path,
                    &format!("expected at most {CORPUS_FILE_LEN_BYTES_MAX} bytes, saw {length}"),
                ));
            }
            let text = fs::read_to_string(path).map_err(|error| failed(path, &error))?;
            let one: T = serde_json::from_str(&text).map_err(|error| failed(path, &error))?;
            check(&one).map_err(|why| failed(path, &why))?;
            read.push(one);
        }
        Ok(read)
    }

    pub fn keep_dialogue(&self, dialogue: &Dialogue) -> Result<(), String> {
        // A dialogue is made of numbers and texts, which all have a JSON form.
        self.keep(
            "corpus",
            &serde_json::to_string(dialogue).unwrap_or_default(),
        )
    }

    pub fn keep_variation(&self, variation: &Variation) -> Result<(), String> {
        // So is a variation.
        self.keep(
            "variations",
            &serde_json::to_string(variation).unwrap_or_default(),
        )
    }

    /// Under a name that follows from what it holds, so that the folders of several machines join by copying.
    fn keep(&self, part: &str, text: &str) -> Result<(), String> {
        let digest: String = Sha256::digest(text)[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let path = self.0.join(part).join(format!("{digest}.json"));
        match path.exists() {
            true => Ok(()),
            false => put(&path, text),
        }
    }

    /// Saves it as a scenario, in place of a longer one; says whether it is the first of its kind.
    pub fn keep_finding(&self, finding: &Finding, seed: u64) -> Result<bool, String> {
        let name = finding.key.file_name();
        let Some(script) = script(&finding.dialogue) else {
            return Err(format!("{name} makes no sense as a dialogue"));
        };
        let head = format!(
            "Found by `syncspec fuzz --seed {seed}`: {}.",
            finding.key.rule
        );
        self.keep_scenario(
            &name,
            &script.file,
            &head,
            &finding.told.expected,
            &finding.told.seen,
        )
    }

    /// The same for a departure.
    pub fn keep_departure(
        &self,
        departure: &Departure,
        file: &serde_json::Value,
        seed: u64,
    ) -> Result<bool, String> {
        let what = match departure.difference.rule {
            Some(rule) => format!("{rule}."),
            None => "the peer and the reference part here. Whether the protocol asks for either is for a reader to say."
                .to_owned(),
        };
        let head = format!("Found by `syncspec fuzz --seed {seed}`: {what}");
        let difference = &departure.difference;
        let name = departure_name(departure);
        self.keep_scenario(&name, file, &head, &difference.expected, &difference.seen)
    }

    fn keep_scenario(
        &self,
        name: &str,
        file: &serde_json::Value,
        head: &str,
        expected: &str,
        seen: &str,
    ) -> Result<bool, String> {
        let template = CaseTemplate::generated(name, file);
        let errors = match &template {
            Ok(template) => template.problems(),
            Err(errors) => errors.clone(),
        };
        let text = match &template {
            Ok(template) => template.yaml().to_owned(),
            Err(_) => format!("{file:#}"),
        };
        // What cannot be played as a file is worth reading all the same.
        let hint = match errors.first() {
            None => String::new(),
            Some(error) => format!(
                "# It cannot be played as it stands: {}\n",
                one_line(&error.render())
            ),
        };
        let text = format!(
            "# {head}\n# Expected: {}\n# Seen: {}\n{hint}{text}\n",
            one_line(expected),
            one_line(seen),
        );
        let ending = if errors.is_empty() { "yaml" } else { "txt" };
        let path = self.0.join("findings").join(format!("{name}.{ending}"));
        let is_first = !path.exists();
        put(&path, &text)?;
        Ok(is_first)
    }

    pub fn drop_finding(&self, key: &Key) -> Result<(), String> {
        let path = self
            .0
            .join("findings")
            .join(format!("{}.yaml", key.file_name()));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(format!("failed to remove {}: {error}", path.display()))
            }
            _ => Ok(()),
        }
    }

    pub fn write(&self, name: &str, text: &str) -> Result<(), u8> {
        put(&self.0.join(name), text).map_err(|error| {
            eprintln!("error: {error}");
            exit::SUITE
        })
    }
}

/// Name of the file of a departure: lower-case words joined by `-`.
pub fn departure_name(departure: &Departure) -> String {
    let text = format!("{}-{}", departure.variation.role, departure.difference.key);
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let name: String = words.join("-").to_ascii_lowercase();
    name.chars()
        .take(NAME_LEN_MAX)
        .collect::<String>()
        .trim_end_matches('-')
        .to_owned()
}

fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}

/// Whole or not at all: somebody may press Ctrl-C twice.
pub fn put(path: &Path, text: &str) -> Result<(), String> {
    let beside = path.with_extension("new");
    fs::write(&beside, text)
        .and_then(|()| fs::rename(&beside, path))
        .map_err(|error| format!("failed to write {}: {error}", path.display()))
}
