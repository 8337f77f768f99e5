//! A store that forgets everything at the end, and old things before it.

use std::collections::{BTreeMap, BinaryHeap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{Timestamp, ToSpan};

use super::Store;
use super::history::{
    Answer, Catalogue, Latest, Query, Records, Row, Story, WAITING, last_of_span, next_of_span,
};
use crate::event::{Event, Passed, RunId, TriggerKind};
use crate::name::Name;
use crate::policy::CORRECTION;
use crate::task::{BoxFuture, Ending, Usage};

/// So many firings of each task are remembered at most.
const MOST_OF_TASK: usize = 1_000;

/// So many are remembered over all tasks.
const MOST: usize = 20_000;

/// Keeps in memory what became of each firing.
#[derive(Debug, Default)]
pub struct Memory(Arc<Recent>);

/// What a [`Memory`] remembers, to be asked by others.
#[derive(Debug, Default)]
pub struct Recent {
    catalogue: Catalogue,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Boxed, as nodes of a map have room for twice as many as come in order.
    tasks: BTreeMap<Name, Box<OfTask>>,
    rows: usize,
}

#[derive(Debug, Default)]
struct OfTask {
    rows: BTreeMap<Timestamp, Row>,
    /// Stretches of firings that did not run, by their first: the last, and what became of them.
    spans: BTreeMap<Timestamp, (Timestamp, Passed)>,
    /// Firings that wait.
    waiting: BTreeMap<Timestamp, Row>,
    /// As it is defined.
    definition: Option<Arc<str>>,
}

impl Memory {
    /// An empty store of the tasks of `catalogue`.
    #[must_use]
    pub fn new(catalogue: Catalogue) -> Self {
        Self(Arc::new(Recent { catalogue, kept: Mutex::default() }))
    }

    /// What others may ask.
    #[must_use]
    pub fn records(&self) -> Arc<Recent> {
        self.0.clone()
    }
}

impl Store for Memory {
    fn append<'a>(&'a mut self, events: &'a [Event]) -> BoxFuture<'a, Vec<RunId>> {
        let mut kept = self.0.kept();
        let mut refused: Vec<RunId> = Vec::new();
        for event in events {
            // Nor does an attempt of it begin.
            if event.starts().is_none_or(|run| !refused.contains(run)) {
                refused.extend(kept.take(&self.0, event));
            }
        }
        drop(kept);
        Box::pin(std::future::ready(refused))
    }
}

impl Kept {
    /// Takes note of `event`; returns the run that it would start if its firing has run before.
    fn take(&mut self, recent: &Recent, event: &Event) -> Option<RunId> {
        match event {
            Event::RunStarted { at, run, trigger, .. } => {
                if self.judged(run).is_some_and(|row| row.is_run()) {
                    return Some(run.clone());
                }
                let row = Row { started: Some(*at), ..recent.row(run, Some(*trigger), "run") };
                self.insert(row);
            }
            Event::FiringWaiting { run, trigger, reason, .. } => {
                let row = recent.row(run, Some(*trigger), WAITING);
                let waiting = &mut self.tasks.entry(run.task.clone()).or_default().waiting;
                waiting.insert(run.due, Row { reason: Some(reason.word()), ..row });
            }
            Event::FiringSkipped { run, trigger, reason, .. } => {
                // What has run keeps its verdict.
                if self.judged(run).is_some_and(|row| row.is_run()) {
                    return None;
                }
                let row = recent.row(run, Some(*trigger), "skipped");
                self.insert(Row { reason: Some(reason.word()), ..row });
            }
            Event::FiringsPassed { task, first, passed, trigger: trigger @ Some(_), .. } => {
                let (verdict, reason) = passed.verdict();
                let run = RunId { task: task.clone(), due: *first };
                self.judged(&run);
                self.insert(Row { reason, ..recent.row(&run, *trigger, verdict) });
            }
            Event::FiringsPassed { task, first, last, passed, .. } => {
                let spans = &mut self.tasks.entry(task.clone()).or_default().spans;
                spans.insert(*first, (*last, *passed));
                if spans.len() > MOST_OF_TASK {
                    spans.pop_first();
                }
            }
            Event::AttemptStarted { run, attempt, .. } => {
                if let Some(row) = self.row(run) {
                    row.attempts = *attempt;
                }
            }
            Event::AttemptFinished { run, ending, .. } => {
                if let Some(row) = self.row(run) {
                    row.end_attempt(ending);
                }
            }
            Event::RunFinished { at, run, outcome, .. } => {
                if let Some(row) = self.row(run) {
                    (row.finished, row.outcome) = (Some(*at), Some(outcome.word()));
                }
            }
            Event::TaskAdded { task, definition, .. }
            | Event::TaskChanged { task, definition, .. } => {
                let of = self.tasks.entry(task.clone()).or_default();
                of.definition = Some(definition.text.clone());
            }
            Event::ClockStepped { at, by } if *by < -CORRECTION => self.withdraw(recent, *at),
            _ => {}
        }
        None
    }

    /// The clock was wrong, and shows `now`: what lies ahead is judged again, but for what has run.
    fn withdraw(&mut self, recent: &Recent, now: Timestamp) {
        for (name, task) in &mut self.tasks {
            let before = task.rows.len();
            let is_clocks = |row: &Row| row.trigger.is_none_or(TriggerKind::is_clock);
            task.rows.retain(|due, row| *due <= now || row.is_run() || !is_clocks(row));
            self.rows -= before - task.rows.len();
            task.waiting.retain(|due, row| *due <= now || !is_clocks(row));
            task.spans.retain(|first, _| *first <= now);
            for (first, (last, _)) in task.spans.range_mut(..).filter(|(_, (last, _))| *last > now)
            {
                let left =
                    last_of_span(recent.catalogue.all().get(name), (*first, Some(*last)), now);
                *last = left.map_or(*first, |(due, _)| due);
            }
        }
    }

    fn row(&mut self, run: &RunId) -> Option<&mut Row> {
        self.tasks.get_mut(&run.task)?.rows.get_mut(&run.due)
    }

    /// A firing waits no longer; what was known of it before.
    fn judged(&mut self, run: &RunId) -> Option<&mut Row> {
        self.tasks.get_mut(&run.task)?.waiting.remove(&run.due);
        self.row(run)
    }

    fn insert(&mut self, row: Row) {
        let task = self.tasks.entry(row.firing.task.clone()).or_default();
        if task.rows.insert(row.firing.due, row).is_none() {
            self.rows += 1;
        }
        if task.rows.len() > MOST_OF_TASK || self.rows > MOST {
            // What goes on is not old.
            let over = |row: &Row| !row.is_run() || row.outcome.is_some();
            let oldest = task.rows.iter().find(|(_, row)| over(row)).map(|(due, _)| *due);
            if oldest.and_then(|due| task.rows.remove(&due)).is_some() {
                self.rows -= 1;
            }
        }
    }
}

impl Row {
    fn end_attempt(&mut self, ending: &Ending) {
        (self.exit_code, self.signal) = (ending.exit_code, ending.signal);
        self.used = Usage::sum(self.used, ending.used);
        self.detail = ending.outcome.detail().map(Into::into);
    }
}

impl Recent {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn row(&self, firing: &RunId, trigger: Option<TriggerKind>, verdict: &'static str) -> Row {
        Row::new(firing.clone(), self.catalogue.all().get(&firing.task), trigger, verdict)
    }

    /// The latest thing known of `task` that is due by `until`; of stretches only of such as `query`
    /// wants.
    fn latest(&self, of: &OfTask, task: &Name, until: Timestamp, query: &Query) -> Option<Row> {
        let row = of.rows.range(..=until).next_back().map(|(_, row)| row.clone());
        // A stretch may be of a million firings: none is looked at that nobody wants.
        let mut spans = of.spans.range(..=until).rev();
        let span = spans.find(|(_, (_, passed))| query.wants_passed(*passed));
        let passed = span.and_then(|(first, (last, passed))| {
            let (due, kind) =
                last_of_span(self.catalogue.all().get(task), (*first, Some(*last)), until)?;
            let (verdict, reason) = passed.verdict();
            let firing = RunId { task: task.clone(), due };
            Some(Row { reason, ..self.row(&firing, kind, verdict) })
        });
        match (row, passed) {
            // A row is about a single firing, and knows more.
            (Some(row), Some(passed)) if passed.firing.due > row.firing.due => Some(passed),
            (Some(row), _) => Some(row),
            (None, passed) => passed,
        }
    }
}

impl Records for Recent {
    fn history(&self, query: Query) -> Answer<'_, Vec<Row>> {
        let kept = self.kept();
        let until = query.latest();
        let latest = |task, of: &OfTask| self.latest(of, task, until, &query).map(Latest);
        // Of each task the latest row that was not told yet.
        let mut next: BinaryHeap<Latest> = if query.tasks.is_empty() {
            kept.tasks.iter().filter_map(|(task, of)| latest(task, of)).collect()
        } else {
            query.tasks.iter().filter_map(|task| latest(task, kept.tasks.get(task)?)).collect()
        };
        let mut rows = Vec::new();
        while rows.len() < query.limit
            && let Some(Latest(row)) = next.pop()
            && query.since.is_none_or(|since| since <= row.firing.due)
        {
            let RunId { task, due } = &row.firing;
            if let Ok(earlier) = due.checked_sub(1.microsecond())
                && let Some(of) = kept.tasks.get(task)
            {
                next.extend(self.latest(of, task, earlier, &query).map(Latest));
            }
            if query.is_behind(&row.firing) && query.wants(&row) {
                rows.push(row);
            }
        }
        drop(kept);
        Box::pin(std::future::ready(Ok(rows)))
    }

    fn last_runs(&self, tasks: Vec<Name>) -> Answer<'_, BTreeMap<Name, Row>> {
        let kept = self.kept();
        let last = |task: Name| {
            let mut rows = kept.tasks.get(&task)?.rows.values().rev();
            let row = rows.find(|row| row.is_run())?.clone();
            Some((task, row))
        };
        let rows = tasks.into_iter().filter_map(last).collect();
        drop(kept);
        Box::pin(std::future::ready(Ok(rows)))
    }

    fn find(&self, id: RunId) -> Answer<'_, Option<Row>> {
        let kept = self.kept();
        let of = kept.tasks.get(&id.task);
        let row = of.and_then(|of| self.latest(of, &id.task, id.due, &Query::default()));
        drop(kept);
        Box::pin(std::future::ready(Ok(row.filter(|row| row.firing == id))))
    }

    fn why(&self, task: Name, at: Timestamp) -> Answer<'_, Story> {
        let kept = self.kept();
        let everything = Query::default();
        let story = kept.tasks.get(&task).map(|of| {
            let before = self.latest(of, &task, at, &everything);
            let waits = of.waiting.range(..=at).next_back().map(|(_, row)| row.clone());
            // Of one that has run before, that is told, on either side.
            let before = waits.into_iter().chain(before).max_by_key(|row| row.firing.due);
            let row = of.rows.range(at..).find(|(due, _)| **due > at).map(|(_, row)| row.clone());
            let spans = of.spans.iter().filter(|(_, (last, _))| *last > at);
            let passed = spans.filter_map(|(first, (last, passed))| {
                let span = (*first, Some(*last));
                let (due, kind) = next_of_span(self.catalogue.all().get(&task), span, at)?;
                let (verdict, reason) = passed.verdict();
                let firing = RunId { task: task.clone(), due };
                Some(Row { reason, ..self.row(&firing, kind, verdict) })
            });
            let waits = of.waiting.range(at..).find(|(due, _)| **due > at);
            let waits = waits.map(|(_, row)| row.clone());
            let after = row.into_iter().chain(waits).chain(passed);
            let after = after.min_by_key(|row| row.firing.due);
            let definition = of.definition.as_ref().map(ToString::to_string);
            let nearest = Story::around(at, before, after);
            Story { definition: definition.filter(|_| nearest.nearest.is_some()), ..nearest }
        });
        let mark = kept.tasks.get(&task).and_then(|of| {
            let rows = of.rows.last_key_value().map(|(due, _)| *due);
            let waits = of.waiting.last_key_value().map(|(due, _)| *due);
            rows.max(waits).max(of.spans.values().map(|(last, _)| *last).max())
        });
        drop(kept);
        let mark = mark.unwrap_or(Timestamp::MIN);
        let story =
            story.unwrap_or_default().and_to_come(self.catalogue.all().get(&task), at, mark);
        Box::pin(std::future::ready(Ok(story)))
    }

    fn events(&self, _after: i64, _limit: usize) -> Answer<'_, Vec<(i64, Event)>> {
        // What is kept is what they led to.
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn tasks(&self) -> Answer<'_, Vec<Name>> {
        let kept = self.kept();
        let mut names: Vec<_> = kept.tasks.keys().cloned().collect();
        // Who writes waits for it.
        drop(kept);
        names.extend(self.catalogue.all().keys().cloned());
        // Of two that are in order, each by itself.
        names.sort();
        names.dedup();
        Box::pin(std::future::ready(Ok(names)))
    }

    fn knows(&self, task: Name) -> Answer<'_, bool> {
        let known =
            self.kept().tasks.contains_key(&task) || self.catalogue.all().contains_key(&task);
        Box::pin(std::future::ready(Ok(known)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Count, SkipReason};
    use crate::schedule::Schedule;
    use crate::store::{Known, exercise};
    use crate::task::{Given, Outcome};
    use crate::trigger::{Interval, Trigger, When};
    use crate::zone::Zone;
    use jiff::SignedDuration;

    fn every_minute(task: &str) -> Known {
        let length = SignedDuration::from_mins(1);
        let minute = Trigger::Interval(Interval::new(length).expect("a fine length"));
        let when = When::new(vec![minute], None, None);
        Known {
            schedule: Schedule::new(Name::new(task).expect("a fine name"), when),
            zone: Zone::utc(),
        }
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).expect("in range")
    }

    fn id(task: &str, minute: i64) -> RunId {
        RunId { task: Name::new(task).expect("a fine name"), due: at(minute) }
    }

    fn started(task: &str, minute: i64) -> Event {
        let (run, trigger) = (id(task, minute), TriggerKind::Interval);
        Event::RunStarted {
            at: at(minute),
            run,
            trigger,
            cause: None,
            given: Given::default(),
            catch_up: false,
        }
    }

    #[tokio::test]
    async fn memory_keeps_the_promises_of_a_store() {
        let mut memory = Memory::new(Catalogue::new(exercise::known()));
        let records = memory.records();
        exercise::exercise(&mut memory, &*records).await;
    }

    #[tokio::test]
    async fn memory_does_not_grow_without_end() {
        let mut store = Memory::default();
        for minute in 0..5_000 {
            assert_eq!(store.append(&[started("often", minute)]).await, []);
            let (run, outcome) = (id("often", minute), Outcome::Success);
            let took = SignedDuration::ZERO;
            let (at, started) = (at(minute), at(minute));
            let end =
                Event::RunFinished { at, run, started, took, attempts: 1, used: None, outcome };
            assert_eq!(store.append(&[end]).await, []);
        }
        assert_eq!(store.0.kept().rows, MOST_OF_TASK);
    }

    #[tokio::test]
    async fn what_lies_ahead_of_a_corrected_clock_is_withdrawn_unless_it_has_run() {
        let mut store = Memory::new(Catalogue::new([every_minute("a")]));
        let passed = |task: &str, first, last| Event::FiringsPassed {
            at: at(1_000),
            task: id(task, 0).task,
            first: at(first),
            last: at(last),
            count: Count::of(1),
            passed: Passed::Missed,
            trigger: None,
        };
        let skipped = |minute, trigger| Event::FiringSkipped {
            at: at(minute),
            run: id("a", minute),
            trigger,
            reason: SkipReason::Overlap,
        };
        let events = [
            passed("a", 100, 103),
            passed("gone", 100, 103),
            passed("a", 300, 303),
            skipped(400, TriggerKind::Interval),
            skipped(401, TriggerKind::Manual),
            started("a", 402),
            Event::ClockStepped { at: at(102), by: SignedDuration::from_hours(-5) },
        ];
        assert_eq!(store.append(&events).await, []);
        let all = Query { limit: 100, ..Query::default() };
        let rows = store.records().history(all).await.expect("it is in memory");
        let told: Vec<String> =
            rows.iter().map(|row| format!("{} {}", row.firing, row.verdict)).collect();
        let expected = [
            "a@19700101T064200Z run",
            // No clock names it again.
            "a@19700101T064100Z skipped",
            "a@19700101T014200Z missed",
            "a@19700101T014100Z missed",
            "a@19700101T014000Z missed",
            "gone@19700101T014000Z missed",
        ];
        assert_eq!(told, expected);
        assert_eq!(store.append(&[started("a", 402)]).await, [id("a", 402)], "it has run");
        assert_eq!(store.append(&[started("a", 400)]).await, [], "it has not");
    }

    #[tokio::test]
    async fn a_stretch_is_told_as_single_firings_newest_first_and_by_pages() {
        let mut store = Memory::new(Catalogue::new([every_minute("a"), every_minute("b")]));
        let (task, count) = (id("a", 0).task, Count::of(3));
        let (first, last, passed) = (at(2), at(4), Passed::Missed);
        let skipped = Event::FiringSkipped {
            at: at(6),
            run: id("a", 6),
            trigger: TriggerKind::Interval,
            reason: SkipReason::Overlap,
        };
        let events = [
            started("a", 1),
            started("b", 1),
            Event::FiringsPassed { at: at(5), task, first, last, count, passed, trigger: None },
            started("a", 5),
            skipped,
        ];
        assert_eq!(store.append(&events).await, []);
        let records = store.records();
        let ask = async |query: Query| records.history(query).await.expect("it is in memory");
        let told = |rows: &[Row]| -> Vec<String> {
            rows.iter().map(|row| format!("{} {}", row.firing, row.verdict)).collect()
        };
        let all = Query { limit: 100, ..Query::default() };
        let expected = [
            "a@19700101T000600Z skipped",
            "a@19700101T000500Z run",
            "a@19700101T000400Z missed",
            "a@19700101T000300Z missed",
            "a@19700101T000200Z missed",
            "a@19700101T000100Z run",
            "b@19700101T000100Z run",
        ];
        assert_eq!(told(&ask(all.clone()).await), expected);
        // Page by page, of whatever size, it is the same.
        for limit in 1..8 {
            let mut pages = Vec::new();
            let mut query = Query { limit, ..all.clone() };
            loop {
                let page = ask(query.clone()).await;
                let Some(last) = page.last() else { break };
                query.before = Some(last.firing.clone());
                pages.extend(page);
            }
            assert_eq!(told(&pages), expected, "by {limit}");
        }
        for (query, expected) in [
            (Query { tasks: [id("b", 0).task].into(), ..all.clone() }, &expected[6..]),
            (Query { verdict: Some("missed".into()), ..all.clone() }, &expected[2..5]),
            (Query { since: Some(at(5)), ..all.clone() }, &expected[..2]),
            (Query { until: Some(at(1)), ..all.clone() }, &expected[5..]),
            (Query { failed: true, ..all.clone() }, &[]),
        ] {
            assert_eq!(told(&ask(query.clone()).await), expected, "{query:?}");
        }
        // A million minutes are not gone through for what none of them can be.
        let task = id("b", 0).task;
        let (first, last, count) = (at(10), at(1_000_009), Count::of(1_000_000));
        let (at, trigger) = (last, None);
        let span = Event::FiringsPassed { at, task, first, last, count, passed, trigger };
        assert_eq!(store.append(&[span]).await, []);
        for query in [
            Query { failed: true, ..all.clone() },
            Query { outcome: Some("success".into()), ..all.clone() },
            Query { verdict: Some("coalesced".into()), ..all.clone() },
        ] {
            assert_eq!(ask(query).await, []);
        }
        assert_eq!(
            records.find(id("a", 3)).await.map(|row| row.map(|row| row.verdict)),
            Ok(Some("missed"))
        );
        assert_eq!(records.find(id("a", 7)).await, Ok(None));
    }
}
