//! Events for those who watch: a stream that can be taken up again where it was left.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

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

#[derive(Debug)]
struct Inner {
    recent: Mutex<VecDeque<Numbered>>,
    watching: broadcast::Sender<Numbered>,
}

impl Default for Live {
    fn default() -> Self {
        let (watching, _) = broadcast::channel(MOST_BEHIND);
        Self(Arc::new(Inner { recent: Mutex::default(), watching }))
    }
}

impl Live {
    /// What lets others watch.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch(self.0.clone())
    }
}

impl Observer for Live {
    fn notify(&mut self, number: i64, event: &Event) {
        let numbered = Numbered { number, event: Arc::new(event.clone()) };
        let mut recent = self.0.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() == RECENT {
            recent.pop_front();
        }
        recent.push_back(numbered.clone());
        // Under the lock, so that who begins to watch misses none. Nobody may be watching.
        let _ = self.0.watching.send(numbered);
    }
}

/// What somebody who watches sees.
#[derive(Debug)]
pub struct Seen {
    /// What has happened since the event that they saw last.
    pub since: Vec<Numbered>,
    /// The number of the first event that is still known, if some before it were missed.
    pub missed_until: Option<i64>,
    /// What happens from now on.
    pub next: broadcast::Receiver<Numbered>,
}

impl Watch {
    /// Begins to watch, after the event of this number if there is one.
    #[must_use]
    pub fn after(&self, last: Option<i64>) -> Seen {
        let recent = self.0.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let next = self.0.watching.subscribe();
        let Some(last) = last else { return Seen { since: Vec::new(), missed_until: None, next } };
        let since = recent.iter().filter(|numbered| numbered.number > last).cloned().collect();
        let first = recent.front().map(|numbered| numbered.number);
        Seen { since, missed_until: first.filter(|first| *first > last + 1), next }
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
        for (last, first, count, missed) in [
            // Who begins sees what comes.
            (None, None, 0, None),
            (Some(most + 9), Some(most + 10), 1, None),
            (Some(most + 10), None, 0, None),
            (Some(10), Some(11), RECENT, None),
            (Some(9), Some(11), RECENT, Some(11)),
        ] {
            let mut live = Live::default();
            for number in 1..=most + 10 {
                live.notify(number, &event);
            }
            let mut seen = live.watch().after(last);
            let numbers = seen.since.iter().map(|numbered| numbered.number);
            assert_eq!(numbers.clone().next(), first, "{last:?}");
            assert_eq!((numbers.count(), seen.missed_until), (count, missed), "{last:?}");
            live.notify(most + 11, &event);
            let next = seen.next.recv().await.expect("it comes");
            assert_eq!(next.number, most + 11);
        }
    }
}
