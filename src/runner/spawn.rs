//! Starting a process: one place, by `posix_spawn` where nothing forbids it.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::fs::Access;

use super::{CommandTask, Surroundings};
use crate::task::Attempt;
use crate::zone::Zone;

/// What speaks to taskd's own service manager and must not reach a child.
const OURS: [&str; 6] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
];

/// What not every attempt has.
const MAYBE: [&str; 4] =
    ["TASKD_PREVIOUS_SUCCESS", "TASKD_AFTER_TASK", "TASKD_AFTER_RUN", "TASKD_AFTER_OUTCOME"];

/// What is searched where `PATH` is not set.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Starts the command in a process group of its own, with an empty input and these two ends for its
/// output and its errors.
pub(super) fn spawn(
    task: &CommandTask,
    surroundings: &Surroundings,
    attempt: &Attempt,
    (output, errors): (Stdio, Stdio),
) -> Result<Child, NotStarted> {
    let [name, arguments @ ..] = task.arguments.as_slice() else {
        return Err(NotStarted::NoCommand);
    };
    let program = find_program(name, &task.directory, task.search_path().as_deref())
        .map_err(|denied| why_not(task, name, denied))?;
    let mut command = Command::new(program);
    command
        .arg0(name)
        .args(arguments)
        .current_dir(&task.directory)
        .envs(task.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .process_group(0);
    // Of the attempt itself, not of one that taskd may run in.
    for name in OURS.iter().chain(&MAYBE) {
        if task.environment.iter().all(|(own, _)| own != name) {
            command.env_remove(name);
        }
    }
    for (name, value) in &surroundings.variables {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.envs(facts(attempt, &task.zone));
    command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::NotADirectory => {
            why_not(task, name, error.kind() == io::ErrorKind::PermissionDenied)
        }
        _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
            NotStarted::NoHashBang(name.clone())
        }
        _ => NotStarted::Other(name.clone(), error),
    })
}

/// What an attempt is told about itself, as variables.
fn facts(attempt: &Attempt, zone: &Zone) -> Vec<(&'static str, String)> {
    let due = attempt.run.due;
    let mut facts = vec![
        ("TASKD_TASK", attempt.run.task.to_string()),
        ("TASKD_RUN", attempt.run.to_string()),
        ("TASKD_ATTEMPT", attempt.number.to_string()),
        ("TASKD_DUE", due.to_string()),
        ("TASKD_DUE_LOCAL", due.display_with_offset(zone.offset(due)).to_string()),
        ("TASKD_TRIGGER", attempt.trigger.to_string()),
    ];
    facts.extend(attempt.previous_success.map(|due| ("TASKD_PREVIOUS_SUCCESS", due.to_string())));
    if let Some(cause) = &attempt.cause {
        facts.push(("TASKD_AFTER_TASK", cause.run.task.to_string()));
        facts.push(("TASKD_AFTER_RUN", cause.run.to_string()));
        facts.push(("TASKD_AFTER_OUTCOME", cause.outcome.into()));
    }
    facts
}

/// The file that `name` stands for: with a `/` in it, a path from `directory`; else the first
/// executable file of that name in `path`.
///
/// # Errors
///
/// Returns whether there is one that may not be executed.
pub fn find_program(name: &str, directory: &Path, path: Option<&OsStr>) -> Result<PathBuf, bool> {
    if name.contains('/') {
        return Ok(directory.join(name));
    }
    let path = path.map_or_else(|| PATH.into(), OsStr::to_os_string);
    let mut denied = false;
    for place in std::env::split_paths(&path) {
        let file = directory.join(place).join(name);
        if !file.is_file() {
            continue;
        }
        if rustix::fs::access(&file, Access::EXEC_OK).is_ok() {
            return Ok(file);
        }
        denied = true;
    }
    Err(denied)
}

/// What a person needs to know: the kernel has one error for a missing directory, a missing
/// program and a missing interpreter.
fn why_not(task: &CommandTask, program: &str, denied: bool) -> NotStarted {
    let directory = &task.directory;
    match std::fs::metadata(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            NotStarted::NoDirectory(directory.clone())
        }
        Err(_) => NotStarted::ClosedDirectory(directory.clone()),
        Ok(metadata) if !metadata.is_dir() => NotStarted::NoDirectory(directory.clone()),
        Ok(_) if rustix::fs::access(directory, Access::EXEC_OK).is_err() => {
            NotStarted::ClosedDirectory(directory.clone())
        }
        Ok(_) if denied => NotStarted::NotExecutable(program.into()),
        Ok(_) if program.contains('/') && directory.join(program).exists() => {
            NotStarted::NoInterpreter(program.into())
        }
        Ok(_) => NotStarted::NoProgram(program.into()),
    }
}

/// Why a process could not be started.
#[derive(Debug)]
pub(super) enum NotStarted {
    NoCommand,
    NoProgram(String),
    NotExecutable(String),
    NoInterpreter(String),
    NoHashBang(String),
    NoDirectory(PathBuf),
    ClosedDirectory(PathBuf),
    Other(String, io::Error),
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommand => write!(f, "there is no command"),
            Self::NoProgram(program) => write!(f, "no such program: `{program}`"),
            Self::NotExecutable(program) => write!(f, "`{program}` is not executable"),
            Self::NoInterpreter(program) => write!(f, "the interpreter of `{program}` is missing"),
            Self::NoHashBang(program) => {
                write!(f, "`{program}` is no program, and has no `#!` line that names one")
            }
            Self::NoDirectory(path) => write!(f, "no such directory: `{}`", path.display()),
            Self::ClosedDirectory(path) => {
                write!(f, "the directory `{}` cannot be entered", path.display())
            }
            Self::Other(program, error) => write!(f, "cannot start `{program}`: {error}"),
        }
    }
}
