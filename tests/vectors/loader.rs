//! Whatever a file holds that is unknown is an error, and the field dictionary is complete.

use std::{collections::BTreeSet, sync::Arc};

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use syncspec::vectors::{KNOWN_DEFECTS, RunError, Test, VectorFault, VectorSet, load};

use crate::files;

/// Each changes one file, loads it, and looks for the fault.
pub fn trials(set: &Arc<VectorSet>) -> Vec<Trial> {
    let transcript = "/groups/0/tests/0";
    let first = Some("transcript-0001");
    vec![
        refused(
            "unknown-schema",
            "",
            |file| file["schema"] = json!("other/1"),
            None,
            |fault| matches!(fault, VectorFault::SchemaUnknown { seen } if seen == "other/1"),
        ),
        refused(
            "unknown-field-of-the-file",
            "",
            |file| file["new"] = json!(1),
            None,
            |fault| matches!(fault, VectorFault::File(error) if error.contains("new")),
        ),
        refused(
            "unknown-group-type",
            "/groups/0",
            |group| group["type"] = json!("new"),
            first,
            |fault| matches!(fault, VectorFault::GroupTypeUnknown { seen } if seen == "new"),
        ),
        refused(
            "unknown-field-of-a-group",
            "/groups/0",
            |group| group["new"] = json!(1),
            first,
            |fault| matches!(fault, VectorFault::Field(error) if error.contains("new")),
        ),
        refused(
            "unknown-result",
            transcript,
            |test| test["result"] = json!("maybe"),
            first,
            |fault| matches!(fault, VectorFault::ResultUnknown { seen } if seen == "maybe"),
        ),
        refused(
            "unknown-field-of-a-test",
            transcript,
            |test| test["new"] = json!(1),
            first,
            |fault| matches!(fault, VectorFault::Field(error) if error.contains("new")),
        ),
        refused(
            "missing-field-of-a-test",
            transcript,
            |test| drop_key(test, "enc"),
            first,
            |fault| matches!(fault, VectorFault::Field(error) if error.contains("enc")),
        ),
        refused(
            "malformed-hex",
            transcript,
            |test| test["enc"] = json!("0g"),
            first,
            |fault| matches!(fault, VectorFault::Field(error) if error.contains("hex")),
        ),
        refused(
            "reason-of-a-valid-test",
            transcript,
            |test| test["reason"] = json!("none"),
            first,
            |fault| *fault == VectorFault::ReasonUnexpected,
        ),
        refused(
            "refusal-without-reason",
            transcript,
            |test| test["result"] = json!("invalid"),
            first,
            |fault| *fault == VectorFault::ReasonMissing,
        ),
        refused(
            "missing-id",
            transcript,
            |test| drop_key(test, "id"),
            None,
            |fault| *fault == VectorFault::IdMissing,
        ),
        refused(
            "duplicate-id",
            transcript,
            |test| test["id"] = json!("transcript-0002"),
            Some("transcript-0002"),
            |fault| *fault == VectorFault::IdDuplicate,
        ),
        refused(
            "wrong-number-of-tests",
            "",
            |file| file["number_of_tests"] = json!(9),
            None,
            |fault| matches!(fault, VectorFault::TestCount { expected: 9, .. }),
        ),
        check(set, "loader/unknown-reason", unknown_reason_then_red),
        check(
            set,
            "loader/known-defects",
            known_defects_then_still_in_the_files,
        ),
        check(
            set,
            "loader/field-dictionary",
            every_field_then_in_the_dictionary,
        ),
    ]
}

fn check(set: &Arc<VectorSet>, name: &str, check: fn(&VectorSet) -> Result<(), Failed>) -> Trial {
    let set = Arc::clone(set);
    Trial::test(name, move || check(&set))
}

fn unknown_reason_then_red(set: &VectorSet) -> Result<(), Failed> {
    let test = set.test("kem-0041").unwrap();
    let mut fields = test.fields().clone();
    fields["reason"] = json!("a reason nobody knows");
    match test.run_with(test.group_fields(), &fields) {
        Err(RunError::Mismatches(found)) if found.iter().any(|m| m.field == "reason") => Ok(()),
        other => Err(format!("the reason was not named: {other:?}").into()),
    }
}

fn known_defects_then_still_in_the_files(set: &VectorSet) -> Result<(), Failed> {
    for defect in KNOWN_DEFECTS {
        let field = |id| {
            set.test(id)
                .and_then(|test| test.fields().get(defect.field))
                .cloned()
        };
        if field(defect.test).is_none() || field(defect.test) != field(defect.copied_from) {
            return Err(format!("{defect:?} is gone from the files").into());
        }
    }
    Ok(())
}

fn every_field_then_in_the_dictionary(set: &VectorSet) -> Result<(), Failed> {
    let dictionary = include_str!("../../vectors/README.md");
    let own_fields = |test: Test<'_>| {
        let steps = test
            .fields()
            .get("steps")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let sides = ["initiator", "responder"].map(|side| test.fields().get(side).cloned());
        let inner = steps.into_iter().chain(sides.into_iter().flatten());
        let inner = inner.flat_map(|part| part.as_object().cloned().unwrap_or_default());
        let outer = test
            .fields()
            .clone()
            .into_iter()
            .chain(test.group_fields().clone());
        outer.chain(inner).map(|(key, _)| key).collect::<Vec<_>>()
    };
    let fields: BTreeSet<String> = set.tests().flat_map(own_fields).collect();
    let missing: Vec<_> = fields
        .iter()
        .filter(|key| !dictionary.contains(&format!("`{key}`")))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("vectors/README.md lacks {missing:?}").into())
    }
}

fn refused(
    name: &str,
    pointer: &'static str,
    change: fn(&mut Value),
    id: Option<&'static str>,
    is_wanted: fn(&VectorFault) -> bool,
) -> Trial {
    const FILE: &str = "transcript.json";
    Trial::test(format!("loader/{name}"), move || {
        let (_, text) = files().into_iter().find(|(name, _)| name == FILE).unwrap();
        let mut file: Value = serde_json::from_str(&text)?;
        change(file.pointer_mut(pointer).unwrap());
        let errors = load(vec![(FILE.to_owned(), file.to_string())])
            .err()
            .unwrap_or_default();
        let named = errors.iter().any(|error| {
            error.file == FILE && error.id.as_deref() == id && is_wanted(&error.fault)
        });
        let seen: Vec<_> = errors.iter().take(3).map(ToString::to_string).collect();
        if named {
            Ok(())
        } else {
            Err(Failed::from(format!("seen instead: {seen:?}")))
        }
    })
}

fn drop_key(value: &mut Value, key: &str) {
    value.as_object_mut().unwrap().remove(key);
}
