//! Bytes out of the vector files.

use serde_json::Value;

const FILES: &[(&str, &str)] = &[
    ("frames", include_str!("../../../vectors/frames.json")),
    ("messages", include_str!("../../../vectors/messages.json")),
    ("tokens", include_str!("../../../vectors/tokens.json")),
];

/// Every test of a file.
pub fn tests(file: &str) -> Vec<Value> {
    let text = FILES
        .iter()
        .find(|(name, _)| *name == file)
        .map(|(_, text)| text);
    let json: Value = text
        .and_then(|text| serde_json::from_str(text).ok())
        .expect("the vectors are JSON, as their own tests hold");
    let groups = json["groups"].as_array().into_iter().flatten();
    groups
        .flat_map(|group| group["tests"].as_array().into_iter().flatten())
        .cloned()
        .collect()
}

/// The bytes of a field that stands in hex, of every test that has it.
pub fn hex_fields(file: &str, field: &str) -> Vec<Vec<u8>> {
    let tests = tests(file);
    let texts = tests.iter().filter_map(|test| test[field].as_str());
    texts.filter_map(hex).collect()
}

/// Bytes in hex.
pub fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(digits).collect()
}
