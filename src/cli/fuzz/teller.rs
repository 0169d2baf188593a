//! Says what happens in a campaign, and keeps it.

use std::{
    collections::BTreeSet,
    io::{self, IsTerminal as _},
    time::{Duration, Instant},
};

use indicatif::ProgressBar;
use syncspec::{
    campaign::Growth,
    model::Coverage,
    rules::Level,
    runner::campaign::{News, variations::Tidings},
    wire::Role,
};

use super::folder::{Folder, departure_name};

/// Between two lines of progress, where nobody looks at a terminal.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);
/// Longest part of a line that tells of what came.
const SHOWN_LEN_MAX: usize = 300;
/// Bytes of a mebibyte.
const MEBIBYTE: u64 = 1 << 20;

/// Says what happens, and keeps it.
pub struct Teller<'a> {
    folder: &'a Folder,
    seed: u64,
    held_to: Level,
    strict: bool,
    started: Instant,
    told: Instant,
    bar: Option<ProgressBar>,
    found: BTreeSet<String>,
    /// What was told of: a finding that gets shorter, or turns out to be another, is told of once.
    told_of: BTreeSet<String>,
    differences: BTreeSet<String>,
    /// Its memory grew without end.
    grew: bool,
    /// Dialogues and variations played.
    pub played: u64,
    covered: String,
    /// Something was found that fails the campaign.
    pub red: bool,
    /// Why something could not be kept.
    pub failed: Option<String>,
}

impl<'a> Teller<'a> {
    pub fn new(folder: &'a Folder, seed: u64, held_to: Level, strict: bool) -> Self {
        Teller {
            folder,
            seed,
            held_to,
            strict,
            started: Instant::now(),
            told: Instant::now(),
            bar: io::stdout().is_terminal().then(ProgressBar::new_spinner),
            found: BTreeSet::new(),
            told_of: BTreeSet::new(),
            differences: BTreeSet::new(),
            grew: false,
            played: 0,
            covered: String::new(),
            red: false,
            failed: None,
        }
    }

    /// Of a walk of the model.
    pub fn tell(&mut self, news: &News<'_>) {
        match news {
            News::Novel(dialogue) => {
                let kept = self.folder.keep_dialogue(dialogue);
                self.note(kept);
            }
            News::Found(finding) => {
                let kept = self.folder.keep_finding(finding, self.seed);
                self.note(kept.map(|_| ()));
                self.red |= finding.key.rule.level() <= self.held_to;
                self.found.insert(finding.key.file_name());
                if self.told_of.insert(finding.key.file_name()) {
                    let level = finding.key.rule.level().name();
                    self.say(&format!(
                        "found: {} ({level}); expected {}, seen {}",
                        finding.key, finding.told.expected, finding.told.seen
                    ));
                }
            }
            News::Dropped(key) => {
                let dropped = self.folder.drop_finding(key);
                self.note(dropped);
                self.found.remove(&key.file_name());
            }
            News::Gone => self.say("the peer has ended; waiting for it to come back"),
            News::Back => self.say("the peer is back"),
            News::Played(campaign) => {
                self.covered = format!(
                    "{} states and {} transitions visited, ",
                    campaign.coverage().states(),
                    campaign.coverage().transitions()
                );
                self.progress();
            }
        }
    }

    /// Of variations of the cases; what they go through is added to `visited`.
    pub fn tell_of_variations(&mut self, tidings: &Tidings<'_>, visited: &mut Coverage) {
        match tidings {
            Tidings::Novel(variation) => {
                let kept = self.folder.keep_variation(variation);
                self.note(kept);
            }
            Tidings::Departed(departure, file) => {
                let kept = self.folder.keep_departure(departure, file, self.seed);
                self.note(kept.map(|_| ()));
                let difference = &departure.difference;
                let name = departure_name(departure);
                let (expected, seen) = (short(&difference.expected), short(&difference.seen));
                match difference.rule {
                    Some(rule) => {
                        self.red |= rule.level() <= self.held_to;
                        if self.found.insert(name) {
                            let level = rule.level().name();
                            self.say(&format!(
                                "found: {rule} ({level}); expected {expected}, seen {seen}"
                            ));
                        }
                    }
                    None => {
                        self.red |= self.strict;
                        if self.differences.insert(name) {
                            self.say(&format!(
                                "differs: {}; the reference: {expected}; the peer: {seen}",
                                difference.key
                            ));
                        }
                    }
                }
            }
            Tidings::Gone => self.say("the peer has ended; waiting for it to come back"),
            Tidings::Back => self.say("the peer is back"),
            Tidings::Played(_, coverage) => {
                visited.add(coverage);
                self.progress();
            }
        }
    }

    /// What was visited of the model.
    pub fn say_coverage(&self, role: Role, visited: &Coverage) {
        let share = visited.share(role);
        self.say(&format!(
            "variations went through {} of {} states and {} of {} cells of the model of a {role}",
            share.states, share.states_all, share.cells, share.cells_all
        ));
    }

    /// How much memory a peer takes that we started, and whether it grew without end. That is a difference to the
    /// reference, and like each of them not a rule's business.
    pub fn say_memory(&mut self, bytes: u64, growth: Option<Growth>) {
        match growth {
            None => self.say(&format!(
                "the peer holds {} MiB in the end",
                bytes / MEBIBYTE
            )),
            Some(growth) => {
                self.red |= self.strict;
                self.grew = true;
                self.say(&format!("differs: memory; the peer {growth}"));
            }
        }
    }

    fn note(&mut self, kept: Result<(), String>) {
        if let Err(error) = kept {
            self.failed = Some(error);
        }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => println!("{line}"),
        }
    }

    fn line(&self) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        format!(
            "{} dialogues, {:.0}/s, {}{} findings, {} differences",
            self.played,
            self.played as f64 / seconds.max(0.001),
            self.covered,
            self.found.len(),
            self.differences.len() + usize::from(self.grew)
        )
    }

    fn progress(&mut self) {
        self.played += 1;
        match &self.bar {
            Some(bar) => {
                bar.set_message(self.line());
                bar.tick();
            }
            None if self.told.elapsed() >= PROGRESS_INTERVAL => {
                self.told = Instant::now();
                println!("{}", self.line());
            }
            None => {}
        }
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        println!("{}", self.line());
        if !(self.found.is_empty() && self.differences.is_empty()) {
            println!(
                "each is a scenario in {}: play them with `syncspec run --scenarios`",
                self.folder.path().join("findings").display()
            );
        }
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN_LEN_MAX) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}
