//! `syncspec doctor` as its users meet it: each mistake is made for real, on loopback, and must be named.
#![allow(clippy::panic, reason = "a test says what it relies on by failing")]
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it relies on by failing"
)]

mod answers;
mod clients;
mod front;
mod hosts;
mod nginx;
mod run;
mod started;
mod tls;
mod twelve;
mod watch;
