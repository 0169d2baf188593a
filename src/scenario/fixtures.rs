//! What a peer is provisioned with for one case: identities, a token, repositories and plans, all derived from the
//! case's name, so that target and actor need not talk about them and a run can be repeated.
//!
//! Nothing here is secret or random; each case, role and RPC protocol has its own, so that cases can run side by side.

use std::{borrow::Cow, collections::BTreeMap};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::model::{Given, OperationFixture, PeerFixture, PermissionFixture, PlanFixture};
use crate::wire::{Role, RpcProtocol};

/// The identity that is used where a step names none.
pub const PEER: &str = "peer";
/// The identity that a probe uses; a case with a probe has it without asking.
pub const PROBE: &str = "probe";
/// Longest instance id, in characters (`docs/protocol.md`, section 4).
pub const INSTANCE_ID_LEN_MAX: usize = 50;

/// Before a repository's name, the variable that is its guid.
pub const GUID_OF: &str = "guid-of-";
/// Before a repository's name, the variable that is its uri.
pub const URI_OF: &str = "uri-of-";

/// Instance id of the provisioned host.
pub const HOST_INSTANCE_ID: &str = "syncspec-host";
/// Instance id of the provisioned client.
pub const CLIENT_INSTANCE_ID: &str = "syncspec-client";

/// 2100-01-01, when every operation of a case takes place: a peer may drop what is old (deployed: after 30 days), and no
/// clock is read here.
pub const STARTED_AT_UNIX_MS: i64 = 4_102_444_800_000;

const LABEL: &str = "syncspec/provision/1/";
const SUFFIX_LEN: usize = 8;
/// Length of `$token-start`, in characters: half a secret.
const TOKEN_START_LEN: usize = 32;

/// Everything that is provisioned for one case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fixtures {
    /// Our identities: [`PEER`] first, then the others by name.
    pub identities: Vec<Identity>,
    /// The pairing token, where the case has one.
    pub token: Option<Token>,
    /// Repositories, in the order of the file.
    pub repos: Vec<Repo>,
    /// Plans, in the order of the file.
    pub plans: Vec<Plan>,
    /// Operations, in the order of the file.
    #[serde(default)]
    pub operations: Vec<Operation>,
}

/// One of our identities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Identity {
    /// Name within the case.
    pub name: String,
    /// Instance id: at most [`INSTANCE_ID_LEN_MAX`] of letters, digits and `-`, and never like a number.
    pub instance_id: String,
    /// Seed of the ed25519 key, 32 bytes; as data, hexadecimal.
    #[serde(with = "hex_seed")]
    pub seed: [u8; 32],
    /// Whether the peer has an entry for it.
    pub known: bool,
    /// What that entry permits, ids filled in.
    pub permissions: Vec<PermissionFixture>,
}

/// The pairing token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Token {
    /// 32 bytes in hex.
    pub secret: String,
    /// Admissions it allows; 0 is any number.
    pub max_uses: u32,
    /// Admissions already counted.
    pub uses: u32,
    /// True when its expiry has passed.
    pub expired: bool,
    /// True when its expiry is far ahead; otherwise it never comes.
    pub expires_later: bool,
    /// What a client it admits may do, ids filled in.
    pub permissions: Vec<PermissionFixture>,
}

/// A repository in the peer's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Repo {
    /// Name within the case.
    pub name: String,
    /// Id: the name, `-`, and 8 hex digits.
    pub id: String,
    /// Guid: 64 hex digits.
    pub guid: String,
    /// Where it would be stored; nothing is there.
    pub uri: String,
    /// Whether it is marked shared.
    pub shared: bool,
}

/// A plan in the peer's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Plan {
    /// Name within the case.
    pub name: String,
    /// Id: the name, `-`, and 8 hex digits.
    pub id: String,
    /// Id of the repository it backs up to.
    pub repo_id: String,
}

/// One of a client's own operations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Operation {
    /// Name within the case.
    pub name: String,
    /// Its id, and that of its flow: above 0.
    pub id: i64,
    /// Its modno.
    pub modno: i64,
    /// Id of the plan that it belongs to.
    pub plan_id: String,
    /// Id of the plan's repository, or the one that it had at the time.
    pub repo_id: String,
    /// Guid of the plan's repository.
    pub repo_guid: String,
    /// Whether the client does not have it at first.
    #[serde(default)]
    pub later: bool,
}

