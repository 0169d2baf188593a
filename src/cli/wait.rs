//! Times on the command line.

use std::time::Duration;

/// Longest time; beyond it sums of times would leave the clock's range.
const WAIT_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// Reads a time such as `500ms`, `10s`, `5m`, `24h` or `7d`, from a millisecond to a year.
pub fn wait(text: &str) -> Result<Duration, String> {
    let expected = || "expected a number with ms, s, m, h or d behind it, such as 10s".to_owned();
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit())
        .ok_or_else(expected)?;
    let (number, unit) = text.split_at(unit_at);
    let number: u32 = number.parse().map_err(|_| expected())?;
    let unit = match unit {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3600),
        "d" => Duration::from_secs(24 * 3600),
        _ => return Err(expected()),
    };
    let wait = unit.saturating_mul(number);
    match wait {
        Duration::ZERO => Err("expected at least 1ms".to_owned()),
        wait if wait > WAIT_MAX => Err("expected a year at most".to_owned()),
        wait => Ok(wait),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_with_unit_then_that_time() {
        assert_eq!(wait("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(wait("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(wait("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(wait("24h"), wait("1d"));
    }

    #[test]
    fn anything_else_then_refused() {
        for text in [
            "",
            "10",
            "s",
            "-1s",
            "1.5s",
            "1w",
            "0s",
            "4294967295m",
            "99999999999s",
        ] {
            assert!(wait(text).is_err(), "{text}");
        }
    }
}
