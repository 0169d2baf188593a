//! One file, read key by key: from YAML to cases that are known to be playable.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    de,
    fixtures::{Fixtures, PROBE},
    given,
    load_error::{LoadError, Problems},
    model::{Given, Location, PeerFixture, Profile, Scenario, ScenarioFile, Target, Verb},
    node::{Node, Place},
    problem::Problem,
    rule_check,
    shape::words_of,
    steps::{self, StepContext},
    table::{Row, Table},
    variables::Variables,
    write::write_file,
    yaml,
};
use crate::{
    rules::{Level, RuleId},
    wire::{Role, RpcProtocol},
};

/// Folder under which generated cases are said to stand; none of them is a file.
const GENERATED: &str = "generated/";

/// A case before it is known which role the peer under test plays, and over which RPC protocol.
///
/// Ids, keys and secrets differ between those, so that the same case can be played several times at once.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseTemplate {
    id: String,
    rules: Vec<RuleId>,
    roles: &'static [Role],
    profile: Profile,
    /// The file it is from.
    text: Arc<str>,
    source: Source,
}

/// Where its scenarios come from.
#[derive(Clone, Debug, PartialEq)]
enum Source {
    /// A file, read through: one for each role and protocol, never empty.
    File(Vec<(Role, RpcProtocol, Scenario)>),
    /// A program, which wrote what the file would hold: read when it is asked for, because there are many.
    Program { file: String, root: Arc<Node> },
}

impl CaseTemplate {
    /// Path below `scenarios/` without its ending, and the row's name behind a slash where there is a table.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The rules it checks, whichever role they bind.
    pub fn rules(&self) -> &[RuleId] {
        &self.rules
    }

    /// The strongest level among its rules.
    pub fn level(&self) -> Level {
        let levels = self.rules.iter().map(|rule| rule.level());
        levels.min().unwrap_or(Level::Deployed)
    }

    /// Which runs include it.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The file that holds it, as YAML. Where the file has a table, its other rows are there too.
    pub fn yaml(&self) -> &str {
        &self.text
    }

    /// A case that a program wrote: what its file would hold, in the layout of a scenario file without a table.
    ///
    /// # Errors
    /// As those of a file: all that is wrong with what the program wrote. The places are those of [`Self::yaml`].
    pub fn generated(id: &str, file: &serde_json::Value) -> Result<CaseTemplate, Vec<LoadError>> {
        let (text, root) = write_file(file);
        let name = format!("{GENERATED}{id}.yaml");
        let problems = Problems::default();
        let draft = Draft::read(&name, id, &root, &problems);
        let (rules, target, profile) = (draft.rules, draft.target, draft.profile);
        let found = problems.take().into_iter();
        let errors: Vec<_> = found
            .map(|(place, problem)| LoadError::new(&name, place, problem, Some(&text)))
            .collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(CaseTemplate {
            id: id.to_owned(),
            rules,
            roles: target.unwrap_or(Target::Responder).roles(),
            profile,
            text: text.into(),
            source: Source::Program {
                file: name,
                root: Arc::new(root),
            },
        })
    }

    /// Everything that is wrong with it. A file with a problem has no cases, so this asks about generated ones, whose
    /// steps are read when they are played.
    pub fn problems(&self) -> Vec<LoadError> {
        let Source::Program { file, root } = &self.source else {
            return Vec::new();
        };
        let problems = Problems::default();
        Draft::read(file, &self.id, root, &problems).cases();
        let found = problems.take().into_iter();
        found
            .map(|(place, problem)| LoadError::new(file, place, problem, Some(&self.text)))
            .collect()
    }

