//! Ids of cases are append-only.
#![allow(clippy::panic, reason = "a test says what it relies on by failing")]

use std::collections::BTreeSet;

use syncspec::{
    model::load_catalogue,
    scenario::{released::Released, splice::load_spliced},
};

#[test]
fn every_id_that_was_promised_is_still_a_case_or_leads_to_one() {
    let mut cases = load_catalogue().expect("the built-in cases load");
    cases.extend(load_spliced().expect("the cases between two peers load"));
    let cases: BTreeSet<&str> = cases.iter().map(|case| case.id()).collect();
    let released = Released::read(include_str!("../case-ids.txt")).expect("case-ids.txt is read");
    let vanished: Vec<&str> = released.vanished(&cases);
    assert!(
        vanished.is_empty(),
        "no case has these ids any more; add lines `OLD -> NEW` to case-ids.txt:\n{}",
        vanished.join("\n")
    );
}
