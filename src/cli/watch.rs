//! Changed files are taken up: where `[daemon] watch` says so.
//!
//! Directories are watched, not files: an editor puts another file in the place of the one it read.

use std::collections::BTreeSet;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use tokio::sync::mpsc;

/// So long nothing may change before what has changed is taken up: who saves several files, or one in
/// several steps, is done by then.
const QUIET: Duration = Duration::from_millis(300);

/// So long it is waited for quiet at most.
const MOST: Duration = Duration::from_secs(3);

/// Notices that something changes in a directory.
pub struct Watcher {
    inotify: Arc<OwnedFd>,
    changes: mpsc::Receiver<()>,
}

impl Watcher {
    /// Watches nothing yet.
    ///
    /// # Errors
    ///
    /// Returns the kernel's error if it lets nobody watch any more.
    pub fn new() -> io::Result<Self> {
        let inotify = Arc::new(inotify::init(CreateFlags::CLOEXEC)?);
        let (sender, changes) = mpsc::channel(1);
        let reading = inotify.clone();
        // It waits for the kernel, on a thread of its own, as long as the process lives.
        std::thread::spawn(move || read(&reading, &sender));
        Ok(Self { inotify, changes })
    }

    /// Watches these directories, too, and those behind these files. What is not there is watched for
    /// in the directory above it.
    pub fn add(&self, directories: &BTreeSet<PathBuf>, files: &[PathBuf]) {
        let flags = WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::CREATE
            | WatchFlags::DELETE;
        let behind = files.iter().filter_map(|file| {
            // Where a link leads, something else may take its place.
            Some(file.canonicalize().ok()?.parent()?.to_path_buf())
        });
        let above = directories.iter().filter_map(|directory| directory.parent());
        let all = directories.iter().cloned().chain(behind).chain(above.map(Path::to_path_buf));
        for directory in all.collect::<BTreeSet<_>>() {
            match inotify::add_watch(self.inotify.as_fd(), &directory, flags) {
                Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(error) => {
                    let directory = directory.display();
                    tracing::warn!(%directory, %error, "changes here are not noticed");
                }
            }
        }
    }

    /// Waits until something changes where it watches.
    pub async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            let () = std::future::pending().await;
        }
    }

    /// Waits until nothing more changes.
    pub async fn quiet(&mut self) {
        let quiet = async {
            while let Ok(Some(())) = tokio::time::timeout(QUIET, self.changes.recv()).await {}
        };
        // Who writes all the time is never done.
        let _ = tokio::time::timeout(MOST, quiet).await;
    }
}

/// What is there of these files, and which others of their kind lie in these directories: it is another,
/// if any of that is.
pub fn look(directories: &BTreeSet<PathBuf>, files: &[PathBuf]) -> Vec<(PathBuf, Option<State>)> {
    let kinds: BTreeSet<_> = files.iter().filter_map(|file| file.extension()).collect();
    let entries = directories.iter().filter_map(|directory| directory.read_dir().ok()).flatten();
    let found = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let found = found.filter(|path| path.extension().is_some_and(|kind| kinds.contains(kind)));
    let all: BTreeSet<PathBuf> = found.chain(files.iter().cloned()).collect();
    let state = |path: &PathBuf| {
        let metadata = path.metadata().ok()?;
        let changed = (metadata.mtime(), metadata.mtime_nsec());
        Some((metadata.dev(), metadata.ino(), metadata.len(), changed))
    };
    all.into_iter().map(|path| (path.clone(), state(&path))).collect()
}

/// Device, number, length, and when it was written last.
pub type State = (u64, u64, u64, (i64, i64));

/// Tells of each change.
fn read(inotify: &OwnedFd, sender: &mpsc::Sender<()>) {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut reader = inotify::Reader::new(inotify, &mut buffer);
    loop {
        match reader.next() {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => {
                tracing::error!(%error, "changes of files are no longer noticed");
                return;
            }
        }
        // Who has not heard of the last ones hears of this one, too.
        if let Err(mpsc::error::TrySendError::Closed(())) = sender.try_send(()) {
            return;
        }
    }
}
