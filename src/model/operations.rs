//! Operations at the borders of what the contract can hold, as a host shows them: what it was sent and holds it does not
//! ask for, and what it does not hold it asks for.
//!
//! Every case sends an operation and then manifests; only their answers are read.

use serde_json::{Value as Json, json};

use crate::{rules::RuleId, scenario::fixtures::STARTED_AT_UNIX_MS};

/// Ids that an operation may have: a name and the id. The host only has to keep them apart.
const IDS: [(&str, i64); 8] = [
    ("one", 1),
    ("minus-one", -1),
    ("beyond-32-bits", 1 << 32 | 7),
    ("minus-beyond-32-bits", -(1 << 32) - 7),
    ("beyond-what-a-double-holds", (1 << 53) + 1),
    ("minus-beyond-what-a-double-holds", -(1 << 53) - 1),
    ("largest", i64::MAX),
    ("smallest", i64::MIN),
];

/// Pairs of ids that a host must not take for one: a name and both.
const APART: [(&str, i64, i64); 4] = [
    ("sign", 7, -7),
    ("low-32-bits", 7, 1 << 32 | 7),
    ("low-53-bits", 1 << 53, (1 << 53) + 1),
    ("ends", i64::MAX, i64::MIN),
];

/// Modnos of a stored operation and of the manifest behind it. Equal or not is all that counts.
const MODNOS: [(&str, i64, i64); 8] = [
    ("up-by-one", 5, 6),
    ("down-by-one", 5, 4),
    ("up-across-32-bits", 7, 1 << 32 | 7),
    ("up-beyond-what-a-double-holds", 1 << 53, (1 << 53) + 1),
    ("from-the-largest", i64::MAX, 1),
    ("to-the-largest", 1, i64::MAX),
    ("to-zero", 5, 0),
    ("to-minus", 5, -5),
];

/// Texts that a host stores as they are: a name and the text.
const TEXTS: [(&str, &str); 10] = [
    ("digits", "007"),
    ("number", "1e3"),
    ("hexadecimal", "0x10"),
    ("truth", "true"),
    ("null", "null"),
    ("slashes", "../../etc/passwd"),
    ("quotes", "a'; \"b\" -- \\"),
    ("unicode", "Gr\u{fc}\u{df}e \u{65e5}\u{672c} \u{1f984}"),
    ("right-to-left", "\u{202e}tfel\u{202c} e\u{301}"),
    ("line-break", "two\nlines\tand a tab"),
];

/// Length of a text that is long, and still none that a limit should meet.
const LONG_LEN: usize = 10_000;

/// The cases: the id of each, and what its file would hold.
pub fn cases() -> impl Iterator<Item = (String, Json)> {
    let ids = IDS.map(|(name, id)| (format!("id/{name}"), kept(id)));
    let apart =
        APART.map(|(name, held, other)| (format!("ids-apart/{name}"), told_apart(held, other)));
    let modnos =
        MODNOS.map(|(name, held, listed)| (format!("modno/{name}"), asked_again(held, listed)));
    let same = MODNOS.map(|(name, held, _)| (format!("same-modno/{name}"), held));
    let mut seen = Vec::new();
    let same = same.into_iter().filter_map(move |(name, held)| {
        (!seen.contains(&held)).then(|| {
            seen.push(held);
            (name, not_asked_again(held))
        })
    });
    let long = "long ".repeat(LONG_LEN / 5);
    let texts = TEXTS
        .into_iter()
        .chain([("long", long.as_str())])
        .map(|(name, text)| (format!("text/{name}"), text_stored(text)))
        .collect::<Vec<_>>();
    ids.into_iter()
        .chain(apart)
        .chain(modnos)
        .chain(same)
        .chain(texts)
        .chain(manifests())
        .map(|(name, file)| (format!("operations/responder/{name}"), file))
}

