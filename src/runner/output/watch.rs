//! Learning that a file has grown, without looking all the time: inotify, one for all files.

use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

/// Files are looked at at most so often.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// How often to look at a file that cannot be watched.
const LOOK: Duration = Duration::from_secs(1);

/// Watches files.
#[derive(Debug)]
pub(super) struct Watcher {
    inotify: AsyncFd<OwnedFd>,
    watched: Mutex<HashMap<i32, Arc<Notify>>>,
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

    fn watched(&self) -> MutexGuard<'_, HashMap<i32, Arc<Notify>>> {
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
                        changed.notify_one();
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
pub(super) struct Watch(Option<(Arc<Watcher>, i32, Arc<Notify>)>);

impl Watch {
    /// Watches the file at `path`; where that cannot be, it is looked at now and then.
    pub(super) fn new(watcher: Option<&Arc<Watcher>>, path: &Path) -> Self {
        let watched = watcher.and_then(|watcher| {
            let flags = WatchFlags::MODIFY | WatchFlags::ATTRIB;
            // Held over both, so that no event comes between.
            let mut watched = watcher.watched();
            let number = inotify::add_watch(watcher.inotify.get_ref(), path, flags).ok()?;
            let changed = Arc::new(Notify::new());
            watched.insert(number, changed.clone());
            drop(watched);
            Some((watcher.clone(), number, changed))
        });
        Self(watched)
    }

    /// Waits until the file may have changed.
    pub(super) async fn changed(&self) {
        match &self.0 {
            Some((_, _, changed)) => changed.notified().await,
            None => tokio::time::sleep(LOOK).await,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some((watcher, number, _)) = &self.0 {
            watcher.watched().remove(number);
            // The file, and with it the watch, may be gone already.
            let _ = inotify::remove_watch(watcher.inotify.get_ref(), *number);
        }
    }
}
