//! `taskd completions`: what a shell needs to complete a command line.

use std::io::Write;

use clap_complete::Shell;
use clap_complete::env::Shells;

use super::complete;
use super::exit::{Exit, Failure};
use super::output;

/// zsh reads the file when Tab is first pressed, and wants that answered, too.
const FIRST_TIME: &str =
    "\nif [ \"$funcstack[1]\" = \"_taskd\" ]; then\n    _clap_dynamic_completer_taskd \"$@\"\nfi\n";

pub fn completions(shell: Shell) -> Result<Exit, Failure> {
    let name = shell.to_string();
    let shells = Shells::builtins();
    let completer = shells.completer(&name).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("there are no completions for `{name}`"))
    })?;
    // The generator panics on a closed pipe, so it writes to memory.
    let mut script = Vec::new();
    completer.write_registration(complete::VARIABLE, "taskd", "taskd", "taskd", &mut script)?;
    if shell == Shell::Zsh {
        script.extend(FIRST_TIME.as_bytes());
    }
    let mut out = output::results();
    out.write_all(&script)?;
    out.flush()?;
    Ok(Exit::Ok)
}
