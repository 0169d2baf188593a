//! Who may use whom: each module of the library names only those above it.
#![allow(clippy::panic, reason = "a test says what it relies on by failing")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// A module, and the modules it may use beside itself.
const USES: &[(&str, &[&str])] = &[
    ("rules", &[]),
    ("wire", &[]),
    ("crypto", &[]),
    ("lapses", &["rules", "wire"]),
    ("session", &["lapses", "wire", "crypto", "rules"]),
    (
        "reference",
        &["lapses", "session", "wire", "crypto", "rules"],
    ),
    ("scenario", &["rules", "wire"]),
    ("trace", &["scenario", "session", "rules", "wire"]),
    ("model", &["trace", "scenario", "session", "rules", "wire"]),
    (
        "actor",
        &[
            "trace", "scenario", "session", "lapses", "crypto", "rules", "wire",
        ],
    ),
    (
        "judge",
        &["actor", "trace", "scenario", "session", "rules", "wire"],
    ),
    (
        "campaign",
        &["judge", "model", "trace", "scenario", "rules", "wire"],
    ),
    (
        "vectors",
        &["reference", "session", "lapses", "crypto", "wire"],
    ),
    (
        "net",
        &["reference", "session", "lapses", "crypto", "rules", "wire"],
    ),
    ("storage", &["reference", "session", "wire"]),
    (
        "target",
        &["trace", "scenario", "session", "crypto", "rules", "wire"],
    ),
    (
        "report",
        &[
            "judge", "model", "trace", "scenario", "session", "crypto", "rules", "wire",
        ],
    ),
    (
        "runner",
        &[
            "campaign",
            "model",
            "net",
            "reference",
            "target",
            "report",
            "judge",
            "actor",
            "trace",
            "scenario",
            "session",
            "lapses",
            "crypto",
            "rules",
            "wire",
        ],
    ),
    (
        "selftest",
        &[
            "campaign",
            "runner",
            "net",
            "reference",
            "target",
            "report",
            "judge",
            "actor",
            "scenario",
            "lapses",
            "crypto",
            "rules",
            "wire",
        ],
    ),
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a readable folder") {
            files(&entry.expect("an entry").path(), found);
        }
    } else if path.is_file() && path.extension().is_some_and(|ending| ending == "rs") {
        found.push(path.to_owned());
    }
}

/// The modules of this crate that a file names, in paths or in `use crate::{..}` lists.
fn used_by(text: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => {
                used.insert(word(rest));
            }
            Some(list) => {
                let mut depth = 0;
                let mut start = true;
                for (offset, character) in list.char_indices() {
                    match character {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        character if start && character.is_ascii_lowercase() => {
                            used.insert(word(&list[offset..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    used
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|character| character.is_ascii_lowercase() || *character == '_')
        .collect()
}

#[test]
fn every_module_then_it_uses_only_what_is_above_it() {
    let mut wrong = Vec::new();
    for (module, allowed) in USES {
        let mut found = Vec::new();
        files(&source().join(module), &mut found);
        files(&source().join(format!("{module}.rs")), &mut found);
        assert!(!found.is_empty(), "{module} has no file");
        for file in found {
            let text = fs::read_to_string(&file).expect("a readable file");
            for used in used_by(&text) {
                let is_module = USES.iter().any(|(name, _)| *name == used);
                if is_module && used != *module && !allowed.contains(&used.as_str()) {
                    wrong.push(format!("{} uses {used}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_of_the_library_then_it_has_a_place() {
    let text = fs::read_to_string(source().join("lib.rs")).expect("the map");
    for line in text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod "))
    {
        let module = line.trim_end_matches(';');
        assert!(USES.iter().any(|(name, _)| *name == module), "{module}");
    }
}

#[test]
fn paths_and_lists_then_each_module_is_seen() {
    let text =
        "use crate::{\n    net::{a, b::{c}},\n    judge::x,\n};\nfn f() { crate::actor::g() }";
    let used = used_by(text);
    assert_eq!(
        used.into_iter().collect::<Vec<_>>(),
        ["actor", "judge", "net"]
    );
}
