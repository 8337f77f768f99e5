//! The state directory: made private, held by one daemon at a time.

use std::fmt;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

/// The file in it that says who holds it.
const HOLDER: &str = "daemon";

/// The directory in it where output is captured.
pub const OUTPUT: &str = "output";

/// So often, and so long apart, it is tried to hold a directory whose holder has just died.
const TURNS: u32 = 100;
const TURN: Duration = Duration::from_millis(20);

/// A state directory held by this process, until it is dropped.
#[derive(Debug)]
pub struct StateDirectory {
    path: PathBuf,
    /// The lock lives as long as this does.
    _lock: File,
}

impl StateDirectory {
    /// Makes the directory at `path`, unless it is there, lets its owner alone enter it, and holds it
    /// for a daemon of the schedule `file`.
    ///
    /// # Errors
    ///
    /// Returns [`DirectoryError`] if another daemon holds it, if it belongs to another user, or if it
    /// cannot be made or written.
    pub fn hold(path: &Path, file: &Path) -> Result<Self, DirectoryError> {
        let unusable = |error: io::Error| DirectoryError::Unusable { path: path.into(), error };
        make_private(path).map_err(unusable)?;
        let lock = File::open(path).map_err(unusable)?;
        for turn in 1.. {
            match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::WOULDBLOCK) => {
                    let pid = holder(path);
                    let has_died =
                        pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists());
                    if !has_died || turn == TURNS {
                        return Err(DirectoryError::Busy { path: path.into(), pid });
                    }
                    // What it was about to start has the lock until it is another program.
                    std::thread::sleep(TURN);
                }
                Err(error) => return Err(unusable(error.into())),
            }
        }
        let directory = Self { path: path.into(), _lock: lock };
        directory.sign(file, None).map_err(unusable)?;
        make_private(&directory.output()).map_err(unusable)?;
        Ok(directory)
    }

    /// Whether it lies on a network file system, where locks and write-ahead logs cannot be relied on.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        /// NFS, SMB, CIFS, SMB 2, Ceph, AFS, as statfs(2) has them.
        const REMOTE: [u32; 6] =
            [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x00c3_6400, 0x5346_414f];
        rustix::fs::statfs(&self.path).is_ok_and(|system| {
            u32::try_from(system.f_type & 0xffff_ffff).is_ok_and(|kind| REMOTE.contains(&kind))
        })
    }

    /// Where in it output is captured.
    #[must_use]
    pub fn output(&self) -> PathBuf {
        self.path.join(OUTPUT)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes down who holds it, for a daemon of the schedule `file` that answers at `socket`: in one
    /// piece, so that no reader sees half of it.
    ///
    /// # Errors
    ///
    /// Returns the error of writing it.
    pub fn sign(&self, file: &Path, socket: Option<&Path>) -> io::Result<()> {
        let next = self.path.join(".daemon.new");
        // What an earlier life has left.
        let _ = fs::remove_file(&next);
        let mut options = File::options();
        options.write(true).create_new(true).mode(0o600);
        let mut signature = options.open(&next)?;
        writeln!(signature, "version 1\npid {}\nfile {}", std::process::id(), file.display())?;
        if let Some(socket) = socket {
            writeln!(signature, "socket {}", socket.display())?;
        }
        fs::rename(next, self.path.join(HOLDER))
    }
}

impl Drop for StateDirectory {
    fn drop(&mut self) {
        // The lock is what counts; the signature of a process that has gone misleads nobody for long.
        let _ = fs::remove_file(self.path.join(HOLDER));
    }
}

/// Makes the directory at `path`, unless it is there, and lets its owner, who is this user, alone
/// enter it.
fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let there = fs::metadata(path)?;
    if there.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("it belongs to another user"));
    }
    if there.mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// The process that says it holds the directory at `path`.
fn holder(path: &Path) -> Option<u32> {
    signed(path, "pid ")?.parse().ok()
}

/// Where the daemon that holds the directory at `path` says it answers.
#[must_use]
pub fn socket_of(path: &Path) -> Option<PathBuf> {
    signed(path, "socket ").map(PathBuf::from)
}

fn signed(path: &Path, what: &str) -> Option<String> {
    let signature = fs::read_to_string(path.join(HOLDER)).ok()?;
    signature.lines().find_map(|line| line.strip_prefix(what)).map(Into::into)
}

/// Why a state directory cannot be held.
#[derive(Debug)]
pub enum DirectoryError {
    /// Another daemon holds it.
    Busy {
        /// The directory.
        path: PathBuf,
        /// The other's process, if it has said so yet.
        pid: Option<u32>,
    },
    /// It cannot be made or written.
    Unusable {
        /// The directory.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy { path, pid: Some(pid) } => {
                write!(f, "the state directory `{}` is held by process {pid}", path.display())
            }
            Self::Busy { path, pid: None } => {
                write!(f, "the state directory `{}` is held by another taskd", path.display())
            }
            Self::Unusable { path, error } => {
                write!(f, "the state directory `{}` cannot be used: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for DirectoryError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_private_and_held_once() {
        let place = tempfile::tempdir().expect("a place");
        let path = place.path().join("some/state");
        // It was there, and others might enter it.
        DirBuilder::new().recursive(true).mode(0o755).create(&path).expect("it can be made");
        let held = StateDirectory::hold(&path, Path::new("a.toml")).expect("it is free");
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        match StateDirectory::hold(&path, Path::new("b.toml")) {
            Err(DirectoryError::Busy { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
        drop(held);
        StateDirectory::hold(&path, Path::new("b.toml")).expect("it is free again");
    }

    #[test]
    fn a_file_is_no_directory() {
        let place = tempfile::NamedTempFile::new().expect("a place");
        let held = StateDirectory::hold(place.path(), Path::new("a.toml"));
        assert!(matches!(held, Err(DirectoryError::Unusable { .. })), "{held:?}");
    }
}