impl Fixtures {
    /// What `given` asks for, for one case played against a peer in one role over one RPC protocol.
    pub fn for_case(case_id: &str, role: Role, protocol: RpcProtocol, given: &Given) -> Fixtures {
        let space = Namespace {
            case_id,
            prefix: format!("{case_id}/{role}/{protocol}"),
        };
        let others = given.others.iter();
        let others = others.map(|(name, fixture)| space.identity(name, fixture));
        Fixtures {
            identities: std::iter::once(space.identity(PEER, &given.peer))
                .chain(others)
                .collect(),
            token: given.token.as_ref().map(|token| Token {
                secret: hex(&space.derive("token", "")),
                max_uses: token.max_uses,
                uses: token.uses,
                expired: token.expired,
                expires_later: token.expires_later,
                permissions: token.permissions.clone(),
            }),
            repos: given
                .repos
                .iter()
                .map(|repo| space.repo(&repo.name, repo.shared))
                .collect(),
            plans: given
                .plans
                .iter()
                .map(|plan| Plan {
                    name: plan.name.clone(),
                    id: space.id("plan", &plan.name),
                    repo_id: space.id("repo", &plan.repo),
                })
                .collect(),
            operations: given
                .operations
                .iter()
                .map(|operation| space.operation(operation, &given.plans))
                .collect(),
        }
    }

    /// The identity of that name.
    pub fn identity(&self, name: &str) -> Option<&Identity> {
        self.identities
            .iter()
            .find(|identity| identity.name == name)
    }

    /// Those of our identities that the peer has an entry for.
    pub fn known(&self) -> impl Iterator<Item = &Identity> {
        self.identities.iter().filter(|identity| identity.known)
    }

    /// The first identity that the peer knows beside the one of that name, probes apart.
    pub fn another_known(&self, name: &str) -> Option<&Identity> {
        self.known()
            .find(|identity| identity.name != name && identity.name != PROBE)
    }

    /// What a scenario can name: `token`, `instance` and `keyid` of [`PEER`], the id of each repository, plan and
    /// operation, and the guid and uri of each repository.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let named = self.named();
        named
            .map(|(name, value)| (name.into_owned(), value.text()))
            .collect()
    }

    /// One of [`Self::variables`].
    pub fn variable(&self, name: &str) -> Option<String> {
        let mut named = self.named();
        named.find_map(|(one, value)| (one == name).then(|| value.text()))
    }

    /// The names of [`Self::variables`].
    pub fn variable_names(&self) -> impl Iterator<Item = String> {
        self.named().map(|(name, _)| name.into_owned())
    }

    fn named(&self) -> impl Iterator<Item = (Cow<'_, str>, Named<'_>)> {
        let peer = self.identity(PEER).into_iter().flat_map(|peer| {
            let instance_id = Named::Text(&peer.instance_id);
            [("instance", instance_id), ("keyid", Named::KeyIdOf(peer))]
        });
        let token = self.token.iter().flat_map(|token| {
            let start = token.secret.get(..TOKEN_START_LEN).unwrap_or_default();
            let whole = Named::Text(&token.secret);
            [("token", whole), ("token-start", Named::Text(start))]
        });
        let repos = self.repos.iter().map(|one| (one.name.as_str(), &one.id));
        let plans = self.plans.iter().map(|one| (one.name.as_str(), &one.id));
        let ids = repos.chain(plans).map(|(name, id)| (name, Named::Text(id)));
        let operations = self.operations.iter();
        let operations = operations.map(|one| (one.name.as_str(), Named::Number(one.id)));
        let of_repos = self.repos.iter().flat_map(|repo| {
            [
                (format!("{GUID_OF}{}", repo.name), Named::Text(&repo.guid)),
                (format!("{URI_OF}{}", repo.name), Named::Text(&repo.uri)),
            ]
        });
        let plain = peer.chain(token).chain(ids).chain(operations);
        plain
            .map(|(name, value)| (Cow::Borrowed(name), value))
            .chain(of_repos.map(|(name, value)| (Cow::Owned(name), value)))
    }
}

