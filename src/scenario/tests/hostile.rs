//! Files that nobody would write by hand.

use std::time::Instant;

use proptest::prelude::*;

use super::*;

#[test]
fn hostile_bytes_then_refused_at_once() {
    let bomb = (1..60).fold(
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(),
        |text, level| {
            let aliases = format!("*a{}, ", level - 1).repeat(9);
            format!("{text}a{level}: &a{level} [{aliases}]\n")
        },
    );
    let deep = "[".repeat(200_000);
    let maps = "{a: ".repeat(60_000);
    let keys: String = (0..30_000).map(|key| format!("k{key}: \n")).collect();
    let large = "x".repeat(10_000_000);
    for (text, words) in [
        (bomb.as_str(), "aliases are not allowed"),
        (deep.as_str(), "not YAML"),
        (maps.as_str(), "not YAML"),
        (keys.as_str(), "more problems follow"),
        (large.as_str(), "at most 262144 bytes, seen 10000000"),
    ] {
        let start = Instant::now();
        let errors = load(text).unwrap_err();
        let took = start.elapsed();
        assert!(
            errors.iter().any(|error| error.to_string().contains(words)),
            "{}",
            errors[0]
        );
        // Measured at 10 to 50 ms, and 1 s for the many keys, on a machine with other work. What grows with each
        // level of an alias bomb, or with the square of a length, takes minutes.
        assert!(took < Duration::from_secs(10), "{words}: {took:?}");
    }
}

#[test]
fn bytes_that_are_no_text_then_their_place() {
    let place = |bytes: &[u8]| {
        let errors = load_files(vec![("a.yaml".to_owned(), bytes.to_vec())]).unwrap_err();
        errors[0].to_string()
    };
    assert_eq!(
        place(b"about: x\n\xc3\xa4\xff"),
        "a.yaml:2:2: expected UTF-8, seen bytes that are not"
    );
    assert_eq!(
        place(b"about: x\nab\0steps: x"),
        "a.yaml:2:3: expected text, seen the control character U+0000"
    );
    assert!(place(b"\x1b[2J: x").contains("U+001B"));
    assert_eq!(
        place(b"about: x\r\nab\rsteps: x"),
        "a.yaml:2:3: expected text, seen the control character U+000D"
    );
}

#[test]
fn yaml_that_is_none_then_the_parser_says_where() {
    assert_problem(
        "about: A claim.\nsteps:\n\t- connect\n",
        "3:2",
        &["not YAML", "tab"],
    );
    assert_problem("about: [x\n", "1:8", &["not YAML", "unclosed"]);
    assert_problem(
        "about: A.\nabout: B.\nrules: [wire.contract]\ntarget: both\nsteps: [establish, fence]\n",
        "2:1",
        &["the key `about` stands in line 1 already"],
    );
    assert_problem(&format!("{VALID}---\na: b\n"), "7:1", &["seen a second"]);
    assert_problem("", "1:1", &["empty"]);
    assert_problem("# only a comment\n", "1:1", &["empty"]);
    assert_problem("? [a]\n: b\n", "1:3", &["expected text as key"]);
    assert_problem("- a list\n", "1:1", &["expected a map, seen a list"]);
}

proptest! {
    #[test]
    fn arbitrary_bytes_then_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = load_files(vec![("a.yaml".to_owned(), bytes)]);
    }

    #[test]
    fn arbitrary_yaml_then_no_panic(text in "[ab:\\-\\[\\]{},$\"'#&*!|>?%@`\n ]{0,200}") {
        if let Err(errors) = load(&text) {
            for error in errors {
                error.render();
            }
        }
    }

    #[test]
    fn scenario_with_a_part_replaced_then_no_panic(
        start in 0..TABLE.len(),
        len in 0..40_usize,
        part in "(\\$[a-z]{0,3}|[a-z0-9:{}\\[\\], \n-]{0,12}|\\PC{0,4})",
    ) {
        let end = (start + len).min(TABLE.len());
        let mut text = TABLE.to_owned();
        text.replace_range(start..end, &part);
        if let Err(errors) = load(&text) {
            for error in errors {
                error.render();
            }
        }
    }
}
