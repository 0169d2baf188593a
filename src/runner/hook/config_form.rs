//! The hook's questions in terms of the configuration form of deployed peers: protobuf's JSON mapping of `v1.Config`.

use serde_json::{Map, Value as Json, json};

use crate::reference::config::Config;

/// The form of a config.
pub fn form_of(config: &Config) -> Result<Json, String> {
    serde_json::from_str(&config.to_json()).map_err(|error| error.to_string())
}

/// The config of a form, as the successor of the one in force.
pub fn successor(current: &Config, form: &Json) -> Result<Config, String> {
    let config = Config::from_json(&form.to_string()).map_err(|error| error.to_string())?;
    let modno = current.message().modno;
    let config = config.edited(|message| message.modno = modno + 1);
    config.map_err(|error| error.to_string())
}

/// The configuration in the layout of the provision: what `read-config` answers.
pub fn told(config: &Json) -> Json {
    let sync = &config["sync"];
    let list = |value: &Json| value.as_array().cloned().unwrap_or_default();
    let peer = |peer: &Json| {
        json!({
            "instance_id": peer["instanceId"],
            "key_id": peer["keyId"],
            "permissions": list(&peer["permissions"]),
        })
    };
    json!({"config": {
        "authorized_clients": list(&sync["authorizedClients"]).iter().map(peer).collect::<Vec<_>>(),
        "pairing_tokens": list(&sync["pairingTokens"]).iter().map(|token| json!({
            "secret": token["secret"],
            "max_uses": token["maxUses"].as_u64().unwrap_or_default(),
            "uses": token["uses"].as_u64().unwrap_or_default(),
        })).collect::<Vec<_>>(),
        "repos": list(&config["repos"]).iter().map(|repo| json!({
            "id": repo["id"],
            "guid": repo["guid"],
            "shared": repo["shared"].as_bool().unwrap_or_default(),
        })).collect::<Vec<_>>(),
        "plans": list(&config["plans"]).iter().map(|plan| json!({
            "id": plan["id"],
            "repo": plan["repo"],
        })).collect::<Vec<_>>(),
    }})
}

/// Does what `change-config` asks; the error says what is not there to be changed.
pub fn change(config: &mut Json, asked: &Json) -> Result<(), String> {
    let named = |key: &str| asked[key].as_str();
    if let Some(keyid) = named("remove_client") {
        let clients = clients(config)?;
        let before = clients.len();
        clients.retain(|client| client["keyId"] != keyid);
        return found(before != clients.len(), "client", keyid);
    }
    if let Some(put) = asked["put_client"].as_object() {
        return put_client(clients(config)?, put);
    }
    if let Some(put) = asked["permit_host"].as_object() {
        return permit_host(config, put);
    }
    let repos = |config: &'_ mut Json| config["repos"].as_array_mut().map(std::mem::take);
    let mut all = repos(config).unwrap_or_default();
    let done = match (named("share_repo"), named("remove_repo")) {
        (Some(id), _) => {
            let mut repos = all.iter_mut();
            let repo = repos.find(|repo| repo["id"] == id);
            found(
                repo.map(|repo| repo["shared"] = json!(true)).is_some(),
                "repo",
                id,
            )
        }
        (_, Some(id)) => {
            let before = all.len();
            all.retain(|repo| repo["id"] != id);
            found(before != all.len(), "repo", id)
        }
        _ => Err(format!("no such change: {asked}")),
    };
    config["repos"] = Json::Array(all);
    done
}

fn clients(config: &mut Json) -> Result<&mut Vec<Json>, String> {
    let root = config.as_object_mut().ok_or("a config that is no map")?;
    let sync = root.entry("sync").or_insert_with(|| json!({}));
    let sync = sync.as_object_mut().ok_or("`sync` is no map")?;
    let clients = sync.entry("authorizedClients").or_insert_with(|| json!([]));
    clients
        .as_array_mut()
        .ok_or_else(|| "`authorizedClients` is no list".to_owned())
}

/// In place of the entry of that key, so that no other moves.
fn put_client(clients: &mut Vec<Json>, put: &Map<String, Json>) -> Result<(), String> {
    let field = |key: &str| put.get(key).cloned().unwrap_or_default();
    let entry = json!({
        "instanceId": field("instance_id"),
        "keyId": field("key_id"),
        "permissions": field("permissions"),
    });
    match clients
        .iter_mut()
        .find(|client| client["keyId"] == entry["keyId"])
    {
        Some(client) => *client = entry,
        None => clients.push(entry),
    }
    Ok(())
}

fn permit_host(config: &mut Json, put: &Map<String, Json>) -> Result<(), String> {
    let keyid = put.get("key_id").and_then(Json::as_str).unwrap_or_default();
    let hosts = config["sync"]["knownHosts"].as_array_mut();
    let mut hosts = hosts.into_iter().flatten();
    let host = hosts.find(|host| host["keyId"] == keyid);
    let permissions = put.get("permissions").cloned().unwrap_or_default();
    let done = host.map(|host| host["permissions"] = permissions);
    found(done.is_some(), "host", keyid)
}

fn found(found: bool, what: &str, name: &str) -> Result<(), String> {
    match found {
        true => Ok(()),
        false => Err(format!("there is no {what} `{name}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Json {
        json!({
            "modno": 3,
            "repos": [{"id": "a"}, {"id": "b", "shared": true}],
            "sync": {
                "identity": {"keyId": "me"},
                "authorizedClients": [{"instanceId": "x", "keyId": "k1"}, {"instanceId": "y", "keyId": "k2"}],
                "pairingTokens": [{"secret": "s", "uses": 2}],
                "knownHosts": [{"instanceId": "z", "keyId": "k3", "permissions": []}],
            },
        })
    }

    #[test]
    fn each_change_then_that_and_nothing_else() {
        let changed = |asked: Json| {
            let mut config = config();
            change(&mut config, &asked).map(|()| config)
        };
        let mut expected = config();
        expected["sync"]["authorizedClients"]
            .as_array_mut()
            .unwrap()
            .remove(0);
        assert_eq!(changed(json!({"remove_client": "k1"})), Ok(expected));

        let mut expected = config();
        expected["repos"][0]["shared"] = json!(true);
        assert_eq!(changed(json!({"share_repo": "a"})), Ok(expected));

        let mut expected = config();
        expected["repos"].as_array_mut().unwrap().remove(0);
        assert_eq!(changed(json!({"remove_repo": "a"})), Ok(expected));

        let permissions = json!([{"type": "PERMISSION_READ_CONFIG", "scopes": ["*"]}]);
        let put = |keyid: &str| json!({"put_client": {"instance_id": "z", "key_id": keyid, "permissions": permissions}});
        let told = told(&changed(put("k2")).unwrap());
        let clients = &told["config"]["authorized_clients"];
        assert_eq!(clients[1]["instance_id"], "z");
        assert_eq!(clients[1]["permissions"], permissions);
        assert_eq!(clients.as_array().unwrap().len(), 2);
        let added = changed(put("k3")).unwrap();
        assert_eq!(
            added["sync"]["authorizedClients"].as_array().unwrap().len(),
            3
        );
    }

    #[test]
    fn nothing_to_change_then_error() {
        for asked in [
            json!({"remove_client": "k9"}),
            json!({"share_repo": "z"}),
            json!({"remove_repo": "z"}),
            json!({}),
        ] {
            let mut config = config();
            assert!(change(&mut config, &asked).is_err(), "{asked}");
            assert_eq!(config, self::config(), "{asked}");
        }
    }
}
