//! A daemon put together: what it works with, and where it answers.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::{Semaphore, mpsc};

use super::args::{Global, Run};
use super::exit::Failure;
use super::locate::Located;
use super::rehearsal::{Rehearsal, Report};
use super::reloader::Reloader;
use super::state::Held;
use super::{past, service, socket, time};
use crate::clock::{Clock, System, wall_clock};
use crate::config::{Entry, Plan, What};
use crate::control::{Captures, MOST_STREAMS, Server, Source};
use crate::engine::{Engine, Handle, Parts};
use crate::event::RunId;
use crate::name::Name;
use crate::observe::{Live, Log, Manager, Metrics, Observer};
use crate::runner::{Captured, Children, CommandTask, Fences, Outputs, Prepared, Surroundings};
use crate::schedule::Schedule;
use crate::scheduler::Remembered;
use crate::store::{Catalogue, StateDirectory};
use crate::task::Execute;
use crate::zone::Zone;

/// What the command line has settled.
pub struct Setting<'a> {
    pub global: &'a Global,
    pub located: &'a Located,
    /// Its state.
    pub held: &'a mut Held,
    pub run: &'a Run,
    /// Who is told how it goes.
    pub manager: Manager,
    /// As the first process: which children are its own.
    pub children: Option<Arc<Children>>,
}

/// Serves the tasks of `plan` until the engine, which is told to `ready` with what reloads it, has ended.
///
/// # Errors
///
/// Ends with 75 if a socket that was named cannot be bound.
pub async fn serve(
    setting: Setting<'_>,
    mut plan: Plan,
    ready: impl FnOnce(Handle, Arc<Reloader>),
) -> Result<(), Failure> {
    let Setting { global, located, held, run, manager, children } = setting;
    let opened = held.store.take();
    let directory = held.directory.as_ref();
    let zones: HashMap<Name, Zone> =
        plan.tasks.iter().map(|entry| (entry.schedule.name.clone(), entry.zone.clone())).collect();
    let state = directory.map(StateDirectory::path);
    let server = if run.dry_run {
        None
    } else {
        socket::bind(global, located, plan.daemon.socket.as_deref(), state)?
    };
    let file = std::path::absolute(&located.path).unwrap_or_else(|_| located.path.clone());
    if let (Some(directory), Some(server)) = (directory, &server) {
        directory.sign(&file, Some(server.path()))?;
    }
    let surroundings = own_surroundings(held, children, &file, (state, server.as_ref()));
    warn_of_limits(&plan, &surroundings);
    let clock = Arc::new(System::new()?);
    let limits = plan.daemon.limits.clone();
    let catalogue = Catalogue::new(past::known(&plan));
    let past = past::open(opened, directory, (&plan, &catalogue), &surroundings).await?;
    let entries = std::mem::take(&mut plan.tasks);
    let Split { schedules, mut tasks, commands } = split(entries, &surroundings, run.dry_run);
    let count = schedules.len();
    let observer: Box<dyn Observer> =
        if run.dry_run { Box::new(Report::new(zones.clone(), run.json)) } else { Box::new(Log) };
    let (live, metrics) = (Live::default(), metrics(&past.remembered));
    let (watch, scrape) = (live.watch(), metrics.scrape());
    for (name, command) in past.left {
        tasks.insert(name, Arc::new(command.within(&surroundings)));
    }
    let watches = plan.daemon.watch;
    let shutdown_grace = plan.daemon.shutdown_grace.unsigned_abs();
    let keep = SignedDuration::from_hours(24 * i64::from(plan.daemon.history.days));
    let outputs = surroundings.outputs.clone();
    let left = Left { outputs, catalogue: catalogue.clone(), keep };
    left.remove();
    let (days, new_days) = mpsc::channel(1);
    let parts = Parts {
        clock: clock.clone(),
        store: past.store,
        remembered: past.remembered,
        last_event: past.last_event,
        boot: past.boot,
        is_first: past.is_first,
        observers: vec![observer, Box::new(live), Box::new(metrics)],
        machine: machine(),
        shutdown_grace,
        tasks,
        // Should the last look go on, another is of no use.
        each_day: Box::new(move || {
            let _ = days.try_send(());
        }),
    };
    let engine = Engine::start(parts, schedules, limits).await;
    let shown =
        |path: Option<&Path>| path.map_or_else(|| "none".into(), |path| path.display().to_string());
    let (state, socket) = (shown(state), shown(server.as_ref().map(Server::path)));
    let next =
        engine.next_firing().map_or_else(|| "nothing".into(), |next| told(&next, &zones, &*clock));
    let message = if run.dry_run { "rehearsing" } else { "running" };
    tracing::info!(file = %located.path.display(), tasks = count, %state, %socket, %next, "{message}");
    let reloader = Reloader::new(
        located.path.clone(),
        (engine.handle(), catalogue.clone()),
        (surroundings.clone(), run.dry_run),
        (plan, commands),
        manager,
    );
    ready(engine.handle(), reloader.clone());
    let source = Source {
        engine: Some(engine.handle()),
        watch: Some(watch.clone()),
        scrape: Some(scrape),
        catalogue,
        streams: Arc::new(Semaphore::new(MOST_STREAMS)),
        reload: Some(reloader.clone()),
        records: past.records,
        captures: Arc::new(Kept(
            surroundings.outputs.clone().map(|outputs| outputs.directory().into()),
        )),
        file: file.display().to_string(),
        degraded: held.degraded.clone(),
    };
    let beside = Beside { server, source, reloader, left, new_days, watches };
    // The socket goes with the engine: it is removed as the other future is dropped.
    let attends = service::attend(manager, engine.handle(), watch.clone(), shutdown_grace);
    let mut beside = pin!(async { tokio::join!(beside.go_on(), attends) });
    tokio::select! {
        () = to_the_end(engine) => {}
        _ = &mut beside => {}
    }
    // Who watches sees the end.
    let _ = tokio::time::timeout(LAST_WORDS, async {
        tokio::select! {
            () = watch.unwatched() => {}
            _ = beside => {}
        }
    })
    .await;
    Ok(io::stdout().flush()?)
}

