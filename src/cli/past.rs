//! What a daemon takes over from an earlier life, and where it goes on to record.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::exit::{Exit, Failure};
use crate::config::{self, Entry, Plan, What};
use crate::engine::Records;
use crate::name::Name;
use crate::runner::{CommandTask, Surroundings};
use crate::scheduler::Remembered;
use crate::store::{Archive, Catalogue, Known, Memory, Opened, StateDirectory, Store};

/// The record of what was, and of what will be.
pub struct Past {
    pub store: Box<dyn Store>,
    /// What others may ask.
    pub records: Arc<dyn Records>,
    pub remembered: Remembered,
    /// The number of its last event.
    pub last_event: i64,
    /// What runs that go on do, of tasks that have left the plan.
    pub left: Vec<(Name, Arc<CommandTask>)>,
    /// Which boot of the machine this is, if that is known.
    pub boot: Option<String>,
    /// Whether this is the first life since then.
    pub is_first: bool,
}

/// Takes over the record that was `opened` in `directory`, or begins one in memory.
///
/// # Errors
///
/// Ends with 75 if the history cannot be asked for.
pub async fn open(
    opened: Option<Opened>,
    directory: Option<&StateDirectory>,
    (plan, catalogue): (&Plan, &Catalogue),
    surroundings: &Surroundings,
) -> Result<Past, Failure> {
    let (Some(directory), Some(opened)) = (directory, opened) else {
        let store = Memory::new(catalogue.clone());
        let (records, remembered) = (store.records(), Remembered::default());
        return Ok(Past {
            store: Box::new(store),
            records,
            remembered,
            last_event: 0,
            left: Vec::new(),
            boot: None,
            is_first: true,
        });
    };
    let Opened { store, mut remembered, last_event, boot: last_boot, .. } = opened;
    let records = Archive::open(directory.path(), catalogue.clone())
        .map_err(|error| Failure::new(Exit::Busy, error))?;
    let left = recall(&mut remembered, plan);
    surroundings.look_for(&mut remembered.runs).await;
    let boot = boot();
    let is_first = boot.is_none() || boot != last_boot;
    Ok(Past {
        store: Box::new(store),
        records: Arc::new(records),
        remembered,
        last_event,
        left,
        boot,
        is_first,
    })
}

/// Tells when those tasks fired whose trigger is another now, or that have left the plan; and what the
/// runs of those do that have left.
fn recall(remembered: &mut Remembered, plan: &Plan) -> Vec<(Name, Arc<CommandTask>)> {
    let now: HashMap<_, _> = plan
        .tasks
        .iter()
        .map(|entry| (&entry.schedule.name, entry.schedule.when.identity()))
        .collect();
    let mut left: HashMap<Name, Arc<CommandTask>> = HashMap::new();
    for task in &mut remembered.tasks {
        let Some(definition) = &task.definition else { continue };
        if now.get(&task.name) == Some(&definition.when) {
            continue;
        }
        if let Some(then) = config::recall(&task.name, &definition.text, jiff::tz::db()) {
            if let What::Command(command) = then.what {
                left.insert(task.name.clone(), command);
            }
            task.schedule =
                Some(then.schedule).filter(|then| then.when.identity() == definition.when);
        }
    }
    let names: BTreeSet<&Name> = remembered.runs.iter().map(|run| &run.firing.run.task).collect();
    let names = names.into_iter().filter(|name| !now.contains_key(name));
    names
        .filter_map(|name| {
            // Of one that had left before, nothing is known but that it is a command.
            let unknown = || config::recall(name, r#"{"startup":"boot"}"#, jiff::tz::db());
            let command = match left.remove(name) {
                Some(command) => command,
                None => unknown()?.command()?.clone(),
            };
            Some((name.clone(), command))
        })
        .collect()
}

/// The tasks of `plan`, as those have to know them who tell of them.
pub fn known(plan: &Plan) -> impl Iterator<Item = Known> {
    let known =
        |entry: &Entry| Known { schedule: entry.schedule.clone(), zone: entry.zone.clone() };
    plan.tasks.iter().map(known)
}

/// Which boot of the machine this is. The first process of a container begins with it.
fn boot() -> Option<String> {
    if std::process::id() == 1 {
        return None;
    }
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(boot.trim().to_string()).filter(|boot| !boot.is_empty())
}
