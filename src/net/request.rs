//! What a call's request looks like before its first message: where it goes, and its headers.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};

use super::{error::LinkError, framing::RpcProtocol};

/// The bidirectional stream of sync items.
pub const SYNC_PATH: &str = "/v1sync.BackrestSyncService/Sync";
/// The stream of peer states.
pub const PEER_STATES_PATH: &str = "/v1sync.BackrestSyncStateService/GetPeerSyncStatesStream";
/// The unary call that sends a client its configuration.
pub const SET_REMOTE_CLIENT_CONFIG_PATH: &str =
    "/v1sync.BackrestSyncStateService/SetRemoteClientConfig";

const USER_AGENT: &str = concat!("syncspec/", env!("CARGO_PKG_VERSION"));
const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;
/// gRPC allows eight digits before the unit.
const GRPC_TIMEOUT_MAX: u128 = 99_999_999;

/// The request of one call. Honest as made; each field may be changed to something a server should refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestShape {
    /// HTTP method: `POST`.
    pub method: String,
    /// The method's path, appended to the URL's prefix.
    pub path: String,
    /// The content type; `None` leaves it out.
    pub content_type: Option<String>,
    /// Offer gzip for what comes back.
    pub accept_gzip: bool,
    /// The caller's deadline, from now; in whole milliseconds.
    pub timeout: Option<Duration>,
    /// Names of headers to leave out, in any case.
    pub omit: Vec<String>,
    /// Headers to add, beside those of the same name.
    pub add: Vec<(String, String)>,
}

impl RequestShape {
    /// A stream of binary messages to that method.
    pub fn new(protocol: RpcProtocol, path: &str) -> RequestShape {
        RequestShape {
            method: Method::POST.to_string(),
            path: path.to_owned(),
            content_type: Some(protocol.content_type().to_owned()),
            accept_gzip: false,
            timeout: None,
            omit: Vec::new(),
            add: Vec::new(),
        }
    }

    /// The sync stream.
    pub fn sync(protocol: RpcProtocol) -> RequestShape {
        RequestShape::new(protocol, SYNC_PATH)
    }

    /// The request as HTTP has it; `every` are headers that go with each call.
    pub(crate) fn to_request(
        &self,
        target: &Target,
        protocol: RpcProtocol,
        every: &[(String, String)],
    ) -> Result<Request<()>, LinkError> {
        let mut headers = self.protocol_headers(protocol)?;
        for name in &self.omit {
            headers.remove(name.as_str());
        }
        for (name, value) in every.iter().chain(&self.add) {
            headers.append(header_name(name)?, header_value(name, value)?);
        }
        let mut request = Request::new(());
        *request.method_mut() = Method::from_bytes(self.method.as_bytes())
            .map_err(|_| bad_request(format!("the method `{}`", self.method)))?;
        *request.uri_mut() = target.uri(&self.path)?;
        *request.headers_mut() = headers;
        Ok(request)
    }

    fn protocol_headers(&self, protocol: RpcProtocol) -> Result<HeaderMap, LinkError> {
        let mut headers = HeaderMap::new();
        if let Some(content_type) = &self.content_type {
            headers.insert(
                header::CONTENT_TYPE,
                header_value("content-type", content_type)?,
            );
        }
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        let (accept_encoding, timeout) = match protocol {
            RpcProtocol::Grpc => {
                headers.insert(header::TE, HeaderValue::from_static("trailers"));
                ("grpc-accept-encoding", "grpc-timeout")
            }
            RpcProtocol::Connect => {
                headers.insert("connect-protocol-version", HeaderValue::from_static("1"));
                ("connect-accept-encoding", "connect-timeout-ms")
            }
        };
        if self.accept_gzip {
            headers.insert(
                accept_encoding,
                HeaderValue::from_static(super::gzip::ENCODING),
            );
        }
        if let Some(wait) = self.timeout {
            headers.insert(
                timeout,
                header_value(timeout, &timeout_text(protocol, wait))?,
            );
        }
        Ok(headers)
    }
}

fn timeout_text(protocol: RpcProtocol, wait: Duration) -> String {
    let millis = wait.as_millis();
    match protocol {
        RpcProtocol::Connect => millis.to_string(),
        RpcProtocol::Grpc if millis <= GRPC_TIMEOUT_MAX => format!("{millis}m"),
        RpcProtocol::Grpc => format!("{}S", u128::from(wait.as_secs()).min(GRPC_TIMEOUT_MAX)),
    }
}

/// Where calls go, out of a URL such as `http://host:9898/prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) is_tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    authority: String,
    prefix: String,
}

