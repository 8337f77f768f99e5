//! Looks at all processes of the machine, each of which several may share: a look takes milliseconds,
//! and many runs may stop at once.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

/// The processes of this machine, as they were when somebody last looked.
#[derive(Debug, Default)]
pub struct Processes {
    groups: Look<HashSet<i32>>,
    runs: Look<Vec<Process>>,
}

impl Processes {
    /// Whether `group` has any member but its leader that goes on.
    pub(super) async fn has_followers(&self, group: i32) -> bool {
        self.groups.fresh(groups_with_followers).await.contains(&group)
    }

    /// All that may belong to some run.
    pub(super) async fn of_runs(&self) -> Arc<Vec<Process>> {
        self.runs.fresh(processes_of_runs).await
    }
}

/// A process that may belong to a run, by what it began with and where it writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Process {
    pub number: u32,
    /// Whether it is the first of its group, as taskd starts one: in a session that is not its own.
    pub leads: bool,
    /// When it began, in ticks since the machine did.
    pub since: u64,
    /// What its environment began with, as far as that may be looked at.
    pub run: Vec<u8>,
    pub attempt: Vec<u8>,
    /// The state that its daemon has.
    pub state: Vec<u8>,
    /// The files behind its output and its errors.
    pub outputs: [Option<PathBuf>; 2],
}

impl Process {
    /// The process of this number, if it goes on and may belong to a run.
    pub(super) fn of(number: u32) -> Option<Self> {
        let place = format!("/proc/{number}");
        // It may have ended, or be none of our business.
        let environment = fs::read(format!("{place}/environ")).unwrap_or_default();
        let value = |name: &[u8]| {
            let mut variables = environment.split(|byte| *byte == 0);
            variables.find_map(|variable| variable.strip_prefix(name)).unwrap_or_default().to_vec()
        };
        let run = value(b"TASKD_RUN=");
        let file = |end: u32| {
            let path = fs::read_link(format!("{place}/fd/{end}")).ok()?;
            (path.is_absolute() && !path.starts_with("/dev")).then_some(path)
        };
        let outputs = [file(1), file(2)];
        if run.is_empty() && outputs == [None, None] {
            return None;
        }
        let stat = Stat::of(number).filter(Stat::goes_on)?;
        let leads = stat.group == stat.number && stat.session != stat.number;
        let (attempt, state) = (value(b"TASKD_ATTEMPT="), value(b"TASKD_STATE="));
        Some(Self { number, leads, since: stat.since, run, attempt, state, outputs })
    }
}

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

/// What the kernel tells everybody of a process.
struct Stat {
    state: u8,
    number: i32,
    group: i32,
    session: i32,
    since: u64,
}

impl Stat {
    fn of(process: u32) -> Option<Self> {
        // As in proc(5): the number, the name in parentheses, which may hold anything, the state, the
        // parent, the group and the session; and as the 22nd when it began.
        let stat = fs::read(format!("/proc/{process}/stat")).ok()?;
        let name_end = stat.iter().rposition(|byte| *byte == b')')?;
        let rest = std::str::from_utf8(&stat[name_end + 1..]).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let (state, group) = (fields.next()?.bytes().next()?, fields.nth(1)?.parse().ok()?);
        let (session, since) = (fields.next()?.parse().ok()?, fields.nth(15)?.parse().ok()?);
        Some(Self { state, number: i32::try_from(process).ok()?, group, session, since })
    }

    /// Whether it is more than an end that nobody has heard of.
    fn goes_on(&self) -> bool {
        !matches!(self.state, b'Z' | b'X')
    }
}

/// All groups of which a process other than the leader is more than an end that nobody has heard of.
fn groups_with_followers() -> HashSet<i32> {
    numbers()
        .filter_map(Stat::of)
        .filter(|stat| stat.number != stat.group && stat.goes_on())
        .map(|stat| stat.group)
        .collect()
}

fn processes_of_runs() -> Vec<Process> {
    numbers().filter_map(Process::of).collect()
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
