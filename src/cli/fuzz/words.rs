//! What stands behind the flags of a campaign.

use std::time::Duration;

/// Most dialogues at a time.
const JOBS_MAX: usize = 64;

pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a whole number above 0, then s, m or h".to_owned();
    let unit = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let count: u64 = text[..unit].parse().map_err(|_| wrong())?;
    let seconds = match &text[unit..] {
        "s" => Some(count),
        "m" => count.checked_mul(60),
        "h" => count.checked_mul(3600),
        _ => None,
    };
    match seconds {
        Some(seconds @ 1..) => Ok(Duration::from_secs(seconds)),
        _ => Err(wrong()),
    }
}

pub fn jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs @ 1..=JOBS_MAX) => Ok(jobs),
        _ => Err(format!("expected a number from 1 to {JOBS_MAX}")),
    }
}

pub fn shard(text: &str) -> Result<(u64, u64), String> {
    let wrong = || "expected I/N, I from 1 to N".to_owned();
    let (of, shards) = text.split_once('/').ok_or_else(wrong)?;
    match (of.parse(), shards.parse()) {
        (Ok(of @ 1..), Ok(shards)) if of <= shards => Ok((of, shards)),
        _ => Err(wrong()),
    }
}
