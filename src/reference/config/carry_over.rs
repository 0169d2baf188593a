//! What becomes of pairings when the config file that they are not in is edited.

use std::collections::HashMap;

use super::{Config, ConfigError};
use crate::wire::v1::multihost::PairingToken;

/// The config of an edited file, with what pairing did to the config since the file was last read.
///
/// Clients that paired are added, unless the file now names their key. A token that both name has the uses counted so
/// far on top of those in the file; one that was used up is left out, unless the file now allows more uses.
///
/// # Errors
/// [`ConfigError`] when both together are not valid, such as two clients of one instance id.
pub fn carry_over(
    imported: &Config,
    in_force: &Config,
    file: &Config,
) -> Result<Config, ConfigError> {
    if file == imported {
        return Ok(in_force.clone());
    }
    let paired = in_force.authorized_clients().iter().filter(|client| {
        imported.authorized_client(&client.keyid).is_none() && !file.knows_keyid(&client.keyid)
    });
    let paired: Vec<_> = paired.cloned().collect();
    let taken = uses_taken(imported, in_force);
    file.edited(|message| {
        message.modno = message
            .modno
            .max(in_force.message().modno.saturating_add(1));
        if paired.is_empty() && taken.is_empty() {
            return;
        }
        let sync = message.multihost.get_or_insert_default();
        sync.authorized_clients.extend(paired);
        for token in &mut sync.pairing_tokens {
            let taken = taken.get(token.secret.as_str()).copied().unwrap_or(0);
            token.uses = token.uses.saturating_add(taken);
        }
        sync.pairing_tokens.retain(|token| {
            let taken = taken.get(token.secret.as_str()).copied().unwrap_or(0);
            taken == 0 || token.max_uses <= 0 || token.uses < token.max_uses
        });
    })
}

/// How often each token was used since the file was read, by secret.
fn uses_taken<'a>(imported: &'a Config, in_force: &Config) -> HashMap<&'a str, i32> {
    let now = |before: &PairingToken| {
        let mut tokens = in_force.pairing_tokens().iter();
        let left = tokens.find(|token| token.secret == before.secret);
        // One that is gone has been used up.
        left.map_or(before.max_uses, |token| token.uses)
    };
    let tokens = imported.pairing_tokens().iter();
    tokens
        .map(|before| {
            (
                before.secret.as_str(),
                now(before).saturating_sub(before.uses),
            )
        })
        .filter(|(_, taken)| *taken > 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        reference::fixture::{config, peer, repo, sync, token},
        wire::v1,
    };

    fn file(edit: impl FnOnce(&mut v1::Config)) -> Config {
        config("host", 1, |c| {
            sync(c).pairing_tokens = vec![token("once", 1), token("often", 5)];
            edit(c);
        })
    }

    /// `once` was used up by client 2, `often` used once by client 3.
    fn in_force() -> Config {
        file(|c| {
            c.modno = 3;
            sync(c).pairing_tokens.remove(0);
            sync(c).pairing_tokens[0].uses = 1;
            sync(c).authorized_clients = vec![peer("two", 2, &[]), peer("three", 3, &[])];
        })
    }

    fn tokens(config: &Config) -> Vec<(&str, i32)> {
        let tokens = config.pairing_tokens().iter();
        tokens.map(|t| (t.secret.as_str(), t.uses)).collect()
    }

    #[test]
    fn file_unchanged_then_config_in_force() {
        let file = file(|_| ());
        assert_eq!(carry_over(&file, &in_force(), &file), Ok(in_force()));
    }

    #[test]
    fn repo_added_to_the_file_then_pairings_stay() {
        let edited = file(|c| c.repos.push(repo("new")));
        let carried = carry_over(&file(|_| ()), &in_force(), &edited).unwrap();
        assert_eq!(carried.repos().len(), 1);
        assert_eq!(
            carried.authorized_clients(),
            in_force().authorized_clients()
        );
        assert_eq!(tokens(&carried), [("often", 1)]);
        assert_eq!(carried.message().modno, 4);
    }

    #[test]
    fn more_uses_allowed_then_used_up_token_is_back_with_its_count() {
        let edited = file(|c| sync(c).pairing_tokens[0].max_uses = 2);
        let carried = carry_over(&file(|_| ()), &in_force(), &edited).unwrap();
        assert_eq!(tokens(&carried), [("once", 1), ("often", 1)]);
    }

    #[test]
    fn token_added_then_it_is_unused() {
        let edited = file(|c| sync(c).pairing_tokens.push(token("new", 1)));
        let carried = carry_over(&file(|_| ()), &in_force(), &edited).unwrap();
        assert_eq!(tokens(&carried), [("often", 1), ("new", 0)]);
    }

    #[test]
    fn paired_client_named_in_the_file_then_the_file_wins() {
        let edited = file(|c| sync(c).authorized_clients = vec![peer("renamed", 2, &[])]);
        let carried = carry_over(&file(|_| ()), &in_force(), &edited).unwrap();
        let names = carried.authorized_clients().iter();
        let names: Vec<_> = names.map(|c| c.instance_id.as_str()).collect();
        assert_eq!(names, ["renamed", "three"]);
    }

    #[test]
    fn all_paired_clients_named_in_the_file_then_their_uses_are_counted_all_the_same() {
        let edited = file(|c| {
            sync(c).authorized_clients = vec![peer("two", 2, &[]), peer("three", 3, &[])];
        });
        let carried = carry_over(&file(|_| ()), &in_force(), &edited).unwrap();
        assert_eq!(tokens(&carried), [("often", 1)]);
    }

    #[test]
    fn token_that_the_file_says_is_spent_then_it_stays_as_the_file_has_it() {
        let spent = |c: &mut v1::Config| {
            sync(c).pairing_tokens.push(PairingToken {
                uses: 1,
                ..token("spent", 1)
            });
        };
        let edited = file(|c| {
            spent(c);
            c.repos.push(repo("new"));
        });
        let carried = carry_over(&file(|_| ()), &in_force(), &edited).unwrap();
        assert_eq!(tokens(&carried), [("often", 1), ("spent", 1)]);
    }

    #[test]
    fn instance_id_of_a_paired_client_given_to_another_then_refused() {
        let edited = file(|c| sync(c).authorized_clients = vec![peer("two", 9, &[])]);
        let error = carry_over(&file(|_| ()), &in_force(), &edited).unwrap_err();
        assert_eq!(error.path, "sync.authorizedClients[1].instanceId");
    }
}
