//! The ids that cases have had. They are append-only, so that lists and gates outside the suite stay true: a case may
//! get another id only where the old one leads to it, and a case that no release has had yet fails no gate.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

const BUILT_IN: &str = include_str!("../../case-ids.txt");

/// Most ids that one line may stand for: a slip of a comma must not come to millions.
const FAMILY_MAX: usize = 1000;

static RELEASED: LazyLock<Released> = LazyLock::new(|| {
    // A test reads it.
    Released::read(BUILT_IN).unwrap_or_default()
});

/// The ids of a release and of those before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Released {
    release: Option<String>,
    ids: BTreeSet<String>,
    renamed: BTreeMap<String, String>,
}

impl Released {
    /// Those of this version of the suite.
    pub fn built_in() -> &'static Released {
        &RELEASED
    }

    /// Reads `case-ids.txt`: a line `release VERSION`, or `release none`; then ids, and `OLD -> NEW` for renamed ones.
    /// `{a,b}` within an id stands for either, so that a family of generated cases takes one line; a line that begins
    /// with a space goes on with the one before. `#` starts a comment.
    ///
    /// # Errors
    /// The line that is none of these, in words.
    pub fn read(text: &str) -> Result<Released, String> {
        let mut released = Released::default();
        for (number, line) in whole_lines(text) {
            let wrong = |why: &str| format!("line {number}: {why}");
            let words: Vec<_> = line.split_whitespace().collect();
            let is_new = match words.as_slice() {
                [] | ["release", "none"] => true,
                ["release", version] => released.release.replace((*version).to_owned()).is_none(),
                [ids] => {
                    let all = expand(ids).ok_or_else(|| {
                        wrong("expected a list such as `{a,b}`, closed and of at most 1000 ids")
                    })?;
                    let mut all = all.into_iter();
                    all.all(|id| released.ids.insert(id))
                }
                [old, "->", new] => {
                    let (old, new) = ((*old).to_owned(), (*new).to_owned());
                    released.renamed.insert(old, new).is_none()
                }
                _ => return Err(wrong("expected an id, or `OLD -> NEW`")),
            };
            if !is_new {
                return Err(wrong("stands twice"));
            }
        }
        Ok(released)
    }

    /// The ids, renamed ones apart.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.iter().map(String::as_str)
    }

    /// What a case is called now that had this id once.
    pub fn renamed(&self, id: &str) -> Option<&str> {
        let mut now = self.renamed.get(id)?;
        // A ring has no end.
        for _ in 0..self.renamed.len() {
            match self.renamed.get(now) {
                Some(next) => now = next,
                None => return Some(now),
            }
        }
        None
    }

    /// Every id that is neither a case's nor leads to one.
    pub fn vanished(&self, cases: &BTreeSet<&str>) -> Vec<&str> {
        let mut ids: Vec<_> = self.ids().collect();
        ids.extend(self.renamed.keys().map(String::as_str));
        ids.retain(|id| {
            let now = self.renamed(id).unwrap_or(id);
            !cases.contains(now)
        });
        ids
    }

    /// Whether the last release did not have the case. Before the first one nothing is new.
    pub fn is_preview(&self, id: &str) -> bool {
        self.release.is_some() && !self.ids.contains(id)
    }
}

/// Lines without comments, each with those that go on with it, and the number of its first.
fn whole_lines(text: &str) -> Vec<(usize, String)> {
    let mut whole: Vec<(usize, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let said = line.split('#').next().unwrap_or_default().trim_end();
        match whole.last_mut() {
            Some((_, before)) if said.starts_with(' ') => before.push_str(said.trim()),
            _ => whole.push((index + 1, said.to_owned())),
        }
    }
    whole
}

/// Every id that a line stands for; none where a list is not closed, is empty, or comes to more than [`FAMILY_MAX`].
fn expand(text: &str) -> Option<Vec<String>> {
    let mut ids = vec![String::new()];
    let mut rest = text;
    while let Some((before, list)) = rest.split_once('{') {
        let (list, behind) = list.split_once('}')?;
        let words: Vec<&str> = list.split(',').collect();
        if words.iter().any(|word| word.is_empty()) || ids.len() * words.len() > FAMILY_MAX {
            return None;
        }
        let each = ids.iter().flat_map(|id| {
            let words = words.iter();
            words.map(move |word| format!("{id}{before}{word}"))
        });
        ids = each.collect();
        rest = behind;
    }
    ids.iter_mut().for_each(|id| id.push_str(rest));
    Some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_that_vanished_then_seen_unless_it_leads_on() {
        let cases = BTreeSet::from(["a/new", "b"]);
        let released = Released::read("release 1.0.0\na/old\nb\n").unwrap();
        assert_eq!(released.vanished(&cases), ["a/old"]);
        let renamed =
            Released::read("release 1.0.0\na/old\nb\na/old -> a/older\na/older -> a/new\n")
                .unwrap();
        assert!(renamed.vanished(&cases).is_empty());
        let ring = Released::read("a/old\na/old -> b/x\nb/x -> a/old\n").unwrap();
        assert_eq!(ring.vanished(&cases), ["a/old", "a/old", "b/x"]);
    }

    #[test]
    fn case_that_no_release_had_then_preview() {
        let released = Released::read("release 1.0.0\na # the first\n").unwrap();
        assert!(released.is_preview("b"));
        assert!(!released.is_preview("a"));
        assert!(!Released::read("release none\na\n").unwrap().is_preview("b"));
    }

    #[test]
    fn family_then_each_of_its_ids() {
        let released =
            Released::read("release none\nm/{a,b}/{x, # the first\n  y}\nlast\n").unwrap();
        let ids: Vec<&str> = released.ids().collect();
        assert_eq!(ids, ["last", "m/a/x", "m/a/y", "m/b/x", "m/b/y"]);
        let cases = BTreeSet::from(["last", "m/a/x", "m/a/y", "m/b/x"]);
        assert_eq!(released.vanished(&cases), ["m/b/y"]);
        let many = format!(
            "m/{{{}}}/{{{}}}",
            vec!["a"; 40].join(","),
            vec!["b"; 40].join(",")
        );
        for wrong in ["m/{a,b", "m/{}", "m/{a,}", many.as_str()] {
            let error = Released::read(wrong).unwrap_err();
            assert!(error.starts_with("line 1: expected a list"), "{error}");
        }
    }

    #[test]
    fn line_of_another_form_then_refused_with_its_number() {
        for (text, line) in [
            ("a\nb c\n", 2),
            ("a\na\n", 2),
            ("a -> b -> c", 1),
            ("release 1\nrelease 2", 2),
        ] {
            let error = Released::read(text).unwrap_err();
            assert!(error.starts_with(&format!("line {line}:")), "{error}");
        }
    }
}
