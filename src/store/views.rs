//! What follows from the events for a start: marks, pauses, firings that wait, runs that go on. One
//! fold, whatever the events are kept in.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::event::{Event, RunId, TriggerKind};
use crate::name::Name;
use crate::scheduler::{Pause, Remembered, RememberedFiring, RememberedRun, RememberedTask};
use crate::task::Outcome;

/// What is so after all events.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Views {
    pub tasks: BTreeMap<Name, RememberedTask>,
    pub pause: Option<Pause>,
    pub waiting: BTreeMap<RunId, RememberedFiring>,
    pub runs: BTreeMap<RunId, RememberedRun>,
    /// The boot of the machine in which a daemon began last.
    pub boot: Option<String>,
    /// When the last event was.
    pub last_at: Option<Timestamp>,
}

/// What an event has changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Touched {
    /// Its marks.
    Task(Name),
    /// Its definition, and all the rest.
    Definition(Name),
    /// Its pause.
    PauseOf(Name),
    Pause,
    Waiting(RunId),
    Run(RunId),
    Boot,
    Everything,
}

impl Views {
    /// What a scheduler has to know of all this.
    pub fn remembered(&self) -> Remembered {
        Remembered {
            tasks: self.tasks.values().cloned().collect(),
            pause: self.pause.clone(),
            waiting: self.waiting.values().cloned().collect(),
            runs: self.runs.values().cloned().collect(),
            last_at: self.last_at,
        }
    }

    /// Takes in the event of this number, and tells what it has changed.
    pub fn take(&mut self, number: i64, event: &Event) -> Vec<Touched> {
        self.last_at = Some(event.at());
        match event {
            Event::DaemonStarted { boot, .. } => {
                self.boot.clone_from(boot);
                vec![Touched::Boot]
            }
            Event::DaemonStopped { .. }
            | Event::MachineSuspended { .. }
            | Event::StoreFailed { .. }
            | Event::StoreRecovered { .. } => Vec::new(),
            Event::ClockStepped { at, by } => self.step_clock(*at, *by),
            Event::TaskAdded { .. } | Event::TaskChanged { .. } | Event::TaskRemoved { .. } => {
                self.define(number, event)
            }
            Event::TaskPaused { .. } | Event::TaskResumed { .. } => self.pause(event),
            Event::FiringWaiting { run, trigger, cause, given, until, catch_up, .. } => {
                let firing = RememberedFiring {
                    run: run.clone(),
                    trigger: *trigger,
                    cause: cause.clone(),
                    given: given.clone(),
                    until: *until,
                    catch_up: *catch_up,
                };
                let before = self.waiting.insert(run.clone(), firing);
                let touched = vec![Touched::Waiting(run.clone())];
                self.judged(before.is_none().then_some(number), run, *trigger, touched)
            }
            Event::FiringSkipped { run, trigger, .. } => {
                let waited = self.waiting.remove(run).map(|_| Touched::Waiting(run.clone()));
                let first = waited.is_none().then_some(number);
                self.judged(first, run, *trigger, waited.into_iter().collect())
            }
            Event::FiringsPassed { task, first, last, trigger, .. } => {
                let run = RunId { task: task.clone(), due: *first };
                if let Some(trigger) = trigger {
                    // It may have waited for a delay.
                    let waited = self.waiting.remove(&run).map(|_| Touched::Waiting(run.clone()));
                    let first = waited.is_none().then_some(number);
                    return self.judged(first, &run, *trigger, waited.into_iter().collect());
                }
                let Some(known) = self.tasks.get_mut(task) else { return Vec::new() };
                known.mark = known.mark.max(*last);
                vec![Touched::Task(run.task)]
            }
            Event::RunStarted { .. }
            | Event::AttemptStarted { .. }
            | Event::AttemptFinished { .. }
            | Event::RunFinished { .. } => self.run(number, event),
        }
    }

    /// A firing has its verdict, or waits for it; the number is that of the first event that says so.
    fn judged(
        &mut self,
        first: Option<i64>,
        run: &RunId,
        trigger: TriggerKind,
        mut touched: Vec<Touched>,
    ) -> Vec<Touched> {
        let Some(task) = self.tasks.get_mut(&run.task) else { return touched };
        if trigger.is_clock() {
            task.mark = task.mark.max(run.due);
        } else if first.is_some() {
            // What waited has had its instant since it arose; a clock may have been set back since.
            task.last_arisen = task.last_arisen.max(Some(run.due));
        }
        if trigger == TriggerKind::After {
            task.last_after = first.or(task.last_after);
        }
        touched.push(Touched::Task(run.task.clone()));
        touched
    }

