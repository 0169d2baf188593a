//! What a peer prints, the last of it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::Child,
    task::JoinHandle,
};

/// Most lines that are kept; the oldest go first.
pub const LINES_MAX: usize = 500;
/// Longest line that is kept; a longer one is kept in parts. With [`LINES_MAX`] it bounds what a peer can make us hold
/// to half a megabyte.
pub const LINE_LEN_BYTES_MAX: usize = 1000;
/// Bytes read at a time.
const READ_LEN_BYTES: usize = 8192;

/// The last lines that a process has printed, on either of its outputs.
#[derive(Clone, Debug, Default)]
pub struct PeerLog(Arc<Mutex<VecDeque<Line>>>);

#[derive(Debug)]
struct Line {
    at: Instant,
    text: String,
}

impl Line {
    fn timed(&self, from: Instant) -> String {
        match self.at.checked_duration_since(from) {
            Some(after) => format!("{:>9.1} ms  {}", after.as_secs_f64() * 1000.0, self.text),
            None => format!("{:>12}  {}", "before", self.text),
        }
    }
}

impl PeerLog {
    /// Reads both outputs of a child until they end.
    pub(super) fn read(&self, child: &mut Child) -> Vec<JoinHandle<()>> {
        let outputs = [
            child.stdout.take().map(|output| self.reader(output)),
            child.stderr.take().map(|output| self.reader(output)),
        ];
        outputs.into_iter().flatten().collect()
    }

    fn reader(&self, output: impl AsyncRead + Unpin + Send + 'static) -> JoinHandle<()> {
        tokio::spawn(read(output, self.clone()))
    }

    /// The last lines that came since then, at most `max`, each behind the time since.
    pub fn since(&self, from: Instant, max: usize) -> Vec<String> {
        let lines = self.lines();
        let new = lines.iter().filter(|line| line.at >= from);
        last_of(new.map(|line| line.timed(from)).collect(), max)
    }

    /// The last lines at all, at most `max`, those that came since then behind the time since.
    pub fn last_timed(&self, from: Instant, max: usize) -> Vec<String> {
        let lines = self.lines();
        last_of(lines.iter().map(|line| line.timed(from)).collect(), max)
    }

    /// The last lines, at most `max`.
    pub fn last(&self, max: usize) -> Vec<String> {
        let lines = self.lines();
        last_of(lines.iter().map(|line| line.text.clone()).collect(), max)
    }

    fn push(&self, bytes: &[u8]) {
        let text = shown(bytes);
        let mut lines = self.lines();
        if lines.len() == LINES_MAX {
            lines.pop_front();
        }
        let at = Instant::now();
        lines.push_back(Line { at, text });
    }

    fn lines(&self) -> MutexGuard<'_, VecDeque<Line>> {
        // Each change is one insertion or removal, so that a panic elsewhere leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn last_of(mut lines: Vec<String>, max: usize) -> Vec<String> {
    lines.split_off(lines.len().saturating_sub(max))
}

async fn read(mut output: impl AsyncRead + Unpin, log: PeerLog) {
    let mut buffer = vec![0; READ_LEN_BYTES];
    let mut line = Vec::new();
    while let Ok(len @ 1..) = output.read(&mut buffer).await {
        for &byte in &buffer[..len] {
            if byte == b'\n' {
                log.push(&line);
                line.clear();
                continue;
            }
            if line.len() == LINE_LEN_BYTES_MAX {
                log.push(&line);
                line.clear();
            }
            line.push(byte);
        }
    }
    if !line.is_empty() {
        log.push(&line);
    }
}

/// It goes to terminals and pages, so its control characters do not.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = without_colours(text.trim_end_matches('\r'));
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => shown.push_str("    "),
            character if character.is_control() => shown.extend(character.escape_default()),
            character => shown.push(character),
        }
    }
    shown
}

/// Colours are of no use here, and spelt out they hide the words.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let behind = part.trim_start_matches(|it: char| it.is_ascii_digit() || it == ';');
        match behind.strip_prefix('m') {
            Some(rest) => plain.push_str(rest),
            None => plain.extend(["\x1b[", part]),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn log_of(output: &[u8]) -> PeerLog {
        let log = PeerLog::default();
        read(output, log.clone()).await;
        log
    }

    #[tokio::test]
    async fn lines_then_the_last_of_them_in_order() {
        let log = log_of(b"one\ntwo\r\nthree").await;
        assert_eq!(log.last(10), ["one", "two", "three"]);
        assert_eq!(log.last(2), ["two", "three"]);
        assert_eq!(log.since(Instant::now(), 10), [""; 0]);
    }

    #[test]
    fn lines_before_and_since_then_the_time_tells_which() {
        let log = PeerLog::default();
        let from = Instant::now();
        for (after, text) in [
            (None, "early"),
            (Some(1500), "first"),
            (Some(20_250), "second"),
        ] {
            let at = match after {
                Some(micros) => from + Duration::from_micros(micros),
                None => from.checked_sub(Duration::from_nanos(1)).unwrap(),
            };
            let text = text.to_owned();
            log.lines().push_back(Line { at, text });
        }
        let (first, second) = ("      1.5 ms  first", "     20.2 ms  second");
        assert_eq!(log.since(from, 10), [first, second]);
        assert_eq!(log.since(from, 1), [second]);
        assert_eq!(
            log.last_timed(from, 10),
            ["      before  early", first, second]
        );
    }

    #[tokio::test]
    async fn flood_then_bounded() {
        let flood = vec![b'x'; 2 * LINES_MAX * LINE_LEN_BYTES_MAX];
        let log = log_of(&flood).await;
        let lines = log.last(usize::MAX);
        assert_eq!(lines.len(), LINES_MAX);
        assert!(lines.iter().all(|line| line.len() == LINE_LEN_BYTES_MAX));
    }

    #[tokio::test]
    async fn bytes_that_a_terminal_would_obey_then_shown_instead() {
        let log = log_of(b"\x1b[2J\xff\t.\n").await;
        assert_eq!(log.last(1), ["\\u{1b}[2J\u{fffd}    ."]);
    }

    #[tokio::test]
    async fn colours_then_the_words_alone() {
        let log = log_of(b"\x1b[34mINFO\x1b[0m it \x1b[1;31mfails\x1b[0m \x1b[3\n").await;
        assert_eq!(log.last(1), ["INFO it fails \\u{1b}[3"]);
    }
}
