//! What is wrong with a file, with its place: all of it at once, so that one reading is enough to put it right.

use std::{cell::RefCell, fmt};

use super::{model::Location, node::Place, problem::Problem};

/// Collects what is wrong with one file while reading goes on.
#[derive(Debug, Default)]
pub struct Problems {
    found: RefCell<Vec<(Place, Problem)>>,
}

impl Problems {
    /// Notes one.
    pub fn report(&self, place: Place, problem: Problem) {
        self.found.borrow_mut().push((place, problem));
    }

    /// True when nothing was reported.
    pub fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// Everything reported so far, in the file's order; what each row of a table reported again is there once.
    pub fn take(&self) -> Vec<(Place, Problem)> {
        let mut found = self.found.take();
        found.sort_by_key(|(place, _)| *place);
        let mut once: Vec<(Place, Problem)> = Vec::new();
        for (place, problem) in found {
            let same_place = once.iter().rev().take_while(|(other, _)| *other == place);
            if !same_place
                .map(|(_, other)| other)
                .any(|other| *other == problem)
            {
                once.push((place, problem));
            }
        }
        once
    }
}

/// One thing that is wrong with one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// Where.
    pub location: Location,
    /// What.
    pub problem: Problem,
    excerpt: Option<Excerpt>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Excerpt {
    text: String,
    indent: usize,
}

/// Characters of a source line that are shown, and of those how many stand before the place at most.
const EXCERPT_LEN_MAX: usize = 120;
const EXCERPT_BEFORE_MAX: usize = 80;

impl LoadError {
    /// An error at a place of a file; `source` is the file's text, where there is one.
    pub fn new(file: &str, place: Place, problem: Problem, source: Option<&str>) -> LoadError {
        LoadError {
            location: Location {
                file: file.to_owned(),
                line: place.line,
                column: place.column,
            },
            problem,
            excerpt: source.and_then(|source| excerpt(source, place)),
        }
    }

    /// `file:line:column: message`, then the line of the file with a caret under the place. Plain text.
    pub fn render(&self) -> String {
        let Some(excerpt) = &self.excerpt else {
            return format!("{self}\n");
        };
        let number = self.location.line.to_string();
        let margin = " ".repeat(number.len());
        let indent = " ".repeat(excerpt.indent);
        format!(
            "{self}\n{margin} |\n{number} | {}\n{margin} | {indent}^\n",
            excerpt.text
        )
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.location)?;
        // What a file says goes to a terminal, so its control characters do not.
        for character in self.problem.to_string().chars() {
            match character.is_control() {
                true => write!(f, "{}", character.escape_default())?,
                false => write!(f, "{character}")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for LoadError {}

fn excerpt(source: &str, place: Place) -> Option<Excerpt> {
    let index = usize::try_from(place.line.checked_sub(1)?).ok()?;
    let line = source.split('\n').nth(index)?;
    let column = usize::try_from(place.column.checked_sub(1)?).ok()?;
    let start = column.saturating_sub(EXCERPT_BEFORE_MAX);
    let text: String = line
        .trim_end_matches('\r')
        .chars()
        .skip(start)
        .take(EXCERPT_LEN_MAX)
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    Some(Excerpt {
        indent: column - start,
        text,
    })
}
