//! Words in braces that stand for what is known only once a peer is started.

use crate::scenario::nearest_names;

/// The words, and what each stands for.
pub const PLACEHOLDERS: [(&str, &str); 6] = [
    (
        "provision",
        "path of a file with everything the peer must be given",
    ),
    (
        "operations",
        "path of a file with a client's own operations, v1.OperationList in JSON",
    ),
    ("port", "a free port for it to listen on"),
    ("data", "path of an empty folder for it to keep things in"),
    ("listen", "URL at which we listen for it, as a client"),
    ("url", "URL at which it answers, as a host"),
];

/// What the words stand for, this time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filling {
    /// Path of the provision.
    pub provision: String,
    /// Path of the client's own operations.
    pub operations: String,
    /// The free port.
    pub port: u16,
    /// Path of the folder.
    pub data: String,
    /// Where we listen.
    pub listen: String,
    /// Where the peer answers.
    pub url: String,
}

impl Filling {
    fn value(&self, word: &str) -> Option<String> {
        Some(match word {
            "provision" => self.provision.clone(),
            "operations" => self.operations.clone(),
            "port" => self.port.to_string(),
            "data" => self.data.clone(),
            "listen" => self.listen.clone(),
            "url" => self.url.clone(),
            _ => return None,
        })
    }
}

/// Refuses a word in braces that stands for nothing: it would reach the peer as it is.
pub fn check(text: &str) -> Result<(), String> {
    let known: Vec<_> = PLACEHOLDERS.iter().map(|(word, _)| *word).collect();
    match words(text).find(|word| !known.contains(word)) {
        None => Ok(()),
        Some(word) => {
            let meant: Vec<_> = nearest_names(word, &known)
                .iter()
                .map(|near| format!("`{{{near}}}`"))
                .collect();
            let known: Vec<_> = known.iter().map(|word| format!("{{{word}}}")).collect();
            let meant = match meant.is_empty() {
                true => String::new(),
                false => format!(" (did you mean {}?)", meant.join(" or ")),
            };
            Err(format!(
                "`{{{word}}}` stands for nothing{meant}; known here: {}",
                known.join(", ")
            ))
        }
    }
}

/// Fills the words in.
pub fn fill(text: &str, filling: &Filling) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        let (before, from) = rest.split_at(start);
        filled.push_str(before);
        match word_at(from).and_then(|word| Some((word, filling.value(word)?))) {
            Some((word, value)) => {
                filled.push_str(&value);
                rest = &from[word.len() + 2..];
            }
            None => {
                filled.push('{');
                rest = &from[1..];
            }
        }
    }
    filled + rest
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('{')
        .filter_map(|(at, _)| word_at(&text[at..]))
}

/// The word of `{word}` at the start of the text. Braces around anything else, JSON for one, stand for themselves.
fn word_at(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('{')?;
    let (word, _) = inner.split_once('}')?;
    let is_word = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    is_word.then_some(word)
}
