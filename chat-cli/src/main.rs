//! Host a room or join one from a terminal. The match below is the table of contents.

mod args;
mod complete;
mod exit;
mod filter;
mod host;
mod input;
mod interactive;
mod output;
mod perform;
mod render;
mod send;

use std::process::ExitCode;

use args::{Arguments, Command, Session};
use clap::Parser;
use exit::{Exit, Failure};
use host::Hosted;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Help and version go to the output and are no failure.
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    match run(arguments.command) {
        Ok(exit) => exit.into(),
        Err((exit, sentence)) => {
            output::complain(&sentence);
            exit.into()
        }
    }
}

fn run(command: Option<Command>) -> Result<Exit, Failure> {
    let is_interactive = output::is_interactive();
    match command {
        Some(Command::Host(options)) => {
            let (hosted, session) = host::start(&options)?;
            talk(session, Some(hosted), is_interactive)
        }
        Some(Command::Join(options)) => talk(options.session(), None, is_interactive),
        Some(Command::Listen(options)) => filter::listen(options.session()),
        Some(Command::Send(options)) => send::run(&options),
        None if is_interactive => interactive::ask(),
        None => Err((
            Exit::Usage,
            "without a terminal, say what to do: host, join, listen or send (see --help)".into(),
        )),
    }
}

/// A session with an editor of lines in a terminal, and without one as a filter between two pipes.
fn talk(session: Session, hosted: Option<Hosted>, is_interactive: bool) -> Result<Exit, Failure> {
    if is_interactive { interactive::run(session, hosted) } else { filter::run(session, hosted) }
}
