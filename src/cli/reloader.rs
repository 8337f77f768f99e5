//! Other tasks for a daemon that goes on: by a request, by a signal, and when zones have other rules.
//!
//! All or nothing: a file that is wrong changes nothing. Runs that go on keep the definition they began
//! with, and tasks that are the same keep their state.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::exit::Failure;
use super::watch::{self, Watcher};
use super::{host, past, plan, run, serve, trust, validate};
use crate::clock;
use crate::config::{Daemon, Plan, Problem, Severity, Source, What};
use crate::control::Reload;
use crate::engine::{Catalogue, Change, Handle};
use crate::name::Name;
use crate::observe::Manager;
use crate::policy::Limits;
use crate::runner::{CommandTask, Surroundings};
use crate::task::BoxFuture;

/// Takes up the schedule file of a daemon again.
pub struct Reloader {
    path: PathBuf,
    engine: Handle,
    catalogue: Catalogue,
    surroundings: Arc<Surroundings>,
    /// Whether it starts nothing.
    dry_run: bool,
    manager: Manager,
    loaded: Mutex<Loaded>,
}

/// What the daemon works by.
struct Loaded {
    /// Without its tasks.
    plan: Plan,
    commands: HashMap<Name, Arc<CommandTask>>,
    /// Where its files lie, and those of a plan that was refused since.
    directories: BTreeSet<PathBuf>,
}

/// Why a file is not taken up, as an answer; and where it lies, with all that it includes.
struct Refusal {
    told: Value,
    directories: BTreeSet<PathBuf>,
}

impl From<Value> for Refusal {
    fn from(told: Value) -> Self {
        Self { told, directories: BTreeSet::new() }
    }
}

/// What a reload has changed.
#[derive(Debug, Default)]
struct Changes {
    added: Vec<Name>,
    changed: Vec<Name>,
    removed: Vec<Name>,
    unchanged: usize,
}

impl Reloader {
    /// For the daemon of the file at `path`, which works by `plan`, whose tasks are at work by now, and
    /// these `commands`.
    pub fn new(
        path: PathBuf,
        (engine, catalogue): (Handle, Catalogue),
        (surroundings, dry_run): (Arc<Surroundings>, bool),
        (plan, commands): (Plan, HashMap<Name, Arc<CommandTask>>),
        manager: Manager,
    ) -> Arc<Self> {
        let directories = plan.directories.clone();
        let loaded = Mutex::new(Loaded { plan, commands, directories });
        Arc::new(Self { path, engine, catalogue, surroundings, dry_run, manager, loaded })
    }

    /// Reads the file and makes its tasks the tasks; tells what has changed, or what is wrong.
    async fn take_up(&self) -> Result<Value, Value> {
        let mut loaded = self.loaded.lock().await;
        self.manager.reloading();
        let taken_up = self.take_up_alone(&mut loaded).await;
        // It is as ready as it was, also if the file is refused.
        self.manager.ready();
        taken_up
    }

