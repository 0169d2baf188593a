//! How long the suite itself takes: loading its cases, planning, playing one, judging, reporting, a whole run. Beside
//! them a bare echo over the same stack, because times are those of the machine, and what compares is the ratio. A machine
//! that has other things to do holds up what takes long more than what takes short: there the fastest tenth says more.
//!
//! ```text
//! cargo bench --bench suite                 all figures
//! cargo bench --bench suite -- case judge   those whose name contains any of these
//! cargo bench --bench suite -- --every 1    play all cases, not one in so many
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that cannot run says so by failing"
)]

mod echo;
mod figures;
#[path = "../../tests/determinism/playing.rs"]
mod playing;
mod times;
#[path = "../../tests/determinism/world.rs"]
mod world;

use std::num::NonZeroUsize;

use clap::Parser;
use figures::Suite;
use times::Times;

/// Times of the suite, and their ratios to a bare echo over the same stack in the same run.
#[derive(Parser)]
struct Args {
    /// Figures whose name contains any of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// Play one case in so many, where cases are played one by one
    #[arg(long, value_name = "N", default_value = "4")]
    every: NonZeroUsize,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

impl Args {
    fn wants(&self, name: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|part| name.contains(part.as_str()))
    }
}

fn main() {
    let args = Args::parse();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let echo = echo::measure().await;
        let mut table = Table {
            echo: echo.median(),
        };
        table.head();
        table.row(
            "echo",
            &echo,
            "dial, open a stream, one item there and back",
        );
        Suite::new(args.every.get()).run(&args, &mut table).await;
    });
}

/// Prints a row for each figure.
pub struct Table {
    echo: f64,
}

impl Table {
    fn head(&self) {
        println!(
            "{:<26} {:>10} {:>10} {:>10} {:>9}  note",
            "figure", "10 % ms", "median ms", "95 % ms", "to echo"
        );
    }

    /// One figure, in milliseconds.
    pub fn row(&mut self, name: &str, times: &Times, note: &str) {
        println!(
            "{name:<26} {:>10.3} {:>10.3} {:>10.3} {:>8.2}x  {note}",
            times.at(10),
            times.median(),
            times.at(95),
            times.median() / self.echo
        );
    }
}
