//! Looks at all processes of the machine, each of which several may share: a look takes milliseconds,
//! and many runs may stop at once.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

/// The processes of this machine, as they were when somebody last looked.
#[derive(Debug, Default)]
pub struct Processes {
    groups: Look<HashSet<i32>>,
    /// By their names: each process, and the state that its daemon has.
    runs: Look<Runs>,
}

impl Processes {
    /// Whether `group` has any member but its leader that goes on.
    pub(super) async fn has_followers(&self, group: i32) -> bool {
        self.groups.fresh(groups_with_followers).await.contains(&group)
    }

    /// The runs whose processes, started by a daemon with its state at `state`, go on.
    pub async fn runs_of(&self, state: &Path) -> HashSet<String> {
        let runs = self.runs.fresh(processes_of_runs).await;
        let state = state.as_os_str().as_bytes();
        let ours = runs.iter().filter(|(_, processes)| processes.iter().any(|(_, of)| of == state));
        ours.filter_map(|(run, _)| String::from_utf8(run.clone()).ok()).collect()
    }

    /// The processes that began with `TASKD_RUN=run` in their environment, as far as they may be
    /// looked at.
    pub(super) async fn of_run(&self, run: &str) -> Vec<u32> {
        let runs = self.runs.fresh(processes_of_runs).await;
        let found = runs.get(run.as_bytes()).into_iter().flatten();
        found.map(|(process, _)| *process).collect()
    }
}

type Runs = HashMap<Vec<u8>, Vec<(u32, Vec<u8>)>>;

/// The last look, which counts for all who asked before it began.
#[derive(Debug, Default)]
struct Look<T> {
    /// So many have begun.
    begun: AtomicU64,
    /// The number of the last that was completed, and what was seen.
    last: Mutex<(u64, Arc<T>)>,
}

impl<T: Default + Send + Sync + 'static> Look<T> {
    async fn fresh(&self, look: fn() -> T) -> Arc<T> {
        let wanted = self.begun.load(Ordering::SeqCst) + 1;
        let mut last = self.last.lock().await;
        if last.0 < wanted {
            let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            // It fails only when the runtime ends, and then nobody asks.
            let seen = tokio::task::spawn_blocking(look).await.unwrap_or_default();
            *last = (number, Arc::new(seen));
        }
        last.1.clone()
    }
}

fn numbers() -> impl Iterator<Item = u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten();
    processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// All groups of which a process other than the leader is more than an end that nobody has heard of.
fn groups_with_followers() -> HashSet<i32> {
    numbers()
        .filter_map(|process| {
            // As in proc(5): the number, the name in parentheses, which may hold anything, the state,
            // the parent and the group.
            let stat = fs::read(format!("/proc/{process}/stat")).ok()?;
            let name_end = stat.iter().rposition(|byte| *byte == b')')?;
            let rest = std::str::from_utf8(&stat[name_end + 1..]).ok()?;
            let mut fields = rest.split_ascii_whitespace();
            let (state, group) = (fields.next()?, fields.nth(1)?.parse().ok()?);
            let follows = i32::try_from(process).is_ok_and(|process| process != group);
            (follows && !matches!(state, "Z" | "X")).then_some(group)
        })
        .collect()
}

fn processes_of_runs() -> Runs {
    let mut runs = Runs::new();
    for process in numbers() {
        // It may have ended, or be none of our business.
        let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        let value = |name: &[u8]| {
            let mut variables = environment.split(|byte| *byte == 0);
            variables.find_map(|variable| variable.strip_prefix(name))
        };
        if let Some(run) = value(b"TASKD_RUN=") {
            let state = value(b"TASKD_STATE=").unwrap_or_default();
            runs.entry(run.to_vec()).or_default().push((process, state.to_vec()));
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    static LOOKS: AtomicUsize = AtomicUsize::new(0);

    #[tokio::test]
    async fn a_look_counts_for_all_who_asked_before_it_began() {
        let look = Arc::new(Look::<usize>::default());
        let count = || LOOKS.fetch_add(1, Ordering::SeqCst) + 1;
        // Nobody looks while this is held, so that all of them ask before the next look begins.
        let held = look.last.lock().await;
        let asked: Vec<_> = (0..100)
            .map(|_| {
                let look = look.clone();
                tokio::spawn(async move { look.fresh(count).await })
            })
            .collect();
        tokio::task::yield_now().await;
        drop(held);
        for seen in asked {
            seen.await.expect("it does not panic");
        }
        assert!(LOOKS.load(Ordering::SeqCst) < 10, "{} looks", LOOKS.load(Ordering::SeqCst));
        let before = LOOKS.load(Ordering::SeqCst);
        assert_eq!(*look.fresh(count).await, before + 1, "who asks later gets a later one");
    }
}
