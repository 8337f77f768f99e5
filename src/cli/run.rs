//! `taskd run`: the daemon.

use std::collections::HashMap;
use std::fs::DirBuilder;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::args::{Global, Run};
use super::exit::{Exit, Failure};
use super::rehearsal::{Rehearsal, Report};
use super::{host, locate, log, plan, selection, state, time, zones};
use crate::clock::{self, Clock, System};
use crate::config::{Entry, Plan, Severity};
use crate::engine::{Engine, Handle, Parts};
use crate::event::RunId;
use crate::name::Name;
use crate::observe::{Log, Observer};
use crate::runner::{Outputs, Surroundings};
use crate::schedule::Schedule;
use crate::scheduler::Request;
use crate::store::{Memory, StateDirectory};
use crate::task::Task;
use crate::zone::Zone;

/// Two threads start a burst of processes a third faster than one; more do not help.
const THREADS: usize = 2;

pub fn run(global: &Global, run: &Run) -> Result<Exit, Failure> {
    selection::only_file("run", run.file.as_deref())?;
    let located = locate::locate(run.file.as_deref(), global)?;
    let mut plan = plan::load(&located.path, clock::wall_clock())?;
    host::judge(&mut plan);
    let _log = log::init(global);
    warn(&plan);
    let directory = if run.dry_run { None } else { state::hold(global, &located, &plan)? };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    let ended =
        runtime.block_on(serve(&located.path.display().to_string(), plan, directory.as_ref(), run));
    // What an attempt left on the blocking threads does not hold up the end.
    runtime.shutdown_background();
    ended?;
    Ok(Exit::Ok)
}

/// Logs the warnings about the file: the daemon has no other voice.
fn warn(plan: &Plan) {
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

async fn serve(
    file: &str,
    mut plan: Plan,
    directory: Option<&StateDirectory>,
    run: &Run,
) -> io::Result<()> {
    // Before anything starts: from here on these no longer end the process.
    let signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    for kind in [SignalKind::hangup(), SignalKind::user_defined1(), SignalKind::user_defined2()] {
        tokio::spawn(decline(signal(kind)?));
    }
    let zones: HashMap<Name, Zone> =
        plan.tasks.iter().map(|entry| (entry.schedule.name.clone(), entry.zone.clone())).collect();
    let clock = Arc::new(System::new()?);
    let limits = plan.daemon.limits.clone();
    // Output has a place of its own where there is no state; it is removed at the end.
    let private = if directory.is_none() { tempfile::tempdir().ok() } else { None };
    let place = directory.map(|held| held.path().join("output"));
    let place = place.or_else(|| private.as_ref().map(|private| private.path().to_path_buf()));
    let outputs = place.map(outputs).transpose()?;
    let mut surroundings = Surroundings { outputs, ..Surroundings::default() };
    surroundings.raise_open_files();
    let surroundings = Arc::new(surroundings);
    let entries = std::mem::take(&mut plan.tasks);
    let (schedules, tasks) = split(entries, &surroundings, run.dry_run);
    let count = schedules.len();
    let observer: Box<dyn Observer> =
        if run.dry_run { Box::new(Report::new(zones.clone(), run.json)) } else { Box::new(Log) };
    let parts = Parts {
        clock: clock.clone(),
        store: Box::new(Memory::new()),
        observers: vec![observer],
        machine: machine(),
        shutdown_grace: plan.daemon.shutdown_grace.unsigned_abs(),
        tasks,
        each_day: zones::watch(plan),
    };
    let engine = Engine::start(parts, schedules, limits).await;
    let state = directory.map_or_else(|| "none".into(), |held| held.path().display().to_string());
    let next =
        engine.next_firing().map_or_else(|| "nothing".into(), |next| told(&next, &zones, &*clock));
    let message = if run.dry_run { "rehearsing" } else { "running" };
    tracing::info!(file, tasks = count, %state, %next, "{message}");
    tokio::spawn(obey(signals, engine.handle()));
    engine.serve().await;
    io::stdout().flush()
}

/// The directory of captured output at `path`, which nobody else may enter.
fn outputs(path: PathBuf) -> io::Result<Arc<Outputs>> {
    DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
    Ok(Arc::new(Outputs::new(path)))
}

/// What tells this machine from others: the id that systemd and D-Bus keep, else its name.
fn machine() -> Vec<u8> {
    let read = |path: &str| std::fs::read(path).ok().map(|id| id.trim_ascii().to_vec());
    let places = ["/etc/machine-id", "/var/lib/dbus/machine-id", "/proc/sys/kernel/hostname"];
    places.into_iter().find_map(|path| read(path).filter(|id| !id.is_empty())).unwrap_or_default()
}

/// The next firing in words.
fn told(next: &RunId, zones: &HashMap<Name, Zone>, clock: &impl Clock) -> String {
    let due = zones
        .get(&next.task)
        .map_or_else(|| next.due.to_string(), |zone| time::rfc3339(next.due, zone));
    format!("{} at {due} ({})", next.task, time::relative(next.due, clock.now()))
}

/// The entries as the scheduler and the engine want them.
fn split(
    entries: Vec<Entry>,
    surroundings: &Arc<Surroundings>,
    dry_run: bool,
) -> (Vec<Schedule>, HashMap<Name, Arc<dyn Task>>) {
    let mut schedules = Vec::with_capacity(entries.len());
    let mut tasks: HashMap<Name, Arc<dyn Task>> = HashMap::with_capacity(entries.len());
    for entry in entries {
        let task: Arc<dyn Task> = if dry_run {
            Arc::new(Rehearsal)
        } else {
            Arc::new(entry.command.within(surroundings))
        };
        tasks.insert(entry.schedule.name.clone(), task);
        schedules.push(entry.schedule);
    }
    (schedules, tasks)
}

/// A signal that ends other programs, and that people send to daemons for other reasons.
async fn decline(mut signal: Signal) {
    while signal.recv().await.is_some() {
        tracing::warn!("this signal means nothing here; a changed file is taken up by a restart");
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
