//! What a run leaves behind: its failures, one file each, and its reports.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    str::FromStr,
};

use serde_json::json;
use syncspec::report::{
    CaseResult, Run, github, html,
    json::Report,
    junit, markdown,
    saved::{Played, PlayedCase, save},
};

use super::{exit, print};

#[derive(clap::Args)]
pub struct ReportArgs {
    /// Write a report: html=FILE, json=FILE, junit=FILE, md=FILE, or github=FILE for annotations; may be given several
    /// times, and - as FILE is the standard output
    #[arg(long, value_name = "FORMAT=FILE")]
    report: Vec<ReportFile>,
    /// What reports call the peer, such as its name and version
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Folder to save each failure in, to be judged, replayed or sent to somebody; made when something fails
    #[arg(long, value_name = "DIR", default_value = "failures")]
    failures: PathBuf,
}

/// A report that was asked for.
#[derive(Clone)]
struct ReportFile {
    format: Format,
    file: PathBuf,
}

#[derive(Clone, Copy)]
enum Format {
    Html,
    Json,
    Junit,
    Markdown,
    Github,
}

impl Format {
    const ALL: [(&'static str, Format); 5] = [
        ("html", Format::Html),
        ("json", Format::Json),
        ("junit", Format::Junit),
        ("md", Format::Markdown),
        ("github", Format::Github),
    ];

    fn tell(self, run: &Run<'_>) -> Result<String, u8> {
        Ok(match self {
            Format::Html => html::page(run),
            // Numbers, texts and lists alone can always be written.
            Format::Json => format!("{:#}\n", json!(Report::of(run))),
            Format::Junit => junit::xml(run).map_err(|error| {
                eprintln!("error: failed to {error}");
                exit::SUITE
            })?,
            Format::Markdown => markdown::summary(run),
            Format::Github => github::annotations(run),
        })
    }
}

impl FromStr for ReportFile {
    type Err = String;

    fn from_str(text: &str) -> Result<ReportFile, String> {
        let (format, file) = text.split_once('=').unwrap_or((text, ""));
        let known = Format::ALL.iter().find(|(name, _)| *name == format);
        match known {
            Some((_, format)) if !file.is_empty() => Ok(ReportFile {
                format: *format,
                file: PathBuf::from(file),
            }),
            _ => {
                let names = Format::ALL.map(|(name, _)| format!("{name}=FILE"));
                Err(format!("expected one of {}", names.join(", ")))
            }
        }
    }
}

impl ReportArgs {
    /// Saves each failure, and tells its result the command that plays it again. What can't be saved is printed.
    pub fn save_failures(
        &self,
        results: &mut [CaseResult],
        played: impl Fn(&CaseResult) -> Played,
    ) -> Result<(), u8> {
        let mut done = Ok(());
        for result in results
            .iter_mut()
            .filter(|result| result.outcome.is_to_be_saved())
        {
            let case = PlayedCase::of(result, played(result));
            match save(case, &self.failures) {
                Ok(file) => result.again = Some(again(&file)),
                Err(error) => {
                    // The first one tells what is wrong with the folder.
                    if done.is_ok() {
                        eprintln!("error: failed to {error}");
                    }
                    done = Err(exit::SUITE);
                }
            }
        }
        done
    }

    /// Writes every report that was asked for; one that can't be written is printed and stops no other.
    pub fn write(&self, run: &Run<'_>) -> Result<(), u8> {
        let mut done = Ok(());
        for ReportFile { format, file } in &self.report {
            let written = format
                .tell(run)
                .and_then(|text| match file.as_os_str() == "-" {
                    true => print(text.trim_end()).map(|_| ()),
                    false => write_report(file, &text),
                });
            done = done.and(written);
        }
        done
    }

    /// What reports call the peer.
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }
}

/// Writes a report; where it can't be written, that is printed.
pub fn write_report(file: &Path, text: &str) -> Result<(), u8> {
    write_whole(file, text).map_err(|error| {
        eprintln!(
            "error: failed to write the report {}: {error}",
            file.display()
        );
        exit::SUITE
    })
}

/// A full disk is told when the file is closed at the latest.
pub fn write_whole(file: &Path, text: &str) -> io::Result<()> {
    let mut out = fs::File::create(file)?;
    out.write_all(text.as_bytes())?;
    // Pipes and the like have nothing to sync.
    match out.sync_all() {
        Err(error) if error.kind() != io::ErrorKind::InvalidInput => Err(error),
        _ => Ok(()),
    }
}

/// The command that plays a saved case again, for a POSIX shell.
fn again(file: &Path) -> String {
    format!("syncspec replay {}", quoted(&file.to_string_lossy()))
}

fn quoted(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "/._-".contains(character);
    match text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
