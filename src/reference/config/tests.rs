use super::*;
use crate::reference::fixture::{bare, config, identity, keyid, peer, plan, repo, sync, token};

type Edit = fn(&mut v1::Config);

#[test]
fn deployed_file_then_read() {
    let id = identity(1);
    let text = format!(
        r#"{{"modno":1,"version":6,"instance":"host","auth":{{"disabled":true}},
        "repos":[{{"id":"007","uri":"/r","guid":"{guid}","password":"x"}}],
        "plans":[{{"id":"1e3","repo":"007","paths":["/"],"schedule":{{"disabled":true}}}}],
        "sync":{{"identity":{{"keyId":"{keyid}","ed25519priv":"{private}","ed25519pub":"{public}"}},
        "authorizedClients":[{{"instanceId":"client","keyId":"k","permissions":[
            {{"type":"PERMISSION_READ_CONFIG","scopes":["*"]}}]}}],
        "pairingTokens":[{{"secret":"s","label":"l","createdAtUnix":"5","expiresAtUnix":6,"maxUses":1}}]}}}}"#,
        guid = "a".repeat(64),
        keyid = id.keyid(),
        private = id.private_key_text(),
        public = id.public_key_text(),
    );
    let config = Config::from_json(&text).unwrap();
    assert_eq!(config.repos()[0].id, "007");
    assert_eq!(config.plans()[0].id, "1e3");
    assert_eq!(
        config.authorized_client("k").unwrap().permissions[0].scopes,
        ["*"]
    );
    assert_eq!(config.pairing_tokens()[0].expires_at_unix, 6);
    assert_eq!(config.identity().keyid(), keyid(1));
    assert_eq!(Config::from_json(&config.to_json()).unwrap(), config);
}

#[test]
fn unknown_key_then_error_names_it_and_its_line() {
    let error = Config::from_json("{\n\"versoin\": 6}").unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("versoin") && text.contains("line 2"),
        "{text}"
    );
}

#[test]
fn text_after_the_config_then_error() {
    let text = config("host", 1, |_| ()).to_json();
    let error = Config::from_json(&format!("{text} {{}}")).unwrap_err();
    assert!(matches!(error.problem, Problem::Json(_)));
}

#[test]
fn invalid_config_then_error_names_the_json_path() {
    let edits: [(&str, Problem, Edit); 17] = [
        ("version", Problem::Version { seen: 5 }, |c| c.version = 5),
        ("instance", Problem::Empty, |c| c.instance.clear()),
        ("instance", Problem::InstanceIdForm, |c| {
            c.instance = "_x_".to_owned()
        }),
        ("repos[0].id", Problem::Empty, |c| c.repos[0].id.clear()),
        ("repos[0].guid", Problem::Empty, |c| c.repos[0].guid.clear()),
        ("repos[1].id", Problem::Taken, |c| {
            c.repos[1].id = "a".to_owned()
        }),
        ("repos[1].uri", Problem::Taken, |c| {
            c.repos[1].uri = c.repos[0].uri.clone()
        }),
        ("repos[1].guid", Problem::Taken, |c| {
            c.repos[1].guid = c.repos[0].guid.clone()
        }),
        ("plans[1].id", Problem::Taken, |c| {
            c.plans.push(plan("p", "b"))
        }),
        ("plans[0].repo", Problem::RepoUnknown, |c| {
            c.plans[0].repo = "c".to_owned()
        }),
        ("plans[0].paths", Problem::Empty, |c| {
            c.plans[0].paths = vec![String::new()]
        }),
        ("sync.identity", Problem::IdentityMissing, |c| {
            c.multihost = None
        }),
        (
            "sync.identity",
            Problem::Identity(IdentityError::SeedOfOtherKey),
            |c| {
                sync(c).identity.as_mut().unwrap().ed25519priv = identity(2).private_key_text();
            },
        ),
        ("sync.knownHosts[0].instanceId", Problem::Taken, |c| {
            sync(c).known_hosts.push(peer("host", 2, &[]));
        }),
        ("sync.authorizedClients[0].keyId", Problem::Taken, |c| {
            sync(c).known_hosts.push(peer("other", 2, &[]));
            sync(c).authorized_clients.push(peer("client", 2, &[]));
        }),
        ("sync.authorizedClients[0].keyId", Problem::Taken, |c| {
            sync(c).authorized_clients.push(peer("client", 1, &[]));
        }),
        ("sync.pairingTokens[1].secret", Problem::Taken, |c| {
            sync(c).pairing_tokens = vec![token("s", 0), token("s", 1)];
        }),
    ];
    for (path, problem, edit) in edits {
        let mut message = bare("host", 1);
        message.repos = vec![repo("a"), repo("b")];
        message.plans = vec![plan("p", "a")];
        edit(&mut message);
        let path = path.to_owned();
        assert_eq!(
            Config::new(message).unwrap_err(),
            ConfigError { path, problem }
        );
    }
}

#[test]
fn instance_id_of_other_form_then_refused() {
    for good in ["a", "_", "_a", "a_", "A.b-c_9", &"x".repeat(50)] {
        assert_eq!(check_instance_id(good), Ok(()), "{good}");
    }
    for bad in ["_a_", "__", "a b", "a/b", "\u{e9}", &"x".repeat(51)] {
        assert_eq!(
            check_instance_id(bad),
            Err(Problem::InstanceIdForm),
            "{bad}"
        );
    }
}

#[test]
fn ids_of_us_and_of_each_peer_then_known() {
    let config = config("host", 1, |c| {
        sync(c).known_hosts = vec![peer("other-host", 2, &[])];
        sync(c).authorized_clients = vec![peer("client", 3, &[])];
    });
    for (instance_id, seed) in [("host", 1), ("other-host", 2), ("client", 3)] {
        assert!(config.knows_instance_id(instance_id), "{instance_id}");
        assert!(config.knows_keyid(&keyid(seed)), "{instance_id}");
    }
    for (instance_id, seed) in [("nobody", 4), ("Client", 5), ("clien", 6), ("", 7)] {
        assert!(!config.knows_instance_id(instance_id), "{instance_id}");
        assert!(!config.knows_keyid(&keyid(seed)), "{instance_id}");
    }
}

#[test]
fn debug_then_no_secret_in_it() {
    let config = config("host", 1, |c| {
        sync(c).pairing_tokens.push(token("s3cret", 1))
    });
    let text = format!("{config:?}");
    assert!(!text.contains("s3cret"));
    assert!(!text.contains(&identity(1).private_key_text()));
}
