//! `syncspec serve` and `syncspec connect`, two processes that pair, sync a config, a shared repo and ten thousand
//! operations, and are killed at random moments; they must end equal.

#![cfg(all(feature = "net", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it relies on by failing"
)]

mod both;
mod look;
mod numbers;

use std::time::Duration;

use both::{Both, OPERATIONS};
use look::Look;
use numbers::Numbers;
use syncspec::wire::v1sync::ConnectionState;

const KILLS: usize = 50;
const SEED: u64 = 20_261_125;
/// Changes of the client's state that are let pass before a kill, at most.
const CHANGES_BEFORE_KILL_MAX: u64 = 12;
/// Operations created, changed or deleted between two kills, at most.
const CHANGED_OPERATIONS_MAX: u64 = 200;
/// Longest wait for anything: the machine may be busy, and a test that passes never waits so long.
const TEST_WAIT: Duration = Duration::from_secs(60);

async fn in_time<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(TEST_WAIT, wait)
        .await
        .expect("something within the wait of a test")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_killed_at_random_points_then_both_end_equal() {
    let mut numbers = Numbers(SEED);
    let mut both = Both::new().await;
    let mut host_kills = 0;
    for round in 1..=KILLS {
        let mut look = Look::at(both.url()).await;
        let changes = numbers.below(CHANGES_BEFORE_KILL_MAX);
        look.let_pass(changes).await;
        both.change_operations(&mut numbers, CHANGED_OPERATIONS_MAX, round);
        both.show_operations().await;
        look.set_client_plan(&format!("plan-{round}")).await;
        look.let_pass(numbers.below(CHANGES_BEFORE_KILL_MAX)).await;
        // Some kills shall come between two events and not right behind one.
        let instant = Duration::from_micros(numbers.below(20_000));
        tokio::time::sleep(instant).await;
        match numbers.below(5) {
            0 | 1 => {
                host_kills += 1;
                both.kill_host().await;
                both.start_host().await;
            }
            2 | 3 => {
                both.kill_client().await;
                both.start_client();
            }
            _ => {
                host_kills += 1;
                both.kill_client().await;
                both.kill_host().await;
                both.start_host().await;
                both.start_client();
            }
        }
    }
    assert!(host_kills > KILLS / 4, "the host was hardly ever killed");
    assert!(
        both.operations() > OPERATIONS / 2,
        "too few operations are left"
    );

    let last_plan = "the-last-plan";
    let mut look = Look::at(both.url()).await;
    look.until(|state| state.state() == ConnectionState::Connected)
        .await;
    look.set_client_plan(last_plan).await;
    look.until(|state| {
        let remote = state.remote_config.as_ref();
        remote.is_some_and(|remote| remote.plans.iter().any(|plan| plan.id == last_plan))
    })
    .await;
    both.end_equal(look, last_plan).await;
}
