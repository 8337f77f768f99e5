//! Where the output of a command goes: to taskd's own, nowhere, into the log, into a file.
//!
//! A file is the child's own: there is nothing to copy, and no pipe that breaks. taskd bounds it
//! (`capture`), follows it for the log (`follow`, `lines`), and takes a pipe where no holes can be
//! punched (`pipe`). Nothing here ever holds up an attempt.

mod capture;
mod follow;
mod lines;
mod pipe;
mod watch;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::event::RunId;
use crate::name::Name;

pub use capture::Captured;

use capture::Created;
use follow::Follower;
use watch::Watcher;

/// Where the output of a command goes, and how much of it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// Where it goes.
    pub to: Target,
    /// The files of so many runs are kept.
    pub keep: u32,
    /// So much of each: half of it from the head, half from the tail. In bytes.
    pub max_size: u64,
}

impl Default for Output {
    fn default() -> Self {
        Self { to: Target::Kept { log: true, capture: true }, keep: 20, max_size: 1 << 20 }
    }
}

/// Where output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To where taskd's own goes.
    Inherit,
    /// Nowhere.
    Discard,
    /// Line by line into the log, or into a file for each run, or both.
    Kept {
        /// Whether into the log.
        log: bool,
        /// Whether into a file.
        capture: bool,
    },
}

/// The directory of all captured output: `TASK/DUE`.
#[derive(Debug)]
pub struct Outputs {
    directory: PathBuf,
    /// Whether its files take holes; else output comes through a pipe.
    holes: bool,
    watcher: Option<Arc<Watcher>>,
    files: Mutex<HashMap<Name, Files>>,
}

/// The files of one task.
#[derive(Debug, Default)]
struct Files {
    /// There are so many at most, if anybody has looked.
    count: Option<usize>,
    /// Those of attempts that go on: no others take their place.
    open: Vec<OsString>,
}

/// The file of an attempt that goes on, as long as this lives.
#[derive(Debug)]
struct Opened {
    outputs: Arc<Outputs>,
    run: RunId,
}

impl Drop for Opened {
    fn drop(&mut self) {
        let mut files = self.outputs.files();
        let Some(files) = files.get_mut(&self.run.task) else { return };
        let name = Outputs::name(&self.run);
        if let Some(index) = files.open.iter().position(|open| *open == name) {
            files.open.swap_remove(index);
        }
    }
}

impl Outputs {
    /// Keeps output in `directory`, which only taskd may enter. Must be called within a tokio
    /// runtime.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        let holes = capture::takes_holes(&directory);
        let watcher = Watcher::new()
            .inspect_err(|error| tracing::warn!(%error, "files of output cannot be watched"))
            .ok();
        Self { directory, holes, watcher, files: Mutex::default() }
    }

    /// The file of `run`.
    #[must_use]
    pub fn path(&self, run: &RunId) -> PathBuf {
        self.directory.join(run.task.as_str()).join(Self::name(run))
    }

    /// Its instant, as the run is named by it.
    fn name(run: &RunId) -> OsString {
        let run = run.to_string();
        run.rsplit('@').next().unwrap_or_default().into()
    }

    fn files(&self) -> MutexGuard<'_, HashMap<Name, Files>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the file of `run` for one of its attempts.
    fn create(self: &Arc<Self>, run: &RunId) -> io::Result<(Created, Opened)> {
        let created = capture::create(&self.path(run))?;
        let mut files = self.files();
        let files = files.entry(run.task.clone()).or_default();
        if created.is_first {
            files.count = Some(0);
        }
        files.open.push(Self::name(run));
        Ok((created, Opened { outputs: self.clone(), run: run.clone() }))
    }

    /// Removes the oldest files of `task` but for the newest `keep`, after one more was written.
    fn retain(&self, task: &Name, keep: u32) {
        let mut files = self.files();
        let files = files.entry(task.clone()).or_default();
        let keep = keep as usize;
        // Looking into a directory is worth it only if there may be too many.
        if let Some(count) = &mut files.count {
            *count += 1;
            if *count <= keep {
                return;
            }
        }
        let directory = self.directory.join(task.as_str());
        let Ok(entries) = fs::read_dir(&directory) else { return };
        let mut names: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
        let count = names.len();
        // Their names are instants, which sort by time.
        names.sort_unstable();
        let mut surplus = names.into_iter().take(count.saturating_sub(keep));
        let removed = surplus.by_ref().filter(|name| !files.open.contains(name)).map(|name| {
            // Somebody may have removed it.
            let _ = fs::remove_file(directory.join(name));
        });
        files.count = Some(count - removed.count());
    }
}

