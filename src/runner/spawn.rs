//! Starting a process: one place, by `posix_spawn`. Where there is something to be done between that and
//! the program, another taskd does it (`setup`); where there is none, a fork.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::fs::{Access, MemfdFlags};

use super::children::{Children, Own};
use super::environment::{self, BadEnvFile, PATH, Variables};
use super::fence::{Bounds, Fence};
use super::identity::{self, Change, Refused, User};
use super::output::Target;
use super::setup::{self, Order};
use super::{CommandTask, Surroundings};
use crate::task::Attempt;

/// Starts the command in a process group of its own, with these two ends for its output and its
/// errors.
pub(super) fn spawn(
    task: &CommandTask,
    surroundings: &Surroundings,
    attempt: &Attempt,
    (output, errors): (Stdio, Stdio),
) -> Result<(Child, Own, Option<Fence>), NotStarted> {
    let owns_output = matches!(task.execution.output.to, Target::Kept { .. });
    let mut ready = prepare(task, surroundings, attempt)?;
    let children = surroundings.children.as_ref();
    let fence = fenced(task, surroundings, attempt)?;
    // Before it can have started anything that is not bounded.
    let is_bounded = fence.is_some() && task.execution.bounds != Bounds::default();
    let change = ready.change.take().or(is_bounded.then(Change::default));
    let goes_in_itself = surroundings.helper.is_some() && change.is_some();
    let started = match (&surroundings.helper, change) {
        (Some(helper), Some(change)) => {
            let words = task.arguments.iter().map(|word| word.as_ref().into()).collect();
            let order = Order {
                change: change.with_open_files(surroundings.open_files),
                owns_output,
                program: std::mem::take(&mut ready.program),
                words,
                environment: std::mem::take(&mut ready.variables).into_iter().collect(),
                stdin: task.execution.stdin.clone(),
                door: fence.as_ref().map(Fence::door),
            };
            setup::start(helper, &order, &ready.directory, (output, errors), children)
        }
        (_, change) => {
            let mut command = ready.command(task)?;
            if let Some(change) = change {
                change.prepare(&mut command, owns_output);
            }
            if task.execution.stdin.is_none() {
                command.stdin(Stdio::null());
            }
            command.stdout(output).stderr(errors).process_group(0);
            Children::start(children, &mut command)
        }
    };
    let (child, own) = started.map_err(|error| why_not(task, &ready.directory, error))?;
    let taken_in = match &fence {
        Some(fence) if !goes_in_itself => fence.take_in(child.id()),
        _ => Ok(()),
    };
    let fence = match taken_in {
        Ok(()) => fence,
        // It runs without, as where taskd may make none.
        Err(error) => {
            let run = &attempt.run;
            tracing::warn!(task = %run.task, %run, %error, "its control group does not take it in");
            None
        }
    };
    Ok((child, own, fence))
}

/// The control group of an attempt, where taskd may make one.
fn fenced(
    task: &CommandTask,
    surroundings: &Surroundings,
    attempt: &Attempt,
) -> Result<Option<Fence>, NotStarted> {
    if let Some(limit) = surroundings.lacks(task) {
        return Err(NotStarted::NoFence(limit));
    }
    let Some(fences) = &surroundings.fences else { return Ok(None) };
    match fences.make(attempt, &task.execution.bounds) {
        Ok(fence) => Ok(Some(fence)),
        Err(error) if task.execution.bounds != Bounds::default() => Err(NotStarted::Fence(error)),
        // It runs without, as where taskd may make none.
        Err(error) => {
            let run = &attempt.run;
            tracing::warn!(task = %run.task, %run, %error, "it gets no control group");
            Ok(None)
        }
    }
}

/// Becomes the command: it runs in the place of this process, on its terminal.
///
/// # Errors
///
/// Returns only if that cannot be, and why.
#[must_use]
pub fn exec(task: &CommandTask, surroundings: &Surroundings, attempt: &Attempt) -> NotStarted {
    let ready = prepare(task, surroundings, attempt);
    let started = ready.and_then(|mut ready| {
        let mut command = ready.command(task)?;
        if let Some(change) = ready.change.take() {
            change.prepare(&mut command, false);
        }
        Ok((command.exec(), ready.directory))
    });
    match started {
        Ok((error, directory)) => why_not(task, &directory, error),
        Err(reason) => reason,
    }
}

/// A command that is all but started.
struct Ready {
    program: PathBuf,
    /// Its environment.
    variables: Variables,
    /// Where it starts.
    directory: PathBuf,
    /// What is to be done before.
    change: Option<Change>,
}