/// Held under its id, asked for once it is deleted.
fn kept(id: i64) -> Json {
    file(
        "An operation is held, deleted and asked for under its id, all 64 bits of it.",
        &[
            RuleId::WireInt64FullRange,
            RuleId::ResponderOperationsStored,
            RuleId::ResponderOperationsDelete,
        ],
        vec![
            created(&[operation(id, 3)]),
            manifest(&[(id, 3)]),
            json!("fence"),
            json!({ "send": { "receiveOperations": { "event": { "deletedOperations": {
                "values": [text(id)],
            } } } } }),
            manifest(&[(id, 3)]),
            asked(&[id]),
            json!("fence"),
        ],
    )
}

/// Two ids that share a part are two operations.
fn told_apart(held: i64, other: i64) -> Json {
    file(
        "Of two ids that a careless host takes for one, the one it does not hold is asked for.",
        &[
            RuleId::WireInt64FullRange,
            RuleId::ResponderManifestRequestsNew,
        ],
        vec![
            created(&[operation(held, 3)]),
            manifest(&[(held, 3), (other, 3)]),
            asked(&[other]),
            json!("fence"),
        ],
    )
}

fn asked_again(held: i64, listed: i64) -> Json {
    file(
        "An operation that is listed with another modno than it is held with, higher or lower, is asked for.",
        &[
            RuleId::ResponderManifestRequestsChanged,
            RuleId::WireInt64FullRange,
        ],
        vec![
            created(&[operation(7, held)]),
            manifest(&[(7, listed)]),
            asked(&[7]),
            json!("fence"),
        ],
    )
}

fn not_asked_again(held: i64) -> Json {
    file(
        "An operation that is listed with the modno it is held with is not asked for.",
        &[
            RuleId::ResponderManifestRequestsNoMore,
            RuleId::WireInt64FullRange,
        ],
        vec![
            created(&[operation(7, held)]),
            manifest(&[(7, held)]),
            json!("fence"),
        ],
    )
}

/// Names are text, whatever they look like: the operation is stored, and another of that name is another operation.
fn text_stored(text: &str) -> Json {
    let mut first = operation(7, 3);
    for field in ["repoId", "planId", "displayMessage"] {
        first[field] = json!(text);
    }
    let mut second = first.clone();
    second["id"] = json!("8");
    file(
        "Operations whose names are unusual text are stored like any other, and asked for no more.",
        &[RuleId::ResponderOperationsStored],
        vec![
            created(&[first, second]),
            manifest(&[(7, 3), (8, 3)]),
            json!("fence"),
            manifest(&[(7, 3), (8, 4)]),
            asked(&[8]),
            json!("fence"),
        ],
    )
}