/// What a variable stands for. A key id takes arithmetic, which few cases need.
enum Named<'a> {
    Text(&'a str),
    Number(i64),
    KeyIdOf(&'a Identity),
}

impl Named<'_> {
    fn text(&self) -> String {
        match self {
            Named::Text(text) => (*text).to_owned(),
            Named::Number(number) => number.to_string(),
            Named::KeyIdOf(identity) => identity.keyid(),
        }
    }
}

impl Operation {
    /// As a `v1.Operation` in protobuf's JSON mapping, where 64-bit numbers are texts.
    pub fn to_json(&self) -> Json {
        json!({
            "id": self.id.to_string(),
            "flowId": self.id.to_string(),
            "modno": self.modno.to_string(),
            "instanceId": CLIENT_INSTANCE_ID,
            "repoId": self.repo_id,
            "repoGuid": self.repo_guid,
            "planId": self.plan_id,
            "status": "STATUS_SUCCESS",
            "unixTimeStartMs": STARTED_AT_UNIX_MS.to_string(),
            "unixTimeEndMs": STARTED_AT_UNIX_MS.to_string(),
            "operationBackup": {},
        })
    }
}

impl Identity {
    /// `ed25519.`, then the SHA-256 of the public key in base64url (`docs/protocol.md`, section 4).
    pub fn keyid(&self) -> String {
        let public_key = SigningKey::from_bytes(&self.seed).verifying_key();
        let hash = Sha256::digest(public_key.as_bytes());
        format!("ed25519.{}", URL_SAFE_NO_PAD.encode(hash))
    }
}

/// Seed of an identity that belongs to no case, such as the host's, 32 bytes.
pub fn seed_of(name: &str) -> [u8; 32] {
    Sha256::digest(format!("{LABEL}{name}")).into()
}

/// Where the values of one case come from.
struct Namespace<'a> {
    case_id: &'a str,
    prefix: String,
}

impl Namespace<'_> {
    fn derive(&self, kind: &str, name: &str) -> [u8; 32] {
        let path = format!("{LABEL}{}/{kind}/{name}", self.prefix);
        Sha256::digest(path.as_bytes()).into()
    }

    /// A readable name that no other case has.
    fn id(&self, kind: &str, name: &str) -> String {
        let suffix = &hex(&self.derive(kind, name))[..SUFFIX_LEN];
        format!("{name}-{suffix}")
    }

    fn identity(&self, name: &str, fixture: &PeerFixture) -> Identity {
        let suffix = match name {
            PEER => String::new(),
            other => format!("-{other}"),
        };
        let room = INSTANCE_ID_LEN_MAX.saturating_sub(suffix.len() + 1 + SUFFIX_LEN);
        let readable = format!("{}{suffix}", slug(self.case_id, room));
        let hash = &hex(&self.derive("instance", name))[..SUFFIX_LEN];
        Identity {
            name: name.to_owned(),
            instance_id: format!("{readable}-{hash}"),
            seed: self.derive("identity", name),
            known: fixture.known,
            permissions: fixture.permissions.clone(),
        }
    }

    fn operation(&self, fixture: &OperationFixture, plans: &[PlanFixture]) -> Operation {
        let plan = plans.iter().find(|plan| plan.name == fixture.plan);
        let repo = plan.map_or("", |plan| plan.repo.as_str());
        let derived = self.derive("operation", &fixture.name);
        // 40 bits: more than a 32-bit number holds, and less than a double does.
        let id = derived[..5]
            .iter()
            .fold(1, |id: i64, byte| (id << 8) | i64::from(*byte));
        Operation {
            name: fixture.name.clone(),
            id: fixture.id.unwrap_or(id),
            modno: fixture.modno,
            plan_id: self.id("plan", &fixture.plan),
            repo_id: match &fixture.repo_was {
                Some(id) => id.clone(),
                None => self.id("repo", repo),
            },
            repo_guid: hex(&self.derive("guid", repo)),
            later: fixture.later,
        }
    }

    fn repo(&self, name: &str, shared: bool) -> Repo {
        let id = self.id("repo", name);
        Repo {
            name: name.to_owned(),
            guid: hex(&self.derive("guid", name)),
            uri: format!("/nonexistent/syncspec/{id}"),
            id,
            shared,
        }
    }
}

