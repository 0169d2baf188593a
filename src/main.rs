//! The process edge: arguments in, exit code out. It knows nothing of the protocol.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = match cli::Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are no mistakes.
            let code = match error.use_stderr() {
                true => cli::exit::USAGE,
                false => cli::exit::CONFORMS,
            };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    ExitCode::from(cli::run(args))
}
