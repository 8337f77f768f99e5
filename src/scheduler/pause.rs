//! Pausing: new firings, those that wait, and next attempts are held; what runs goes on.

use jiff::{SignedDuration, Timestamp};

use super::catch_up::Span;
use super::pool::Places;
use super::{Phase, Scheduler, Step, TaskState, Until, Waiting};
use crate::event::{Event, Passed, RunId, TriggerKind};
use crate::name::Name;

/// A task, or everything, is paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// Until when, if it ends by itself.
    pub until: Option<Timestamp>,
    /// Why, for people.
    pub reason: Option<String>,
    /// Whether its end moves along when the clock is set: it was given as a length.
    pub moves: bool,
}

impl Pause {
    /// The clock was set by so much: one of a given length ends so long from now as before.
    pub(crate) fn step_clock(&mut self, by: SignedDuration) {
        if self.moves {
            self.until = self.until.map(|until| until.checked_add(by).unwrap_or(until));
        }
    }
}

impl Scheduler {
    pub(super) fn pause(
        &mut self,
        now: Timestamp,
        task: Option<Name>,
        until: Option<Until>,
        reason: Option<String>,
        step: &mut Step,
    ) {
        let (until, moves) = match until {
            None => (None, false),
            Some(Until::At(at)) => (Some(at), false),
            Some(Until::For(length)) => {
                (Some(now.checked_add(length).unwrap_or(Timestamp::MAX)), true)
            }
        };
        let place = match &task {
            None => &mut self.pause,
            Some(name) => match self.tasks.get_mut(name) {
                Some(task) => &mut task.pause,
                None => return,
            },
        };
        let since = place.as_ref().map_or(now, |pause| pause.since);
        let pause = Pause { since, until, reason: reason.clone(), moves };
        let before = place.replace(pause).and_then(|before| before.until);
        before.map(|until| self.resumes.remove(&(until, task.clone())));
        until.map(|until| self.resumes.insert((until, task.clone())));
        for name in self.meant(task.as_ref()) {
            self.hold(&name);
        }
        step.events.push(Event::TaskPaused { at: now, task, until, moves, reason });
    }

    pub(super) fn resume(&mut self, now: Timestamp, task: Option<&Name>, step: &mut Step) {
        self.end_pause(now, now, task, step);
    }

    /// A pause that has ended by `end` is noticed `now`: what came due after its end is owed.
    fn end_pause(&mut self, now: Timestamp, end: Timestamp, task: Option<&Name>, step: &mut Step) {
        let place = match task {
            None => &mut self.pause,
            Some(name) => match self.tasks.get_mut(name) {
                Some(task) => &mut task.pause,
                None => return,
            },
        };
        let Some(pause) = place.take() else { return };
        pause.until.map(|until| self.resumes.remove(&(until, task.cloned())));
        step.events.push(Event::TaskResumed { at: now, task: task.cloned() });
        if self.pause.is_some() {
            return;
        }
        for name in self.meant(task) {
            if self.tasks[&name].pause.is_none() {
                self.release(now, end, &name, step);
            }
        }
    }

    /// Ends those pauses whose time is over.
    pub(super) fn end_pauses(&mut self, now: Timestamp, step: &mut Step) {
        while let Some((at, task)) = self.resumes.first().filter(|(at, _)| *at <= now).cloned() {
            self.end_pause(now, at, task.as_ref(), step);
        }
    }

    fn meant(&self, task: Option<&Name>) -> Vec<Name> {
        match task {
            Some(task) => vec![task.clone()],
            None => self.tasks.keys().cloned().collect(),
        }
    }

    fn hold(&mut self, name: &Name) {
        let Some(task) = self.tasks.get_mut(name) else { return };
        task.held = true;
        task.unplan(&mut self.timetable);
        let pool = task.schedule.policy.pool.as_ref();
        for (due, waiting) in &mut task.waiting {
            // Others may run meanwhile, so afterwards it waits for its turn.
            if !waiting.is_manual() && !std::mem::replace(&mut waiting.turn, true) {
                self.places.leave(pool, &RunId { task: name.clone(), due: *due });
            }
        }
        self.each_ready(name, Places::leave);
    }

    fn release(&mut self, now: Timestamp, end: Timestamp, name: &Name, step: &mut Step) {
        let Some(task) = self.tasks.get_mut(name) else { return };
        if !std::mem::replace(&mut task.held, false) {
            return;
        }
        step.events
            .extend(task.pass_over(end, Passed::Paused).map(|span| span.event(now, name.clone())));
        task.plan(&self.machine, &mut self.timetable);
        self.each_ready(name, Places::line_up);
        while self.take_turn(name) {}
    }

    /// Calls `act` for each run of the task whose next attempt needs nothing but a place.
    fn each_ready(&mut self, name: &Name, act: impl Fn(&mut Places, Option<&Name>, &RunId)) {
        let first = RunId { task: name.clone(), due: Timestamp::MIN };
        for (run, running) in self.runs.range(first..).take_while(|(run, _)| run.task == *name) {
            if matches!(running.phase, Phase::Ready { .. }) {
                act(&mut self.places, running.policy.pool.as_ref(), run);
            }
        }
    }

    /// The clock was set by so much: pauses of a given length end so long from now as before.
    pub(super) fn move_pauses(&mut self, by: SignedDuration) {
        let everything = self.pause.iter_mut().map(|pause| (None, pause));
        let tasks = self
            .tasks
            .iter_mut()
            .filter_map(|(name, task)| Some((Some(name.clone()), task.pause.as_mut()?)));
        for (task, pause) in everything.chain(tasks) {
            pause.until.map(|until| self.resumes.remove(&(until, task.clone())));
            pause.step_clock(by);
            pause.until.map(|until| self.resumes.insert((until, task)));
        }
    }
}

impl Waiting {
    /// Whether a person wants it, pause or not.
    fn is_manual(&self) -> bool {
        self.arising.trigger == TriggerKind::Manual
    }
}

impl TaskState {
    /// Whether a pause holds this one of its firings that wait.
    pub(super) fn holds(&self, waiting: &Waiting) -> bool {
        self.held && !waiting.is_manual()
    }

    /// Takes all firings that a clock has named between the mark and `end` as `passed`, and looks
    /// forward from there.
    pub(super) fn pass_over(&mut self, end: Timestamp, passed: Passed) -> Option<Span> {
        let mark = self.mark;
        self.mark = mark.max(end);
        if !self.schedule.enabled || mark >= end {
            return None;
        }
        let when = &self.schedule.when;
        let first = when.next_after(mark).filter(|first| first.due <= end)?.due;
        let last = when.last_until(mark, end)?.due;
        Some(Span { first, last, count: when.count(first, last), passed })
    }
}