    async fn take_up_alone(&self, loaded: &mut Loaded) -> Result<Value, Value> {
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || read(&path)).await;
        let read = read.unwrap_or_else(|error| Err(refusal(&error.to_string(), None, &[]).into()));
        let read = read.map_err(|Refusal { told, directories }| {
            // What is mended there is noticed, too.
            loaded.directories.extend(directories);
            told
        });
        let plan = read.inspect_err(|told| {
            let message = told["error"]["message"].as_str().unwrap_or_default();
            tracing::error!("the file is not taken up: {message}");
            for fault in told["diagnostics"].as_array().into_iter().flatten() {
                let text = |key: &str| fault[key].as_str();
                let place = format!("{}:{}", text("file").unwrap_or("-"), fault["line"]);
                let (task, code) = (text("task"), text("code"));
                tracing::error!(file = %place, task, code, "{}", text("message").unwrap_or_default());
            }
        })?;
        run::warn(&plan);
        serve::warn_of_limits(&plan, &self.surroundings);
        let rows = validate::rows(&plan);
        let mut warnings: Vec<String> = rows.iter().map(in_words).collect();
        let limits =
            Limits { pools: loaded.plan.daemon.limits.pools.clone(), ..plan.daemon.limits.clone() };
        let restart = Daemon { limits, ..plan.daemon.clone() } != loaded.plan.daemon;
        let changes = self.load(loaded, plan).await;
        let Some(Changes { added, changed, removed, unchanged }) = changes else {
            return Err(refusal("the daemon is ending", None, &[]));
        };
        let (adds, changes, removes) = (added.len(), changed.len(), removed.len());
        tracing::info!(added = adds, changed = changes, removed = removes, unchanged, "reloaded");
        if restart {
            let warning = "`[daemon]` is another now, and is read at the start of a daemon only";
            tracing::warn!("{warning}");
            warnings.push(warning.into());
        }
        Ok(json!({
            "added": added,
            "changed": changed,
            "removed": removed,
            "unchanged": unchanged,
            "warnings": warnings,
        }))
    }

    /// Makes the tasks of `plan` the tasks; `None` if the engine has ended.
    async fn load(&self, loaded: &mut Loaded, mut plan: Plan) -> Option<Changes> {
        let known: Vec<_> = past::known(&plan).collect();
        let before = self.catalogue.all();
        let mut changes = Changes::default();
        let (mut tasks, mut commands) = (HashMap::new(), HashMap::new());
        let mut schedules = Vec::new();
        for entry in std::mem::take(&mut plan.tasks) {
            // A plan with others has been refused.
            let What::Command(command) = entry.what else { continue };
            let name = entry.schedule.name.clone();
            let same = before.get(&name).is_some_and(|known| known.schedule == entry.schedule)
                && loaded.commands.get(&name).is_some_and(|before| *before == command);
            match (before.contains_key(&name), same) {
                (false, _) => changes.added.push(name.clone()),
                (true, false) => changes.changed.push(name.clone()),
                (true, true) => changes.unchanged += 1,
            }
            let prepared = command.within(&self.surroundings);
            commands.insert(name.clone(), prepared.command().clone());
            tasks.insert(name, serve::task(prepared, self.dry_run));
            schedules.push(entry.schedule);
        }
        let left = before.keys().filter(|name| !commands.contains_key(*name));
        changes.removed = left.cloned().collect();
        changes.added.sort_unstable();
        changes.changed.sort_unstable();
        // But for the pools, it is read at the start.
        plan.daemon = Daemon {
            limits: Limits { pools: plan.daemon.limits.pools, ..loaded.plan.daemon.limits.clone() },
            ..loaded.plan.daemon.clone()
        };
        let limits = plan.daemon.limits.clone();
        let catalogue = self.catalogue.clone();
        let taken_up = Box::new(move || catalogue.replace(known));
        self.engine.change(Change { tasks, schedules, limits, taken_up }).await?;
        *loaded = Loaded { directories: plan.directories.clone(), plan, commands };
        Some(changes)
    }

    /// Takes up the files each time they change, for ever.
    pub async fn watch(&self) {
        let mut watcher = match Watcher::new() {
            Ok(watcher) => watcher,
            Err(error) => {
                tracing::error!(%error, "changes of files are not noticed");
                return std::future::pending().await;
            }
        };
        let (directories, sources) = self.places().await;
        watcher.add(&directories, &sources);
        let mut before = watch::look(&directories, &sources);
        // They may have changed between the start and this look.
        if self.is_another().await {
            let _ = self.take_up().await;
        }
        loop {
            let (directories, sources) = self.places().await;
            watcher.add(&directories, &sources);
            let look = || watch::look(&directories, &sources);
            // What has changed since it was looked at last is seen, whenever that was.
            if before == look() {
                watcher.changed().await;
            } else {
                watcher.quiet().await;
                before = look();
                // What is wrong stands in the log.
                let _ = self.take_up().await;
            }
        }
    }

    /// Whether the files say something else than the daemon works by.
    async fn is_another(&self) -> bool {
        let path = self.path.clone();
        if path == std::path::Path::new("-") {
            return false;
        }
        let read = move || plan::read(&path, clock::wall_clock()).ok();
        let now = tokio::task::spawn_blocking(read).await.ok().flatten();
        let said = |plan: &Plan| -> Vec<(PathBuf, String)> {
            plan.sources.iter().map(|file| (file.path.clone(), file.text.clone())).collect()
        };
        let loaded = self.loaded.lock().await;
        now.is_some_and(|now| said(&now) != said(&loaded.plan))
    }

    /// Where the files lie, and those that are there.
    async fn places(&self) -> (BTreeSet<PathBuf>, Vec<PathBuf>) {
        let loaded = self.loaded.lock().await;
        let sources = loaded.plan.sources.iter();
        let path =
            |source: &Source| source.directory.join(source.path.file_name().unwrap_or_default());
        (loaded.directories.clone(), sources.map(path).collect())
    }

    /// Looks whether zones have other rules by now, and if so loads the same text by them. Files that
    /// have changed meanwhile are none of its business.
    pub async fn look_at_zones(&self) {
        let mut loaded = self.loaded.lock().await;
        let setting = plan::setting(clock::wall_clock());
        setting.zones.reset();
        if !loaded.plan.is_outdated(&setting) {
            return;
        }
        let again = loaded.plan.again(&setting);
        if !again.is_valid() {
            tracing::error!(
                "zone data has changed, but the tasks cannot be read by it; the old holds"
            );
            return;
        }
        tracing::info!("zone data has changed; tasks look forward by the new rules");
        // An engine that has ended needs none.
        let _ = self.load(&mut loaded, again).await;
    }
}

