//! Processes that behave badly, each a few words of shell.

#![cfg(target_os = "linux")]

use std::fs;

use super::*;
use crate::target::file::{CommandLine, Filled, Wait};

const WAIT: Duration = Duration::from_secs(30);

fn command(script: &str) -> CommandTarget {
    let words = ["sh", "-c", script].map(|word| Filled::parse(word).unwrap());
    CommandTarget {
        start_within: Some(Wait(Duration::from_millis(300))),
        stop_within: Some(Wait(Duration::from_millis(300))),
        ..CommandTarget::new(CommandLine::new(words.to_vec()).unwrap())
    }
}

async fn start(script: &str, ready: Ready, url: &str) -> Result<Process, StartError> {
    Process::start(Launch {
        command: &command(script),
        ready,
        url: Some(url),
        listen: "http://listening",
        provision: "the provision",
        operations: "{}",
    })
    .await
}

/// Starts one that shows by what it prints that it runs.
async fn started(script: &str, says: &str) -> Process {
    let process = start(script, Ready::Dials, "http://127.0.0.1:{port}")
        .await
        .unwrap();
    timeout(WAIT, async {
        while !process
            .log()
            .last(LINES_MAX)
            .iter()
            .any(|line| line == says)
        {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("it never said {says}: {:?}", process.log().last(LINES_MAX)));
    process
}

/// Waits until a process is gone: those of a group that is killed are reaped by others.
async fn gone(pid: &str) {
    let is_there = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // `Z` has ended, and waits for its parent to hear of it.
        stat.split(") ")
            .nth(1)
            .is_some_and(|rest| !rest.starts_with('Z'))
    };
    timeout(WAIT, async {
        while is_there() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("{pid} is still there"));
}

#[tokio::test]
async fn started_then_given_everything() {
    let process = started(
        "cat {provision}; echo; ls {data} | wc -l | tr -d ' '; echo {listen} {url} {port} >&2; echo ready; exec sleep 1000",
        "ready",
    )
    .await;
    let lines = process.log().last(LINES_MAX);
    assert!(lines.contains(&"the provision".to_owned()), "{lines:?}");
    assert!(lines.contains(&"0".to_owned()), "{lines:?}");
    let port = process.filling().port;
    assert_eq!(process.url(), format!("http://127.0.0.1:{port}"));
    let told = format!("http://listening {} {port}", process.url());
    // It came on the other output, so perhaps later.
    timeout(WAIT, async {
        while !process.log().last(LINES_MAX).contains(&told) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn no_such_program_then_named() {
    let mut command = command("");
    command.run = CommandLine::parse("./no-such-program").unwrap();
    let launch = Launch {
        command: &command,
        ready: Ready::Port,
        url: Some("http://127.0.0.1:{port}"),
        listen: "",
        provision: "",
        operations: "",
    };
    let error = Process::start(launch).await.unwrap_err();
    assert!(error.to_string().contains("./no-such-program"), "{error}");
}

#[tokio::test]
async fn ends_at_start_then_said_with_its_last_words() {
    let error = start(
        "echo bad config >&2; exit 3",
        Ready::Port,
        "http://127.0.0.1:{port}",
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains("exit status: 3"), "{error}");
    assert_eq!(error.into_log(), ["bad config"]);
}

#[tokio::test]
async fn never_ready_then_said_and_gone() {
    let error = start(
        "echo $$; exec sleep 1000",
        Ready::Port,
        "http://127.0.0.1:{port}",
    )
    .await
    .unwrap_err();
    let StartError::NotReady { log, .. } = &error else {
        panic!("{error}");
    };
    if let Some(pid) = log.first() {
        gone(pid).await;
    }
    assert!(
        error.to_string().contains("did not open within 300ms"),
        "{error}"
    );
}

#[tokio::test]
async fn port_that_is_taken_then_said_before_anything_starts() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/prefix", taken.local_addr().unwrap());
    let error = start("exec sleep 1000", Ready::Port, &url)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("listens at 127.0.0.1:"),
        "{error}"
    );
}

#[tokio::test]
async fn asked_to_leave_then_leaves() {
    let process = started("echo ready; exec sleep 1000", "ready").await;
    assert_eq!(process.stop().await, Stopped::Left);
}

#[tokio::test]
async fn refuses_to_leave_then_killed_with_its_children() {
    let process = started(
        "trap '' TERM; sleep 1000 & echo $!; echo ready; while true; do wait; done",
        "ready",
    )
    .await;
    let child = process.log().last(LINES_MAX)[0].clone();
    let stopped = process.stop().await;
    assert!(matches!(stopped, Stopped::Killed { .. }), "{stopped:?}");
    gone(&child).await;
}

#[tokio::test]
async fn dropped_then_killed_with_its_children() {
    let process = started("sleep 1000 & echo $!; echo ready; wait", "ready").await;
    let child = process.log().last(LINES_MAX)[0].clone();
    drop(process);
    gone(&child).await;
}

#[tokio::test]
async fn ends_by_itself_then_its_children_go_too() {
    let process = started("sleep 1000 & echo $!; echo ready; exit 7", "ready").await;
    let how = timeout(WAIT, process.ended()).await.unwrap();
    assert_eq!(how, "exit status: 7");
    assert_eq!(process.end(), Some(how));
    gone(&process.log().last(LINES_MAX)[0]).await;
    assert_eq!(process.stop().await, Stopped::AlreadyGone);
}

#[tokio::test]
async fn dies_of_a_signal_then_the_signal_is_named() {
    let process = started("echo ready; kill -SEGV $$; sleep 1000", "ready").await;
    let how = timeout(WAIT, process.ended()).await.unwrap();
    assert!(how.contains("SIGSEGV"), "{how}");
}

#[tokio::test]
async fn floods_its_output_then_never_held_up() {
    let process = started(
        "head -c 20000000 /dev/zero | tr '\\0' 'x' >&2; echo; echo ready; exec sleep 1000",
        "ready",
    )
    .await;
    assert!(process.log().last(usize::MAX).len() <= LINES_MAX);
    assert_eq!(process.stop().await, Stopped::Left);
}

#[test]
fn url_then_what_is_dialled() {
    assert_eq!(authority("http://127.0.0.1:98/prefix"), "127.0.0.1:98");
    assert_eq!(authority("https://host/prefix"), "host:443");
    assert_eq!(authority("http://[::1]:7"), "[::1]:7");
    assert_eq!(authority("http://host"), "host:80");
}
