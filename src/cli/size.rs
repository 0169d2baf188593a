//! Sizes on the command line.

/// Reads a number of bytes, alone or followed by `K`, `M` or `G`, each 1024 times the one before.
pub fn size(text: &str) -> Result<u64, String> {
    let expected = || "expected a number of bytes, or one and K, M or G, such as 64M".to_owned();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| expected())?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_letter_then_size() {
        for (text, bytes) in [("7", 7), ("1K", 1024), ("64M", 64 << 20), ("2G", 2 << 30)] {
            assert_eq!(size(text), Ok(bytes));
        }
    }

    #[test]
    fn anything_else_then_refused() {
        for text in ["", "M", "1T", "1 M", "0", "-1", "99999999999999G", "1é"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