impl Target {
    /// Reads the URL; trailing slashes of its path are dropped, as deployed initiators do.
    pub(crate) fn parse(url: &str) -> Result<Target, LinkError> {
        let bad = |why: &str| LinkError::BadUrl {
            url: url.to_owned(),
            why: why.to_owned(),
        };
        let uri: Uri = url
            .parse()
            .map_err(|error: http::uri::InvalidUri| bad(&error.to_string()))?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => {
                return Err(bad(
                    "expected http://host:port/prefix, or https in place of http",
                ));
            }
        };
        let authority = uri.authority().ok_or_else(|| bad("expected a host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("expected no user name; add an authorization header"));
        }
        if uri.query().is_some() {
            return Err(bad("expected no query"));
        }
        if authority.host().is_empty() {
            return Err(bad("expected a host"));
        }
        let default_port = match is_tls {
            true => HTTPS_PORT,
            false => HTTP_PORT,
        };
        Ok(Target {
            is_tls,
            host: authority
                .host()
                .trim_matches(['[', ']'].as_slice())
                .to_owned(),
            port: authority.port_u16().unwrap_or(default_port),
            authority: authority.to_string(),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    fn uri(&self, path: &str) -> Result<Uri, LinkError> {
        Uri::builder()
            .scheme(match self.is_tls {
                true => "https",
                false => "http",
            })
            .authority(self.authority.as_str())
            .path_and_query(format!("{}{path}", self.prefix))
            .build()
            .map_err(|error| bad_request(format!("the path `{path}`: {error}")))
    }
}

fn header_name(name: &str) -> Result<HeaderName, LinkError> {
    HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| bad_request(format!("the header name `{name}`")))
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, LinkError> {
    // Values hold passwords and tokens, so the text names only the header.
    HeaderValue::from_str(value).map_err(|_| bad_request(format!("the value of header `{name}`")))
}

fn bad_request(why: String) -> LinkError {
    LinkError::BadRequest { why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(shape: &RequestShape, protocol: RpcProtocol) -> Request<()> {
        let target = Target::parse("http://127.0.0.1:9898/a/b//").unwrap();
        shape.to_request(&target, protocol, &[]).unwrap()
    }

    #[test]
    fn prefix_with_trailing_slashes_then_method_path_appended() {
        let request = request(&RequestShape::sync(RpcProtocol::Grpc), RpcProtocol::Grpc);
        assert_eq!(
            request.uri(),
            "http://127.0.0.1:9898/a/b/v1sync.BackrestSyncService/Sync"
        );
        assert_eq!(request.method(), Method::POST);
    }

    #[test]
    fn each_protocol_then_its_own_headers() {
        let mut shape = RequestShape::sync(RpcProtocol::Grpc);
        shape.accept_gzip = true;
        shape.timeout = Some(Duration::from_millis(1500));
        let grpc = request(&shape, RpcProtocol::Grpc);
        assert_eq!(grpc.headers()["content-type"], "application/grpc");
        assert_eq!(grpc.headers()["te"], "trailers");
        assert_eq!(grpc.headers()["grpc-accept-encoding"], "gzip");
        assert_eq!(grpc.headers()["grpc-timeout"], "1500m");

        shape.content_type = RequestShape::sync(RpcProtocol::Connect).content_type;
        let connect = request(&shape, RpcProtocol::Connect);
        assert_eq!(
            connect.headers()["content-type"],
            "application/connect+proto"
        );
        assert_eq!(connect.headers()["connect-protocol-version"], "1");
        assert_eq!(connect.headers()["connect-accept-encoding"], "gzip");
        assert_eq!(connect.headers()["connect-timeout-ms"], "1500");
        assert!(!connect.headers().contains_key("te"));
    }

    #[test]
    fn headers_omitted_and_added_then_so_in_the_request() {
        let mut shape = RequestShape::sync(RpcProtocol::Grpc);
        shape.omit = vec!["TE".to_owned()];
        shape.add = vec![("x-a".to_owned(), "1".to_owned())];
        let request = request(&shape, RpcProtocol::Grpc);
        assert!(!request.headers().contains_key("te"));
        assert_eq!(request.headers()["x-a"], "1");
    }

    #[test]
    fn timeout_of_more_than_eight_digits_then_in_seconds() {
        let wait = Duration::from_secs(200_000);
        assert_eq!(timeout_text(RpcProtocol::Grpc, wait), "200000S");
        assert_eq!(timeout_text(RpcProtocol::Connect, wait), "200000000");
    }

    #[test]
    fn url_that_cannot_be_dialled_then_named() {
        for url in [
            "",
            "host:1",
            "ftp://h",
            "/x",
            "http://",
            "http://u@h",
            "http://h?x=1",
        ] {
            assert!(
                matches!(Target::parse(url), Err(LinkError::BadUrl { .. })),
                "{url}"
            );
        }
    }

    #[test]
    fn https_then_its_port_and_scheme() {
        let target = Target::parse("https://h/p").unwrap();
        assert_eq!((target.is_tls, target.port), (true, 443));
        assert_eq!(target.uri("/m").unwrap(), "https://h/p/m");
        assert_eq!(Target::parse("https://h:8443").unwrap().port, 8443);
    }

    #[test]
    fn url_without_port_or_with_ipv6_then_host_and_port() {
        let target = Target::parse("http://[::1]").unwrap();
        assert_eq!((target.host.as_str(), target.port), ("::1", 80));
    }

    #[test]
    fn header_that_http_cannot_carry_then_error_without_its_value() {
        let target = Target::parse("http://h").unwrap();
        let mut shape = RequestShape::sync(RpcProtocol::Grpc);
        shape.add = vec![("x".to_owned(), "secret\n".to_owned())];
        let error = shape
            .to_request(&target, RpcProtocol::Grpc, &[])
            .unwrap_err();
        assert!(!error.to_string().contains("secret"));
    }
}
