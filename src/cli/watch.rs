//! Changed files are taken up: where `[daemon] watch` says so.
//!
//! Directories are watched, not files: an editor puts another file in the place of the one it read.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::sync::mpsc;

/// So long nothing may change before what has changed is taken up: who saves several files, or one in
/// several steps, is done by then.
const QUIET: Duration = Duration::from_millis(300);

/// So long it is waited for quiet at most.
const MOST: Duration = Duration::from_secs(3);

/// What is there of a daemon's files.
pub struct Watcher {
    inotify: Arc<OwnedFd>,
    changes: mpsc::Receiver<OsString>,
}

impl Watcher {
    /// Watches nothing yet.
    ///
    /// # Errors
    ///
    /// Returns the kernel's error if it lets nobody watch any more.
    pub fn new() -> io::Result<Self> {
        let inotify = Arc::new(inotify::init(CreateFlags::CLOEXEC)?);
        let (sender, changes) = mpsc::channel(64);
        let reading = inotify.clone();
        // It waits for the kernel, on a thread of its own, as long as the process lives.
        std::thread::spawn(move || read(&reading, &sender));
        Ok(Self { inotify, changes })
    }

    /// Watches these, too. One that is not there cannot be watched, and is none of its business.
    pub fn add<'a>(&self, directories: impl IntoIterator<Item = &'a PathBuf>) {
        let flags = WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::CREATE
            | WatchFlags::DELETE;
        for directory in directories {
            if let Err(error) = inotify::add_watch(self.inotify.as_fd(), directory, flags) {
                tracing::warn!(directory = %directory.display(), %error, "changes here are not noticed");
            }
        }
    }

    /// Waits until a file has changed that may be one of those of these names, and nothing more does.
    pub async fn changed(&mut self, names: &BTreeSet<OsString>) {
        let matters = |name: &OsString| {
            names.contains(name) || Path::new(name).extension().is_some_and(|end| end == "toml")
        };
        loop {
            match self.changes.recv().await {
                Some(name) if matters(&name) => break,
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
        let quiet = async {
            while let Ok(Some(_)) = tokio::time::timeout(QUIET, self.changes.recv()).await {}
        };
        // Who writes all the time is never done.
        let _ = tokio::time::timeout(MOST, quiet).await;
    }
}

/// Hands on the names of what changes.
fn read(inotify: &OwnedFd, sender: &mpsc::Sender<OsString>) {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut reader = inotify::Reader::new(inotify, &mut buffer);
    loop {
        let name = match reader.next() {
            Ok(event) => event.file_name().map(|name| name.to_bytes().to_vec()),
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => {
                tracing::error!(%error, "changes of files are no longer noticed");
                return;
            }
        };
        let name = OsString::from_vec(name.unwrap_or_default());
        if sender.blocking_send(name).is_err() {
            return;
        }
    }
}
