//! Cases written by hand, for the tests of what plays and judges them.

use super::{load::load_files, model::Scenario};
use crate::wire::{Role, RpcProtocol};

/// The one case of a file with this text, against a peer in that role.
pub(crate) fn case_of(text: &str, role: Role, protocol: RpcProtocol) -> Scenario {
    let file = ("a/case.yaml".to_owned(), text.as_bytes().to_vec());
    let cases = load_files(vec![file]).unwrap_or_else(|errors| panic!("{}", errors[0].render()));
    cases[0]
        .instantiate(role, protocol)
        .unwrap_or_else(|| panic!("not for the {role}"))
}
