//! Values that are refused where they stand, so that what was read can be used.

use std::{fmt, net::SocketAddr, time::Duration};

use serde::{Deserialize, Deserializer, de};

use super::placeholder::{self, Filling};

/// Longest wait that a target file can ask for: a run whose peer takes longer to start has other troubles.
pub const WAIT_MAX: Duration = Duration::from_secs(600);

/// A text in which words in braces stand for what is known once the peer is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled(String);

impl Filled {
    /// Reads one.
    ///
    /// # Errors
    /// A word in braces that stands for nothing, in words.
    pub fn parse(text: &str) -> Result<Filled, String> {
        placeholder::check(text)?;
        Ok(Filled(text.to_owned()))
    }

    /// The text with its words filled in.
    pub fn fill(&self, filling: &Filling) -> String {
        placeholder::fill(&self.0, filling)
    }

    /// Whether that word in braces stands in it.
    pub fn mentions(&self, word: &str) -> bool {
        self.0.contains(&format!("{{{word}}}"))
    }

    /// The text as it stands.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Filled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Filled::parse(&text).map_err(de::Error::custom)
    }
}

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine(Vec<Filled>);

impl CommandLine {
    /// A program and its arguments.
    ///
    /// # Errors
    /// Where there is no program, in words.
    pub fn new(words: Vec<Filled>) -> Result<CommandLine, String> {
        match words.first() {
            Some(program) if !program.as_str().is_empty() => Ok(CommandLine(words)),
            _ => Err("expected a program and its arguments, seen nothing".to_owned()),
        }
    }

    /// Splits one line as a shell does; nothing else of a shell is done.
    ///
    /// # Errors
    /// An open quote, no program, or a word in braces that stands for nothing; in words.
    pub fn parse(line: &str) -> Result<CommandLine, String> {
        let words = shlex::split(line).ok_or("expected a closing quote")?;
        let words = words.iter().map(|word| Filled::parse(word));
        CommandLine::new(words.collect::<Result<_, _>>()?)
    }

    /// The program.
    pub fn program(&self) -> &Filled {
        &self.0[0]
    }

    /// Its arguments.
    pub fn args(&self) -> &[Filled] {
        &self.0[1..]
    }

    /// Whether that word in braces stands in any of it.
    pub fn mentions(&self, word: &str) -> bool {
        self.0.iter().any(|part| part.mentions(word))
    }
}

impl<'de> Deserialize<'de> for CommandLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<Filled>::deserialize(deserializer)?;
        CommandLine::new(words).map_err(de::Error::custom)
    }
}

/// A URL of HTTP; `{port}` may stand in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebUrl(Filled);

impl WebUrl {
    /// Reads one. What is behind the host is looked at when it is dialled.
    ///
    /// # Errors
    /// Another scheme, no host, or a word in braces that stands for nothing; in words.
    pub fn parse(text: &str) -> Result<WebUrl, String> {
        let rest = ["http://", "https://"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme));
        match rest {
            Some(rest) if !rest.is_empty() && !rest.starts_with(['/', ':', '?']) => {
                Ok(WebUrl(Filled::parse(text)?))
            }
            _ => Err(format!(
                "expected http://HOST:PORT[/PREFIX] or https://..., seen `{text}`"
            )),
        }
    }

    /// Takes one as it is: what is wrong with it shows when it is dialled.
    pub fn unchecked(text: &str) -> WebUrl {
        WebUrl(Filled(text.to_owned()))
    }

    /// The URL as it stands.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether that word in braces stands in it.
    pub fn mentions(&self, word: &str) -> bool {
        self.0.mentions(word)
    }
}

impl<'de> Deserialize<'de> for WebUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        WebUrl::parse(&text).map_err(de::Error::custom)
    }
}

/// An address and a port to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress(String);

impl ListenAddress {
    /// Reads one.
    ///
    /// # Errors
    /// Anything that is no address with a port behind it, in words.
    pub fn parse(text: &str) -> Result<ListenAddress, String> {
        let parts = text.rsplit_once(':');
        match parts {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                Ok(ListenAddress(text.to_owned()))
            }
            _ => Err(format!(
                "expected ADDRESS:PORT such as 127.0.0.1:9899, seen `{text}`"
            )),
        }
    }

    /// The address as it stands.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        ListenAddress(address.to_string())
    }
}

impl<'de> Deserialize<'de> for ListenAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        ListenAddress::parse(&text).map_err(de::Error::custom)
    }
}

/// A length of time such as `500ms` or `10s`, above nothing and at most `WAIT_MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub Duration);

impl Wait {
    /// Reads one.
    ///
    /// # Errors
    /// Anything else, in words.
    pub fn parse(text: &str) -> Result<Wait, String> {
        let expected =
            || format!("expected a length of time such as `500ms` or `10s`, seen `{text}`");
        let unit_at = text
            .find(|character: char| !character.is_ascii_digit())
            .ok_or_else(expected)?;
        let (number, unit) = text.split_at(unit_at);
        let number: u32 = number.parse().map_err(|_| expected())?;
        let wait = match unit {
            "ms" => Duration::from_millis(number.into()),
            "s" => Duration::from_secs(number.into()),
            _ => return Err(expected()),
        };
        match wait {
            Duration::ZERO => Err(expected()),
            wait if wait > WAIT_MAX => Err(format!(
                "expected at most {} s, seen `{text}`",
                WAIT_MAX.as_secs()
            )),
            wait => Ok(Wait(wait)),
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Wait::parse(&text).map_err(de::Error::custom)
    }
}
