//! RPC status codes, shared by gRPC and Connect.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal, $text:literal;)+) => {
        /// How an RPC ended.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Code {
            $($(#[doc = $doc])+ $name = $number,)+
        }

        impl Code {
            /// Every code, by number.
            pub const ALL: &[Code] = &[$(Code::$name,)+];

            /// Every code's word, by number.
            pub const NAMES: &[&str] = &[$($text,)+];

            /// The word scenarios and reports use, such as `invalid-argument`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Code::$name => $text,)+
                }
            }
        }
    };
}

codes! {
    /// Success.
    Ok = 0, "ok";
    /// The caller cancelled.
    Cancelled = 1, "cancelled";
    /// No code was given, or none that is known.
    Unknown = 2, "unknown";
    /// The caller's input is wrong whatever the state.
    InvalidArgument = 3, "invalid-argument";
    /// The caller's deadline passed.
    DeadlineExceeded = 4, "deadline-exceeded";
    /// A named thing does not exist.
    NotFound = 5, "not-found";
    /// A named thing exists already.
    AlreadyExists = 6, "already-exists";
    /// The caller may not do this.
    PermissionDenied = 7, "permission-denied";
    /// A limit was reached.
    ResourceExhausted = 8, "resource-exhausted";
    /// The state does not allow it.
    FailedPrecondition = 9, "failed-precondition";
    /// A conflict; trying again may help.
    Aborted = 10, "aborted";
    /// Past a valid range.
    OutOfRange = 11, "out-of-range";
    /// There is no such method.
    Unimplemented = 12, "unimplemented";
    /// An invariant is broken.
    Internal = 13, "internal";
    /// Not now.
    Unavailable = 14, "unavailable";
    /// Unrecoverable loss.
    DataLoss = 15, "data-loss";
    /// The caller did not say who it is.
    Unauthenticated = 16, "unauthenticated";
}

impl Code {
    /// The code of that number; numbers without a code read as [`Code::Unknown`], as gRPC has it.
    pub fn from_number(number: u32) -> Code {
        usize::try_from(number)
            .ok()
            .and_then(|index| Code::ALL.get(index).copied())
            .unwrap_or(Code::Unknown)
    }

    /// The number gRPC sends.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The word Connect sends, such as `invalid_argument`; gRPC's CANCELLED is `canceled` there.
    pub fn connect_name(self) -> String {
        match self {
            Code::Cancelled => "canceled".to_owned(),
            other => other.name().replace('-', "_"),
        }
    }

    /// The code behind a Connect word.
    pub fn from_connect_name(name: &str) -> Option<Code> {
        Code::ALL
            .iter()
            .copied()
            .find(|code| *code != Code::Ok && code.connect_name() == name)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Code, UnknownCode> {
        Code::ALL
            .iter()
            .copied()
            .find(|code| code.name() == text)
            .ok_or_else(|| UnknownCode(text.to_owned()))
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Code, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|_| de::Error::unknown_variant(&text, Code::NAMES))
    }
}

/// No RPC status code has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCode(pub String);

impl fmt::Display for UnknownCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no RPC status code is called `{}`", self.0)
    }
}

impl std::error::Error for UnknownCode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_then_number_and_names_lead_back() {
        for (number, code) in Code::ALL.iter().enumerate() {
            assert_eq!(Code::from_number(number as u32), *code);
            assert_eq!(code.name().parse::<Code>(), Ok(*code));
            if *code != Code::Ok {
                assert_eq!(Code::from_connect_name(&code.connect_name()), Some(*code));
            }
        }
        assert_eq!(Code::from_number(17), Code::Unknown);
    }
}
