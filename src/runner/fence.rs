//! A control group for each run, where taskd may make one: it bounds all that a run has started, tells
//! what that has used, and ends it, whatever group or session it has gone to.
//!
//! Rules of delegation: <https://systemd.io/CGROUP_DELEGATION/>. A group that bounds what is in its own groups
//! may hold no process itself, so that taskd has to sit in one beside those of its runs: systemd puts
//! it there (`DelegateSubgroup=daemon`), and as the first process of a container it goes there itself.

use std::collections::{HashSet, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::event::RunId;
use crate::task::{Attempt, Usage};

/// The group in which taskd itself sits.
const OWN: &str = "daemon";

/// How much all that a run starts may use together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of memory; beyond them all of it is killed.
    pub memory: Option<u64>,
    /// Processors, in thousandths.
    pub cpu: Option<u32>,
    /// Processes and threads at once.
    pub tasks: Option<u64>,
}

impl Bounds {
    /// One that is set, if any is.
    pub(super) fn any(&self) -> Option<&'static str> {
        self.settings().next().map(|(key, ..)| key)
    }

    /// Each that is set: its key, the controller that it wants, the file and what is written there.
    fn settings(&self) -> impl Iterator<Item = (&'static str, &'static str, &'static str, String)> {
        // Of each tenth of a second.
        let cpu = self.cpu.map(|cpu| format!("{} 100000", u64::from(cpu) * 100));
        let memory = self.memory.map(|most| most.to_string());
        let all = memory.as_ref().map(|_| "1".to_string());
        [
            memory.map(|most| ("memory", "memory", "memory.max", most)),
            // What is left of a run of which a part was killed is of no use.
            all.map(|all| ("memory", "memory", "memory.oom.group", all)),
            cpu.map(|cpu| ("cpu", "cpu", "cpu.max", cpu)),
            self.tasks.map(|most| ("tasks", "pids", "pids.max", most.to_string())),
        ]
        .into_iter()
        .flatten()
    }
}

/// Where control groups can be made.
#[derive(Debug)]
pub struct Fences {
    directory: PathBuf,
    /// Groups whose runs are over, and that still held something then.
    left: Left,
}

type Left = Arc<Mutex<VecDeque<PathBuf>>>;

/// So many of those are looked at whenever another is made.
const LOOKS: usize = 4;

impl Fences {
    /// The place that was delegated to this process, if one was, ready for groups of runs; what earlier
    /// lives have left there and is empty goes.
    #[must_use]
    pub fn find() -> Option<Self> {
        let own = own_group()?;
        let is_first = std::process::id() == 1;
        let (directory, alone) = match own.parent() {
            Some(parent) if own.ends_with(OWN) && is_delegated(parent) => (parent.into(), true),
            _ if is_delegated(&own) => (own, false),
            // A container of its own, which nobody else sees to.
            _ if is_first && is_root_of_namespace() => {
                let apart = own.join(OWN);
                let moved = make(&apart).and_then(|()| fs::write(apart.join("cgroup.procs"), "0"));
                (own, moved.is_ok())
            }
            _ => return None,
        };
        if alone {
            for controller in ["cpu", "memory", "pids"] {
                // One that is not there, or others sit in the group: then limits that want it are refused.
                let _ =
                    fs::write(directory.join("cgroup.subtree_control"), format!("+{controller}"));
            }
        }
        let fences = Self { directory, left: Left::default() };
        fences.remove_empty();
        // Whether it may indeed.
        let probe = fences.directory.join(".taskd");
        make(&probe).and_then(|()| fs::remove_dir(&probe)).is_ok().then_some(fences)
    }

    /// Which of the limits in `bounds` cannot be kept here.
    pub(super) fn lacks(&self, bounds: &Bounds) -> Option<&'static str> {
        bounds.any()?;
        let enabled = fs::read_to_string(self.directory.join("cgroup.subtree_control"));
        let enabled = enabled.unwrap_or_default();
        let has = |controller: &str| enabled.split_whitespace().any(|there| there == controller);
        let missing = bounds.settings().find(|(_, controller, ..)| !has(controller));
        missing.map(|(key, ..)| key)
    }

    fn remove_empty(&self) {
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(is_of_attempt) {
                // One that still holds processes stays.
                let _ = fs::remove_dir(entry.path());
            }
        }
    }

    /// The group of an attempt, whether or not it is there.
    pub(super) fn of(&self, attempt: &Attempt) -> Fence {
        let directory = self.directory.join(format!("{}.{}", attempt.run, attempt.number));
        Fence { directory, left: self.left.clone() }
    }

    /// Makes the group of an attempt.
    pub(super) fn make(&self, attempt: &Attempt, bounds: &Bounds) -> io::Result<Fence> {
        self.tidy();
        let fence = self.of(attempt);
        make(&fence.directory)?;
        for (_, _, file, text) in bounds.settings() {
            fs::write(fence.directory.join(file), text)?;
        }
        Ok(fence)
    }

    /// Looks whether some of what was left has ended since.
    fn tidy(&self) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..LOOKS.min(left.len()) {
            if let Some(directory) = left.pop_front().filter(|left| !remove(left)) {
                left.push_back(directory);
            }
        }
    }
}

