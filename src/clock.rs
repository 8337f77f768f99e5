//! The time: the only file that asks for it.
//!
//! taskd sleeps until an instant of the *wall* clock. The kernel's timer for that
//! (`CLOCK_REALTIME`) ends early when somebody sets the clock, and counts the time a machine
//! was suspended; there is no wake-up before that.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use rustix::io::Errno;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

use crate::task::BoxFuture;

/// A change of the wall clock by less than this is the clock being kept right, not being set.
const STEP: SignedDuration = SignedDuration::from_secs(1);

/// Tells the time, and waits for it.
pub trait Clock: Send + Sync + 'static {
    /// The present instant, in whole microseconds.
    fn now(&self) -> Timestamp;

    /// The time that has passed since some moment in the past, whatever wall clocks do; a suspended
    /// machine's does not count. Lengths are taken from it.
    fn elapsed(&self) -> SignedDuration;

    /// How far the wall clock was set since that was last told, here or by a sleep; negative is
    /// backwards.
    fn stepped(&self) -> Option<SignedDuration>;

    /// How long the machine was suspended since that was last told.
    fn suspended(&self) -> Option<SignedDuration>;

    /// Sleeps until `due`, or for ever, unless the clock is set meanwhile. Dropping the future
    /// loses nothing.
    fn sleep_until(&self, due: Option<Timestamp>) -> BoxFuture<'_, Wake>;
}

/// Why a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The instant has come.
    Due,
    /// The wall clock was set by so much; negative is backwards.
    Stepped(SignedDuration),
}

/// The clock of the machine.
#[derive(Debug)]
pub struct System {
    timer: AsyncFd<OwnedFd>,
    /// The wall clock's lead over the time since boot, as it was last seen.
    lead: Mutex<SignedDuration>,
    /// How long the machine was suspended since boot, as it was last seen.
    asleep: Mutex<SignedDuration>,
    /// What the timer waits for, if it does.
    armed: Mutex<Option<Timestamp>>,
}

impl System {
    /// The clock of the machine. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// Returns the kernel's error if it gives no timer.
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = rustix::time::timerfd_create(TimerfdClockId::Realtime, flags)?;
        #[expect(unsafe_code, reason = "tokio cannot tell that a descriptor stays the same")]
        // SAFETY: an `OwnedFd` is open and the same descriptor until it is dropped.
        let timer = unsafe { AsyncFd::register_with_interest(timer, Interest::READABLE) }?;
        let (lead, asleep) = (Mutex::new(lead()), Mutex::new(asleep()));
        Ok(Self { timer, lead, asleep, armed: Mutex::default() })
    }

    fn arm(&self, due: Option<Timestamp>) -> io::Result<()> {
        // Without an instant the timer still tells when the clock is set. Zero would disarm it.
        let at = due.unwrap_or(Timestamp::MAX).max(Timestamp::UNIX_EPOCH);
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        if *armed == Some(at) {
            return Ok(());
        }
        // Should that fail, it waits for nothing.
        *armed = None;
        let spec = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec {
                tv_sec: at.as_second(),
                tv_nsec: at.subsec_nanosecond().max(1).into(),
            },
        };
        let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        rustix::time::timerfd_settime(&self.timer, flags, &spec)?;
        *armed = Some(at);
        Ok(())
    }

    /// Waits for the timer; `false` if the clock was set first.
    async fn expired(&self) -> io::Result<bool> {
        loop {
            let mut ready = self.timer.readable().await?;
            let mut count = [0; 8];
            let read = ready.try_io(|timer| Ok(rustix::io::read(timer, &mut count)?));
            if read.is_ok() {
                // It went off, was cancelled, or fails.
                *self.armed.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
            match read {
                Ok(Ok(_)) => return Ok(true),
                Ok(Err(error)) if Errno::from_io_error(&error) == Some(Errno::CANCELED) => {
                    return Ok(false);
                }
                Ok(Err(error)) => return Err(error),
                // Somebody else has read it: not ready after all.
                Err(_) => {}
            }
        }
    }

    async fn sleep(&self, due: Option<Timestamp>) -> Wake {
        loop {
            if let Some(by) = self.stepped() {
                return Wake::Stepped(by);
            }
            if due.is_some_and(|due| due <= self.now()) {
                return Wake::Due;
            }
            let expired = match self.arm(due) {
                Ok(()) => self.expired().await,
                // The clock was set just before, which the next round takes note of.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::CANCELED) => continue,
                Err(error) => Err(error),
            };
            if let Err(error) = expired {
                // Not seen so far. Better late by a second than never.
                tracing::error!(%error, "the wall-clock timer fails");
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
        }
    }
}

impl Clock for System {
    fn now(&self) -> Timestamp {
        read(ClockId::Realtime)
    }

    fn elapsed(&self) -> SignedDuration {
        read(ClockId::Monotonic).duration_since(Timestamp::UNIX_EPOCH)
    }

    fn stepped(&self) -> Option<SignedDuration> {
        change(&self.lead, lead())
    }

    fn suspended(&self) -> Option<SignedDuration> {
        change(&self.asleep, asleep())
    }

    fn sleep_until(&self, due: Option<Timestamp>) -> BoxFuture<'_, Wake> {
        Box::pin(self.sleep(due))
    }
}

