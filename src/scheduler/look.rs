//! How a task is, for whoever asks.

use jiff::{SignedDuration, Timestamp};

use super::{Pause, Scheduler, TaskState};
use crate::event::RunId;
use crate::name::Name;

/// So late a firing may be judged without anybody worrying.
const PATIENCE: SignedDuration = SignedDuration::from_mins(1);

/// How a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskStatus {
    /// Its name.
    pub task: Name,
    /// What it does.
    pub state: State,
    /// Its runs that go on, the oldest first.
    pub running: Vec<RunId>,
    /// How many of its firings wait for the end of a delay, for their turn or a place.
    pub waiting: usize,
    /// Its pause, or that of everything.
    pub pause: Option<Pause>,
}

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// An attempt goes on, or there will be another.
    Running,
    /// A firing waits.
    Waiting,
    /// It starts nothing for now.
    Paused,
    /// It fires for nothing.
    Disabled,
    /// It will not fire again.
    Finished,
    /// It waits for its next firing.
    Idle,
}

impl State {
    /// As it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
            Self::Finished => "finished",
            Self::Idle => "idle",
        }
    }
}

impl Scheduler {
    /// How the task of this name is, or how all of them are, by name.
    #[must_use]
    pub fn look(&self, task: Option<&Name>) -> Vec<TaskStatus> {
        match task {
            Some(task) if !self.tasks.contains_key(task) => Vec::new(),
            Some(task) => vec![self.look_at(task)],
            None => self.tasks.keys().map(|name| self.look_at(name)).collect(),
        }
    }

    fn look_at(&self, name: &Name) -> TaskStatus {
        let task = &self.tasks[name];
        let running: Vec<RunId> = self.runs_of(name).map(|(run, _)| run.clone()).collect();
        let has_arisen = !task.arisen.is_empty();
        // A pause takes the entry out of the timetable.
        let has_next = task.clock.is_some() || task.schedule.next_after(task.mark).is_some();
        let state = if !running.is_empty() {
            State::Running
        } else if !task.waiting.is_empty() || has_arisen {
            State::Waiting
        } else if task.held {
            State::Paused
        } else if !task.schedule.enabled {
            State::Disabled
        } else if task.schedule.when.has_clock() && !has_next && !task.schedule.when.arises() {
            State::Finished
        } else {
            State::Idle
        };
        TaskStatus {
            task: name.clone(),
            state,
            running,
            waiting: task.waiting.len() + task.arisen.len(),
            // Of both, the one that ends last.
            pause: [&task.pause, &self.pause]
                .into_iter()
                .flatten()
                .max_by_key(|pause| pause.until.unwrap_or(Timestamp::MAX))
                .cloned(),
        }
    }

    /// The tasks of which a firing should have been judged, or has waited for longer than its grace.
    #[must_use]
    pub fn overdue(&self, now: Timestamp) -> Vec<Name> {
        let late = |at: Timestamp, by: SignedDuration| now.duration_since(at) > by;
        let is_overdue = |task: &TaskState| {
            let grace = task.schedule.policy.grace.max(PATIENCE);
            let unjudged = task.clock.is_some_and(|(at, _)| late(at, PATIENCE));
            let mut waiting = task.waiting.iter().filter(|(_, waiting)| !task.holds(waiting));
            unjudged || waiting.any(|(due, _)| late(*due, grace))
        };
        let overdue = self.tasks.iter().filter(|(_, task)| is_overdue(task));
        overdue.map(|(name, _)| name.clone()).collect()
    }

    /// Whether everything is paused.
    #[must_use]
    pub fn pause_of_everything(&self) -> Option<&Pause> {
        self.pause.as_ref()
    }
}
