//! Learning that a file has grown, without looking all the time: inotify, one for all files.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

/// Files are looked at at most so often.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// How often to look at a file that cannot be watched.
const LOOK: Duration = Duration::from_secs(1);

/// Watches files.
#[derive(Debug)]
pub(super) struct Watcher {
    inotify: AsyncFd<OwnedFd>,
    /// By the kernel's number, which is one for all watches of one file.
    watched: Mutex<HashMap<i32, watch::Sender<()>>>,
}

impl Watcher {
    /// Starts to watch. Must be called within a tokio runtime.
    pub(super) fn new() -> io::Result<Arc<Self>> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        #[expect(unsafe_code, reason = "tokio cannot tell that a descriptor stays the same")]
        // SAFETY: an `OwnedFd` is open and the same descriptor until it is dropped.
        let inotify = unsafe { AsyncFd::register_with_interest(inotify, Interest::READABLE) }?;
        let watcher = Arc::new(Self { inotify, watched: Mutex::default() });
        tokio::spawn(dispatch(watcher.clone()));
        Ok(watcher)
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<i32, watch::Sender<()>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of those files that have changed since the last time.
    fn read(&self) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(self.inotify.get_ref(), &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => {
                    if let Some(changed) = self.watched().get(&event.wd()) {
                        changed.send_replace(());
                    }
                }
                Err(Errno::AGAIN) => return Err(io::ErrorKind::WouldBlock.into()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

async fn dispatch(watcher: Arc<Watcher>) {
    loop {
        let Ok(mut ready) = watcher.inotify.readable().await else { return };
        if let Ok(Err(error)) = ready.try_io(|_| watcher.read()) {
            tracing::error!(%error, "files of output can no longer be watched");
            return;
        }
        // Who writes much tells much: alike events become one while nobody reads them.
        tokio::time::sleep(PAUSE / 2).await;
    }
}

/// A file that is watched, as long as this lives.
#[derive(Debug)]
pub(super) struct Watch(Option<Watched>);

#[derive(Debug)]
struct Watched {
    watcher: Arc<Watcher>,
    number: i32,
    changed: watch::Receiver<()>,
}

impl Watch {
    /// Watches `file`, also one that has no name any more; where that cannot be, it is looked at now
    /// and then.
    pub(super) fn new(watcher: Option<&Arc<Watcher>>, file: &File) -> Self {
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let watched = watcher.and_then(|watcher| {
            let flags = WatchFlags::MODIFY;
            // Held over both, so that no event comes between.
            let mut watched = watcher.watched();
            let number =
                inotify::add_watch(watcher.inotify.get_ref(), path.as_str(), flags).ok()?;
            let changed =
                watched.entry(number).or_insert_with(|| watch::Sender::new(())).subscribe();
            drop(watched);
            Some(Watched { watcher: watcher.clone(), number, changed })
        });
        Self(watched)
    }

    /// Waits until the file may have changed.
    pub(super) async fn changed(&mut self) {
        let heard = match &mut self.0 {
            Some(watched) => watched.changed.changed().await.is_ok(),
            None => false,
        };
        if !heard {
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let Some(Watched { watcher, number, .. }) = &self.0 else { return };
        let mut watched = watcher.watched();
        // Another may watch the same file.
        if watched.get(number).is_some_and(|changed| changed.receiver_count() <= 1) {
            watched.remove(number);
            // The file, and with it the watch, may be gone already.
            let _ = inotify::remove_watch(watcher.inotify.get_ref(), *number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_may_watch_one_file_and_one_may_stop() {
        let file = tempfile::NamedTempFile::new().expect("a place");
        let watcher = Watcher::new().expect("the kernel watches");
        let mut first = Watch::new(Some(&watcher), file.as_file());
        let mut second = Watch::new(Some(&watcher), file.as_file());
        let write = || std::io::Write::write_all(&mut file.as_file(), b"x").expect("there is room");
        let patience = Duration::from_mins(1);
        write();
        tokio::time::timeout(patience, first.changed()).await.expect("it hears");
        tokio::time::timeout(patience, second.changed()).await.expect("so does the other");
        drop(first);
        write();
        tokio::time::timeout(patience, second.changed()).await.expect("it still hears");
        drop(second);
        assert!(watcher.watched().is_empty(), "nothing is left behind");
    }
}
