//! What the host makes of a store that fails.

use std::{cell::RefCell, rc::Rc};

use super::*;
use crate::{
    reference::{
        fixture::operation,
        logs::Log,
        memory_store::MemoryStore,
        store::{PeerFact, PutError},
    },
    wire::{
        v1::{OperationEvent, OperationList, operation_event::Event},
        v1sync::sync_stream_item::{SyncActionOperationManifest, SyncActionReceiveOperations},
    },
};

/// A store that tells what it was asked, and fails where it is told to.
struct Failing {
    store: MemoryStore,
    asked: Rc<RefCell<Vec<&'static str>>>,
    fails_at: &'static str,
}

impl Failing {
    fn asked(&self, what: &'static str) -> Result<(), StoreFault> {
        self.asked.borrow_mut().push(what);
        match what == self.fails_at {
            true => Err(fault()),
            false => Ok(()),
        }
    }
}

fn fault() -> StoreFault {
    StoreFault::Failed {
        file: "f".to_owned(),
        why: "as asked".to_owned(),
    }
}

impl Store for Failing {
    fn keep_config(&mut self, config: &Config) -> Result<(), StoreFault> {
        self.asked("config")?;
        self.store.keep_config(config)
    }

    fn upsert(&mut self, owner: &str, sent: v1::Operation) -> Result<(), PutError> {
        self.asked("upsert")?;
        self.store.upsert(owner, sent)
    }

    fn operations(&self, owner: &str) -> Result<Vec<v1::Operation>, StoreFault> {
        self.store.operations(owner)
    }

    fn delete(&mut self, owner: &str, original_id: i64) -> Result<bool, StoreFault> {
        self.asked("delete")?;
        self.store.delete(owner, original_id)
    }

    fn reconcile(&mut self, owner: &str, listed: &[(i64, i64)]) -> Result<Vec<i64>, StoreFault> {
        self.asked("reconcile")?;
        self.store.reconcile(owner, listed)
    }

    fn keep_fact(&mut self, _keyid: &str, _fact: PeerFact<'_>) -> Result<(), StoreFault> {
        self.asked("fact")
    }

    fn keep_log(&mut self, owner: &str, log_id: &str, log: &Log) -> Result<(), StoreFault> {
        self.asked("log")?;
        self.store.keep_log(owner, log_id, log)
    }

    fn log(&self, owner: &str, log_id: &str) -> Result<Option<Log>, StoreFault> {
        self.store.log(owner, log_id)
    }

    fn commit(&mut self) -> Result<(), StoreFault> {
        self.asked("commit")
    }

    fn roll_back(&mut self) {
        self.asked.borrow_mut().push("roll back");
    }
}

struct Tried {
    host: Host<Failing>,
    asked: Rc<RefCell<Vec<&'static str>>>,
}

impl Tried {
    /// The reader has a session; from here on the store fails at one thing.
    fn at(fails_at: &'static str, limits: Limits) -> Tried {
        let asked = Rc::default();
        let store = Failing {
            store: MemoryStore::new(limits.share()),
            asked: Rc::clone(&asked),
            fails_at: "",
        };
        let config = host_with(|c| sync(c).pairing_tokens.push(token("s", 1)));
        let settings = Settings {
            limits,
            ..Settings::default()
        };
        let mut host = Host::with_store(config.config().clone(), settings, store, Vec::new());
        host.admit(ONE, &verified("reader", 2), at(0)).unwrap();
        host.store.fails_at = fails_at;
        asked.borrow_mut().clear();
        Tried { host, asked }
    }

    fn receive(&mut self, action: Action) -> Result<Vec<Effect>, Refusal> {
        self.host.receive(ONE, action, at(0))
    }
}

fn two_operations() -> Action {
    let operations = vec![operation(1, 1), operation(2, 1)];
    let event = Event::CreatedOperations(OperationList { operations });
    Action::ReceiveOperations(SyncActionReceiveOperations {
        event: Some(OperationEvent { event: Some(event) }),
    })
}

#[test]
fn item_taken_then_one_commit() {
    let mut tried = Tried::at("", Limits::default());
    tried.receive(two_operations()).unwrap();
    assert_eq!(*tried.asked.borrow(), ["upsert", "upsert", "commit"]);
}

#[test]
fn store_fails_then_rolled_back_and_nothing_is_taken_from_that_session() {
    let mut tried = Tried::at("upsert", Limits::default());
    let refusal = tried.receive(two_operations()).unwrap_err();
    assert_eq!(refusal, Refusal::Store(fault()));
    assert_eq!(refusal.code(), Code::Internal);
    assert_eq!(*tried.asked.borrow(), ["upsert", "roll back"]);
    assert_eq!(tried.receive(two_operations()), Ok(vec![]));
    assert_eq!(tried.asked.borrow().len(), 2);
}

#[test]
fn commit_fails_then_rolled_back_and_nothing_is_sent() {
    let mut tried = Tried::at("commit", Limits::default());
    let manifest = Action::OperationManifest(SyncActionOperationManifest {
        op_ids: vec![1],
        modnos: vec![1],
    });
    assert_eq!(tried.receive(manifest), Err(Refusal::Store(fault())));
    assert_eq!(*tried.asked.borrow(), ["reconcile", "commit", "roll back"]);
}

#[test]
fn limit_passed_then_what_fitted_is_committed() {
    let limits = Limits {
        operations_per_client_max: 1,
        ..Limits::default()
    };
    let mut tried = Tried::at("", limits);
    let refusal = tried.receive(two_operations()).unwrap_err();
    assert_eq!(refusal.code(), Code::ResourceExhausted);
    assert_eq!(*tried.asked.borrow(), ["upsert", "upsert", "commit"]);
}

#[test]
fn store_fails_while_a_client_pairs_then_it_is_not_admitted_and_the_token_not_spent() {
    for (fails_at, expected) in [
        ("config", &["config", "roll back"][..]),
        ("fact", &["config", "fact", "roll back"]),
        ("commit", &["config", "fact", "commit", "roll back"]),
    ] {
        let mut tried = Tried::at(fails_at, Limits::default());
        let before = tried.host.config().clone();
        let admitted = tried.host.admit(TWO, &paired("new", 9, "s"), at(0));
        assert_eq!(admitted, Err(Refusal::Store(fault())));
        assert_eq!(*tried.asked.borrow(), expected);
        assert_eq!(*tried.host.config(), before);
        assert!(tried.host.peer_states().get(&keyid(9)).is_none());
    }
}

#[test]
fn store_fails_then_a_changed_config_is_not_in_force() {
    let mut tried = Tried::at("commit", Limits::default());
    let before = tried.host.config().clone();
    let next = before.edited(|c| c.repos.push(repo("new"))).unwrap();
    assert_eq!(tried.host.replace_config(next), Err(fault()));
    assert_eq!(*tried.host.config(), before);
}
