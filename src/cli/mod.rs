//! The command line: the only layer that prints, exits and reads the environment.

mod args;
mod completions;
mod exit;
mod host;
mod list;
mod locate;
mod log;
mod man;
mod next;
mod output;
mod plan;
mod rehearsal;
mod render;
mod run;
mod selection;
mod state;
mod time;
mod validate;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Verb};
use exit::{Exit, Failure};

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // `--help` and `--version` come this way too. A closed pipe is nobody's fault.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match act(arguments) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report().into(),
    }
}

fn act(arguments: Arguments) -> Result<Exit, Failure> {
    let Arguments { global, verb } = arguments;
    match verb {
        Verb::Run(run) => run::run(&global, &run),
        Verb::List(list) => list::list(&global, &list),
        Verb::Next(next) => next::next(&global, &next),
        Verb::Validate(validate) => validate::validate(&global, &validate),
        Verb::Completions { shell } => completions::completions(shell),
        Verb::Man => man::man(),
    }
}
