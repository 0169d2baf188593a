//! Days, as lists name them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de};

const DAY_S: u64 = 24 * 3600;

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The day in UTC at so many seconds since the epoch.
    pub fn at_unix(seconds: u64) -> Date {
        let mut days = seconds / DAY_S;
        let mut year = 1970;
        while days >= u64::from(days_of_year(year)) && year < u16::MAX {
            days -= u64::from(days_of_year(year));
            year += 1;
        }
        let mut month = 1;
        while month < 12 && days >= u64::from(days_of_month(year, month)) {
            days -= u64::from(days_of_month(year, month));
            month += 1;
        }
        Date {
            year,
            month,
            // Fewer than a month's are left.
            day: u8::try_from(days + 1).unwrap_or(31),
        }
    }
}

fn is_leap_year(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of_year(year: u16) -> u16 {
    365 + u16::from(is_leap_year(year))
}

fn days_of_month(year: u16, month: u8) -> u8 {
    match month {
        2 => 28 + u8::from(is_leap_year(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl FromStr for Date {
    type Err = String;

    fn from_str(text: &str) -> Result<Date, String> {
        let expected = || format!("expected a day such as `2026-12-31`, seen `{text}`");
        let digits = text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        if text.len() != 10 || !digits {
            return Err(expected());
        }
        let date = Date {
            year: text[..4].parse().map_err(|_| expected())?,
            month: text[5..7].parse().map_err(|_| expected())?,
            day: text[8..].parse().map_err(|_| expected())?,
        };
        let is_day = (1..=12).contains(&date.month)
            && (1..=days_of_month(date.year, date.month)).contains(&date.day);
        is_day.then_some(date).ok_or_else(expected)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_then_the_day_they_fall_on() {
        // From `date -u -d @SECONDS +%F`.
        for (seconds, day) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_735_689_599, "2024-12-31"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(Date::at_unix(seconds).to_string(), day);
        }
    }

    #[test]
    fn text_then_a_day_that_there_is() {
        let date: Date = "2028-02-29".parse().unwrap();
        assert_eq!(date.to_string(), "2028-02-29");
        assert!(date < "2028-03-01".parse().unwrap());
        for text in [
            "2027-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "2026-1-01",
            "26-01-01",
            "",
            "2026-01-0x",
            "2026/01/01",
            "+026-01-01",
            "2026-01-01x",
            "äöü-01-01",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
    }
}
