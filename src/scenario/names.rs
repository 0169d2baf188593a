//! Names: their form, and which one was meant.

/// Longest name of a row, session, identity, repository or plan.
pub const NAME_LEN_MAX: usize = 40;
/// Most names that are suggested.
const SUGGESTIONS_MAX: usize = 3;
/// A longer text is no misspelt name, and comparing it costs its length squared.
const MISSPELT_LEN_MAX: usize = 80;

/// True for `a-z`, then `a-z`, digits and single `-`, at most [`NAME_LEN_MAX`] long.
pub fn is_kebab_case(name: &str) -> bool {
    let letter_or_digit =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= NAME_LEN_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(letter_or_digit)
        && !name.ends_with('-')
        && !name.contains("--")
}

/// True for `a-z`, digits and `-`: a file's or folder's name may start with a digit and be as long as it likes.
pub fn is_file_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The names that `seen` may have been meant to be, the likeliest first.
pub fn nearest<'a>(seen: &str, names: &[&'a str]) -> Vec<&'a str> {
    if seen.len() > MISSPELT_LEN_MAX {
        return Vec::new();
    }
    let far = (seen.chars().count() / 3).max(1);
    let mut close: Vec<_> = names
        .iter()
        .map(|name| (distance(seen, name), *name))
        .filter(|(distance, _)| *distance <= far)
        .collect();
    close.sort();
    close
        .into_iter()
        .take(SUGGESTIONS_MAX)
        .map(|(_, name)| name)
        .collect()
}

/// Names in quotes, with commas.
pub fn list(names: &[String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Insertions, deletions, replacements and swaps of neighbours between both; letter case and `-` or `_` aside.
fn distance(left: &str, right: &str) -> usize {
    let (left, right) = (folded(left), folded(right));
    // Rows of the edit matrix: two above, one above.
    let mut above_two: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (y, from) in left.iter().enumerate() {
        let mut row = vec![y + 1];
        for (x, to) in right.iter().enumerate() {
            let replaced = above[x] + usize::from(from != to);
            let mut least = replaced.min(above[x + 1] + 1).min(row[x] + 1);
            if x > 0 && y > 0 && *from == right[x - 1] && left[y - 1] == *to {
                least = least.min(above_two[x - 1] + 1);
            }
            row.push(least);
        }
        above_two = std::mem::replace(&mut above, row);
    }
    above[right.len()]
}

fn folded(text: &str) -> Vec<char> {
    text.chars()
        .map(|character| if character == '_' { '-' } else { character })
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_name_then_the_one_meant_comes_first() {
        let names = ["rules", "target", "steps", "deviate"];
        assert_eq!(nearest("rulse", &names), ["rules"]);
        assert_eq!(nearest("Step", &names), ["steps"]);
        assert_eq!(nearest("expect-closed", &names), [""; 0]);
        assert_eq!(nearest("op_ids", &["opIds", "modnos"]), ["opIds"]);
        assert_eq!(nearest(&"rules".repeat(1000), &names), [""; 0]);
    }

    #[test]
    fn two_mistakes_in_a_long_name_then_found() {
        assert_eq!(nearest("devixxe", &["deviate"]), ["deviate"]);
        assert_eq!(nearest("stxxs", &["steps"]), [""; 0]);
    }

    #[test]
    fn longest_text_that_is_compared_then_found_and_none_longer() {
        for (len, found) in [(MISSPELT_LEN_MAX, 1), (MISSPELT_LEN_MAX + 1, 0)] {
            let name = "a".repeat(len);
            assert_eq!(nearest(&name, &[&name]).len(), found, "{len}");
        }
    }

    #[test]
    fn distance_then_least_number_of_edits() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "SAME"), 0);
        assert_eq!(distance("rulse", "rules"), 1);
        assert_eq!(distance("ab", "ba"), 1);
    }

    #[test]
    fn name_of_another_form_then_refused() {
        for name in ["a", "two-words", "a1"] {
            assert!(is_kebab_case(name), "{name}");
        }
        let long = "a".repeat(NAME_LEN_MAX + 1);
        for name in ["", "-a", "a-", "a--b", "1a", "A", "a_b", "a b", "ä", &long] {
            assert!(!is_kebab_case(name), "{name}");
        }
    }
}
