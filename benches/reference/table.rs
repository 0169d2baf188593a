//! What was measured, as lines of text.

use crate::figures::{Figure, Measured};

/// Prints a row per figure.
#[derive(Default)]
pub struct Table {
    has_head: bool,
}

impl Table {
    /// Each host's value, and how it compares with the first.
    pub fn print_row(&mut self, figure: Figure, row: &[(&str, Measured)]) {
        if !self.has_head {
            self.has_head = true;
            println!(
                "{:<14} {:<10} {:>14}  {:>7}  note",
                "figure", "host", "value", "ratio"
            );
        }
        let first = row.first().map(|(_, measured)| measured.value);
        for (host, measured) in row {
            let ratio = first.map_or(1.0, |first| measured.value / first);
            println!(
                "{:<14} {host:<10} {:>10.2} {:<4} {ratio:>6.2}x  {}",
                figure.name(),
                measured.value,
                figure.unit(),
                measured.note,
            );
        }
    }
}
