//! What root may rely on: files that nobody else can write.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use crate::config::{Entry, Plan};
use crate::runner::{EnvPlace, User};

/// Refuses to run the tasks of `plan` as root if everyone may write one of its files; warns where a
/// group or another user may.
///
/// # Errors
///
/// Ends with 78 if everyone may write the schedule file, one that it includes or an env file, or
/// replace it in its directory.
pub fn check(plan: &Plan) -> Result<(), Failure> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    for path in files(plan) {
        // What is not there is told elsewhere.
        let Ok(metadata) = path.metadata() else { continue };
        let directory = path.parent().and_then(|parent| parent.metadata().ok());
        if metadata.is_file() && everyone(&metadata) {
            return Err(refuse(&path, &path));
        }
        if let (Some(directory), Some(parent)) = (directory, path.parent()) {
            let sticky = directory.mode() & 0o1000 != 0;
            if everyone(&directory) && !sticky {
                return Err(refuse(&path, parent));
            }
        }
        if let Some(who) = others(&metadata) {
            tracing::warn!(file = %path.display(), "{who} may write this file, and so run commands as root");
        }
    }
    Ok(())
}

/// The files that say what is run.
fn files(plan: &Plan) -> Vec<PathBuf> {
    let sources = plan.sources.iter().map(|source| absolute(&source.directory, &source.path));
    let env_files = plan.tasks.iter().filter_map(Entry::command).flat_map(|command| {
        let user = command.execution.identity.user.as_deref();
        let user = user.and_then(|user| User::find(user).ok());
        let path = move |place: &EnvPlace| match place {
            EnvPlace::Path(path) => Some(path.resolve(user.as_ref())),
            EnvPlace::Credential(_) => None,
        };
        command.execution.env_files.iter().filter_map(move |file| path(&file.place))
    });
    let mut files: Vec<_> = sources.chain(env_files).collect();
    files.sort_unstable();
    files.dedup();
    files
}

/// A source as a path from the root: it lies in `directory`.
fn absolute(directory: &Path, path: &Path) -> PathBuf {
    path.file_name().map_or_else(|| path.into(), |name| directory.join(name))
}

fn everyone(metadata: &Metadata) -> bool {
    metadata.mode() & 0o002 != 0
}

/// Who beside root may write a file.
fn others(metadata: &Metadata) -> Option<String> {
    if metadata.uid() != 0 {
        Some(format!("the user {}", metadata.uid()))
    } else if metadata.mode() & 0o020 != 0 && metadata.gid() != 0 {
        Some(format!("the group {}", metadata.gid()))
    } else {
        None
    }
}

fn refuse(file: &Path, open: &Path) -> Failure {
    let message = if file == open {
        format!("everyone may write `{}`, and so run commands as root", file.display())
    } else {
        let (file, open) = (file.display(), open.display());
        format!("everyone may replace `{file}` in `{open}`, and so run commands as root")
    };
    Failure::new(Exit::Config, message).help(format!("`chmod o-w {}`", open.display()))
}

/// Lets no descriptor that taskd was started with reach a child.
pub fn close_inherited() -> io::Result<()> {
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        let Some(number) = number.filter(|number| *number > 2) else { continue };
        #[expect(unsafe_code, reason = "these descriptors are nobody's but the process's")]
        // SAFETY: it was open a moment ago, and setting a flag of one that is not is an error.
        let descriptor = unsafe { std::os::fd::BorrowedFd::borrow_raw(number) };
        // That of reading this directory is gone by the time it is looked at.
        let _ = rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::CLOEXEC);
    }
    Ok(())
}
