use super::*;
use crate::wire::v1sync::sync_stream_item::SyncActionSetConfig;

type Request = SyncActionSetConfig;

fn send(client: &mut Client, request: Request) -> Result<Vec<Effect>, Violation> {
    client.receive(ONE, Action::SetConfig(request), at(0))
}

/// Sends a request that must be refused; returns the rule it breaks.
fn refused(mut client: Client, request: Request) -> (RuleId, Code) {
    admit(&mut client);
    let before = client.config().clone();
    let violation = send(&mut client, request).unwrap_err();
    assert_eq!(*client.config(), before, "nothing may change: {violation}");
    (violation.rule, violation.code())
}

/// Sends a request that must be granted; returns the config after it.
fn granted(client: Client, request: Request) -> Config {
    let mut client = connected(client);
    let effects = send(&mut client, request).unwrap();
    if client.config().message().modno != 7 {
        assert_eq!(effects[0], Effect::ConfigChanged);
        assert_eq!(effects[1], Effect::End(ONE, Ok(())));
    } else {
        assert_eq!(effects, []);
    }
    client.config().clone()
}

fn repos(repos: Vec<v1::Repo>) -> Request {
    Request {
        repos,
        ..Request::default()
    }
}

fn plans(plans: Vec<v1::Plan>) -> Request {
    Request {
        plans,
        ..Request::default()
    }
}

fn deletions(repos: &[&str], plans: &[&str]) -> Request {
    let texts = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect();
    Request {
        repos_to_delete: texts(repos),
        plans_to_delete: texts(plans),
        ..Request::default()
    }
}

fn repo_ids(config: &Config) -> Vec<&str> {
    config.repos().iter().map(|repo| repo.id.as_str()).collect()
}

fn plan_ids(config: &Config) -> Vec<&str> {
    config.plans().iter().map(|plan| plan.id.as_str()).collect()
}

/// The client with a repo `x` that came from `host` and a repo `y` that came from `other`.
fn sharing_client() -> Client {
    client_with(&[permission(SHARED, &["repo:unrelated"])], |c| {
        for (id, origin) in [("x", "host"), ("y", "other")] {
            c.repos.push(v1::Repo {
                origin_instance_id: origin.to_owned(),
                ..repo(id)
            });
        }
    })
}

#[test]
fn write_permission_then_created_replaced_and_deleted() {
    let replaced = v1::Repo {
        flags: vec!["-v".to_owned()],
        ..repo("r")
    };
    let mut changed_plan = plan("p", "r");
    changed_plan.paths.push("/etc".to_owned());
    let config = granted(
        client(WRITE, &[]),
        Request {
            repos: vec![replaced.clone(), repo("t")],
            plans: vec![changed_plan.clone(), plan("new", "t")],
            repos_to_delete: vec!["s".to_owned()],
            plans_to_delete: vec!["q".to_owned()],
        },
    );
    assert_eq!(config.repos(), [replaced, repo("t")]);
    assert_eq!(config.plans(), [changed_plan, plan("new", "t")]);
    assert_eq!(config.message().modno, 8);
}

#[test]
fn plan_out_of_scope_then_refused() {
    for grants in [client(WRITE, &["plan:other", "repo:r"]), client(READ, &[])] {
        let refusal = refused(grants, plans(vec![plan("p", "s")]));
        let expected = (
            RuleId::InitiatorSetConfigPlanPermission,
            Code::PermissionDenied,
        );
        assert_eq!(refusal, expected);
    }
}

#[test]
fn repo_out_of_scope_then_refused() {
    let rule = RuleId::InitiatorSetConfigRepoPermission;
    for request in [repos(vec![repo("t")]), repos(vec![repo("r")])] {
        let refusal = refused(client(WRITE, &["repo:s"]), request);
        assert_eq!(refusal, (rule, Code::PermissionDenied));
    }
}

#[test]
fn repo_renamed_then_both_ids_need_permission() {
    let renamed = v1::Repo {
        guid: repo("s").guid,
        ..repo("t")
    };
    let request = repos(vec![renamed]);
    let rule = RuleId::InitiatorSetConfigRepoPermission;
    assert_eq!(refused(client(WRITE, &["repo:t"]), request.clone()).0, rule);
    assert_eq!(refused(client(WRITE, &["repo:s"]), request).0, rule);
}

#[test]
fn deletion_out_of_scope_then_refused_even_of_unknown_ids() {
    for request in [
        deletions(&["r"], &[]),
        deletions(&[], &["p"]),
        deletions(&["unknown"], &[]),
    ] {
        let refusal = refused(client(WRITE, &["repo:s", "plan:q"]), request);
        assert_eq!(refusal.0, RuleId::InitiatorSetConfigDeletePermission);
    }
}