/// Removes a group; whether it is gone.
fn remove(directory: &Path) -> bool {
    let removed = fs::remove_dir(directory);
    removed.is_ok() || !directory.exists()
}

/// Whether a group has the name of an attempt.
fn is_of_attempt(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(run, number)| run.parse::<RunId>().is_ok() && number.parse::<u32>().is_ok())
}

fn make(directory: &Path) -> io::Result<()> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Where the control group of this process lies.
fn own_group() -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = Path::new(groups.lines().find_map(|line| line.strip_prefix("0::"))?);
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        let below = own.strip_prefix(root).ok().filter(|_| kind.starts_with("cgroup2 "))?;
        // As `mountinfo` writes blanks.
        let point = point.replace("\\040", " ");
        Some(if below.as_os_str().is_empty() {
            point.into()
        } else {
            Path::new(&point).join(below)
        })
    })
}

fn is_root_of_namespace() -> bool {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    groups.lines().any(|line| line == "0::/")
}

/// Whether systemd has handed the group over.
fn is_delegated(group: &Path) -> bool {
    let mut value = [0; 8];
    ["user.delegate", "trusted.delegate"].iter().any(|name| {
        let length = rustix::fs::getxattr(group, *name, &mut value);
        length.is_ok_and(|length| &value[..length] == b"1")
    })
}

/// All that a process has started and that has not ended, as far as the kernel lists it.
fn descendants(process: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut left = vec![process];
    while let Some(parent) = left.pop() {
        let threads = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
        for thread in threads {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            let children = children.split_whitespace().filter_map(|child| child.parse().ok());
            let children: Vec<u32> = children.collect();
            found.extend(&children);
            left.extend(children);
        }
    }
    found
}

/// The control group of a run. When this goes, it goes with it, unless something of the run is left.
#[derive(Debug)]
pub(super) struct Fence {
    directory: PathBuf,
    left: Left,
}

impl Fence {
    /// Where a process writes `0` that goes into it.
    pub(super) fn door(&self) -> PathBuf {
        self.directory.join("cgroup.procs")
    }

    /// Takes a process in, with what it starts from now on, and what it has started since it began.
    pub(super) fn take_in(&self, process: u32) -> io::Result<()> {
        self.take_in_alone(process)?;
        let mut seen: HashSet<u32> = HashSet::new();
        // What those start that are not inside yet is found the next time.
        loop {
            let new: Vec<u32> =
                descendants(process).into_iter().filter(|it| seen.insert(*it)).collect();
            if new.is_empty() {
                return Ok(());
            }
            new.into_iter().try_for_each(|child| self.take_in_alone(child))?;
        }
    }

    fn take_in_alone(&self, process: u32) -> io::Result<()> {
        match fs::write(self.door(), process.to_string()) {
            // It has ended already.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {
                Ok(())
            }
            written => written,
        }
    }

    fn processes(&self) -> Vec<Pid> {
        let listed = fs::read_to_string(self.door()).unwrap_or_default();
        listed.lines().filter_map(|line| line.parse().ok().and_then(Pid::from_raw)).collect()
    }

    /// Whether nothing in it goes on.
    pub(super) fn is_empty(&self) -> bool {
        let events = fs::read_to_string(self.directory.join("cgroup.events")).unwrap_or_default();
        !events.lines().any(|line| line == "populated 1")
    }

    /// Sends a signal to all that is in it, but for those of this process group, who have it already.
    pub(super) fn signal(&self, which: Signal, but: Option<Pid>) {
        let has_it =
            |process: &Pid| but.is_some() && rustix::process::getpgid(Some(*process)).ok() == but;
        let watched = |process: &Pid| {
            let pidfd = rustix::process::pidfd_open(*process, PidfdFlags::empty());
            pidfd.ok().map(|pidfd| (*process, pidfd))
        };
        let watched: Vec<_> = self.processes().iter().filter_map(watched).collect();
        // Looked at again, now that no number can become another's.
        let there = self.processes();
        let wanted = |(process, _): &&(Pid, _)| there.contains(process) && !has_it(process);
        for (_, pidfd) in watched.iter().filter(wanted) {
            // It may have ended.
            let _ = rustix::process::pidfd_send_signal(pidfd, which);
        }
    }

    /// Ends all that is in it.
    pub(super) fn kill(&self) {
        // Kernels before 5.14 have no switch for it.
        if fs::write(self.directory.join("cgroup.kill"), "1").is_err() {
            self.signal(Signal::KILL, None);
        }
    }

    /// What all that was in it has used, where the kernel counts that.
    pub(super) fn used(&self) -> Option<Usage> {
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let stat = fs::read_to_string(self.directory.join("cpu.stat")).ok()?;
        let time = |key: &str| {
            let value = stat.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?;
            Some(SignedDuration::from_micros(i64::try_from(number(value)?).ok()?))
        };
        let peak = fs::read_to_string(self.directory.join("memory.peak"));
        let peak_memory = peak.ok().and_then(|peak| number(&peak)).unwrap_or_default();
        Some(Usage { user: time("user_usec")?, system: time("system_usec")?, peak_memory })
    }
}

impl Drop for Fence {
    fn drop(&mut self) {
        if !remove(&self.directory) {
            // It holds what the run has left behind, or what is about to end.
            let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            left.push_back(std::mem::take(&mut self.directory));
        }
    }
}
