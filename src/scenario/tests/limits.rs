//! The bounds of the loader, from both sides.

use super::*;

#[test]
fn file_of_the_largest_length_then_loads_and_not_a_byte_more() {
    let len = usize::try_from(FILE_LEN_BYTES_MAX).unwrap();
    let mut text = format!("{VALID}#");
    text.extend(std::iter::repeat_n('x', len - text.len()));
    assert_eq!(cases(&text).len(), 1);
    text.push('x');
    let words = format!("at most {len} bytes, seen {}", len + 1);
    assert_problem(&text, "1:1", &[&words]);
}

#[test]
fn more_problems_than_are_listed_then_how_many_more() {
    let unknown: String = (0..107).map(|key| format!("k{key}: x\n")).collect();
    let found = problems(&format!("{VALID}{unknown}"));
    assert_eq!(found.len(), 101);
    let last = found.last().unwrap();
    assert!(
        last.ends_with("7 more problems follow in this file"),
        "{last}"
    );
}

#[test]
fn folders_eight_deep_then_loaded_and_none_below_them() {
    let (_folder, root) = folder(&[("a/b/c/d/e/f/g/h/case.yaml", VALID)]);
    assert_eq!(load_dir(&root).unwrap()[0].id(), "a/b/c/d/e/f/g/h/case");
    let (_folder, root) = folder(&[("a/b/c/d/e/f/g/h/i/case.yaml", VALID)]);
    let errors = load_dir(&root).unwrap_err();
    assert_eq!(errors.len(), 1);
    let message = errors[0].to_string();
    assert!(message.contains("nested too deep"), "{message}");
}

/// A device says that it has no length, and would never end.
#[cfg(unix)]
#[test]
fn file_without_an_end_then_read_no_further_than_its_bound() {
    let (_folder, root) = folder(&[]);
    std::os::unix::fs::symlink("/dev/zero", root.join("endless.yaml")).unwrap();
    let errors = load_dir(&root).unwrap_err();
    let words = format!("at most {FILE_LEN_BYTES_MAX} bytes");
    let message = errors[0].to_string();
    assert!(message.contains(&words), "{message}");
}
