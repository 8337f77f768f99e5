//! `taskd exec`: the command of a task here and now, on this terminal, as the daemon would run it.

use super::args::{Exec, Global};
use super::exit::{Exit, Failure};
use super::{locate, plan, selection, serve, socket, state};
use crate::clock;
use crate::event::{RunId, TriggerKind};
use crate::policy::Policy;
use crate::runner::{self, Surroundings};
use crate::task::{Attempt, Given};

pub fn exec(global: &Global, exec: &Exec) -> Result<Exit, Failure> {
    let (file, words) = selection::file_and_words(&exec.words)?;
    let [task] = words.as_slice() else {
        let message = "this wants one task";
        return Err(Failure::new(Exit::Usage, message).help("write `taskd exec TASK`"));
    };
    let located = locate::locate(file.as_deref(), global)?;
    let now = clock::wall_clock();
    let plan = plan::load(&located.path, now)?;
    let names = || plan.tasks.iter().map(|entry| entry.schedule.name.as_str());
    let entry = plan.tasks.iter().find(|entry| entry.schedule.name.as_str() == *task);
    let Some(entry) = entry else { return Err(selection::no_such("task", task, names())) };
    let Some(command) = entry.command() else {
        let message = format!("`{task}` is a task of a program, and no command");
        return Err(Failure::new(Exit::Config, message).help("the program that has it can run it"));
    };
    let attempt = Attempt {
        run: RunId { task: entry.schedule.name.clone(), due: now },
        number: 1,
        trigger: TriggerKind::Manual,
        cause: None,
        previous_success: None,
        timeout: None,
        stop_grace: Policy::STOP_GRACE,
        given: Given::default(),
    };
    let state = state::directory(global, &located, plan.daemon.state_dir.as_deref());
    let named = plan.daemon.socket.as_deref();
    let socket = socket::expected(global, &located, named, state.as_deref());
    let file = std::path::absolute(&located.path)?;
    let variables = serve::variables(&file, state.as_deref(), socket.as_deref());
    let surroundings = Surroundings { variables, ..serve::surroundings() };
    // Returns only if it cannot be.
    let reason = runner::exec(command, &surroundings, &attempt);
    Err(Failure::new(Exit::Failed, format!("`{task}` was not started: {reason}")))
}
