//! What the service manager is told of the daemon, by the protocol of `sd_notify(3)`: nothing, where
//! nobody listens.

use std::time::Duration;

use sd_notify::NotifyState;

/// The service manager, if there is one.
#[derive(Clone, Copy, Debug)]
pub struct Manager {
    listens: bool,
}

impl Manager {
    /// The manager, which `listens` if it has named a socket in the environment.
    #[must_use]
    pub fn new(listens: bool) -> Self {
        Self { listens }
    }

    /// Whether anybody is told.
    #[must_use]
    pub fn listens(self) -> bool {
        self.listens
    }

    /// The tasks are at work: for the first time, or again after a reload.
    pub fn ready(self) {
        self.tell(&[NotifyState::Ready]);
    }

    /// The files are read again, until it is ready.
    pub fn reloading(self) {
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            self.tell(&[NotifyState::Reloading, now]);
        }
    }

    /// It ends, and takes so long at most.
    pub fn stopping(self, within: Duration) {
        let micros = u32::try_from(within.as_micros()).unwrap_or(u32::MAX);
        self.tell(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(micros)]);
    }

    /// How it is, for people.
    pub fn status(self, text: &str) {
        self.tell(&[NotifyState::Status(text)]);
    }

    /// It makes progress.
    pub fn alive(self) {
        self.tell(&[NotifyState::Watchdog]);
    }

    /// How often it has to make progress, if that is watched over.
    #[must_use]
    pub fn watchdog(self) -> Option<Duration> {
        sd_notify::watchdog_enabled().filter(|_| self.listens)
    }

    fn tell(self, state: &[NotifyState<'_>]) {
        if self.listens
            && let Err(error) = sd_notify::notify(state)
        {
            tracing::debug!(%error, "the service manager is not told");
        }
    }
}
