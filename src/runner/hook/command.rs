//! A hook that is a command: a line of JSON in, a line of JSON out.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use futures_util::future::BoxFuture;
use serde_json::Value as Json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::Mutex,
    time::timeout,
};

use super::Hook;

/// Longest line that a hook may answer with, in bytes: a configuration of thousands of clients has a tenth of it.
pub const LINE_LEN_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How long a hook may think about one question, where nothing else is said.
pub const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// A command, started with its first question. One that fails to answer is ended, and started again with the next.
pub struct CommandHook {
    program: String,
    arguments: Vec<String>,
    dir: PathBuf,
    wait: Duration,
    of_clients: bool,
    running: Mutex<Option<Running>>,
}

struct Running {
    /// Kept because it is killed when dropped.
    _child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl CommandHook {
    /// A program and its arguments; no shell reads them.
    pub fn new(program: String, arguments: Vec<String>) -> Self {
        CommandHook {
            program,
            arguments,
            dir: PathBuf::from("."),
            wait: ANSWER_WAIT,
            of_clients: false,
            running: Mutex::new(None),
        }
    }

    /// One of which it is said whether it answers what is asked of clients.
    #[must_use]
    pub fn answering_of_clients(mut self, it_does: bool) -> Self {
        self.of_clients = it_does;
        self
    }

    /// One that is started in this folder, from which a program with a `/` in it is looked for.
    #[must_use]
    pub fn started_in(mut self, dir: &Path) -> Self {
        dir.clone_into(&mut self.dir);
        self
    }

    /// One that may think so long about each question.
    #[must_use]
    pub fn answering_within(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    fn start(&self) -> Result<Running, String> {
        let failed = |error: std::io::Error| format!("start `{}`: {error}", self.program);
        // Where a relative program is looked for differs from system to system once the folder is another.
        let program = match self.program.contains('/') {
            true => self.dir.join(&self.program),
            false => PathBuf::from(&self.program),
        };
        let mut child = Command::new(program)
            .args(&self.arguments)
            .current_dir(&self.dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(questions), Some(answers)) => Ok(Running {
                _child: child,
                questions,
                answers: BufReader::new(answers),
            }),
            _ => Err(format!("start `{}`: it has no pipes", self.program)),
        }
    }
}

impl Running {
    async fn ask(&mut self, question: &Json) -> Result<Json, String> {
        let line = format!("{question}\n");
        let written = self.questions.write_all(line.as_bytes()).await;
        written.map_err(|error| format!("ask `{}`: {error}", question["do"]))?;
        let mut answer = Vec::new();
        let mut limited = (&mut self.answers).take(LINE_LEN_BYTES_MAX);
        let read = limited.read_until(b'\n', &mut answer).await;
        read.map_err(|error| format!("read the answer to {}: {error}", question["do"]))?;
        match answer.pop() {
            Some(b'\n') => {}
            None => return Err(format!("it ended without an answer to {}", question["do"])),
            Some(_) => {
                return Err(format!(
                    "expected one line of at most {LINE_LEN_BYTES_MAX} bytes as the answer to {}",
                    question["do"]
                ));
            }
        }
        let answer: Json = serde_json::from_slice(&answer)
            .map_err(|error| format!("the answer to {} is not JSON: {error}", question["do"]))?;
        if answer.is_object() {
            return Ok(answer);
        }
        Err(format!("the answer to {} is no map", question["do"]))
    }
}

impl Hook for CommandHook {
    fn ask(&self, question: Json) -> BoxFuture<'_, Result<Json, String>> {
        Box::pin(async move {
            let mut running = self.running.lock().await;
            let mut hook = match running.take() {
                Some(hook) => hook,
                None => self.start()?,
            };
            let answer = timeout(self.wait, hook.ask(&question))
                .await
                .map_err(|_| format!("no answer to {} within {:?}", question["do"], self.wait))??;
            // Only one that keeps to the form is asked again.
            *running = Some(hook);
            match answer.get("error") {
                None => Ok(answer),
                Some(why) => Err(why.as_str().map_or_else(|| why.to_string(), str::to_owned)),
            }
        })
    }

    fn of_clients(&self) -> bool {
        self.of_clients
    }
}

impl fmt::Debug for CommandHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandHook")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hook(script: &str) -> (tempfile::TempDir, CommandHook) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hook.sh");
        std::fs::write(&file, script).unwrap();
        let hook = CommandHook::new("sh".to_owned(), vec![file.display().to_string()]);
        (folder, hook)
    }

    #[tokio::test]
    async fn line_in_then_line_out_and_the_process_stays() {
        let script = "n=0; while read line; do n=$((n+1)); echo \"{\\\"n\\\": $n}\"; done";
        let (_folder, hook) = hook(script);
        assert_eq!(hook.ask(json!({"do": "a"})).await, Ok(json!({"n": 1})));
        assert_eq!(hook.ask(json!({"do": "b"})).await, Ok(json!({"n": 2})));
    }

    #[tokio::test]
    async fn error_or_no_answer_then_said_in_words_and_started_again() {
        let (_folder, refuses) =
            hook("while read line; do echo '{\"error\": \"not today\"}'; done");
        assert_eq!(
            refuses.ask(json!({"do": "a"})).await,
            Err("not today".to_owned())
        );
        let (_folder, ends) = hook("read line; exit 3");
        for _ in 0..2 {
            let error = ends.ask(json!({"do": "reset"})).await.unwrap_err();
            assert!(error.contains("without an answer to \"reset\""), "{error}");
        }
        let (_folder, chats) = hook("while read line; do echo hello; done");
        let error = chats.ask(json!({"do": "a"})).await.unwrap_err();
        assert!(error.contains("is not JSON"), "{error}");
    }

    #[tokio::test]
    async fn folder_and_time_given_then_kept_to() {
        let (folder, _) = hook("");
        std::fs::write(folder.path().join("answer"), "{\"here\": true}\n").unwrap();
        // It hears the question first: one that ends before cannot be asked.
        let script = ["-c", "read line; cat answer"].map(str::to_owned);
        let reads = CommandHook::new("sh".to_owned(), script.to_vec());
        let reads = reads.started_in(folder.path());
        assert_eq!(
            reads.ask(json!({"do": "a"})).await,
            Ok(json!({"here": true}))
        );
        let thinks = CommandHook::new("sleep".to_owned(), vec!["1000".to_owned()]);
        let thinks = thinks.answering_within(Duration::from_millis(20));
        let error = thinks.ask(json!({"do": "a"})).await.unwrap_err();
        assert!(error.contains("within 20ms"), "{error}");
    }

    #[tokio::test]
    async fn no_such_program_or_no_word_then_error() {
        let hook = CommandHook::new("/nonexistent/hook".to_owned(), Vec::new());
        let error = hook.ask(json!({"do": "a"})).await.unwrap_err();
        assert!(error.starts_with("start `/nonexistent/hook`"), "{error}");
    }
}
