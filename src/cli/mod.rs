//! The command line: the only layer that prints, exits and reads the environment.

mod add;
mod args;
mod cancel;
mod change;
mod complete;
mod completions;
mod daemon;
mod doctor;
mod edit;
mod events;
mod exec;
mod exit;
mod explain;
mod foreign;
mod history;
mod host;
mod install;
mod journal;
mod list;
mod locate;
mod log;
mod man;
mod next;
mod output;
mod output_of;
mod past;
mod pause;
mod plan;
mod rehearsal;
mod reload;
mod reloader;
mod render;
mod run;
mod schema;
mod selection;
mod serve;
mod service;
mod socket;
mod state;
mod status;
mod stop;
mod time;
mod trigger;
mod trust;
mod validate;
mod watch;
mod why;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use args::{Arguments, Verb};
use exit::{Exit, Failure};

use crate::runner;

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    if runner::is_order(std::env::args_os().skip(1)) {
        runner::become_program();
        return ExitCode::FAILURE;
    }
    match complete::complete() {
        Ok(false) => {}
        Ok(true) => return ExitCode::SUCCESS,
        Err(error) => {
            let _ = error.print();
            return ExitCode::FAILURE;
        }
    }
    let arguments = match parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // `--help` and `--version` come this way too. A closed pipe is nobody's fault.
            let _ = error.print();
            if let Some(help) = foreign::help(&error) {
                output::complain(&format!("help: {help}"));
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match act(arguments) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report().into(),
    }
}

/// Reads the command line and the environment; a variable that is empty counts as unset.
fn parse() -> Result<Arguments, clap::Error> {
    let mut command = Arguments::command();
    let is_empty =
        |name: &std::ffi::OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let empty: Vec<_> = command
        .get_arguments()
        .filter(|argument| argument.get_env().is_some_and(is_empty))
        .map(|argument| argument.get_id().clone())
        .collect();
    for id in empty {
        command = command.mut_arg(id, |argument| argument.env(None::<&str>));
    }
    let mut matches = command.clone().try_get_matches()?;
    Arguments::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

fn act(arguments: Arguments) -> Result<Exit, Failure> {
    let Arguments { global, verb } = arguments;
    match verb {
        Verb::Run(run) => run::run(&global, &run),
        Verb::List(list) => list::list(&global, &list),
        Verb::Next(next) => next::next(&global, &next),
        Verb::Explain(explain) => explain::explain(&global, &explain),
        Verb::Validate(validate) => validate::validate(&global, &validate),
        Verb::History(history) => history::history(&global, &history),
        Verb::Output(output) => output_of::output(&global, &output),
        Verb::Why(why) => why::why(&global, &why),
        Verb::Status(status) => status::status(&global, &status),
        Verb::Pause(pause) => pause::pause(&global, &pause),
        Verb::Resume(resume) => pause::resume(&global, &resume),
        Verb::Trigger(trigger) => trigger::trigger(&global, &trigger),
        Verb::Cancel(cancel) => cancel::cancel(&global, &cancel),
        Verb::Reload(plain) => reload::reload(&global, &plain),
        Verb::Events(plain) => events::events(&global, &plain),
        Verb::Stop(plain) => stop::stop(&global, &plain),
        Verb::Add(add) => add::add(&global, &add),
        Verb::Set(set) => add::set(&global, &set),
        Verb::Remove(remove) => add::remove(&global, &remove),
        Verb::Edit(edit) => edit::edit(&global, &edit),
        Verb::Exec(exec) => exec::exec(&global, &exec),
        Verb::Install(install) => install::install(&global, &install),
        Verb::Doctor(plain) => doctor::doctor(&global, &plain),
        Verb::Completions { shell } => completions::completions(shell),
        Verb::Schema => schema::schema(),
        Verb::Man { verb } => man::man(verb.as_deref()),
    }
}
