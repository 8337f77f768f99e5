//! Events for those who watch: a stream that can be taken up again where it was left.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{broadcast, watch};

use super::Observer;
use crate::event::Event;

/// So many events are kept for those who come back.
const RECENT: usize = 4_096;

/// Who is so many events behind is dropped.
const MOST_BEHIND: usize = 1_024;

/// An event, and its number: larger is later.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// Its number in the record.
    pub number: i64,
    /// What happened.
    pub event: Arc<Event>,
}

/// Hands events on to all who watch, and waits for none of them.
#[derive(Debug)]
pub struct Live(Arc<Inner>);

/// Lets others watch. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Watch(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    recent: VecDeque<Numbered>,
    /// None, when there is nothing more to come.
    watching: Option<broadcast::Sender<Numbered>>,
    /// Each who watches has a receiver of it.
    watchers: watch::Sender<()>,
}

impl Inner {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Live {
    fn default() -> Self {
        let watching = Some(broadcast::channel(MOST_BEHIND).0);
        Self(Arc::new(Inner(Mutex::new(Kept {
            recent: VecDeque::new(),
            watching,
            ..Kept::default()
        }))))
    }
}

impl Live {
    /// What lets others watch.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch(self.0.clone())
    }
}

impl Drop for Live {
    /// All who watch have seen everything.
    fn drop(&mut self) {
        self.0.kept().watching = None;
    }
}

impl Observer for Live {
    fn notify(&mut self, number: i64, event: &Event) {
        let numbered = Numbered { number, event: Arc::new(event.clone()) };
        let mut kept = self.0.kept();
        if kept.recent.len() == RECENT {
            kept.recent.pop_front();
        }
        kept.recent.push_back(numbered.clone());
        if let Some(watching) = &kept.watching {
            // Under the lock, so that who begins to watch misses none. Nobody may be watching.
            let _ = watching.send(numbered);
        }
    }
}

/// What somebody who watches sees.
#[derive(Debug)]
pub struct Seen {
    /// What has happened since the event that they saw last, as far as it is known here.
    pub since: Vec<Numbered>,
    /// What happens from now on.
    pub next: broadcast::Receiver<Numbered>,
}

impl Watch {
    /// Begins to watch, after the event of this number if there is one.
    #[must_use]
    pub fn after(&self, last: Option<i64>) -> Seen {
        let kept = self.0.kept();
        // Without a sender there is nothing to come.
        let next = kept.watching.as_ref().map(broadcast::Sender::subscribe);
        let next = next.unwrap_or_else(|| broadcast::channel(1).1);
        let is_new = |numbered: &&Numbered| last.is_some_and(|last| numbered.number > last);
        Seen { since: kept.recent.iter().filter(is_new).cloned().collect(), next }
    }

    /// The number of the first event that is known here.
    #[must_use]
    pub fn first(&self) -> Option<i64> {
        self.0.kept().recent.front().map(|numbered| numbered.number)
    }

    /// As long as this lives, somebody watches.
    #[must_use]
    pub fn watching(&self) -> watch::Receiver<()> {
        self.0.kept().watchers.subscribe()
    }

    /// Waits until nobody watches any more.
    pub async fn unwatched(&self) {
        let watchers = self.0.kept().watchers.clone();
        watchers.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[tokio::test]
    async fn who_comes_back_misses_nothing_that_is_still_known() {
        let event = Event::StoreRecovered { at: Timestamp::UNIX_EPOCH };
        let most = i64::try_from(RECENT).expect("not that many");
        for (last, first, count) in [
            // Who begins sees what comes.
            (None, None, 0),
            (Some(most + 9), Some(most + 10), 1),
            (Some(most + 10), None, 0),
            (Some(10), Some(11), RECENT),
            // What was before is not known here.
            (Some(9), Some(11), RECENT),
        ] {
            let mut live = Live::default();
            for number in 1..=most + 10 {
                live.notify(number, &event);
            }
            assert_eq!(live.watch().first(), Some(11));
            let mut seen = live.watch().after(last);
            let numbers = seen.since.iter().map(|numbered| numbered.number);
            assert_eq!(numbers.clone().next(), first, "{last:?}");
            assert_eq!(numbers.count(), count, "{last:?}");
            live.notify(most + 11, &event);
            let next = seen.next.recv().await.expect("it comes");
            assert_eq!(next.number, most + 11);
        }
    }
}
