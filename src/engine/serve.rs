//! The loop.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::oneshot;

use super::attempt::Ended;
use super::{Change, Engine, Look, Message};
use crate::clock::Wake;
use crate::event::{Event, RunId};
use crate::scheduler::{Action, Input, Request, Step};
use crate::zone::Zone;

/// What the last steps of an end take: so much earlier, what runs is killed.
const LAST_STEPS: Duration = Duration::from_millis(500);

/// What the very last steps take: so much earlier, what does not even end by that is given up.
const LAST_RECORDS: Duration = Duration::from_millis(100);

/// What has ended while the last events were recorded is recorded together, until there are so many:
/// the first of the starts among them waits for all of it.
const MOST_TOGETHER: usize = 256;

/// What the engine does next.
enum Turn {
    /// An attempt has ended.
    End(Ended),
    /// Somebody asks.
    Hear(Message),
    /// Patience is at its end: what still runs is stopped.
    Stop,
    /// What does not even end by that is given up.
    GiveUp,
    Wake(Wake),
}

/// What others ask for, and who waits for what comes of it.
#[derive(Default)]
struct Heard {
    requests: Vec<Request>,
    answer: Option<oneshot::Sender<Vec<Event>>>,
}

/// Waits for a time to be over, or for ever.
type Patience = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Engine {
    /// Serves until it is asked to drain or stop and the last run has ended.
    pub async fn serve(mut self) {
        let (mut patience, mut last_patience): (Patience, Patience) = (endless(), endless());
        let mut has_ended = false;
        while !(self.scheduler.is_draining() && self.attempts.is_empty()) {
            // However fast runs end, who asks is heard in between, and the other way round.
            let waits = if has_ended { self.requests.try_recv().ok() } else { None };
            // Every branch is cancel-safe: losing the race loses no message.
            let turn = match waits {
                Some(message) => Turn::Hear(message),
                None => tokio::select! {
                    biased;
                    () = &mut patience => Turn::Stop,
                    () = &mut last_patience => Turn::GiveUp,
                    ended = self.attempts.next() => Turn::End(ended),
                    Some(message) = self.requests.recv() => Turn::Hear(message),
                    wake = self.parts.clock.sleep_until(self.scheduler.wake_at()) => Turn::Wake(wake),
                },
            };
            has_ended = matches!(turn, Turn::End(_));
            let mut answer = None;
            let inputs = match turn {
                Turn::End(ended) => vec![self.finished(ended)],
                Turn::Stop => {
                    patience = endless();
                    vec![Input::Asked(Request::Stop)]
                }
                Turn::GiveUp => {
                    last_patience = endless();
                    self.attempts.give_up();
                    continue;
                }
                Turn::Hear(message) => {
                    let heard = self.hear(message);
                    self.tell_settled().await;
                    // Whoever asks again and again does not hold up what is due.
                    if heard.requests.is_empty() && !self.is_due() {
                        continue;
                    }
                    for request in &heard.requests {
                        self.begin_to_end(request, &mut patience, &mut last_patience);
                    }
                    answer = heard.answer;
                    if heard.requests.is_empty() {
                        vec![Input::Tick]
                    } else {
                        heard.requests.into_iter().map(Input::Asked).collect()
                    }
                }
                Turn::Wake(Wake::Due) => vec![Input::Tick],
                Turn::Wake(Wake::Stepped(by)) => vec![Input::ClockStepped(by)],
            };
            let mut step = self.decide(inputs);
            let told = answer.map(|answer| (answer, step.events.clone()));
            while step.events.len() < MOST_TOGETHER
                && let Some(ended) = self.attempts.try_next()
            {
                let ended = self.finished(ended);
                step.append(self.decide([ended]));
            }
            self.carry_out(step).await;
            if let Some((answer, events)) = told {
                // Who has asked may have gone.
                let _ = answer.send(events);
            }
            self.greet_the_day();
            self.tell_settled().await;
        }
        let at = self.parts.clock.now();
        self.record(&[Event::DaemonStopped { at }]).await;
    }

    /// Tells those who wait for it that nothing is due and no run goes on, once that is so and on record.
    async fn tell_settled(&mut self) {
        if !self.settling.is_empty() && self.attempts.is_empty() && !self.is_due() {
            self.parts.store.settle().await;
            for waits in self.settling.drain(..) {
                // Who has asked may have gone.
                let _ = waits.send(());
            }
        }
    }

    /// Whether there is something to judge.
    fn is_due(&self) -> bool {
        self.scheduler.wake_at().is_some_and(|at| at <= self.parts.clock.now())
    }

    /// The first request to end sets the times by which it is over.
    fn begin_to_end(&mut self, request: &Request, patience: &mut Patience, last: &mut Patience) {
        if matches!(request, Request::Drain | Request::Stop) && self.end.is_none() {
            self.drains.send_replace(true);
            let grace = self.parts.shutdown_grace;
            self.end = Some(self.parts.clock.elapsed().saturating_add(signed(grace)));
            let steps = self.scheduler.longest_stop_grace().unsigned_abs() + LAST_STEPS;
            *patience = Box::pin(tokio::time::sleep(grace.saturating_sub(steps)));
            *last = Box::pin(tokio::time::sleep(grace.saturating_sub(LAST_RECORDS)));
        }
    }

    /// Answers a question at once; else tells what is asked for, and who waits for what comes of it.
    fn hear(&mut self, message: Message) -> Heard {
        // Who has asked may have gone.
        match message {
            Message::Ask(request) => return Heard { requests: vec![request], answer: None },
            Message::Do(requests, answer) => return Heard { requests, answer: Some(answer) },
            Message::Change(change, answer) => {
                let Change { tasks, schedules, limits, taken_up } = *change;
                self.parts.tasks = tasks;
                taken_up();
                let requests = vec![Request::Load(schedules, limits)];
                return Heard { requests, answer: Some(answer) };
            }
            Message::Status(answer) => drop(answer.send(self.status())),
            Message::Look(task, answer) => {
                let (at, tasks) = (self.parts.clock.now(), self.scheduler.look(task.as_ref()));
                drop(answer.send(Look { at, tasks }));
            }
            Message::Settle(answer) => self.settling.push(answer),
        }
        Heard::default()
    }

    /// Calls for a look at the world if this is the first wake-up of a day.
    fn greet_the_day(&mut self) {
        let today = Zone::utc().wall(self.parts.clock.now()).date();
        if today != self.day {
            self.day = today;
            (self.parts.each_day)();
        }
    }

    fn finished(&self, ended: Ended) -> Input {
        let took = self.parts.clock.elapsed() - ended.began;
        Input::Finished { run: ended.run, ending: ended.ending, took }
    }

    /// Decides upon all `inputs`, which are a step each. A clock that was set is a step before any
    /// other: nothing is judged by it before lengths have moved along.
    pub(super) fn decide(&mut self, inputs: impl IntoIterator<Item = Input>) -> Step {
        let mut step = Step::default();
        for input in inputs {
            let stepped = self.parts.clock.stepped().map(Input::ClockStepped);
            let suspended = self.parts.clock.suspended().map(Input::Suspended);
            for input in stepped.into_iter().chain(suspended).chain([input]) {
                step.append(self.scheduler.step(self.parts.clock.now(), input));
            }
        }
        step
    }

    /// Records, tells and acts; then decides upon what the store has refused.
    pub(super) async fn carry_out(&mut self, mut step: Step) {
        loop {
            let refused = self.record(&step.events).await;
            let starts = step.actions.iter().any(|action| matches!(action, Action::Start(_)));
            for action in step.actions {
                self.act(action, &refused);
            }
            if starts {
                // What starts goes before what is judged next.
                tokio::task::yield_now().await;
            }
            if refused.is_empty() {
                return;
            }
            step = self.decide(refused.into_iter().map(Input::Refused));
        }
    }

    /// Records `events`, tells the observers of those that were granted, and returns the runs
    /// that were not.
    pub(super) async fn record(&mut self, events: &[Event]) -> Vec<RunId> {
        if events.is_empty() {
            return Vec::new();
        }
        let refused = self.parts.store.append(events).await;
        for event in events {
            if event.starts().is_none_or(|run| !refused.contains(run)) {
                if let Event::RunFinished { run, .. } | Event::FiringSkipped { run, .. } = event {
                    self.definitions.remove(run);
                }
                self.tell(event);
            }
        }
        self.look_after_the_store().await;
        refused
    }

    /// Tells when the store has begun to fail, and when it has recovered.
    async fn look_after_the_store(&mut self) {
        let failure = self.parts.store.failure();
        if failure.is_some() == self.failure.is_some() {
            self.failure = failure;
            return;
        }
        let at = self.parts.clock.now();
        self.failure.clone_from(&failure);
        let event = match failure {
            Some(error) => Event::StoreFailed { at, error },
            None => Event::StoreRecovered { at },
        };
        self.parts.store.append(std::slice::from_ref(&event)).await;
        self.tell(&event);
    }

    /// Tells the observers of an event that is on record: its number there is the next one.
    fn tell(&mut self, event: &Event) {
        self.parts.last_event += 1;
        let number = self.parts.last_event;
        self.parts.observers.iter_mut().for_each(|observer| observer.notify(number, event));
    }

    fn act(&mut self, action: Action, refused: &[RunId]) {
        match action {
            Action::Start(attempt) if refused.contains(&attempt.run) => {}
            Action::Start(ref attempt) | Action::Adopt(ref attempt) => {
                let adopts = matches!(action, Action::Adopt(_));
                let attempt = attempt.clone();
                let run = attempt.run.clone();
                let task = match self.parts.tasks.get(&run.task) {
                    // What the task is now, but for runs that go on.
                    Some(task) => Some(self.definitions.entry(run).or_insert_with(|| task.clone())),
                    None => self.definitions.get_mut(&run),
                };
                let task = task.cloned();
                self.attempts.start(attempt, task, adopts, self.parts.clock.elapsed());
            }
            Action::Stop(run) => {
                let left = self.end.map(|end| end.saturating_sub(self.parts.clock.elapsed()));
                let left = left.map(|left| left.max(SignedDuration::ZERO).unsigned_abs());
                let within = left.map_or(Duration::MAX, |left| left.saturating_sub(LAST_STEPS));
                self.attempts.stop(&run, within);
            }
        }
    }
}

fn endless() -> Patience {
    Box::pin(std::future::pending())
}

/// A length that may be compared with what the clock tells.
fn signed(length: Duration) -> SignedDuration {
    SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX)
}
