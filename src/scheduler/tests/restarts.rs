//! A restart changes nothing: what a daemon takes over from the record is what it would know had it
//! gone on.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::policies::{at, id, words};
use super::*;
use crate::policy::{OnLost, Overlap, Retry};
use crate::store::Views;
use crate::task::Failure;
use crate::trigger::{After, AfterEnd, AfterTasks};

/// A daemon, and what is on record of it.
struct Lives {
    scheduler: Scheduler,
    plan: Vec<Schedule>,
    views: Views,
    number: i64,
}

impl Lives {
    fn begin(plan: Vec<Schedule>) -> Self {
        let scheduler = Scheduler::new(b"machine");
        let mut lives = Self { scheduler, plan, views: Views::default(), number: 0 };
        lives.step(0, lives.load());
        lives
    }

    fn load(&self) -> Input {
        Input::Asked(Request::Load(self.plan.clone(), Limits::default()))
    }

    fn step(&mut self, second: i64, input: Input) -> Vec<String> {
        let step = self.scheduler.step(at(second), input);
        for event in &step.events {
            self.number += 1;
            self.views.take(self.number, event);
        }
        words(&step)
    }

    /// Another daemon begins with this plan; `go_on` tells whether attempts have outlived the last one.
    fn restart(
        &mut self,
        second: i64,
        plan: Vec<Schedule>,
        go_on: bool,
    ) -> (Vec<String>, Vec<Action>) {
        let before: BTreeMap<_, _> =
            self.plan.iter().map(|schedule| (schedule.name.clone(), schedule.clone())).collect();
        let mut remembered = self.views.remembered();
        for task in &mut remembered.tasks {
            task.schedule = before.get(&task.name).cloned();
        }
        remembered.runs.iter_mut().for_each(|run| run.goes_on = go_on);
        (self.scheduler, self.plan) = (Scheduler::new(b"machine"), plan);
        self.step(second, Input::Remembered(Box::new(remembered)));
        let step = self.scheduler.step(at(second), self.load());
        for event in &step.events {
            self.number += 1;
            self.views.take(self.number, event);
        }
        (words(&step), step.actions)
    }
}

fn joins(tasks: &[&str]) -> Schedule {
    let tasks = AfterTasks::All(tasks.iter().map(|task| name(task)).collect());
    let after = After { tasks, on: AfterEnd::Success, delay: SignedDuration::ZERO };
    Schedule { text: format!("{after:?}").into(), ..schedule("join", Trigger::After(after)) }
}

#[test]
fn who_waits_for_others_anew_does_not_count_what_was_before() {
    let plan = |join: Schedule| vec![every("x", 10), every("y", 1_000), every("z", 15), join];
    for restart in [false, true] {
        let mut lives = Lives::begin(plan(joins(&["x", "y"])));
        assert_eq!(lives.step(10, Input::Tick), ["run x@10"]);
        lives.step(11, ended(id("x", 10), Outcome::Success));
        if restart {
            lives.restart(12, plan(joins(&["x", "z"])), false);
        } else {
            lives.plan = plan(joins(&["x", "z"]));
            lives.step(12, lives.load());
        }
        assert_eq!(lives.step(15, Input::Tick), ["run z@15"]);
        let end = lives.step(16, ended(id("z", 15), Outcome::Success));
        assert_eq!(end, ["end z@15 success"], "restart: {restart}");
        // What it waits for now is remembered.
        lives.restart(17, plan(joins(&["x", "z"])), false);
        assert_eq!(lives.step(20, Input::Tick), ["run x@20"]);
        let end = lives.step(21, ended(id("x", 20), Outcome::Success));
        assert_eq!(end, ["end x@20 success", "run join@21 after x@20"], "restart: {restart}");
    }
}

#[test]
fn a_run_that_was_being_replaced_is_not_tried_again() {
    let plan = || {
        let mut schedule = every("a", 10);
        let policy = Arc::make_mut(&mut schedule.policy);
        (policy.overlap, policy.on_lost) = (Overlap::Replace, OnLost::Rerun);
        vec![schedule]
    };
    for (goes_on, expected) in [
        (false, vec!["end a@10 lost", "run a@20"]),
        // It has not heard of it, or takes its time.
        (true, vec!["adopt a@10", "stop a@10"]),
    ] {
        let mut lives = Lives::begin(plan());
        assert_eq!(lives.step(10, Input::Tick), ["run a@10"]);
        assert_eq!(lives.step(20, Input::Tick), ["wait a@20 turn", "stop a@10"]);
        assert_eq!(lives.restart(21, plan(), goes_on).0, expected);
    }
}

#[test]
fn a_timeout_does_not_grow_when_the_clock_was_set_back() {
    let plan = || {
        let mut schedule = every("a", 10);
        Arc::make_mut(&mut schedule.policy).timeout = Some(SignedDuration::from_secs(6));
        vec![schedule]
    };
    for (second, expected) in [(12, 4), (-7_000, 6), (100, 0)] {
        let mut lives = Lives::begin(plan());
        lives.step(10, Input::Tick);
        let (_, actions) = lives.restart(second, plan(), true);
        let left = actions.iter().find_map(|action| match action {
            Action::Adopt(attempt) => attempt.timeout,
            _ => None,
        });
        assert_eq!(left, Some(SignedDuration::from_secs(expected)), "second {second}");
    }
}

#[test]
fn a_next_attempt_that_has_come_has_come_whatever_the_clock_does() {
    let plan = || {
        let mut schedule = every("a", 600);
        let delay = SignedDuration::from_secs(10);
        Arc::make_mut(&mut schedule.policy).retry =
            Some(Retry { delay, jitter: 0.0, ..Retry::new(3) });
        vec![schedule]
    };
    let failed = Outcome::Failed(Failure::Code(1));
    let mut lives = Lives::begin(plan());
    lives.step(600, Input::Tick);
    lives.step(601, ended(id("a", 600), failed));
    let pause = |task| Input::Asked(Request::Pause { task, until: None, reason: None });
    lives.step(602, pause(None));
    lives.step(620, Input::Tick);
    lives.step(20, Input::ClockStepped(SignedDuration::from_secs(-600)));
    lives.restart(21, plan(), false);
    lives.step(22, Input::Asked(Request::Resume(None)));
    assert_eq!(lives.scheduler.running(), 1);
    let next = lives.views.runs.values().map(|run| (run.attempt, run.between.is_some()));
    assert_eq!(next.collect::<Vec<_>>(), [(2, false)], "it does not wait until then again");
}

#[test]
fn a_task_that_left_and_came_back_begins_anew() {
    for restart in [false, true] {
        let mut lives = Lives::begin(vec![every("a", 10), every("b", 1_000)]);
        lives.step(10, Input::Tick);
        lives.step(11, ended(id("a", 10), Outcome::Success));
        lives.plan = vec![every("b", 1_000)];
        lives.step(12, lives.load());
        lives.plan = vec![every("a", 10), every("b", 1_000)];
        lives.step(13, lives.load());
        if restart {
            lives.restart(14, lives.plan.clone(), false);
        }
        let step = lives.scheduler.step(at(20), Input::Tick);
        let previous = step.actions.iter().map(|action| match action {
            Action::Start(attempt) => attempt.previous_success,
            other => panic!("{other:?}"),
        });
        assert_eq!(previous.collect::<Vec<_>>(), [None], "restart: {restart}");
    }
}