/// The two ends of the output of one attempt.
pub(super) struct Channel {
    /// What the child gets, for its output and its errors.
    pub ends: (Stdio, Stdio),
    /// What taskd does meanwhile.
    pub follower: Follower,
}

impl Channel {
    /// Opens a channel for an attempt of `run`.
    pub(super) fn open(output: Output, outputs: Option<&Arc<Outputs>>, run: &RunId) -> Self {
        let Target::Kept { log, capture } = output.to else {
            let end =
                || if output.to == Target::Discard { Stdio::null() } else { Stdio::inherit() };
            return Self { ends: (end(), end()), follower: Follower::nothing() };
        };
        let opened = match outputs.filter(|outputs| outputs.holes) {
            Some(outputs) => Self::file(output, outputs, run),
            None => Self::pipe(output, outputs, run),
        };
        opened.unwrap_or_else(|error| {
            let what = if log && !capture { "logged" } else { "captured" };
            tracing::warn!(task = %run.task, %run, %error, "output cannot be {what}, and is lost");
            Self { ends: (Stdio::null(), Stdio::null()), follower: Follower::nothing() }
        })
    }

    fn file(output: Output, outputs: &Arc<Outputs>, run: &RunId) -> io::Result<Self> {
        let (Created { childs, own, .. }, opened) = outputs.create(run)?;
        let ends = (childs.try_clone()?.into(), childs.into());
        let follower = Follower::of_file(output, opened, own)?;
        Ok(Self { ends, follower })
    }

    fn pipe(output: Output, outputs: Option<&Arc<Outputs>>, run: &RunId) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let ends = (writer.try_clone()?.into(), writer.into());
        let follower = Follower::of_pipe(output, outputs.cloned(), run.clone(), reader)?;
        Ok(Self { ends, follower })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::path::Path;
    use std::process::{Child, Command};

    use super::*;

    /// Runs a shell line with its output in a file system without holes, until it has ended and
    /// what follows its output has.
    async fn through_a_pipe(place: &Path, to: Target, line: &str) -> (Child, Vec<u8>) {
        let outputs = Arc::new(Outputs {
            directory: place.into(),
            holes: false,
            watcher: None,
            files: Mutex::default(),
        });
        let task = Name::new("a").expect("a fine name");
        let run = RunId { task, due: jiff::Timestamp::UNIX_EPOCH };
        let output = Output { to, max_size: 16, ..Output::default() };
        let Channel { ends, follower } = Channel::open(output, Some(&outputs), &run);
        let mut command = Command::new("sh");
        command.args(["-c", line]).stdout(ends.0).stderr(ends.1);
        let mut child = command.spawn().expect("there is a shell");
        // The ends are the child's alone from here on.
        drop(command);
        child.wait().expect("it is ours");
        follower.follow(std::future::ready(())).await;
        let mut kept = Vec::new();
        let captured = Captured::open(&outputs.path(&run));
        captured.and_then(|mut all| all.read_to_end(&mut kept)).expect("it is readable");
        (child, kept)
    }

    #[tokio::test]
    async fn where_no_holes_are_taken_output_comes_through_a_pipe() {
        let place = tempfile::tempdir().expect("a place");
        let capture = Target::Kept { log: false, capture: true };
        let (_, kept) =
            through_a_pipe(place.path(), capture, "printf 12345678abcdefghijkl; printf '\\377'")
                .await;
        assert_eq!(kept, b"12345678\n[taskd: 5 bytes are gone here]\nfghijkl\xff");
    }

    #[tokio::test]
    async fn who_keeps_the_pipe_open_is_not_waited_for() {
        let place = tempfile::tempdir().expect("a place");
        let both = Target::Kept { log: true, capture: true };
        let line = "sleep 1000 & echo $!";
        let following = through_a_pipe(place.path(), both, line);
        let ended = tokio::time::timeout(std::time::Duration::from_mins(1), following).await;
        let (_, kept) = ended.expect("it ends long before the sleep does");
        let pid = String::from_utf8(kept).expect("it is text");
        Command::new("kill").arg(pid.trim()).status().expect("there is a `kill`");
    }
}
