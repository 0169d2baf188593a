//! Reads the table of a scenario: rows with a name, whose other columns are variables.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    de,
    load_error::Problems,
    model::CASES_MAX,
    names,
    node::{Key, Node, Place},
    problem::Problem,
};

/// The column that names the row.
const NAME: &str = "name";

/// A table, as it was read so far.
#[derive(Debug, Default)]
pub struct Table<'a> {
    /// Its rows.
    pub rows: Vec<Row<'a>>,
    columns: BTreeMap<&'a str, Place>,
}

/// One row.
#[derive(Debug)]
pub struct Row<'a> {
    /// Last part of the case id.
    pub name: &'a str,
    /// Where it stands.
    pub place: Place,
    /// The other columns.
    pub columns: BTreeMap<&'a str, &'a Node>,
}

impl<'a> Table<'a> {
    /// Reads the rows; a row without a usable name is reported and left out.
    pub fn read(node: &'a Node, problems: &Problems) -> Table<'a> {
        let mut table = Table::default();
        let elements = de::elements(node, problems);
        if elements.is_empty() && node.as_seq().is_some() {
            problems.report(node.place, Problem::NoRows);
        }
        if elements.len() > CASES_MAX {
            problems.report(node.place, Problem::TooManyRows(elements.len()));
            return table;
        }
        let mut lines = BTreeMap::new();
        for element in elements {
            let entries = de::entries(element, problems);
            for (key, _) in entries.iter().filter(|(key, _)| key.text != NAME) {
                table.columns.entry(&key.text).or_insert(key.place);
            }
            let Some(name) = row_name(element, problems) else {
                continue;
            };
            if let Some(&first_line) = lines.get(name) {
                let name = name.to_owned();
                problems.report(element.place, Problem::DuplicateRow { name, first_line });
            }
            lines.insert(name, element.place.line);
            table.rows.push(row(name, element.place, entries));
        }
        table
    }

    /// The columns that other rows have and this one lacks.
    pub fn missing_in(&self, row: &Row<'_>) -> Vec<&'a str> {
        let columns = self.columns.keys().copied();
        columns
            .filter(|column| !row.columns.contains_key(column))
            .collect()
    }

    /// Reports the columns that nothing used, and those that have a fixture variable's name.
    pub fn check_columns(
        &self,
        used: &BTreeSet<String>,
        fixtures: &BTreeSet<String>,
        problems: &Problems,
    ) {
        for (column, place) in &self.columns {
            if fixtures.contains(*column) {
                problems.report(*place, Problem::ColumnHidesFixture((*column).to_owned()));
            } else if !used.contains(*column) {
                problems.report(*place, Problem::UnusedColumn((*column).to_owned()));
            }
        }
    }
}

fn row<'a>(name: &'a str, place: Place, entries: &'a [(Key, Node)]) -> Row<'a> {
    let columns = entries.iter().filter(|(key, _)| key.text != NAME);
    Row {
        name,
        place,
        columns: columns
            .map(|(key, node)| (key.text.as_str(), node))
            .collect(),
    }
}

fn row_name<'a>(row: &'a Node, problems: &Problems) -> Option<&'a str> {
    // Reported as no map already.
    row.as_map()?;
    let Some(name) = row.get(NAME) else {
        problems.report(row.place, Problem::MissingKey(NAME.to_owned()));
        return None;
    };
    let Some(text) = name.as_str() else {
        de::wrong_type(name, "text", problems);
        return None;
    };
    if !names::is_kebab_case(text) {
        problems.report(name.place, Problem::NotKebabCase(text.to_owned()));
    }
    Some(text)
}
