//! Peers that a target file tells of, and that the doctor starts.

use std::fs;

use assert_cmd::Command;
use tempfile::TempDir;

use crate::run::{Said, doctor, flat};

/// What the doctor says of a peer with this target file.
fn of_target(target: &str, args: &[&str]) -> Said {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("syncspec.toml");
    fs::write(&file, target).unwrap();
    doctor(&[&[&*file.to_string_lossy()], args].concat())
}

/// A target file whose command is our own program with these arguments.
fn own(roles: &str, args: &str) -> String {
    let program = assert_cmd::cargo::cargo_bin("syncspec");
    let program = program.display();
    format!(
        "roles = [{roles}]\n[command]\nrun = ['{program}', {args}]\nformat = 'backrest-config'\nstart-within = '60s'\n"
    )
}

const HOST: &str = "'serve', '--config', '{provision}', '--listen', '127.0.0.1:{port}'";
const CLIENT: &str = "'connect', '--config', '{provision}'";

#[test]
fn host_that_the_suite_starts_then_all_is_well() {
    let said = of_target(&own("'responder'", HOST), &[]);
    said.is_well();
    said.says("as a host");
    said.says("speaks grpc, connect");
    said.says("knows our client");
}

#[test]
fn client_that_the_suite_starts_then_all_is_well() {
    let said = of_target(&own("'initiator'", CLIENT), &[]);
    said.is_well();
    said.says("as a client");
    said.says("a session stands, a request was answered");
}

#[test]
fn program_that_is_not_there_then_named() {
    let target = "[command]\nrun = ['./no-such-peer', '{provision}', '{port}']\n";
    let said = of_target(target, &[]);
    said.names("start", "cannot-start");
    said.says("no-such-peer");
}

#[test]
fn port_that_stays_closed_then_named() {
    let target = "[command]\nrun = ['sh', '-c', 'echo waiting for nothing; exec sleep 60', '{provision}', '{port}']\n\
                  start-within = '300ms'\n";
    let said = of_target(target, &[]);
    said.names("start", "not-ready");
    said.says("waiting for nothing");
}

#[test]
fn flag_of_a_url_beside_a_target_file_then_wrong_usage() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("syncspec.toml");
    fs::write(&file, own("'responder'", HOST)).unwrap();
    let output = Command::cargo_bin("syncspec")
        .unwrap()
        .arg("doctor")
        .arg(&file)
        .args(["--watch", "1m"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(flat(&String::from_utf8_lossy(&output.stderr)).contains("beside a target file only"));
}