    fn define(&mut self, number: i64, event: &Event) -> Vec<Touched> {
        let name = match event {
            Event::TaskAdded { task, definition, renamed_from: Some(old), .. }
                if self.tasks.contains_key(old) =>
            {
                let before = self.tasks.get(task).and_then(|before| before.last_arisen);
                let mut renamed = RememberedTask { name: task.clone(), ..self.tasks[old].clone() };
                renamed.definition = Some(definition.clone());
                renamed.last_arisen = renamed.last_arisen.max(before);
                renamed.last_ends = [None; 3];
                self.tasks.insert(task.clone(), renamed);
                task
            }
            Event::TaskAdded { at, task, definition, .. } => {
                let known = self.tasks.entry(task.clone()).or_insert_with(|| RememberedTask {
                    name: task.clone(),
                    definition: None,
                    schedule: None,
                    mark: *at,
                    last_arisen: None,
                    last_success: None,
                    pause: None,
                    last_ends: [None; 3],
                    last_after: None,
                });
                if known.definition.is_none() {
                    // What it did before it left is history.
                    (known.last_success, known.last_ends) = (None, [None; 3]);
                }
                known.definition = Some(definition.clone());
                known.mark = known.mark.max(*at);
                known.last_after = Some(number);
                task
            }
            Event::TaskChanged { at, task, definition } => {
                let Some(known) = self.tasks.get_mut(task) else { return Vec::new() };
                let before = known.definition.replace(definition.clone());
                let looks_forward = before.is_none_or(|before| {
                    before.when != definition.when || !before.enabled || !definition.enabled
                });
                if looks_forward {
                    known.mark = known.mark.max(*at);
                    // Instants that the old trigger named are not free.
                    known.last_arisen = known.last_arisen.max(Some(known.mark));
                    known.last_after = Some(number);
                }
                task
            }
            Event::TaskRemoved { at, task } => {
                let Some(known) = self.tasks.get_mut(task) else { return Vec::new() };
                known.mark = known.mark.max(*at);
                (known.definition, known.pause) = (None, None);
                task
            }
            _ => return Vec::new(),
        };
        vec![Touched::Definition(name.clone())]
    }

    fn pause(&mut self, event: &Event) -> Vec<Touched> {
        let (task, change) = match event {
            Event::TaskPaused { at, task, until, moves, reason } => {
                let (until, moves, reason) = (*until, *moves, reason.clone());
                (task, Some(Pause { since: *at, until, reason, moves }))
            }
            Event::TaskResumed { task, .. } => (task, None),
            _ => return Vec::new(),
        };
        let (place, touched) = match task {
            None => (&mut self.pause, Touched::Pause),
            Some(name) => match self.tasks.get_mut(name) {
                Some(known) => (&mut known.pause, Touched::PauseOf(name.clone())),
                None => return Vec::new(),
            },
        };
        let since = place.as_ref().map(|pause| pause.since);
        *place = change.map(|pause| Pause { since: since.unwrap_or(pause.since), ..pause });
        vec![touched]
    }

    fn run(&mut self, number: i64, event: &Event) -> Vec<Touched> {
        match event {
            Event::RunStarted { at, run, trigger, cause, given, catch_up } => {
                let mut touched = vec![Touched::Run(run.clone())];
                let waited = self.waiting.remove(run).map(|_| Touched::Waiting(run.clone()));
                let first = waited.is_none().then_some(number);
                touched.extend(waited);
                let firing = RememberedFiring {
                    run: run.clone(),
                    trigger: *trigger,
                    cause: cause.clone(),
                    given: given.clone(),
                    until: None,
                    catch_up: *catch_up,
                };
                let started = RememberedRun {
                    firing,
                    started: *at,
                    attempt: 0,
                    attempt_started: *at,
                    took: SignedDuration::ZERO,
                    between: None,
                    goes_on: false,
                };
                self.runs.insert(run.clone(), started);
                self.judged(first, run, *trigger, touched)
            }
            Event::AttemptStarted { at, run, attempt } => {
                let Some(running) = self.runs.get_mut(run) else { return Vec::new() };
                (running.attempt, running.attempt_started) = (*attempt, *at);
                running.between = None;
                vec![Touched::Run(run.clone())]
            }
            Event::AttemptFinished { run, ending, took, next, .. } => {
                let Some(running) = self.runs.get_mut(run) else { return Vec::new() };
                running.took += *took;
                running.between = next.map(|next| (next, ending.outcome.clone()));
                vec![Touched::Run(run.clone())]
            }
            Event::RunFinished { run, outcome, .. } => {
                self.runs.remove(run);
                let mut touched = vec![Touched::Run(run.clone())];
                if let Some(task) = self.tasks.get_mut(&run.task) {
                    let end = match outcome {
                        Outcome::Success => 0,
                        Outcome::Stopped => 2,
                        _ => 1,
                    };
                    task.last_ends[end] = Some(number);
                    if *outcome == Outcome::Success {
                        task.last_success = task.last_success.max(Some(run.due));
                    }
                    touched.push(Touched::Task(run.task.clone()));
                }
                touched
            }
            _ => Vec::new(),
        }
    }

    /// What comes so long from now stays so long from now; after a correction, marks go back.
    fn step_clock(&mut self, now: Timestamp, by: SignedDuration) -> Vec<Touched> {
        self.waiting.retain(|_, firing| firing.step_clock(now, by));
        self.runs.values_mut().for_each(|run| run.step_clock(now, by));
        self.tasks.values_mut().for_each(|task| task.step_clock(now, by));
        self.pause.iter_mut().for_each(|pause| pause.step_clock(by));
        vec![Touched::Everything]
    }
}