fn manifests() -> Vec<(String, Json)> {
    let order = [9, -4, 300, 2, i64::MAX, i64::MIN, 7];
    let listed: Vec<(i64, i64)> = order.iter().map(|id| (*id, 1)).collect();
    let held: Vec<Json> = (1..=3).map(|id| operation(id, 5)).collect();
    let row = |name: &str, file: Json| (format!("manifest/{name}"), file);
    vec![
        row(
            "order",
            file(
                "What a host asks for keeps the manifest's order, not that of the ids.",
                &[
                    RuleId::ResponderManifestOrder,
                    RuleId::ResponderManifestRequestsNew,
                ],
                vec![manifest(&listed), asked(&order), json!("fence")],
            ),
        ),
        row(
            "id-zero",
            file(
                "The id 0 in a manifest is an id like any other, and asked for.",
                &[RuleId::ResponderManifestRequestsNew],
                vec![manifest(&[(0, 1), (7, 1)]), asked(&[0, 7]), json!("fence")],
            ),
        ),
        row(
            "some-held-some-changed-some-new",
            file(
                "Of a manifest, new and changed operations are asked for with one item, and held ones are not.",
                &[
                    RuleId::ResponderManifestRequestsNoMore,
                    RuleId::ResponderManifestRequestsNew,
                    RuleId::ResponderManifestRequestsChanged,
                ],
                vec![
                    created(&held),
                    manifest(&[(4, 5), (1, 5), (2, 6), (3, 5), (5, 1)]),
                    asked(&[4, 2, 5]),
                    json!("fence"),
                ],
            ),
        ),
        row(
            "omitted-is-deleted",
            file(
                "An operation that a manifest omits is deleted, and the others are not.",
                &[
                    RuleId::ResponderManifestDeletesAbsent,
                    RuleId::ResponderManifestRequestsNoMore,
                ],
                vec![
                    created(&held),
                    manifest(&[(1, 5), (3, 5)]),
                    json!("fence"),
                    manifest(&[(1, 5), (2, 5), (3, 5)]),
                    asked(&[2]),
                    json!("fence"),
                ],
            ),
        ),
        row(
            "empty-deletes-all",
            file(
                "An empty manifest deletes all that a client has at the host.",
                &[RuleId::ResponderManifestDeletesAbsent],
                vec![
                    created(&held),
                    manifest(&[]),
                    manifest(&[(1, 5), (2, 5), (3, 5)]),
                    asked(&[1, 2, 3]),
                    json!("fence"),
                ],
            ),
        ),
        row(
            "updated-is-held-as-updated",
            file(
                "An operation that is created, updated, deleted and created again is held as it was sent last.",
                &[
                    RuleId::ResponderOperationsRecreate,
                    RuleId::ResponderOperationsUpsert,
                    RuleId::ResponderOperationsDelete,
                ],
                vec![
                    created(&[operation(7, 1)]),
                    json!({ "send": { "receiveOperations": { "event": { "updatedOperations": {
                        "operations": [operation(7, 2)],
                    } } } } }),
                    manifest(&[(7, 2)]),
                    json!({ "fence": null, "rule": RuleId::ResponderOperationsUpsert.as_str() }),
                    json!({ "send": { "receiveOperations": { "event": { "deletedOperations": {
                        "values": ["7"],
                    } } } } }),
                    created(&[operation(7, 3)]),
                    manifest(&[(7, 3)]),
                    json!("fence"),
                ],
            ),
        ),
    ]
}

fn created(operations: &[Json]) -> Json {
    json!({ "send": { "receiveOperations": { "event": { "createdOperations": {
        "operations": operations,
    } } } } })
}

fn operation(id: i64, modno: i64) -> Json {
    json!({
        "id": text(id),
        "modno": text(modno),
        "flowId": 7,
        "repoId": "photos",
        "repoGuid": "1".repeat(64),
        "planId": "daily",
        "instanceId": "$instance",
        "unixTimeStartMs": STARTED_AT_UNIX_MS.to_string(),
    })
}

fn manifest(listed: &[(i64, i64)]) -> Json {
    json!({ "send": { "operationManifest": {
        "opIds": listed.iter().map(|(id, _)| text(*id)).collect::<Vec<_>>(),
        "modnos": listed.iter().map(|(_, modno)| text(*modno)).collect::<Vec<_>>(),
    } } })
}

fn asked(ids: &[i64]) -> Json {
    let ids: Vec<_> = ids.iter().map(|id| text(*id)).collect();
    json!({ "expect": { "requestOperationData": { "opIds": ids } } })
}

/// 64-bit integers stand in quotes where a number would be read as a double elsewhere.
fn text(number: i64) -> Json {
    match i32::try_from(number) {
        Ok(small) => json!(small),
        Err(_) => json!(number.to_string()),
    }
}

fn file(about: &str, rules: &[RuleId], mut steps: Vec<Json>) -> Json {
    steps.insert(0, json!("establish"));
    json!({
        "about": about,
        "rules": rules.iter().map(|rule| rule.as_str()).collect::<Vec<_>>(),
        "target": "responder",
        "steps": steps,
    })
}
