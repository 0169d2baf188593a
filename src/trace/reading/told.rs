//! What a client tells of a change of its operations.

use super::{EventKind, Events, Look, Reading, done, failed, scan};
use crate::{
    scenario::{fixtures::Fixtures, looks::OperationsChange},
    wire::{Action, SyncStreamItem, v1::operation_event::Event},
};

/// The next change that it tells of is this one. Whether it is told as created or as updated makes no difference to a
/// host.
pub(super) fn told(events: &Events<'_>, change: &OperationsChange, fixtures: &Fixtures) -> Reading {
    let of = |name: &Option<String>| {
        let name = name.as_ref()?;
        fixtures.operations.iter().find(|one| one.name == *name)
    };
    let (put, deleted) = (of(&change.put), of(&change.delete));
    let modno = put.map(|one| change.modno.unwrap_or(one.modno));
    let expected = match (put, deleted) {
        (Some(one), _) => format!(
            "receiveOperations with operation {}, modno {}",
            one.id,
            modno.unwrap_or_default()
        ),
        (None, Some(one)) => format!("receiveOperations that deletes {}", one.id),
        (None, None) => "receiveOperations".to_owned(),
    };
    let is_it = |event: &Event| match event {
        Event::CreatedOperations(list) | Event::UpdatedOperations(list) => {
            let [only] = list.operations.as_slice() else {
                return false;
            };
            put.is_some_and(|one| one.id == only.id) && modno == Some(only.modno)
        }
        Event::DeletedOperations(list) => deleted.is_some_and(|one| list.values == [one.id]),
        Event::KeepAlive(_) => false,
    };
    scan(events, &expected, |index, kind| match kind {
        EventKind::Received { item, .. } => match event_of(item) {
            Some(event) if is_it(event) => Look::Over(done(index)),
            Some(Event::KeepAlive(_)) => Look::Fine,
            Some(event) => Look::Over(failed(&expected, describe(event), index)),
            None if events.is_beginning(item) || events.is_unasked(index, item) => Look::Fine,
            None => Look::Strange,
        },
        _ => Look::Strange,
    })
}

fn event_of(item: &SyncStreamItem) -> Option<&Event> {
    match item.action.as_ref()? {
        Action::ReceiveOperations(received) => received.event.as_ref()?.event.as_ref(),
        _ => None,
    }
}

fn describe(event: &Event) -> String {
    let listed = |what: &str, operations: &[crate::wire::v1::Operation]| {
        let all = operations.iter();
        let all: Vec<String> = all
            .map(|one| format!("{}, modno {}", one.id, one.modno))
            .collect();
        format!("{what}: {}", all.join("; "))
    };
    match event {
        Event::CreatedOperations(list) => listed("created operations", &list.operations),
        Event::UpdatedOperations(list) => listed("updated operations", &list.operations),
        Event::DeletedOperations(list) => format!("deleted operations: {:?}", list.values),
        Event::KeepAlive(_) => "keep-alive".to_owned(),
    }
}