    /// The roles of the peer under test that it is for.
    pub fn roles(&self) -> &'static [Role] {
        self.roles
    }

    /// The case for one role over one RPC protocol; `None` when it is not for that role.
    pub fn instantiate(&self, role: Role, protocol: RpcProtocol) -> Option<Scenario> {
        match &self.source {
            Source::File(scenarios) => {
                let mut scenarios = scenarios.iter();
                scenarios.find_map(|(for_role, for_protocol, scenario)| {
                    (*for_role == role && *for_protocol == protocol).then(|| scenario.clone())
                })
            }
            Source::Program { file, root } => self.roles.contains(&role).then(|| {
                // A test sees to it that no generated case has any.
                let problems = Problems::default();
                let draft = Draft::read(file, &self.id, root, &problems);
                let variables = draft.variables(&self.id, role, protocol, None);
                draft.scenario(&self.id, role, protocol, None, &variables)
            }),
        }
    }
}

/// Reads one file's cases; `file` is how it is called in messages. Nothing comes of a file with a problem.
pub fn read_cases(file: &str, id: &str, text: &str, problems: &Problems) -> Vec<CaseTemplate> {
    let Some(root) = yaml::parse(text, problems) else {
        return Vec::new();
    };
    let draft = Draft::read(file, id, &root, problems);
    let text: Arc<str> = text.into();
    let cases = draft.cases().into_iter();
    let cases = cases.map(|case| CaseTemplate {
        text: text.clone(),
        ..case
    });
    let cases = cases.collect();
    match problems.is_empty() {
        true => cases,
        false => Vec::new(),
    }
}

/// What a file says before variables are filled in.
struct Draft<'a> {
    file: &'a str,
    id: &'a str,
    root: &'a Node,
    about: String,
    about_place: Place,
    rules: Vec<RuleId>,
    target: Option<Target>,
    profile: Profile,
    alone: bool,
    table: Option<Table<'a>>,
    problems: &'a Problems,
}

