//! `taskd run`: the daemon, from the command line to its end.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::args::{Global, Run};
use super::exit::{Exit, Failure};
use super::reloader::Reloader;
use super::serve::{self, Setting};
use super::state::Held;
use super::{host, locate, log, plan, selection, service, state, trust};
use crate::clock;
use crate::config::{Plan, Severity};
use crate::control::Reload;
use crate::engine::{Handle, Status};
use crate::runner::Children;
use crate::scheduler::Request;

/// Two threads start a burst of processes a third faster than one; more do not help.
const THREADS: usize = 2;

pub fn run(global: &Global, run: &Run) -> Result<Exit, Failure> {
    selection::only_file("run", run.file.as_deref())?;
    let located = locate::locate(run.file.as_deref(), global)?;
    let mut plan = plan::load(&located.path, clock::wall_clock())?;
    if host::is_unfit_for(&mut plan) {
        plan::show(&plan, |diagnostic| host::is_unfit(&diagnostic.problem));
        return Err(Failure::said(Exit::Config));
    }
    host::judge(&mut plan);
    trust::close_inherited()?;
    let _log = log::init(global);
    warn(&plan);
    trust::check(&plan)?;
    let mut held =
        if run.dry_run { Held::default() } else { state::hold(global, &located, &plan)? };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    let manager = service::manager();
    // The first process inherits the children of all that end.
    let children = (std::process::id() == 1).then(Arc::<Children>::default);
    if children.is_some() && !Children::are_listed() {
        tracing::warn!(
            "this kernel does not list children in `/proc`; what others leave behind stays"
        );
    }
    let setting = Setting {
        global,
        located: &located,
        held: &mut held,
        run,
        manager,
        children: children.clone(),
    };
    let ended = runtime.block_on(async {
        // Before anything starts: from here on these no longer end the process.
        let signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let (hang_up, first) =
            (signal(SignalKind::hangup())?, signal(SignalKind::user_defined1())?);
        tokio::spawn(decline(signal(SignalKind::user_defined2())?));
        if let Some(children) = children {
            tokio::spawn(take_in(signal(SignalKind::child())?, children));
        }
        serve::serve(setting, plan, |engine, reloader| {
            tokio::spawn(reload(hang_up, reloader));
            tokio::spawn(tell_state(first, engine.clone()));
            tokio::spawn(obey(signals, engine));
            manager.ready();
        })
        .await
    });
    // What an attempt left on the blocking threads does not hold up the end.
    runtime.shutdown_background();
    ended?;
    Ok(Exit::Ok)
}

/// Logs the warnings about the file: the daemon has no other voice.
pub fn warn(plan: &Plan) {
    let warnings = plan.diagnostics.iter();
    for diagnostic in
        warnings.filter(|diagnostic| diagnostic.problem.severity() == Severity::Warning)
    {
        let source = &plan.sources[diagnostic.file];
        let place =
            format!("{}:{}", source.path.display(), source.position(diagnostic.span.start).line);
        let task = diagnostic.task.as_ref().map(tracing::field::display);
        tracing::warn!(file = %place, task, code = diagnostic.problem.code(), "{}", diagnostic.problem);
    }
}

/// A signal that ends other programs, and that people send to daemons for other reasons.
async fn decline(mut signal: Signal) {
    while signal.recv().await.is_some() {
        tracing::warn!("this signal means nothing here");
    }
}

/// Some child has ended, perhaps one that somebody has left.
async fn take_in(mut signal: Signal, children: Arc<Children>) {
    while signal.recv().await.is_some() {
        children.take_in();
    }
}

/// HUP takes up the file again. What came of it stands in the log.
async fn reload(mut hang_up: Signal, reloader: Arc<Reloader>) {
    while hang_up.recv().await.is_some() {
        // Whoever sent the signal hears no answer.
        let _ = reloader.clone().reload().await;
    }
}

/// USR1 logs how the daemon and each of its tasks is.
async fn tell_state(mut signal: Signal, engine: Handle) {
    while signal.recv().await.is_some() {
        let (Some(status), Some(look)) = (engine.status().await, engine.look(None).await) else {
            return;
        };
        let Status { tasks, running, waiting, paused, draining, failure, .. } = status;
        let degraded = failure.as_deref();
        tracing::info!(tasks, running, waiting, paused, draining, degraded, "state");
        for task in look.tasks {
            let (name, state) = (&task.task, task.state.word());
            let runs: Vec<String> = task.running.iter().map(ToString::to_string).collect();
            let (runs, waiting) = (runs.join(" "), task.waiting);
            tracing::info!(task = %name, state, waiting, runs, "state");
        }
    }
}

/// The first TERM or INT drains, the second stops the runs.
async fn obey((mut terminate, mut interrupt): (Signal, Signal), engine: Handle) {
    let mut request = Request::Drain;
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        let what = if request == Request::Drain { "draining" } else { "stopping what runs" };
        tracing::info!("{what}");
        engine.ask(std::mem::replace(&mut request, Request::Stop)).await;
    }
}
