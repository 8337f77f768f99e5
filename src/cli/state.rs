//! Which state directory is meant.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::args::Global;
use super::exit::{Exit, Failure};
use super::locate::{self, Located};
use crate::config::Plan;
use crate::hash;
use crate::policy::Keep;
use crate::store::{DirectoryError, Opened, Sqlite, StateDirectory, StoreError};

/// A directory for the state, or none.
#[derive(Debug, PartialEq, Eq)]
enum Choice {
    /// Everything in memory, as somebody wants it.
    Memory,
    /// A directory that somebody named.
    Named(PathBuf),
    /// The directory where nobody named one; `None` if there is no home either.
    Default(Option<PathBuf>),
}

/// The state of a daemon.
#[derive(Debug, Default)]
pub struct Held {
    /// Its directory, if it has one.
    pub directory: Option<StateDirectory>,
    /// What it remembers, and goes on to write.
    pub store: Option<Opened>,
    /// Where output is captured.
    pub output: Option<OutputDirectory>,
    /// Why it has none that it should have.
    pub degraded: Option<String>,
}

/// A directory for captured output.
#[derive(Debug)]
pub enum OutputDirectory {
    /// Below the state.
    Kept(PathBuf),
    /// Where there is no state: it goes with the daemon.
    Private(TempDir),
}

impl OutputDirectory {
    pub fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Private(directory) => directory.path(),
        }
    }
}

/// Holds the state directory of a daemon for `file`, if it has one.
///
/// # Errors
///
/// Ends with 75 if another daemon holds it, or if it was named and cannot be used.
pub fn hold(global: &Global, file: &Located, plan: &Plan) -> Result<Held, Failure> {
    let absolute = absolute(&file.path);
    let (path, named) = match choose(global, file, plan.daemon.state_dir.as_deref(), &absolute) {
        Choice::Memory => return Ok(Held::in_memory(None)),
        Choice::Named(path) => (path, true),
        Choice::Default(Some(path)) => (path, false),
        Choice::Default(None) => {
            return Ok(Held::in_memory(Some("there is no home for a state directory".into())));
        }
    };
    match StateDirectory::hold(&path, &absolute) {
        Ok(directory) => open(directory, named, plan.daemon.history),
        Err(error @ DirectoryError::Unusable { .. }) if !named => {
            Ok(Held::in_memory(Some(error.to_string())))
        }
        Err(error @ DirectoryError::Busy { .. }) => Err(Failure::new(Exit::Busy, error)
            .help("end that one first, or name another directory with `--state`")),
        Err(error @ DirectoryError::Unusable { .. }) => Err(Failure::new(Exit::Busy, error)
            .help("name a directory that you may write with `--state`, or `--state none`")),
    }
}

/// Opens the store in `directory`.
fn open(directory: StateDirectory, named: bool, keep: Keep) -> Result<Held, Failure> {
    match Sqlite::open(directory.path(), keep) {
        Ok(opened) => {
            if directory.is_remote() {
                let path = directory.path().display();
                tracing::warn!(%path, "the state lies on a network file system, where it is not safe");
            }
            if let Some(aside) = &opened.aside {
                tracing::error!(aside = %aside.display(), "the database could not be read and was moved aside; another begins");
            }
            let output = Some(OutputDirectory::Kept(directory.output()));
            Ok(Held { directory: Some(directory), store: Some(opened), output, degraded: None })
        }
        Err(error @ StoreError::Newer { .. }) => Err(Failure::new(Exit::Busy, error)
            .help("run the newer version, or name another directory with `--state`")),
        Err(error) if named => Err(Failure::new(Exit::Busy, error)
            .help("name a directory that you may write with `--state`, or `--state none`")),
        Err(error) => Ok(Held::in_memory(Some(error.to_string()))),
    }
}

impl Held {
    /// Nothing but a place for output, which goes with the daemon; and why that is not as it should
    /// be, if it is not.
    fn in_memory(why: Option<String>) -> Self {
        let mut degraded = why.map(|why| format!("everything is kept in memory: {why}"));
        let output = match tempfile::tempdir() {
            Ok(directory) => Some(OutputDirectory::Private(directory)),
            Err(error) => {
                let lost = format!("output is not captured: {error}");
                degraded = Some(degraded.map_or(lost.clone(), |why| format!("{why}; {lost}")));
                None
            }
        };
        if let Some(why) = &degraded {
            tracing::warn!("degraded: {why}");
        }
        Self { directory: None, store: None, output, degraded }
    }
}

/// The state directory of a daemon for `file`, whose `[daemon]` says `named`; `None` if it has none.
pub fn directory(global: &Global, file: &Located, named: Option<&Path>) -> Option<PathBuf> {
    match choose(global, file, named, &absolute(&file.path)) {
        Choice::Memory => None,
        Choice::Named(path) => Some(path),
        Choice::Default(path) => path,
    }
}

/// What names the socket of a daemon for `file`: `taskd` where its state has the base directory.
pub fn name(file: &Located) -> String {
    if file.is_standard { "taskd".into() } else { id(&absolute(&file.path)) }
}

fn choose(global: &Global, file: &Located, named: Option<&Path>, absolute: &Path) -> Choice {
    if let Some(path) = &global.state {
        return if path == Path::new("none") {
            Choice::Memory
        } else {
            Choice::Named(path.clone())
        };
    }
    if let Some(path) = named {
        return Choice::Named(path.into());
    }
    // systemd may name several; the first is ours.
    let from_systemd = std::env::var_os("STATE_DIRECTORY");
    let first =
        from_systemd.as_ref().and_then(|all| all.as_bytes().split(|byte| *byte == b':').next());
    if let Some(path) = first.filter(|path| !path.is_empty()) {
        return Choice::Named(OsStr::from_bytes(path).into());
    }
    let base = if rustix::process::geteuid().is_root() {
        Some("/var/lib/taskd".into())
    } else {
        locate::directory("XDG_STATE_HOME", ".local/state").map(|state| state.join("taskd"))
    };
    Choice::Default(base.map(
        |base: PathBuf| {
            if file.is_standard { base } else { base.join(id(absolute)) }
        },
    ))
}

/// The path from the root, as it is written: a symbolic link keeps its own name.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.into())
}

/// The file's stem, a dash, and 8 hex digits of the hash of its absolute path.
fn id(absolute: &Path) -> String {
    let stem = absolute.file_stem().unwrap_or_default().to_string_lossy();
    let digits = hash::stable(&[absolute.as_os_str().as_bytes()]) >> 32;
    format!("{stem}-{digits:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_directory_is_named_by_a_hash_that_never_changes() {
        // printf %s /etc/jobs/schedules.toml | sha256sum
        assert_eq!(id(Path::new("/etc/jobs/schedules.toml")), "schedules-f7d9c93b");
    }
}