impl Ready {
    fn command(&mut self, task: &CommandTask) -> Result<Command, NotStarted> {
        let (name, arguments) = task.arguments.split_first().ok_or(NotStarted::NoCommand)?;
        let mut command = Command::new(&self.program);
        command
            .arg0(&**name)
            .args(arguments.iter().map(AsRef::<str>::as_ref))
            .current_dir(&self.directory);
        command.env_clear().envs(std::mem::take(&mut self.variables));
        if let Some(text) = &task.execution.stdin {
            command.stdin(input(text).map_err(|error| NotStarted::Other(name.to_string(), error))?);
        }
        Ok(command)
    }
}

/// Makes the command ready.
fn prepare(
    task: &CommandTask,
    surroundings: &Surroundings,
    attempt: &Attempt,
) -> Result<Ready, NotStarted> {
    let name = task.arguments.first().ok_or(NotStarted::NoCommand)?;
    let user = task.execution.identity.user.as_deref().map(User::find).transpose()?;
    let variables = environment::of(task, surroundings, attempt, user.as_ref())?;
    let directory = task.execution.directory.resolve(user.as_ref());
    let path = variables.get(OsStr::new("PATH"));
    let program = find_program(name, &directory, path.map(AsRef::as_ref))
        .map_err(|denied| missing(name, &directory, denied))?;
    let change = task.execution.identity.change(user.as_ref())?;
    Ok(Ready { program, variables, directory, change })
}

/// A file without a name that holds `text`, to be read from its start.
pub(super) fn input(text: &str) -> io::Result<File> {
    let mut file = File::from(rustix::fs::memfd_create("stdin", MemfdFlags::CLOEXEC)?);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
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

/// What a person needs to know of an error of the kernel.
fn why_not(task: &CommandTask, directory: &Path, error: io::Error) -> NotStarted {
    let name = task.arguments.first().map(ToString::to_string).unwrap_or_default();
    if let Some((step, error)) = identity::failed_step(&error) {
        return NotStarted::Denied(name, step, error);
    }
    match error.kind() {
        io::ErrorKind::NotFound
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::NotADirectory => {
            missing(&name, directory, error.kind() == io::ErrorKind::PermissionDenied)
        }
        _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
            NotStarted::NoHashBang(name)
        }
        _ => NotStarted::Other(name, error),
    }
}

/// What is missing: the kernel has one error for a directory, a program and an interpreter.
fn missing(program: &str, directory: &Path, denied: bool) -> NotStarted {
    let path = || directory.to_path_buf();
    match std::fs::metadata(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => NotStarted::NoDirectory(path()),
        Err(_) => NotStarted::ClosedDirectory(path()),
        Ok(metadata) if !metadata.is_dir() => NotStarted::NoDirectory(path()),
        Ok(_) if rustix::fs::access(directory, Access::EXEC_OK).is_err() => {
            NotStarted::ClosedDirectory(path())
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
pub enum NotStarted {
    /// There is nothing to start.
    NoCommand,
    /// No such program.
    NoProgram(String),
    /// A program that may not be executed.
    NotExecutable(String),
    /// A script whose interpreter is missing.
    NoInterpreter(String),
    /// A file that is no program.
    NoHashBang(String),
    /// The directory where it starts is missing.
    NoDirectory(PathBuf),
    /// The directory where it starts may not be entered.
    ClosedDirectory(PathBuf),
    /// It cannot be who it should be.
    Refused(Refused),
    /// A file of variables cannot be used.
    EnvFile(BadEnvFile),
    /// A limit that wants a control group, where taskd may make none.
    NoFence(&'static str),
    /// Its control group cannot be made.
    Fence(io::Error),
    /// The kernel refuses a step to who it should be.
    Denied(String, &'static str, io::Error),
    /// Anything else.
    Other(String, io::Error),
}

impl From<Refused> for NotStarted {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<BadEnvFile> for NotStarted {
    fn from(bad: BadEnvFile) -> Self {
        Self::EnvFile(bad)
    }
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
            Self::Refused(refused) => write!(f, "{refused}"),
            Self::EnvFile(bad) => write!(f, "{bad}"),
            Self::NoFence(limit) => {
                write!(f, "`limits.{limit}` wants a control group, and none is delegated to taskd")
            }
            Self::Fence(error) => write!(f, "its control group cannot be made: {error}"),
            Self::Denied(program, step, error) => {
                write!(f, "`{program}` does not get its {step}: {error}")
            }
            Self::Other(program, error) => write!(f, "cannot start `{program}`: {error}"),
        }
    }
}
