//! Files of results, which others may have written: a case that was saved, with its trace, and a report. Whatever is in
//! them, it is refused, or told without harm, judged the same each time, and written as it was read.

use std::time::UNIX_EPOCH;

use syncspec::{
    judge::judge,
    model,
    report::{
        json::Report,
        matrix::{Column, areas, cases, markdown},
        saved::{PlayedCase, file_name},
        transcript,
    },
    trace::Trace,
};

/// A case that was saved.
pub fn saved(bytes: &[u8]) {
    let Ok(case) = PlayedCase::read(bytes) else {
        return;
    };
    let written = case.to_text().expect("what was read can be written");
    let again = PlayedCase::read(&written).expect("what we write, we read");
    assert_eq!(again, case, "read again, and not the same");
    let name = file_name(&case);
    assert!(
        !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.'),
        "{name:?} leads out of the folder"
    );
    let nothing = Trace::default();
    let trace = case.trace.as_ref().unwrap_or(&nothing);
    assert_eq!(
        judge(&case.scenario, trace),
        judge(&case.scenario, trace),
        "judged twice, and not the same"
    );
    for line in transcript::lines(trace, &[]) {
        assert!(!line.contains('\u{1b}'), "a terminal would obey {line:?}");
    }
    let share = model::Coverage::of(trace, case.scenario.role).share(case.scenario.role);
    assert!(share.states <= share.states_all && share.cells <= share.cells_all);
}

/// A report, alone and beside one that cannot be read.
pub fn report(bytes: &[u8]) {
    let Ok(report) = Report::read(bytes) else {
        return;
    };
    let written = serde_json::to_vec(&report).expect("what was read can be written");
    let again = Report::read(&written).expect("what we write, we read");
    assert_eq!(again, report, "read again, and not the same");
    let columns = [
        Column {
            file: "a.json".to_owned(),
            report: Ok(report.clone()),
        },
        Column {
            file: "b.json".to_owned(),
            report: Err(format!("not readable since {UNIX_EPOCH:?}")),
        },
    ];
    let rows = cases(&columns);
    assert!(rows.len() <= report.results.len(), "a case out of nowhere");
    let table = markdown(&columns);
    assert!(!areas(&columns).is_empty() && !table.contains('\u{1b}'));
}
