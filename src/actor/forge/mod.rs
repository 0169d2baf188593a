//! Where deviations become bytes, a file for each thing that is sent.

#[cfg(feature = "fuzzing")]
mod alone;
mod beside;
mod frame;
mod handshake;
mod item;
mod key;
mod low_order;

#[cfg(feature = "fuzzing")]
pub use alone::deviating_handshake;

use crate::scenario::deviation::Deviation;

/// A deviation in the words of the scenario, such as `nonce: repeat-last`.
fn words(deviation: &Deviation) -> String {
    match serde_json::to_value(deviation) {
        Ok(serde_json::Value::Object(map)) => map
            .iter()
            .map(|(key, value)| match value.as_str() {
                Some(text) => format!("{key}: {text}"),
                None => format!("{key}: {value}"),
            })
            .collect::<Vec<_>>()
            .join(", "),
        _ => format!("{deviation:?}"),
    }
}

/// Collects what was done differently.
#[derive(Default)]
struct Applied(Vec<String>);

impl Applied {
    fn note(&mut self, deviation: &Deviation) {
        self.0.push(words(deviation));
    }
}