#[test]
fn one_part_forbidden_then_nothing_of_the_rest_is_done() {
    let scopes = ["repo:t", "plan:p", "repo:s"];
    let allowed = Request {
        repos: vec![repo("t")],
        plans: vec![plan("p", "t")],
        ..Request::default()
    };
    let forbidden = Request {
        plans_to_delete: vec!["q".to_owned()],
        ..allowed.clone()
    };
    refused(client(WRITE, &scopes), forbidden);
    let config = granted(client(WRITE, &scopes), allowed);
    assert_eq!(repo_ids(&config), ["r", "s", "t"]);
}

#[test]
fn sharing_permission_then_new_repos_and_those_of_this_host() {
    let mut updated = repo("x");
    updated.flags.push("-v".to_owned());
    let claimed = v1::Repo {
        origin_instance_id: "other".to_owned(),
        ..repo("t")
    };
    let config = granted(sharing_client(), repos(vec![updated, claimed]));
    assert_eq!(repo_ids(&config), ["r", "s", "x", "y", "t"]);
    for index in [2, 4] {
        assert_eq!(config.repos()[index].origin_instance_id, "host");
    }
    assert_eq!(config.repos()[2].flags, ["-v"]);
}

#[test]
fn sharing_permission_then_own_and_other_hosts_repos_are_not_replaced() {
    for id in ["r", "y"] {
        let refusal = refused(sharing_client(), repos(vec![repo("t"), repo(id)]));
        let expected = (
            RuleId::InitiatorSetConfigForeignRepo,
            Code::PermissionDenied,
        );
        assert_eq!(refusal, expected);
    }
}

#[test]
fn sharing_permission_then_no_plans_and_no_deletions() {
    let refusal = refused(sharing_client(), plans(vec![plan("n", "x")]));
    assert_eq!(refusal.0, RuleId::InitiatorSetConfigPlanPermission);
    let refusal = refused(sharing_client(), deletions(&["x"], &[]));
    assert_eq!(refusal.0, RuleId::InitiatorSetConfigDeletePermission);
}

#[test]
fn result_not_valid_then_refused_and_nothing_changed() {
    let no_guid = v1::Repo {
        guid: String::new(),
        ..repo("t")
    };
    let taken_id = v1::Repo {
        id: "s".to_owned(),
        ..repo("r")
    };
    for request in [
        deletions(&["r"], &[]),
        plans(vec![plan("n", "missing")]),
        repos(vec![no_guid]),
        repos(vec![taken_id]),
    ] {
        let refusal = refused(client(WRITE, &[]), request);
        assert_eq!(refusal.0, RuleId::InitiatorSetConfigInvalidResult);
        assert_ne!(refusal.1, Code::Ok);
    }
}

#[test]
fn new_repo_with_a_taken_id_or_uri_then_skipped() {
    let same_id = v1::Repo {
        guid: repo("t").guid,
        ..repo("r")
    };
    let same_uri = v1::Repo {
        uri: repo("r").uri,
        ..repo("t")
    };
    let skipped = granted(client(WRITE, &[]), repos(vec![same_id, same_uri]));
    assert_eq!(
        (repo_ids(&skipped), skipped.message().modno),
        (vec!["r", "s"], 7)
    );
}

#[test]
fn request_that_changes_nothing_then_modno_and_session_stay() {
    for request in [
        Request::default(),
        repos(vec![repo("r")]),
        plans(vec![plan("p", "r")]),
        deletions(&["unknown"], &["unknown"]),
    ] {
        let config = granted(client(WRITE, &[]), request);
        assert_eq!(config.message().modno, 7);
    }
}

#[test]
fn ids_that_look_like_numbers_then_kept_as_text() {
    let request = Request {
        repos: vec![repo("007")],
        plans: vec![plan("1e3", "007")],
        ..Request::default()
    };
    let config = granted(client(WRITE, &[]), request);
    assert_eq!(repo_ids(&config)[2], "007");
    assert_eq!(plan_ids(&config)[2], "1e3");
}

#[test]
fn more_repos_than_may_be_then_limit_and_nothing_changed() {
    let with_room_for = |list_len| {
        let mut client = client(WRITE, &[]);
        client.settings.limits.config_list_len_max = list_len;
        client
    };
    let one_more = || repos(vec![repo("t")]);
    let refusal = refused(with_room_for(2), one_more());
    assert_eq!(refusal.1, Code::ResourceExhausted);
    let config = granted(with_room_for(3), one_more());
    assert_eq!(repo_ids(&config), ["r", "s", "t"]);
}