impl<'a> Draft<'a> {
    fn read(file: &'a str, id: &'a str, root: &'a Node, problems: &'a Problems) -> Draft<'a> {
        let entries = de::entries(root, problems);
        de::refuse_unknown_keys(entries, words_of::<ScenarioFile>(), problems);
        let target = required(root, "target", problems).and_then(|node| de::read(node, problems));
        let about = required(root, "about", problems);
        let rules = required(root, "rules", problems);
        let _ = required(root, "steps", problems);
        Draft {
            file,
            id,
            root,
            about: about.map_or_else(String::new, |node| read_about(node, problems)),
            about_place: about.map_or(Place::START, |node| node.place),
            rules: rules.map_or_else(Vec::new, |node| {
                rule_check::read_rules(node, target, problems)
            }),
            target,
            profile: optional(root, "profile", problems),
            alone: optional(root, "alone", problems),
            table: root.get("cases").map(|node| Table::read(node, problems)),
            problems,
        }
    }

    fn cases(&self) -> Vec<CaseTemplate> {
        let Some(table) = &self.table else {
            return vec![self.case(None, &mut Used::default())];
        };
        let mut used = Used::default();
        let rows = table.rows.iter();
        let cases = rows.map(|row| self.case(Some((table, row)), &mut used));
        let cases = cases.collect();
        if !table.rows.is_empty() {
            table.check_columns(&used.columns, &used.fixtures, self.problems);
        }
        cases
    }

    fn case(&self, row: Option<(&Table<'a>, &Row<'a>)>, used: &mut Used) -> CaseTemplate {
        let id = match row {
            Some((_, row)) => format!("{}/{}", self.id, row.name),
            None => self.id.to_owned(),
        };
        // Without a target the rest is checked all the same.
        let roles = self.target.unwrap_or(Target::Responder).roles();
        let plays = roles
            .iter()
            .flat_map(|role| RpcProtocol::ALL.map(|protocol| (*role, protocol)));
        let scenarios = plays.map(|(role, protocol)| {
            let variables = self.variables(&id, role, protocol, row);
            let scenario = self.scenario(&id, role, protocol, row.map(|(_, row)| row), &variables);
            used.fixtures.extend(variables.fixtures.variable_names());
            used.columns.extend(variables.used.into_inner());
            (role, protocol, scenario)
        });
        CaseTemplate {
            source: Source::File(scenarios.collect()),
            id,
            rules: self.rules.clone(),
            roles,
            profile: self.profile,
            text: Arc::default(),
        }
    }

    /// The ids follow from names alone, so what is given can itself refer to them.
    fn variables(
        &self,
        id: &str,
        role: Role,
        protocol: RpcProtocol,
        row: Option<(&Table<'a>, &Row<'a>)>,
    ) -> Variables<'a> {
        let names = self.root.get("given").map(given::read_names);
        let fixtures = Fixtures::for_case(id, role, protocol, &names.unwrap_or_default());
        Variables {
            columns: row.map_or_else(BTreeMap::new, |(_, row)| row.columns.clone()),
            missing_columns: row.map_or_else(Vec::new, |(table, row)| table.missing_in(row)),
            row: row.map(|(_, row)| row.place),
            fixtures: fixtures.into(),
            ..Variables::default()
        }
    }

    fn scenario(
        &self,
        id: &str,
        role: Role,
        protocol: RpcProtocol,
        row: Option<&Row<'_>>,
        variables: &Variables<'_>,
    ) -> Scenario {
        let problems = self.problems;
        let filled = |key: &str| {
            let node = self.root.get(key)?;
            Some(variables.fill(node, problems))
        };
        let given = filled("given").map(|node| given::read(&node, problems));
        let mut given: Given = given.unwrap_or_default();
        let deviate = filled("deviate").map(|node| steps::read_deviations(&node, problems));
        let context = StepContext {
            file: self.file,
            role,
            given: &given,
            rules: &self.rules,
            problems,
        };
        let steps = filled("steps").map(|node| steps::read_steps(&node, &context));
        let steps = steps.unwrap_or_default();
        // That a client refuses something shows in what another session of it goes on to do.
        let witnessed = |verb: &Verb| match verb {
            Verb::Probe(_) => true,
            Verb::ExpectRefused(_) => role == Role::Initiator,
            _ => false,
        };
        if steps.iter().any(|step| witnessed(&step.verb)) {
            given
                .others
                .insert(PROBE.to_owned(), PeerFixture::default());
        }
        let place = row.map_or(self.about_place, |row| row.place);
        let rules = self.rules.iter().copied();
        Scenario {
            id: id.to_owned(),
            about: self.about.clone(),
            rules: rules
                .filter(|rule| rule_check::binds(*rule, role))
                .collect(),
            role,
            profile: self.profile,
            alone: self.alone,
            fixtures: Fixtures::for_case(id, role, protocol, &given),
            given,
            deviate: deviate.unwrap_or_default(),
            steps,
            location: Location {
                file: self.file.to_owned(),
                line: place.line,
                column: place.column,
            },
        }
    }
}

/// What the rows together made use of, and what they could have.
#[derive(Default)]
struct Used {
    columns: BTreeSet<String>,
    fixtures: BTreeSet<String>,
}

fn required<'a>(root: &'a Node, key: &str, problems: &Problems) -> Option<&'a Node> {
    // Reported as no map already.
    root.as_map()?;
    let node = root.get(key);
    if node.is_none() {
        problems.report(root.place, Problem::MissingKey(key.to_owned()));
    }
    node
}

fn optional<T: serde::de::DeserializeOwned + Default>(
    root: &Node,
    key: &str,
    problems: &Problems,
) -> T {
    let node = root.get(key);
    node.and_then(|node| de::read(node, problems))
        .unwrap_or_default()
}

fn read_about(node: &Node, problems: &Problems) -> String {
    let about: String = de::read(node, problems).unwrap_or_default();
    let one_line = about.trim() == about && !about.contains(['\n', '\r']);
    if node.as_str().is_some() && !(one_line && about.len() > 1 && about.ends_with('.')) {
        problems.report(node.place, Problem::AboutNotSentence);
    }
    about
}
