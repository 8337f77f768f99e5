//! An attempt ends; the run goes on with another one, or ends.

use jiff::{SignedDuration, Timestamp};

use super::fire::skip;
use super::{Phase, Scheduler, Step};
use crate::event::{Event, RunId, SkipReason};
use crate::name::Name;
use crate::policy::OnLost;
use crate::task::{Ending, Outcome, Usage};
use crate::timetable::Slot;

impl Scheduler {
    pub(super) fn finish(
        &mut self,
        now: Timestamp,
        run: &RunId,
        ending: Ending,
        took: SignedDuration,
        step: &mut Step,
    ) {
        // An end that nobody waits for is no news: each attempt ends once.
        let Some(running) = self.runs.get_mut(run) else { return };
        let Phase::Live { stopping } = running.phase else { return };
        self.places.give_back(running.policy.pool.as_ref());
        running.took += took;
        running.used = Usage::sum(running.used, ending.used);
        let attempt = running.attempt;
        let retry = running.policy.retry.filter(|retry| {
            let worth = !stopping && ending.outcome.is_worth_another();
            worth && attempt <= retry.max && self.tasks.contains_key(&run.task)
        });
        let rerun = matches!(ending.outcome, Outcome::Lost(_))
            && !stopping
            && running.policy.on_lost == OnLost::Rerun
            && self.tasks.contains_key(&run.task);
        let next = retry.map(|retry| {
            let seed = run.to_string();
            let delay = retry.delay_after(attempt, &[&self.machine, seed.as_bytes()]);
            now.checked_add(delay).unwrap_or(Timestamp::MAX)
        });
        // At once.
        let next = next.or(rerun.then_some(now));
        let outcome = ending.outcome.clone();
        let (at, ended) = (now, run.clone());
        step.events.push(Event::AttemptFinished { at, run: ended, attempt, ending, took, next });
        match next {
            Some(next) => {
                running.phase = Phase::Between { next, last: outcome };
                self.timetable.insert(next, run.task.clone(), Slot::Retry(run.due));
            }
            None => self.end_run(now, run, &outcome, step),
        }
    }

    /// The time between two attempts is over.
    pub(super) fn make_ready(&mut self, run: &RunId) {
        let Some(running) = self.runs.get_mut(run) else { return };
        let Phase::Between { last, .. } = &running.phase else { return };
        running.phase = Phase::Ready { last: last.clone() };
        if self.tasks.get(&run.task).is_none_or(|task| !task.held) {
            self.places.line_up(running.policy.pool.as_ref(), run);
        }
    }

    /// Ends a run of which no attempt goes on.
    pub(super) fn end_run(
        &mut self,
        now: Timestamp,
        run: &RunId,
        outcome: &Outcome,
        step: &mut Step,
    ) {
        let Some(running) = self.runs.remove(run) else { return };
        match running.phase {
            Phase::Live { .. } => {}
            Phase::Between { next, .. } => {
                self.timetable.remove(next, &run.task, Slot::Retry(run.due));
            }
            Phase::Ready { .. } => self.places.leave(running.policy.pool.as_ref(), run),
        }
        // The task may have left the plan meanwhile.
        if let Some(task) = self.tasks.get_mut(&run.task)
            && *outcome == Outcome::Success
        {
            task.last_success = task.last_success.max(Some(run.due));
        }
        step.events.push(Event::RunFinished {
            at: now,
            run: run.clone(),
            started: running.started,
            took: running.took,
            attempts: running.attempt,
            used: running.used,
            outcome: outcome.clone(),
        });
        self.follow(now, run, outcome);
        self.take_turns(&run.task);
    }

    /// The store did not grant the run: it never was.
    pub(super) fn forget(&mut self, run: &RunId) {
        let Some(running) = self.runs.remove(run) else { return };
        if matches!(running.phase, Phase::Live { .. }) {
            self.places.give_back(running.policy.pool.as_ref());
        }
        self.take_turns(&run.task);
    }

    /// A run of `task` is over: the next one may have its turn, by whatever name.
    fn take_turns(&mut self, task: &Name) {
        self.take_turn(task);
        if let Some(heir) = self.heirs.get(task).cloned() {
            self.take_turn(&heir);
        }
    }

    /// Stops a run, or calls off a firing that waits.
    pub(super) fn cancel(&mut self, now: Timestamp, run: &RunId, step: &mut Step) {
        let Some(task) = self.tasks.get_mut(&run.task) else {
            return self.stop_run(now, run, step);
        };
        if let Some(arisen) = task.arisen.remove(&run.due) {
            self.timetable.remove(arisen.at, &run.task, Slot::Arisen(run.due));
            skip(now, run.clone(), arisen.arising.trigger, SkipReason::Cancelled, step);
        } else if task.waiting.contains_key(&run.due) {
            self.call_off(now, run, SkipReason::Cancelled, step);
            self.take_turn(&run.task);
        } else {
            self.stop_run(now, run, step);
        }
    }

    /// Stops all runs of `task`, and calls off its firings that wait.
    pub(super) fn cancel_all(&mut self, now: Timestamp, task: &Name, step: &mut Step) {
        self.drop_arisen(now, task, SkipReason::Cancelled, |_| true, step);
        self.call_off_all(now, task, SkipReason::Cancelled, step);
        let runs: Vec<_> = self.runs_of(task).map(|(run, _)| run.clone()).collect();
        for run in runs {
            self.stop_run(now, &run, step);
        }
    }

    /// Calls off every firing of `task` that waits.
    pub(super) fn call_off_all(
        &mut self,
        now: Timestamp,
        task: &Name,
        reason: SkipReason,
        step: &mut Step,
    ) {
        let Some(state) = self.tasks.get(task) else { return };
        let waiting: Vec<_> = state.waiting.keys().copied().collect();
        for due in waiting {
            self.call_off(now, &RunId { task: task.clone(), due }, reason, step);
        }
    }

    /// Calls off a firing that waits.
    pub(super) fn call_off(
        &mut self,
        now: Timestamp,
        run: &RunId,
        reason: SkipReason,
        step: &mut Step,
    ) {
        let Some(task) = self.tasks.get_mut(&run.task) else { return };
        let Some(waiting) = task.waiting.remove(&run.due) else { return };
        self.places.leave(task.schedule.policy.pool.as_ref(), run);
        skip(now, run.clone(), waiting.arising.trigger, reason, step);
    }

    /// The clock was set by so much: the next attempts come so long from now as before.
    pub(super) fn move_retries(&mut self, by: SignedDuration) {
        for (run, running) in &mut self.runs {
            if let Phase::Between { next, .. } = &mut running.phase {
                self.timetable.remove(*next, &run.task, Slot::Retry(run.due));
                *next = next.checked_add(by).unwrap_or(*next);
                self.timetable.insert(*next, run.task.clone(), Slot::Retry(run.due));
            }
        }
    }
}
