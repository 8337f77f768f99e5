//! Schedule files of a program: commands, and its own tasks by their names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::erased::Body;
use super::resolve::comes_after_itself;
use super::{Entry, Plan, SchedulerError, TaskScheduler, name};
use crate::config::{self, Colour, Diagnostic, Origin, Problem, Setting, Severity, What};
use crate::name::Name;
use crate::task::{Params, Task};
use crate::zone::Zone;

impl TaskScheduler {
    /// Lets schedule files name this task: `task = "cleanup"` instead of a `command`, with `params` for
    /// [`Context::params`](crate::Context::params). By itself it is not scheduled.
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError`] if one of its name is registered, or if that cannot be one.
    pub async fn register(&self, task: impl Task) -> Result<(), SchedulerError> {
        let name = name(task.name())?;
        let mut plan = self.0.plan.lock().await;
        if plan.rust.contains_key(&name) {
            return Err(SchedulerError::Exists(name.to_string()));
        }
        plan.rust.insert(name, Arc::new(task));
        Ok(())
    }

    /// Adds the tasks of a schedule file: commands, and [registered](TaskScheduler::register) ones. Once
    /// more, it takes the place of what was loaded from the same path. Returns the names of what it has.
    ///
    /// Its zone and its defaults are its own; its pools are added. `[daemon]` is for `taskd run` alone:
    /// [`TaskScheduler::builder`] says that. Commands inherit the environment of this program.
    ///
    /// # Errors
    ///
    /// Returns [`SchedulerError::File`] with all that is wrong with it, and another if a Rust task is
    /// not registered or a task of that name is there already; then nothing is changed.
    pub async fn load(&self, path: impl AsRef<Path>) -> Result<Vec<Name>, SchedulerError> {
        let given = path.as_ref().to_path_buf();
        let path = std::path::absolute(&given).unwrap_or(given);
        let zone = self.0.zone.clone();
        let (now, file) = (self.now(), path.clone());
        // Of two at once the later one reads what is there then.
        let mut plan = self.0.plan.lock().await;
        let read = tokio::task::spawn_blocking(move || read(file, zone, now)).await;
        let read = read.map_err(|error| wrong(&path, error.to_string()))?;
        if !read.is_valid() {
            return Err(wrong(&path, all_wrong(&read)));
        }
        warn(&read);
        let mut tasks = plan.tasks.clone();
        tasks.retain(|_, entry| entry.file.as_deref() != Some(&path));
        let mut names = Vec::new();
        for entry in read.tasks {
            let entry = self.entry(&plan, entry, &path)?;
            let name = entry.schedule.name.clone();
            if tasks.insert(name.clone(), entry).is_some() {
                return Err(SchedulerError::Exists(name.to_string()));
            }
            names.push(name);
        }
        if let Some(task) = names.iter().find(|name| comes_after_itself(name, &tasks)) {
            return Err(SchedulerError::Circle(task.to_string()));
        }
        plan.tasks = tasks;
        plan.pools.insert(path, read.daemon.limits.pools);
        self.take_up(&plan).await?;
        Ok(names)
    }

    /// An entry of a file as one of this scheduler.
    fn entry(
        &self,
        plan: &Plan,
        entry: config::Entry,
        path: &Path,
    ) -> Result<Entry, SchedulerError> {
        let config::Entry { schedule, what, zone, about, .. } = entry;
        let mut description = about.description.clone();
        let task = match what {
            What::Command(command) => Arc::new(command.within(self.surroundings())),
            What::Rust(task) => {
                let not_registered = || {
                    let (wants, of) = (task.name.to_string(), schedule.name.to_string());
                    SchedulerError::NotRegistered(of, wants)
                };
                let body: &Arc<dyn Body> = plan.rust.get(&task.name).ok_or_else(not_registered)?;
                description = description.or_else(|| Some(body.description().into()));
                self.erased(body.clone(), task.output, Params::new(task.params))
            }
        };
        let description = description.unwrap_or_default();
        Ok(Entry { task, description, schedule, zone, file: Some(path.into()) })
    }
}

fn read(path: PathBuf, zone: Zone, now: Timestamp) -> config::Plan {
    let setting = Setting {
        zones: jiff::tz::db().clone(),
        zone: Ok(zone),
        home: std::env::var_os("HOME").map(PathBuf::from),
        search: std::env::var_os("PATH"),
        now,
    };
    config::Plan::load(Origin::File(path), Path::new("/"), &setting)
}

fn wrong(path: &Path, what: String) -> SchedulerError {
    SchedulerError::File(path.display().to_string(), what)
}

/// All errors of a file, over several lines.
fn all_wrong(plan: &config::Plan) -> String {
    let is_wrong = |found: &&Diagnostic| found.problem.severity() == Severity::Error;
    let told = plan.diagnostics.iter().filter(is_wrong);
    let told = told.map(|found| found.render(&plan.sources[found.file], Colour::No));
    told.collect::<Vec<_>>().join("\n\n")
}

/// Logs what may not be meant.
fn warn(plan: &config::Plan) {
    for found in &plan.diagnostics {
        // Here it can be run.
        if matches!(found.problem, Problem::RustTask(_)) {
            continue;
        }
        let source = &plan.sources[found.file];
        let line = source.position(found.span.start).line;
        let place = format!("{}:{line}", source.path.display());
        let task = found.task.as_ref().map(tracing::field::display);
        tracing::warn!(file = %place, task, code = found.problem.code(), "{}", found.problem);
    }
}
