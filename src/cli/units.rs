//! Durations and sizes as people write them.

use std::time::Duration;

const SECOND: u64 = 1;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A number and `ms`, `s`, `m`, `h` or `d`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let expected = || "expected a number and ms, s, m, h or d, such as 10m".to_owned();
    let (number, unit) = split(text).ok_or_else(expected)?;
    let seconds = |each: u64| number.checked_mul(each).map(Duration::from_secs);
    let duration = match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => seconds(SECOND),
        "m" => seconds(MINUTE),
        "h" => seconds(HOUR),
        "d" => seconds(DAY),
        _ => None,
    };
    // Clocks count from any moment: what is added to them must not overflow.
    duration
        .filter(|duration| !duration.is_zero() && *duration <= Duration::from_secs(3650 * DAY))
        .ok_or_else(expected)
}

/// A number of bytes, alone or followed by `K`, `M` or `G`, each 1024 times the one before.
pub fn size(text: &str) -> Result<u64, String> {
    let expected = || "expected a number of bytes, or one and K, M or G, such as 64M".to_owned();
    let (number, unit) = split(text).ok_or_else(expected)?;
    let shift = match unit {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => return Err(expected()),
    };
    number
        .checked_mul(1 << shift)
        .filter(|bytes| *bytes > 0)
        .ok_or_else(expected)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_unit_then_duration() {
        for (text, seconds) in [("30s", 30), ("10m", 600), ("24h", 86_400), ("2d", 172_800)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)));
        }
        assert_eq!(duration("200ms"), Ok(Duration::from_millis(200)));
        for text in [
            "",
            "10",
            "m",
            "-1s",
            "1.5h",
            "10 m",
            "0s",
            "99999999999999999d",
            "1é",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn number_and_letter_then_size() {
        for (text, bytes) in [("7", 7), ("1K", 1024), ("64M", 64 << 20), ("2G", 2 << 30)] {
            assert_eq!(size(text), Ok(bytes));
        }
        for text in ["", "M", "1T", "1 M", "0", "-1", "99999999999999G"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