/// The wall clock, without a timer: for a question that is asked once.
#[must_use]
pub fn wall_clock() -> Timestamp {
    read(ClockId::Realtime)
}

fn lead() -> SignedDuration {
    read(ClockId::Realtime).duration_since(read(ClockId::Boottime))
}

fn asleep() -> SignedDuration {
    read(ClockId::Boottime).duration_since(read(ClockId::Monotonic))
}

/// How far what was seen `last` is from what is seen `now`, if that is more than a clock being kept
/// right.
fn change(last: &Mutex<SignedDuration>, now: SignedDuration) -> Option<SignedDuration> {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let by = now - *last;
    *last = now;
    (by.abs() > STEP).then_some(by)
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks")]
fn read(clock: ClockId) -> Timestamp {
    let time = rustix::time::clock_gettime(clock);
    // A clock beyond year 9999 is as good as the end of time.
    let micros = time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1000);
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

/// A clock that stands still until it is told otherwise: for tests and rehearsals.
#[derive(Debug)]
pub struct Simulated(watch::Sender<Shown>);

/// What a simulated clock shows.
#[derive(Clone, Copy, Debug)]
struct Shown {
    now: Timestamp,
    elapsed: SignedDuration,
    /// How far it was set since somebody took note of that.
    stepped: SignedDuration,
    /// How long the machine slept since somebody took note of that.
    suspended: SignedDuration,
}

impl Simulated {
    /// A clock that shows `now`.
    #[must_use]
    pub fn starting(now: Timestamp) -> Self {
        let zero = SignedDuration::ZERO;
        Self(watch::Sender::new(Shown { now, elapsed: zero, stepped: zero, suspended: zero }))
    }

    /// Lets time pass until `now`.
    pub fn advance_to(&self, now: Timestamp) {
        self.0.send_modify(|shown| {
            shown.elapsed += now.max(shown.now).duration_since(shown.now);
            shown.now = now.max(shown.now);
        });
    }

    /// Lets the machine sleep until `now`.
    pub fn suspend_until(&self, now: Timestamp) {
        self.0.send_modify(|shown| {
            shown.suspended += now.max(shown.now).duration_since(shown.now);
            shown.now = now.max(shown.now);
        });
    }

    /// Sets the clock to `now`, as a person would.
    pub fn set(&self, now: Timestamp) {
        self.0.send_modify(|shown| {
            shown.stepped += now.duration_since(shown.now);
            shown.now = now;
        });
    }

    /// What somebody takes note of now.
    fn take(&self, which: fn(&mut Shown) -> &mut SignedDuration) -> Option<SignedDuration> {
        let mut taken = SignedDuration::ZERO;
        self.0.send_if_modified(|shown| {
            taken = std::mem::replace(which(shown), SignedDuration::ZERO);
            false
        });
        (!taken.is_zero()).then_some(taken)
    }
}

impl Clock for Simulated {
    fn now(&self) -> Timestamp {
        self.0.borrow().now
    }

    fn elapsed(&self) -> SignedDuration {
        self.0.borrow().elapsed
    }

    fn stepped(&self) -> Option<SignedDuration> {
        self.take(|shown| &mut shown.stepped)
    }

    fn suspended(&self) -> Option<SignedDuration> {
        self.take(|shown| &mut shown.suspended)
    }

    fn sleep_until(&self, due: Option<Timestamp>) -> BoxFuture<'_, Wake> {
        Box::pin(async move {
            let mut clock = self.0.subscribe();
            let woken =
                |shown: &Shown| !shown.stepped.is_zero() || due.is_some_and(|due| due <= shown.now);
            // The sender lives as long as this clock, so there is no end to wait for.
            let _ = clock.wait_for(woken).await;
            self.stepped().map_or(Wake::Due, Wake::Stepped)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_system_clock_wakes_at_an_instant_and_never_before() {
        let clock = System::new().expect("a timer");
        for ahead in [-5_000, 0, 20] {
            let due = clock.now() + SignedDuration::from_millis(ahead);
            assert_eq!(clock.sleep_until(Some(due)).await, Wake::Due);
            assert!(clock.now() >= due, "woken before {due}");
        }
    }

    #[tokio::test]
    async fn a_simulated_clock_wakes_when_it_is_told() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("an instant");
        let clock = Simulated::starting(start);
        let due = start + SignedDuration::from_hours(1);
        let (wake, ()) =
            tokio::join!(clock.sleep_until(Some(due)), async { clock.advance_to(due) });
        assert_eq!((wake, clock.now()), (Wake::Due, due));
        clock.set(start);
        let back = SignedDuration::from_hours(-1);
        assert_eq!(clock.sleep_until(None).await, Wake::Stepped(back));
    }
}