/// Letters, digits and `-`, starting with a letter: behind a digit, `e` and `-` would make a number of it.
fn slug(text: &str, len_max: usize) -> String {
    let word = |character: char| match character.is_ascii_alphanumeric() {
        true => character.to_ascii_lowercase(),
        false => '-',
    };
    let slug: String = std::iter::once('c')
        .filter(|_| !text.starts_with(|first: char| first.is_ascii_alphabetic()))
        .chain(text.chars().map(word))
        .take(len_max)
        .collect();
    slug.trim_end_matches('-').to_owned()
}

mod hex_seed {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    pub fn serialize<S: Serializer>(seed: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        super::hex(seed).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        read(&text).ok_or_else(|| de::Error::custom("expected 64 hexadecimal digits"))
    }

    fn read(text: &str) -> Option<[u8; 32]> {
        let digits: Vec<u8> = text
            .chars()
            .map(|digit| digit.to_digit(16)?.try_into().ok())
            .collect::<Option<_>>()?;
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect();
        (digits.len() == 64).then(|| bytes.try_into().ok())?
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::scenario::model::{RepoFixture, TokenFixture};

    fn given() -> Given {
        Given {
            others: BTreeMap::from([("second".to_owned(), PeerFixture::default())]),
            token: Some(TokenFixture::default()),
            repos: vec![RepoFixture {
                name: "photos".to_owned(),
                shared: true,
            }],
            plans: vec![PlanFixture {
                name: "daily".to_owned(),
                repo: "photos".to_owned(),
            }],
            ..Given::default()
        }
    }

    #[test]
    fn same_case_then_same_fixtures() {
        let fixtures = || Fixtures::for_case("a/b", Role::Responder, RpcProtocol::Grpc, &given());
        assert_eq!(fixtures(), fixtures());
    }

    #[test]
    fn other_case_role_or_link_then_nothing_is_shared() {
        let mut seen = HashSet::new();
        for case in ["a/b", "a/c"] {
            for role in [Role::Responder, Role::Initiator] {
                for protocol in RpcProtocol::ALL {
                    let fixtures = Fixtures::for_case(case, role, protocol, &given());
                    assert!(
                        fixtures
                            .variables()
                            .into_values()
                            .all(|value| seen.insert(value))
                    );
                    for identity in &fixtures.identities {
                        assert!(seen.insert(hex(&identity.seed)));
                    }
                }
            }
        }
    }

    #[test]
    fn any_case_id_then_instance_id_of_the_allowed_form() {
        let long = "a-very-long-folder/a-very-long-file-name-that-goes-on/and-a-row";
        for case in ["1e5", "", "5", "a", "ä/ö", long, "x-/-"] {
            let fixtures =
                Fixtures::for_case(case, Role::Initiator, RpcProtocol::Connect, &given());
            for identity in &fixtures.identities {
                let id = &identity.instance_id;
                assert!(id.len() <= INSTANCE_ID_LEN_MAX, "{id}");
                assert!(
                    id.bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                );
                assert!(
                    id.starts_with(|first: char| first.is_ascii_alphabetic()),
                    "{id}"
                );
                assert!(id.parse::<f64>().is_err(), "{id}");
            }
        }
    }

    #[test]
    fn plan_then_holds_the_id_of_its_repository() {
        let fixtures = Fixtures::for_case("a", Role::Responder, RpcProtocol::Grpc, &given());
        assert_eq!(fixtures.plans[0].repo_id, fixtures.repos[0].id);
        assert_eq!(fixtures.repos[0].guid.len(), 64);
        assert_eq!(fixtures.token.unwrap().secret.len(), 64);
    }

    #[test]
    fn seed_of_a_vector_then_its_keyid() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../vectors/identity.json")).unwrap();
        let test = &vectors["groups"][0]["tests"][0];
        let seed: Vec<u8> = (0..32)
            .map(|index| &test["seed"].as_str().unwrap()[2 * index..2 * index + 2])
            .map(|digits| u8::from_str_radix(digits, 16).unwrap())
            .collect();
        let mut fixtures = Fixtures::for_case("a", Role::Responder, RpcProtocol::Grpc, &given());
        fixtures.identities[0].seed = seed.try_into().unwrap();
        assert_eq!(
            fixtures.identities[0].keyid(),
            test["keyid"].as_str().unwrap()
        );
    }
}
