//! Reads a list, with everything that is wrong with it at once, before anything is played.

use std::path::Path;

use super::{Entry, EntryFile, What, matches};
use crate::{
    rules::RuleId,
    scenario::{
        CaseTemplate,
        load_error::{LoadError, Problems},
        model::Location,
        node::{Node, Place},
        parse_yaml,
        problem::Problem,
        read_node, read_text,
        released::Released,
    },
    wire::Role,
};

/// What a list can name.
pub struct Catalogue<'a> {
    /// The cases there are.
    pub cases: &'a [CaseTemplate],
    /// The ids that cases have had.
    pub released: &'a Released,
}

/// Reads one.
///
/// # Errors
/// Every problem, with its place; a case or rule that does not exist is one.
pub fn load(file: &Path, catalogue: &Catalogue<'_>) -> Result<Vec<Entry>, Vec<LoadError>> {
    let shown = file.display().to_string();
    let text = read_text(file)
        .map_err(|(place, problem)| vec![LoadError::new(&shown, place, problem, None)])?;
    read(&shown, &text, catalogue)
}

pub(super) fn read(
    shown: &str,
    text: &str,
    catalogue: &Catalogue<'_>,
) -> Result<Vec<Entry>, Vec<LoadError>> {
    let problems = Problems::default();
    let mut reader = Reader {
        shown,
        catalogue,
        problems: &problems,
        entries: Vec::new(),
    };
    if let Some(root) = parse_yaml(text, &problems) {
        reader.list(&root);
    }
    let entries = reader.entries;
    let found = problems.take();
    match found.is_empty() {
        true => Ok(entries),
        false => Err(found
            .into_iter()
            .map(|(place, problem)| LoadError::new(shown, place, problem, Some(text)))
            .collect()),
    }
}

struct Reader<'a> {
    shown: &'a str,
    catalogue: &'a Catalogue<'a>,
    problems: &'a Problems,
    entries: Vec<Entry>,
}

impl Reader<'_> {
    fn list(&mut self, root: &Node) {
        let Some(nodes) = root.as_seq() else {
            let seen = root.describe();
            self.problems.report(
                root.place,
                Problem::WrongType {
                    expected: "a list of entries (`[]` for none)".to_owned(),
                    seen,
                },
            );
            return;
        };
        for node in nodes {
            if let Some(entry) = self.entry(node) {
                self.refuse_double(&entry, node.place);
                self.entries.push(entry);
            }
        }
    }

    fn entry(&self, node: &Node) -> Option<Entry> {
        let file: EntryFile = read_node(node, self.problems)?;
        let refuse = |key: &str, text: &str| {
            let place = node.get(key).map_or(node.place, |value| value.place);
            self.problems
                .report(place, Problem::Refused(text.to_owned()));
        };
        if file.reason.trim().is_empty() {
            refuse("reason", "expected what the peer does wrong, seen nothing");
        }
        let rule = |key: &str, id: &str, within: Option<&Node>| {
            let place = within
                .and_then(|within| within.get(key))
                .map_or(node.place, |id| id.place);
            let rule = id.parse::<RuleId>();
            rule.map_err(|_| {
                self.problems
                    .report(place, Problem::UnknownRule(id.to_owned()))
            })
            .ok()
        };
        let what = match (&file.case, &file.rule) {
            (Some(id), None) => What::Case {
                id: self.case(id, file.role, node.get("case")?.place)?,
                expect: match &file.expect {
                    Some(expect) => Some(rule("rule", &expect.rule, node.get("expect"))?),
                    None => None,
                },
            },
            (None, Some(id)) => {
                if file.expect.is_some() {
                    refuse(
                        "expect",
                        "an entry for a rule expects that rule, so it takes no `expect`",
                    );
                }
                let rule = rule("rule", id, Some(node))?;
                if !self
                    .catalogue
                    .cases
                    .iter()
                    .any(|case| case.rules().contains(&rule))
                {
                    refuse(
                        "rule",
                        "no case checks this rule, so the entry would match nothing",
                    );
                }
                What::Rule(rule)
            }
            _ => {
                refuse("case", "expected either `case` or `rule`");
                return None;
            }
        };
        let reproduce = match &file.reproduce {
            Some(id) => Some(self.case(id, file.role, node.get("reproduce")?.place)?),
            None => None,
        };
        if let (What::Case { id, .. }, Some(simplest)) = (&what, &reproduce)
            && !matches(id, simplest)
        {
            refuse(
                "reproduce",
                "expected one of the cases that the entry is about",
            );
        }
        Some(Entry {
            what,
            reproduce,
            role: file.role,
            protocol: file.protocol,
            reason: file.reason.trim().to_owned(),
            risk: file.risk,
            link: file.link,
            expires: file.expires,
            flaky: file.flaky,
            location: Location {
                file: self.shown.to_owned(),
                line: node.place.line,
                column: node.place.column,
            },
        })
    }

    /// The id as cases have it now.
    fn case(&self, id: &str, role: Option<Role>, place: Place) -> Option<String> {
        let cases = || self.catalogue.cases.iter();
        let now = match cases().any(|case| matches(id, case.id())) {
            true => id,
            false => match self.catalogue.released.renamed(id) {
                Some(now) => now,
                None => {
                    let known = cases().map(|case| case.id().to_owned()).collect();
                    let problem = Problem::UnknownCase {
                        seen: id.to_owned(),
                        known,
                    };
                    self.problems.report(place, problem);
                    return None;
                }
            },
        };
        let mut named = cases().filter(|case| matches(now, case.id()));
        if let Some(role) = role
            && !named.any(|case| case.roles().contains(&role))
        {
            let text = format!("no such case is for a peer that plays the {role}");
            self.problems.report(place, Problem::Refused(text));
        }
        Some(now.to_owned())
    }

    fn refuse_double(&self, entry: &Entry, place: Place) {
        let same = self.entries.iter().find(|other| {
            (&other.what, other.role, other.protocol) == (&entry.what, entry.role, entry.protocol)
        });
        if let Some(first) = same {
            let text = format!("line {} has the same entry already", first.location.line);
            self.problems.report(place, Problem::Refused(text));
        }
    }
}