impl Reload for Reloader {
    fn reload(self: Arc<Self>) -> BoxFuture<'static, Result<Value, Value>> {
        Box::pin(async move {
            let taken = tokio::spawn(async move { self.take_up().await }).await;
            // Else the runtime ends.
            taken.unwrap_or_else(|error| Err(refusal(&error.to_string(), None, &[])))
        })
    }
}

/// Reads the file at `path` as a start of the daemon would.
fn read(path: &std::path::Path) -> Result<Plan, Refusal> {
    let refused = |failure: Failure| {
        let (message, help) = failure.words();
        Refusal::from(refusal(&message, help.as_deref(), &[]))
    };
    if path == std::path::Path::new("-") {
        return Err(refusal("standard input cannot be read again", None, &[]).into());
    }
    jiff::tz::db().reset();
    let mut plan = plan::read(path, clock::wall_clock()).map_err(refused)?;
    let is_unfit = host::is_unfit_for(&mut plan);
    let is_wrong = |problem: &Problem| {
        problem.severity() == Severity::Error || is_unfit && host::is_unfit(problem)
    };
    if plan.diagnostics.iter().any(|diagnostic| is_wrong(&diagnostic.problem)) {
        let message = plan::summary(&plan, path);
        let help = "`taskd validate` tells what is wrong";
        let told = refusal(&message, Some(help), &validate::rows(&plan));
        return Err(Refusal { told, directories: plan.directories });
    }
    host::judge(&mut plan);
    trust::check(&plan).map_err(refused)?;
    Ok(plan)
}

/// `schedules.toml:3:1: …`.
fn in_words(row: &Value) -> String {
    let text = |key: &str| row[key].as_str().unwrap_or_default();
    format!("{}:{}:{}: {}", text("file"), row["line"], row["column"], text("message"))
}

fn refusal(message: &str, help: Option<&str>, diagnostics: &[Value]) -> Value {
    let error = json!({ "code": "bad-file", "message": message, "help": help });
    json!({ "error": error, "diagnostics": diagnostics })
}
