//! Tasks that come after others: who follows whom.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Arising, Scheduler, TaskState};
use crate::event::{Cause, RunId, TriggerKind};
use crate::name::Name;
use crate::task::Outcome;
use crate::trigger::{After, AfterTasks};

/// Who comes after whom, of all tasks.
#[derive(Debug, Default)]
pub(super) struct Followers {
    /// The tasks that name a task.
    of: BTreeMap<Name, BTreeSet<Name>>,
    /// The tasks that come after every other.
    of_every: BTreeSet<Name>,
    /// Those that themselves come after one of these: they are not followed by them.
    not_followed: BTreeSet<Name>,
}

impl Followers {
    pub(super) fn new<'a>(tasks: impl Iterator<Item = &'a TaskState>) -> Self {
        let mut followers = Self::default();
        for task in tasks {
            let name = &task.schedule.name;
            for (_, after) in task.schedule.when.afters() {
                for other in after.tasks.named() {
                    followers.of.entry(other.clone()).or_default().insert(name.clone());
                }
                if after.tasks == AfterTasks::Every {
                    followers.of_every.insert(name.clone());
                }
            }
        }
        let mut rest: Vec<Name> = followers.of_every.iter().cloned().collect();
        while let Some(task) = rest.pop() {
            if followers.not_followed.insert(task.clone()) {
                rest.extend(followers.of.get(&task).into_iter().flatten().cloned());
            }
        }
        followers
    }

    /// The tasks that may come after `task`.
    fn of(&self, task: &Name) -> Vec<Name> {
        let named = self.of.get(task).into_iter().flatten();
        let every = (!self.not_followed.contains(task)).then_some(&self.of_every);
        let all: BTreeSet<_> = named.chain(every.into_iter().flatten()).cloned().collect();
        all.into_iter().collect()
    }

    /// Whether `after`, a trigger of some task, is about `task`.
    fn is_about(&self, after: &After, task: &Name) -> bool {
        match &after.tasks {
            AfterTasks::All(names) | AfterTasks::Any(names) => names.contains(task),
            AfterTasks::Every => !self.not_followed.contains(task),
        }
    }
}

impl Scheduler {
    /// Lets those tasks fire that come after this end of `run`.
    pub(super) fn follow(&mut self, now: Timestamp, run: &RunId, outcome: &Outcome) {
        for name in self.followers.of(&run.task) {
            let Some(task) = self.tasks.get_mut(&name) else { continue };
            let TaskState { schedule, ended, .. } = &mut **task;
            let fires = schedule.when.afters().filter(|(index, after)| {
                let meant = after.on.is(outcome) && self.followers.is_about(after, &run.task);
                meant && is_complete(ended, *index, after, &run.task)
            });
            // Of several, the first to come: one end is one firing.
            let Some(delay) = fires.map(|(_, after)| after.delay).min() else { continue };
            let cause = Some(Cause { run: run.clone(), outcome: outcome.word() });
            let arising = Arising { cause, ..Arising::of(TriggerKind::After) };
            self.arise(now, &name, delay, arising);
        }
    }
}

/// Takes note that `task` has ended, and tells whether all that `after` waits for have.
fn is_complete(
    ended: &mut BTreeMap<usize, BTreeSet<Name>>,
    index: usize,
    after: &After,
    task: &Name,
) -> bool {
    let AfterTasks::All(names) = &after.tasks else { return true };
    let so_far = ended.entry(index).or_default();
    so_far.insert(task.clone());
    let complete = names.iter().all(|name| so_far.contains(name));
    if complete {
        ended.remove(&index);
    }
    complete
}