/// Lets `engine` work on a thread that also starts processes: what is due is not handed from one to
/// another first.
async fn to_the_end(engine: Engine) {
    if let Err(error) = tokio::spawn(engine.serve()).await {
        // It is never cancelled.
        std::panic::resume_unwind(error.into_panic());
    }
}

/// Warns of tasks whose limits cannot be kept here.
pub fn warn_of_limits(plan: &Plan, surroundings: &Surroundings) {
    for entry in &plan.tasks {
        let limit = entry.command().and_then(|command| surroundings.lacks(command));
        if let Some(limit) = limit {
            let task = &entry.schedule.name;
            tracing::warn!(%task, "`limits.{limit}` wants a control group, and none is delegated to taskd: its runs end as `not-started`");
        }
    }
}

/// Numbers that go on from what an earlier life has left.
fn metrics(remembered: &Remembered) -> Metrics {
    let metrics = Metrics::default();
    for task in &remembered.tasks {
        task.last_success.into_iter().for_each(|due| metrics.succeeded(&task.name, due));
    }
    metrics
}

/// So long it may take to send the last events.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// What a daemon does beside running tasks.
struct Beside {
    server: Option<Server>,
    source: Source,
    reloader: Arc<Reloader>,
    left: Left,
    new_days: mpsc::Receiver<()>,
    watches: bool,
}

impl Beside {
    /// Does it, for ever: whoever asks is answered, and what changes is looked at.
    async fn go_on(self) {
        let Self { server, source, reloader, left, mut new_days, watches } = self;
        let answers = async {
            match server {
                Some(server) => server.serve(source).await,
                None => std::future::pending().await,
            }
        };
        let daily = async {
            while new_days.recv().await.is_some() {
                reloader.look_at_zones().await;
                left.remove();
            }
        };
        let changes = async {
            if watches {
                reloader.watch().await;
            }
        };
        tokio::join!(answers, daily, changes);
    }
}

