//! `tokens.json`: the pairing token's text, and a host's check of a pairing secret.

use std::convert::Infallible;

use serde::Deserialize;
use serde_json::Value;

use super::{
    case::{Case, Context, Of},
    dynamic::{descriptor, from_json},
    findings::{Findings, Strict, outcome, refuses},
    format::{Decimal, Deployed, NoFields},
};
use crate::{
    crypto::token::{PairingToken, TokenError},
    reference::pairing::{PairingRefusal, select_token},
    wire::v1,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parse {
    token: String,
    keyid: Option<String>,
    secret: Option<String>,
    instance_id: Option<String>,
    formats_back: Option<bool>,
    backrest: Option<Deployed>,
    ui_keyid: Option<String>,
    ui_secret: Option<String>,
    ui_instance_id: Option<String>,
    ui_result: Option<UiResult>,
}

/// The one listed outcome of the web interface's own parser, beside its three parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum UiResult {
    Rejected,
}

impl Case for Of<NoFields, Parse> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        let strict = PairingToken::parse_strict(&test.token);
        let deployed = test.token.parse::<PairingToken>();
        findings.verdict(
            context.expected(),
            refusal,
            outcome(&strict),
            outcome(&deployed),
        );
        findings.deployed(
            "backrest",
            context.expected(),
            test.backrest,
            outcome(&deployed),
        );

        let token = deployed.as_ref().ok();
        findings.equal(
            "keyid",
            test.keyid.as_ref(),
            token.map(|token| &token.keyid),
        );
        findings.equal(
            "secret",
            test.secret.as_ref(),
            token.map(|token| &token.secret),
        );
        findings.equal(
            "instance_id",
            test.instance_id.as_ref(),
            token.map(|token| &token.instance_id),
        );
        let formats_back = token.map(|token| token.to_string() == test.token);
        findings.equal("formats_back", test.formats_back, formats_back);
        test.web_interface(token, &mut findings);
        findings
    }
}

impl Parse {
    /// The web interface splits at the first `#`. What it makes of a token is listed where it differs.
    fn web_interface(&self, token: Option<&PairingToken>, findings: &mut Findings) {
        let (ui, parts) = (first_separator(&self.token), token.map(parts));
        let differs = ui != parts;
        let [keyid, secret, instance_id] =
            ui.filter(|_| differs).map_or([None; 3], |ui| ui.map(Some));
        findings.equal("ui_keyid", self.ui_keyid.as_deref(), keyid);
        findings.equal("ui_secret", self.ui_secret.as_deref(), secret);
        findings.equal(
            "ui_instance_id",
            self.ui_instance_id.as_deref(),
            instance_id,
        );
        let rejected = (differs && ui.is_none()).then_some(UiResult::Rejected);
        findings.equal("ui_result", self.ui_result, rejected);
    }
}

fn parts(token: &PairingToken) -> [&str; 3] {
    [&token.keyid, &token.secret, &token.instance_id]
}

fn first_separator(text: &str) -> Option<[&str; 3]> {
    let (rest, instance_id) = text.split_once('#')?;
    let (keyid, secret) = rest.split_once(':')?;
    let parts = [keyid, secret, instance_id];
    parts.iter().all(|part| !part.is_empty()).then_some(parts)
}

/// What each listed reason says about our error.
fn refusal(reason: &str) -> Option<Strict<TokenError>> {
    let is = |wanted| refuses(move |error| *error == wanted);
    match reason {
        "no # separator" => is(TokenError::NoInstanceIdSeparator),
        "no : separator" | "no : separator before #" => is(TokenError::NoSecretSeparator),
        "empty key id" | "empty parts" => is(TokenError::KeyIdEmpty),
        "empty secret" => is(TokenError::SecretEmpty),
        "empty instance id" => is(TokenError::InstanceIdEmpty),
        "key id is not an ed25519 key id" | "separator in the key id" | "not a real key id" => {
            is(TokenError::KeyIdForm)
        }
        "not a secret the reference makes"
        | "not a secret the reference makes; secrets are compared as text"
        | "separator in the secret"
        | "separator in the secret or instance id; a token for an instance id with # cannot be read back" => {
            is(TokenError::SecretForm)
        }
        // The listed token's key id is just as short as its secret, and comes first.
        "secret is a single colon" => {
            refuses(|error| matches!(error, TokenError::KeyIdForm | TokenError::SecretForm))
        }
        "whitespace" => {
            refuses(|error| matches!(error, TokenError::KeyIdForm | TokenError::InstanceIdForm))
        }
        _ => None,
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Format {
    keyid: String,
    secret: String,
    instance_id: String,
    token: String,
    parses_back: bool,
}

impl Case for Of<NoFields, Format> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        findings.verdict::<Infallible>(context.expected(), |_| None, Ok(()), Ok(()));
        let token = PairingToken {
            keyid: test.keyid.clone(),
            secret: test.secret.clone(),
            instance_id: test.instance_id.clone(),
        };
        findings.equal("token", &test.token, &token.to_string());
        let parses_back = test.token.parse() == Ok(token);
        findings.equal("parses_back", test.parses_back, parses_back);
        findings
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Validate {
    secret: String,
    tokens: Vec<Value>,
    now_unix: Decimal<i64>,
    accepted_label: Option<String>,
}

impl Case for Of<NoFields, Validate> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        let tokens: Result<Vec<_>, _> = test.tokens.iter().map(stored_token).collect();
        let Some(tokens) = findings.value("tokens", tokens) else {
            return findings;
        };
        let result = select_token(&test.secret, &tokens, test.now_unix.0);
        findings.verdict(
            context.expected(),
            pairing_refusal,
            outcome(&result),
            outcome(&result),
        );
        let label = result
            .ok()
            .and_then(|index| tokens.get(index))
            .map(|token| &token.label);
        findings.equal("accepted_label", test.accepted_label.as_ref(), label);
        findings
    }
}

fn stored_token(json: &Value) -> Result<v1::multihost::PairingToken, String> {
    let message = from_json(&descriptor("v1.Multihost.PairingToken")?, json)?;
    message.transcode_to().map_err(|error| error.to_string())
}

fn pairing_refusal(reason: &str) -> Option<Strict<PairingRefusal>> {
    match reason {
        "empty secret" => refuses(|refusal| *refusal == PairingRefusal::SecretEmpty),
        "no matching token" => refuses(|refusal| *refusal == PairingRefusal::SecretUnknown),
        "expired" => refuses(|refusal| matches!(refusal, PairingRefusal::Expired { .. })),
        "max uses reached" => refuses(|refusal| matches!(refusal, PairingRefusal::UsedUp { .. })),
        _ => None,
    }
}
