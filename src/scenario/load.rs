//! Loads scenario files: all of them, with all that is wrong in any of them, before anything is played.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use super::{
    case::{self, CaseTemplate},
    load_error::{LoadError, Problems},
    model::FILE_LEN_BYTES_MAX,
    names,
    node::Place,
    problem::Problem,
};

/// Most problems that are listed for one file; a reader starts again long before.
const PROBLEMS_MAX: usize = 100;
const EXTENSION: &str = ".yaml";
/// Folder below the root whose files are lists of known failures and no scenarios.
const KNOWN_FAILING: &str = "known-failing";
/// Deepest folder below the root; a link that leads back up would have no end.
const FOLDERS_DEEP_MAX: usize = 8;

/// Loads files that are in memory: their paths below the root, with `/`, and their bytes.
///
/// Cases come in the order of their ids. On any problem there are no cases, but every problem of every file, in the
/// order of paths and lines.
pub fn load_files(files: Vec<(String, Vec<u8>)>) -> Result<Vec<CaseTemplate>, Vec<LoadError>> {
    load_files_of("", files)
}

/// As [`load_files`]; messages show each path behind `root`.
pub(super) fn load_files_of(
    root: &str,
    files: Vec<(String, Vec<u8>)>,
) -> Result<Vec<CaseTemplate>, Vec<LoadError>> {
    let files = files.into_iter().map(|(path, bytes)| Source {
        shown: format!("{root}{path}"),
        path,
        bytes: Ok(bytes),
    });
    load(files.collect())
}

/// Loads every `*.yaml` below a folder, known-failing lists apart. Names that start with a dot are left out, and so
/// are `*.md` files; any other file is an error, as a scenario with the wrong ending would never be played.
///
/// Files over [`FILE_LEN_BYTES_MAX`] are not read.
pub fn load_dir(root: &Path) -> Result<Vec<CaseTemplate>, Vec<LoadError>> {
    let mut files = Vec::new();
    collect_files(root, "", 0, &mut files);
    load(files)
}

/// The text of one file of another kind, held to the same bounds.
pub(crate) fn read_text(file: &Path) -> Result<String, (Place, Problem)> {
    let bytes = read_bounded(file)
        .unwrap_or_else(|error| Err(Problem::Unreadable(error.to_string())))
        .map_err(|problem| (Place::START, problem))?;
    text(&bytes).map(str::to_owned)
}

/// One file, or why there is none.
struct Source {
    shown: String,
    path: String,
    bytes: Result<Vec<u8>, Problem>,
}

fn load(mut files: Vec<Source>) -> Result<Vec<CaseTemplate>, Vec<LoadError>> {
    files.sort_by(|left, right| left.path.cmp(&right.path));
    let mut errors = Vec::new();
    let mut cases = BTreeMap::new();
    for file in &files {
        for case in load_file(file, &mut errors) {
            let id = case.id().to_owned();
            match cases.get(&id) {
                None => {
                    cases.insert(id, (file.shown.as_str(), case));
                }
                Some((other, _)) => errors.push(LoadError::new(
                    &file.shown,
                    Place::START,
                    Problem::DuplicateCase(id, (*other).to_owned()),
                    None,
                )),
            }
        }
    }
    match errors.is_empty() {
        true => Ok(cases.into_values().map(|(_, case)| case).collect()),
        false => Err(errors),
    }
}

fn load_file(file: &Source, errors: &mut Vec<LoadError>) -> Vec<CaseTemplate> {
    let problems = Problems::default();
    let mut source = None;
    let mut cases = Vec::new();
    match id_and_text(file) {
        Err((place, problem)) => problems.report(place, problem),
        Ok((id, text)) => {
            source = Some(text);
            cases = case::read_cases(&file.shown, id, text, &problems);
        }
    }
    let mut found = problems.take();
    if let Some((place, _)) = found.get(PROBLEMS_MAX) {
        let more = (*place, Problem::More(found.len() - PROBLEMS_MAX));
        found.truncate(PROBLEMS_MAX);
        found.push(more);
    }
    errors.extend(found.into_iter().map(|(place, problem)| {
        let file = &file.shown;
        LoadError::new(file, place, problem, source)
    }));
    cases
}

fn id_and_text(file: &Source) -> Result<(&str, &str), (Place, Problem)> {
    let bytes = file.bytes.as_ref();
    let bytes = bytes.map_err(|problem| (Place::START, problem.clone()))?;
    match file.path.strip_suffix(EXTENSION) {
        Some(id) if id.split('/').all(names::is_file_name) => Ok((id, text(bytes)?)),
        _ => Err((Place::START, Problem::FileName(file.path.clone()))),
    }
}

fn text(bytes: &[u8]) -> Result<&str, (Place, Problem)> {
    if too_large(bytes.len() as u64) {
        return Err((Place::START, Problem::FileTooLarge(bytes.len() as u64)));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        (Place::behind(&before), Problem::NotUtf8)
    })?;
    // The parser takes NUL for the end of the file, and would leave the rest unread; and a carriage return alone for the
    // end of a line, from where on it would count other lines than an editor does.
    let forbidden = |(index, character): &(usize, char)| match character {
        '\t' | '\n' => false,
        '\r' => !text[index + 1..].starts_with('\n'),
        character => character.is_control(),
    };
    match text.char_indices().find(forbidden) {
        None => Ok(text),
        Some((index, character)) => Err((
            Place::behind(&text[..index]),
            Problem::ControlCharacter(character),
        )),
    }
}

fn too_large(len: u64) -> bool {
    len > FILE_LEN_BYTES_MAX
}

fn collect_files(folder: &Path, below: &str, depth: usize, files: &mut Vec<Source>) {
    let failed = |error: io::Error, files: &mut Vec<Source>| {
        files.push(Source {
            shown: folder.display().to_string(),
            path: below.to_owned(),
            bytes: Err(Problem::Unreadable(error.to_string())),
        });
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return failed(error, files),
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return failed(error, files),
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name.ends_with(".md") {
            continue;
        }
        let path = match below {
            "" => name,
            below => format!("{below}/{name}"),
        };
        if !entry.path().is_dir() {
            files.push(read_source(&entry.path(), path));
        } else if depth >= FOLDERS_DEEP_MAX {
            files.push(Source {
                shown: entry.path().display().to_string(),
                path,
                bytes: Err(Problem::Unreadable(
                    "folders are nested too deep".to_owned(),
                )),
            });
        } else if path != KNOWN_FAILING {
            collect_files(&entry.path(), &path, depth + 1, files);
        }
    }
}

fn read_source(file: &Path, path: String) -> Source {
    Source {
        shown: file.display().to_string(),
        path,
        bytes: read_bounded(file)
            .unwrap_or_else(|error| Err(Problem::Unreadable(error.to_string()))),
    }
}

fn read_bounded(file: &Path) -> io::Result<Result<Vec<u8>, Problem>> {
    let file = File::open(file)?;
    let len = file.metadata()?.len();
    if too_large(len) {
        return Ok(Err(Problem::FileTooLarge(len)));
    }
    // It may grow meanwhile, and devices have no length.
    let mut bytes = Vec::new();
    file.take(FILE_LEN_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(Ok(bytes))
}
