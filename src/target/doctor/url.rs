//! The URL of a host as its owner typed it: what can be told wrong by looking.

use std::str::FromStr as _;

use super::mistake::Mistake;
use crate::crypto::token::PairingToken;

/// What only a method's path has; an address has a prefix at most.
const METHOD_PATH_START: &str = "/v1sync.";

/// A URL that can be dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Whether it says `https`.
    pub is_tls: bool,
    /// Name or address, without brackets.
    pub host: String,
    /// Its port, or that of the scheme.
    pub port: u16,
    /// The path without trailing slashes; the method's path is appended.
    pub prefix: String,
    /// The URL that was likely meant, where a port stands behind the path.
    pub port_moved: Option<String>,
    authority: String,
}

impl Address {
    /// Reads what was typed.
    ///
    /// # Errors
    /// The mistake by which it is no address to dial. It repeats no secret that the text may hold.
    pub fn read(text: &str) -> Result<Address, Mistake> {
        let text = text.trim();
        if let Ok(token) = PairingToken::from_str(text)
            && !text.contains("://")
        {
            return Err(Mistake::UrlIsPairingToken {
                keyid: token.keyid,
                instance_id: token.instance_id,
            });
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            // A user name may come with a password.
            let repeatable = !text.is_empty() && !text.contains('@');
            return Err(Mistake::UrlWithoutScheme {
                text: repeatable.then(|| text.to_owned()),
            });
        };
        let is_tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => {
                return Err(Mistake::UrlScheme {
                    scheme: scheme.to_owned(),
                });
            }
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(Mistake::UrlUserName);
        }
        let scheme = scheme.to_ascii_lowercase();
        if let Some(at) = path.find(['?', '#']) {
            return Err(Mistake::UrlFromBrowser {
                meant: format!("{scheme}://{authority}{}", trimmed(&path[..at])),
            });
        }
        if let Some(at) = path.find(METHOD_PATH_START) {
            return Err(Mistake::UrlMethodPath {
                meant: format!("{scheme}://{authority}{}", trimmed(&path[..at])),
            });
        }
        let (host, port) = host_and_port(authority)?;
        Ok(Address {
            is_tls,
            host: host.to_owned(),
            port: port.unwrap_or(if is_tls { 443 } else { 80 }),
            prefix: trimmed(path).to_owned(),
            port_moved: port_behind_path(path)
                .map(|(port, path)| format!("{scheme}://{}:{port}{path}", in_brackets(host))),
            authority: authority.to_owned(),
        })
    }

    /// The same without the path prefix.
    pub fn without_prefix(&self) -> String {
        format!("{}://{}", self.scheme(), self.authority)
    }

    /// The same over the other scheme.
    pub fn other_scheme(&self) -> String {
        let other = if self.is_tls { "http" } else { "https" };
        format!(
            "{other}://{}:{}{}",
            in_brackets(&self.host),
            self.port,
            self.prefix
        )
    }

    fn scheme(&self) -> &'static str {
        if self.is_tls { "https" } else { "http" }
    }
}

/// Trailing slashes do no harm: deployed clients drop them too.
fn trimmed(path: &str) -> &str {
    path.trim_end_matches('/')
}

fn in_brackets(host: &str) -> String {
    match host.contains(':') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    }
}

fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), Mistake> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']').ok_or(Mistake::UrlHost)?;
            (host, behind.strip_prefix(':'))
        }
        None => match authority.rsplit_once(':') {
            // More than one colon: an IPv6 address that lacks its brackets.
            Some((host, _)) if host.contains(':') => return Err(Mistake::UrlHost),
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err(Mistake::UrlHost);
    }
    match port.map(u16::from_str) {
        None => Ok((host, None)),
        Some(Ok(port)) if port > 0 => Ok((host, Some(port))),
        Some(_) => Err(Mistake::UrlPort),
    }
}

/// A port that stands behind a piece of the path, and the path without it.
fn port_behind_path(path: &str) -> Option<(u16, String)> {
    let mut port = None;
    let pieces: Vec<&str> = path
        .split('/')
        .map(|piece| match piece.rsplit_once(':') {
            Some((name, digits)) if port.is_none() => match digits.parse() {
                Ok(number) if number > 0 => {
                    port = Some(number);
                    name
                }
                _ => piece,
            },
            _ => piece,
        })
        .collect();
    Some((port?, trimmed(&pieces.join("/")).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> Mistake {
        Address::read(text).expect_err(text)
    }

    #[test]
    fn whole_url_then_its_parts() {
        let address = Address::read(" HTTPS://[::1]:8443/a/b// ").unwrap();
        assert_eq!(
            (
                address.is_tls,
                address.host.as_str(),
                address.port,
                address.prefix.as_str()
            ),
            (true, "::1", 8443, "/a/b")
        );
        assert_eq!(address.port_moved, None);
        assert_eq!(address.other_scheme(), "http://[::1]:8443/a/b");
        assert_eq!(Address::read("http://h/").unwrap().port, 80);
        assert_eq!(Address::read("https://h").unwrap().port, 443);
    }

    #[test]
    fn port_behind_the_path_then_moved_to_its_place() {
        for (typed, meant) in [
            ("https://h/backrest:9898", "https://h:9898/backrest"),
            ("http://h/backrest/:9898/", "http://h:9898/backrest"),
            ("http://h/:9898", "http://h:9898"),
            ("http://h:80/a:9898/b", "http://h:9898/a/b"),
        ] {
            let address = Address::read(typed).unwrap();
            assert_eq!(address.port_moved.as_deref(), Some(meant), "{typed}");
        }
        for typed in ["http://h/a:b", "http://h/a:0", "http://h/a:99999"] {
            assert_eq!(Address::read(typed).unwrap().port_moved, None, "{typed}");
        }
    }

    #[test]
    fn pairing_token_then_named_without_its_secret() {
        let token = "ed25519.abc:5ec7e7#host";
        let found = mistake(token);
        assert!(
            matches!(&found, Mistake::UrlIsPairingToken { keyid, .. } if keyid == "ed25519.abc")
        );
        assert!(!found.to_string().contains("5ec7e7"), "{found}");
    }

    #[test]
    fn password_in_the_url_then_not_repeated() {
        for text in ["http://me:geheim@h:1", "me:geheim@h:1"] {
            let found = mistake(text);
            assert!(!found.to_string().contains("geheim"), "{found}");
        }
    }

    #[test]
    fn what_is_no_url_then_each_named() {
        assert!(matches!(
            mistake("h:9898"),
            Mistake::UrlWithoutScheme { .. }
        ));
        assert!(matches!(mistake(""), Mistake::UrlWithoutScheme { .. }));
        assert!(matches!(mistake("grpc://h"), Mistake::UrlScheme { .. }));
        assert_eq!(
            mistake("http://h:1/x/#/settings"),
            Mistake::UrlFromBrowser {
                meant: "http://h:1/x".to_owned()
            }
        );
        assert_eq!(
            mistake("http://h/x/v1sync.BackrestSyncService/Sync"),
            Mistake::UrlMethodPath {
                meant: "http://h/x".to_owned()
            }
        );
        for text in [
            "http://",
            "http:///x",
            "http://::1/x",
            "http://[::1/x",
            "http://a b/",
        ] {
            assert_eq!(mistake(text), Mistake::UrlHost, "{text}");
        }
        for text in [
            "http://h:",
            "http://h:0",
            "http://h:65536",
            "http://h:9898x/",
        ] {
            assert_eq!(mistake(text), Mistake::UrlPort, "{text}");
        }
    }
}
