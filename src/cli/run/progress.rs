//! What a run shows of itself while it goes on, and of its failures when it is over.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _, Write as _},
};

use indicatif::{ProgressBar, ProgressStyle};
use syncspec::report::{CaseResult, Outcome, console};

/// A bar on a terminal, plain lines in a pipe.
pub struct Progress(Option<ProgressBar>);

impl Progress {
    pub fn new(cases: usize) -> Self {
        if !io::stdout().is_terminal() {
            return Progress(None);
        }
        let bar = ProgressBar::new(cases as u64);
        // The template is constant, and a bar without it is still a bar.
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        Progress(Some(bar))
    }

    /// One more result.
    pub fn tell(&mut self, result: &CaseResult) {
        match &self.0 {
            None => println!("{}", console::line(result)),
            Some(bar) => {
                if result.outcome != Outcome::Passed {
                    bar.println(console::line(result));
                }
                bar.set_message(result.scenario.id.clone());
                bar.inc(1);
            }
        }
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// A peer that died leaves the same reason at every case behind; a few are told in full, the rest counted.
const SAME_REASON_MAX: usize = 2;

/// Prints what failed, was remarked or could not be judged.
pub fn print_details(results: &[CaseResult]) {
    let mut out = io::stdout().lock();
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for result in results {
        if let Some(reason) = result.unjudged_reason() {
            let count = reasons.entry(reason).or_default();
            *count += 1;
            if *count > SAME_REASON_MAX {
                continue;
            }
        }
        if console::details(&mut out, result).is_err() {
            // Whoever read along has gone; the exit code still tells.
            return;
        }
    }
    for (reason, count) in reasons {
        if count > SAME_REASON_MAX {
            let _ = writeln!(
                out,
                "\n{} more could not be judged: {reason}",
                count - SAME_REASON_MAX
            );
        }
    }
    let _ = out.flush();
}