/// What commands have around them, run by this daemon.
fn own_surroundings(
    held: &Held,
    children: Option<Arc<Children>>,
    file: &Path,
    (state, server): (Option<&Path>, Option<&Server>),
) -> Arc<Surroundings> {
    let outputs = held.output.as_ref().map(|output| Outputs::new(output.path().into()));
    let variables = variables(file, state, server.map(Server::path));
    // However often its file is replaced, it is the one that runs.
    let helper = Some(PathBuf::from("/proc/self/exe")).filter(|own| own.exists());
    // Into a group that bounds it a child goes with its help.
    let fences = helper.as_ref().and_then(|_| Fences::find());
    let mut surroundings =
        Surroundings { outputs, variables, children, helper, fences, ..surroundings() };
    surroundings.raise_open_files();
    Arc::new(surroundings)
}

/// Old output of tasks that have left.
struct Left {
    outputs: Option<Arc<Outputs>>,
    catalogue: Catalogue,
    keep: SignedDuration,
}

impl Left {
    /// Removes what is there of it, by and by.
    fn remove(&self) {
        let before = wall_clock().checked_sub(self.keep);
        if let (Some(outputs), Ok(before)) = (&self.outputs, before) {
            let there = self.catalogue.all().keys().cloned().collect();
            outputs.remove_left(Arc::new(there), before);
        }
    }
}

/// What commands have around them, whoever runs them.
pub fn surroundings() -> Surroundings {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    Surroundings { credentials, ..Surroundings::of_environment(std::env::vars_os().collect()) }
}

/// What lets `taskd` inside a task speak to its own daemon.
pub fn variables(
    file: &Path,
    state: Option<&Path>,
    socket: Option<&Path>,
) -> Vec<(&'static str, Option<OsString>)> {
    let state = state.map_or_else(|| OsString::from("none"), |state| absolute(state).into());
    vec![
        ("TASKD_FILE", Some(file.into())),
        ("TASKD_STATE", Some(state)),
        ("TASKD_SOCKET", socket.map(|socket| absolute(socket).into())),
    ]
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.into())
}

/// What runs have written, in a directory.
pub struct Kept(pub Option<PathBuf>);

impl Captures for Kept {
    fn open(&self, run: &RunId) -> io::Result<Option<Box<dyn Read + Send>>> {
        let Some(directory) = &self.0 else { return Ok(None) };
        match Captured::of(directory, run) {
            Ok(captured) => Ok(Some(Box::new(captured))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
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

/// What a task does: its command, or nothing but to tell that it would run.
pub fn task(command: Prepared, dry_run: bool) -> Arc<dyn Execute> {
    if dry_run { Arc::new(Rehearsal) } else { Arc::new(command) }
}

/// The entries as the scheduler and the engine want them.
struct Split {
    schedules: Vec<Schedule>,
    tasks: HashMap<Name, Arc<dyn Execute>>,
    commands: HashMap<Name, Arc<CommandTask>>,
}

fn split(entries: Vec<Entry>, surroundings: &Arc<Surroundings>, dry_run: bool) -> Split {
    let mut split = Split {
        schedules: Vec::with_capacity(entries.len()),
        tasks: HashMap::with_capacity(entries.len()),
        commands: HashMap::with_capacity(entries.len()),
    };
    for entry in entries {
        // A plan with others has been refused.
        let What::Command(command) = entry.what else { continue };
        let prepared = command.within(surroundings);
        let name = entry.schedule.name.clone();
        split.commands.insert(name.clone(), prepared.command().clone());
        split.tasks.insert(name, task(prepared, dry_run));
        split.schedules.push(entry.schedule);
    }
    split
}
