//! Every input that a fuzzer once found something with, replayed on stable: `fuzz/regressions/TARGET/NAME`.

use std::{fs, path::Path};

use syncspec_fuzz::targets::find;

#[test]
fn every_input_that_found_something_then_its_oracle_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let mut played = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let of_target = entry.unwrap();
        let name = of_target.file_name().into_string().unwrap();
        let target = find(&name).unwrap_or_else(|| panic!("no target is called {name}"));
        for entry in fs::read_dir(of_target.path()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let held = std::panic::catch_unwind(|| (target.check)(&bytes));
            assert!(held.is_ok(), "{}", path.display());
            played += 1;
        }
    }
    assert!(played > 0, "nothing was replayed");
}
