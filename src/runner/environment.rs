//! The environment of a command: what it inherits, what files add, what it has of its own, and what
//! taskd tells it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::identity::User;
use super::{CommandTask, Surroundings};
use crate::task::Attempt;
use crate::zone::Zone;

/// Whether a variable speaks to taskd's own service manager and must not reach a child.
fn is_managers(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name == b"NOTIFY_SOCKET" || name.starts_with(b"WATCHDOG_") || name.starts_with(b"LISTEN_")
}

/// What belongs to one attempt, and must not come from one that taskd may run in.
const FACTS: [&str; 10] = [
    "TASKD_TASK",
    "TASKD_RUN",
    "TASKD_ATTEMPT",
    "TASKD_DUE",
    "TASKD_DUE_LOCAL",
    "TASKD_TRIGGER",
    "TASKD_PREVIOUS_SUCCESS",
    "TASKD_AFTER_TASK",
    "TASKD_AFTER_RUN",
    "TASKD_AFTER_OUTCOME",
];

/// What is searched where `PATH` is not set.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a command takes over from taskd's own environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inherit {
    /// All of it.
    All,
    /// These, and `PATH`.
    Only(Vec<String>),
}

/// A file of variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvFile {
    /// Where it is.
    pub place: EnvPlace,
    /// Whether it may be absent.
    pub optional: bool,
}

/// Where a file of variables is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvPlace {
    /// At a path.
    Path(FromHome),
    /// A credential that the service manager hands over, by its name.
    Credential(String),
}

/// A path that may start at the home of a user who is looked up when it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromHome {
    /// It does not.
    Absolute(PathBuf),
    /// It does, and goes on so.
    Home(PathBuf),
}

impl FromHome {
    /// The path, for `user`.
    #[must_use]
    pub fn resolve(&self, user: Option<&User>) -> PathBuf {
        match (self, user) {
            (Self::Absolute(path), _) => path.clone(),
            (Self::Home(below), Some(user)) if below.as_os_str().is_empty() => user.home.clone(),
            (Self::Home(below), Some(user)) => user.home.join(below),
            // Nobody's home is where nothing is.
            (Self::Home(below), None) => Path::new("/").join(below),
        }
    }
}

/// The variables of a command, by name.
pub(super) type Variables = BTreeMap<OsString, OsString>;

/// Puts the environment of an attempt together; what stands later is stronger.
pub(super) fn of(
    task: &CommandTask,
    surroundings: &Surroundings,
    attempt: &Attempt,
    user: Option<&User>,
) -> Result<Variables, BadEnvFile> {
    let mut variables = inherited(&task.execution.inherit, surroundings, user);
    for file in &task.execution.env_files {
        variables.extend(read(file, surroundings, user)?);
    }
    variables.retain(|name, _| !is_managers(name));
    variables
        .extend(task.execution.environment.iter().map(|(name, value)| (name.into(), value.into())));
    variables.extend(attempt.given.env.iter().map(|(name, value)| (name.into(), value.into())));
    for (name, value) in &surroundings.variables {
        match value {
            Some(value) => variables.insert(name.into(), value.clone()),
            None => variables.remove::<OsString>(&name.into()),
        };
    }
    variables.extend(
        facts(attempt, &task.execution.zone)
            .into_iter()
            .map(|(name, value)| (name.into(), value.into())),
    );
    Ok(variables)
}

fn inherited(inherit: &Inherit, surroundings: &Surroundings, user: Option<&User>) -> Variables {
    let is_fact = |name: &OsString| FACTS.iter().any(|fact| name == fact);
    let taken = |name: &OsString| match inherit {
        Inherit::All => true,
        Inherit::Only(names) => name == "PATH" || names.iter().any(|own| name == own.as_str()),
    };
    let own = surroundings.environment.iter();
    let own = own.filter(|(name, _)| !is_fact(name) && taken(name)).cloned();
    let mut variables: Variables = own.collect();
    // Another's home is none of its business.
    if let Some(user) = user.filter(|user| !user.is_own()) {
        variables.extend(user.variables().map(|(name, value)| (name.into(), value)));
        variables.insert("PATH".into(), PATH.into());
    }
    variables.entry("PATH".into()).or_insert_with(|| PATH.into());
    variables
}

