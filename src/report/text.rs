//! Text that a peer may have chosen, made fit to be shown: whatever it holds, it moves no cursor, turns no line around
//! and stays as short as it is told to.

use std::{borrow::Cow, fmt::Write as _};

/// Longest text shown of one value, in characters.
pub const TEXT_LEN_MAX: usize = 600;

/// The text with everything invisible spelt out, as `\u{202e}`, and cut behind `len_max` characters. Line breaks are
/// spelt out too: what follows one would look like a line of ours.
pub fn visible(text: &str, len_max: usize) -> Cow<'_, str> {
    let fits = text.len() <= len_max || text.chars().nth(len_max).is_none();
    if fits && !text.contains(is_invisible) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len().min(len_max * 2));
    for character in text.chars().take(len_max) {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            // Writing to a string does not fail.
            hidden if is_invisible(hidden) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(hidden));
            }
            plain => shown.push(plain),
        }
    }
    if !fits {
        let _ = write!(shown, "... ({} characters in all)", text.chars().count());
    }
    Cow::Owned(shown)
}

/// [`visible`] at the usual length.
pub fn shown(text: &str) -> Cow<'_, str> {
    visible(text, TEXT_LEN_MAX)
}

/// Controls, direction marks, and characters without width: what shows as nothing, or changes how the rest shows.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' |
            '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_then_itself() {
        for text in ["", "host-a", "<b>&amp;", "größe 日本 \u{1f600}"] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn invisible_characters_then_spelt_out() {
        for (text, expected) in [
            ("a\x1b[31mb", "a\\u{1b}[31mb"),
            ("a\nFAIL b", "a\\nFAIL b"),
            ("a\r\t\0", "a\\r\\t\\u{0}"),
            ("\u{202e}evil\u{2066}", "\\u{202e}evil\\u{2066}"),
            ("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}"),
            ("\u{85}\u{2028}", "\\u{85}\\u{2028}"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn longer_text_then_cut_between_characters_and_its_length_told() {
        assert_eq!(visible("äöü", 3), "äöü");
        assert_eq!(visible("äöüß", 3), "äöü... (4 characters in all)");
        let long = "x".repeat(1_000_000);
        assert!(shown(&long).len() < TEXT_LEN_MAX + 40);
    }
}
