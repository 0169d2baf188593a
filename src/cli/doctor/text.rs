//! A diagnosis for readers.

use syncspec::{
    target::doctor::{Address, Check, Diagnosis, Standing, Step},
    wire::Role,
};

/// Width that the advice is wrapped to, in columns.
const WIDTH_COLUMNS: usize = 110;
const ADVICE_INDENT: &str = "                      ";

/// The peer in that role, in messages.
pub fn shown(role: Role, url: &str) -> String {
    match role {
        Role::Responder => format!("the peer at {}", without_secret(url)),
        Role::Initiator => "the client".to_owned(),
    }
}

/// Why a peer cannot be judged, in full.
pub fn not_judged(peer: &str, diagnosis: &Diagnosis, last_words: &[String]) -> String {
    let head = match diagnosis.mistake().map(|check| check.step) {
        Some(Step::Listen) => "the client has nobody to dial".to_owned(),
        _ => format!("{peer} is not set up so that it can be judged"),
    };
    let mut text = format!("{head}\n\n{}", text(diagnosis));
    if !last_words.is_empty() {
        text.push_str(&format!("\n{}\n", last_words.join("\n")));
    }
    text
}

/// The URL, where it is one; what is none may be a pairing token or hold a password.
pub fn without_secret(url: &str) -> &str {
    match Address::read(url) {
        Ok(_) => url,
        Err(_) => "(not a URL)",
    }
}

/// A line for each step, and advice below those that are not well.
pub fn text(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    for check in &diagnosis.checks {
        text.push_str(&line(check));
        if let Some(advice) = check.advice() {
            text.push_str(&wrapped(&advice));
        }
    }
    if !diagnosis.not_reached.is_empty() {
        let steps: Vec<&str> = diagnosis
            .not_reached
            .iter()
            .map(|step| step.name())
            .collect();
        text.push_str(&format!("  -      {}: not reached\n", steps.join(", ")));
    }
    text
}

fn line(check: &Check) -> String {
    let word = match check.standing {
        Standing::Ok => "ok",
        Standing::Skipped => "-",
        Standing::Note(_) => "note",
        Standing::Failed(_) | Standing::Defect(_) => "FAIL",
    };
    format!("  {word:<5}  {:<13}  {}\n", check.step.name(), check.seen)
}

fn wrapped(advice: &str) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in advice.split_whitespace() {
        let len = word.chars().count();
        if column == 0 || column + 1 + len > WIDTH_COLUMNS {
            if column > 0 {
                text.push('\n');
            }
            text.push_str(ADVICE_INDENT);
            column = ADVICE_INDENT.len();
        } else {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += len;
    }
    text.push('\n');
    text
}

/// What it all comes to.
pub fn last_line<'a>(all: impl IntoIterator<Item = &'a Diagnosis>) -> String {
    let (mut wrong, mut notes) = (0, 0);
    for diagnosis in all {
        let standings = diagnosis.checks.iter().map(|check| &check.standing);
        wrong += standings
            .filter(|standing| matches!(standing, Standing::Failed(_) | Standing::Defect(_)))
            .count();
        notes += diagnosis.notes().count();
    }
    let mut line = match wrong {
        0 => "\nall is well".to_owned(),
        1 => "\none thing is wrong".to_owned(),
        count => format!("\n{count} things are wrong"),
    };
    if notes > 0 {
        line.push_str(&format!(", {notes} to be noted"));
    }
    line
}