/// The variables in a file, in the grammar of dotenv.
fn read(
    file: &EnvFile,
    surroundings: &Surroundings,
    user: Option<&User>,
) -> Result<Vec<(OsString, OsString)>, BadEnvFile> {
    let path = match &file.place {
        EnvPlace::Path(path) => path.resolve(user),
        EnvPlace::Credential(name) => match &surroundings.credentials {
            Some(directory) => directory.join(name),
            None if file.optional => return Ok(Vec::new()),
            None => return Err(BadEnvFile::NoCredentials(name.clone())),
        },
    };
    let bad = |error: dotenvy::Error| match error {
        dotenvy::Error::Io(error) => BadEnvFile::Unreadable(path.clone(), error),
        // It quotes the line, which may hold a secret.
        _ => BadEnvFile::Malformed(path.clone()),
    };
    let text = match open(&path, user) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && file.optional => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(BadEnvFile::Unreadable(path, error)),
    };
    let hidden = hide_dollars(&text).ok_or_else(|| BadEnvFile::Malformed(path.clone()))?;
    dotenvy::from_read_iter(hidden.as_bytes())
        .map(|variable| {
            let (name, value) = variable.map_err(bad)?;
            Ok((name.into(), value.replace(DOLLARS, "$").into()))
        })
        .collect()
}

/// The text of the file at `path`, for a task of `user`. It is opened with the rights of taskd, so
/// it must be a plain file that this user may have, and no link to one.
fn open(path: &Path, user: Option<&User>) -> io::Result<String> {
    // Opening a pipe that nobody writes into would wait for ever otherwise.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = flags.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    // A user who can name a file of another by a linked directory must not get at it.
    if let Some(user) = user.filter(|user| !user.is_own())
        && !user.may_have(path, &metadata)
    {
        let message = format!("it is not `{}`'s, nor may everyone read it", user.name);
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    io::read_to_string(file.take(LARGEST))
}

/// No file of variables is larger.
const LARGEST: u64 = 1 << 20;

/// What stands for a `$` while a file is parsed: the parser would fill in variables of taskd's own
/// environment, which may be secrets.
const DOLLARS: char = '\u{e000}';

/// The text with every `$` hidden, also an escaped one; `None` if it holds what stands for one.
fn hide_dollars(text: &str) -> Option<String> {
    if text.contains(DOLLARS) {
        return None;
    }
    let mut hidden = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '$' => hidden.push(DOLLARS),
            '\\' => match rest.next() {
                Some('$') => hidden.push(DOLLARS),
                next => {
                    hidden.push('\\');
                    hidden.extend(next);
                }
            },
            other => hidden.push(other),
        }
    }
    Some(hidden)
}

/// What an attempt is told about itself.
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

/// Why a file of variables cannot be used. It never tells what is in it.
#[derive(Debug)]
pub enum BadEnvFile {
    /// It cannot be read.
    Unreadable(PathBuf, io::Error),
    /// It is not `NAME=value`, line by line.
    Malformed(PathBuf),
    /// The service manager hands no credentials over.
    NoCredentials(String),
}

impl fmt::Display for BadEnvFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |path: &Path| path.display().to_string();
        match self {
            Self::Unreadable(path, error) => {
                write!(f, "the env file `{}` cannot be read: {error}", shown(path))
            }
            Self::Malformed(path) => {
                write!(f, "the env file `{}` is not all `NAME=value`, line by line", shown(path))
            }
            Self::NoCredentials(name) => {
                write!(f, "there is no credential `{name}`: `$CREDENTIALS_DIRECTORY` is not set")
            }
        }
    }
}

impl std::error::Error for BadEnvFile {}
