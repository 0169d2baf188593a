//! What a run leaves behind: its failures, one file each, and its reports.

use std::{
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use syncspec::report::{
    CaseResult, Run, json,
    saved::{Played, PlayedCase, save},
};

use super::exit;

#[derive(clap::Args)]
pub struct ReportArgs {
    /// Write a report, json=FILE; may be given several times
    #[arg(long, value_name = "FORMAT=FILE")]
    report: Vec<ReportFile>,
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
    Json,
}

impl Format {
    const ALL: [(&'static str, Format); 1] = [("json", Format::Json)];

    fn tell(self, run: &Run<'_>) -> String {
        match self {
            Format::Json => format!("{:#}\n", json::report(run)),
        }
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
            if let Err(error) = write_whole(file, &format.tell(run)) {
                eprintln!(
                    "error: failed to write the report {}: {error}",
                    file.display()
                );
                done = Err(exit::SUITE);
            }
        }
        done
    }
}

/// A full disk is told when the file is closed at the latest.
pub fn write_whole(file: &Path, text: &str) -> io::Result<()> {
    use io::Write as _;
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
