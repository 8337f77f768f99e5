//! The files of captured output, each named as its run, and how many of them are kept.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::capture::{self, Created};
use super::watch::Watcher;
use crate::event::RunId;
use crate::name::Name;

/// Surplus files go so much later: a burst has better things to do.
const LATER: Duration = Duration::from_secs(1);

/// The directory of all captured output.
#[derive(Debug)]
pub struct Outputs {
    directory: PathBuf,
    /// Whether its files take holes; else output comes through a pipe.
    pub(super) holes: bool,
    pub(super) watcher: Option<Arc<Watcher>>,
    files: Mutex<HashMap<Name, Files>>,
    /// Tasks that have too many.
    surplus: mpsc::UnboundedSender<Name>,
}

/// The files of one task.
#[derive(Debug, Default)]
struct Files {
    /// The oldest first.
    all: Vec<Timestamp>,
    /// Those of attempts that go on: no others take their place.
    open: Vec<Timestamp>,
    /// There are more than so many, and somebody will look soon.
    too_many: Option<u32>,
}

impl Files {
    fn insert(&mut self, due: Timestamp) {
        if let Err(place) = self.all.binary_search(&due) {
            self.all.insert(place, due);
        }
    }

    /// Takes out the oldest that are too many, but for those that are open.
    fn take_surplus(&mut self) -> Vec<Timestamp> {
        let Some(keep) = self.too_many.take() else { return Vec::new() };
        let mut surplus = self.all.len().saturating_sub(keep as usize);
        let open = &self.open;
        let is_surplus = |due: &mut Timestamp| {
            let too_old = surplus > 0;
            surplus = surplus.saturating_sub(1);
            too_old && !open.contains(due)
        };
        self.all.extract_if(.., is_surplus).collect()
    }
}

/// The file of an attempt that goes on, as long as this lives.
#[derive(Debug)]
pub(super) struct Opened {
    pub outputs: Arc<Outputs>,
    pub run: RunId,
}

impl Drop for Opened {
    fn drop(&mut self) {
        let mut files = self.outputs.files();
        let Some(files) = files.get_mut(&self.run.task) else { return };
        if let Some(index) = files.open.iter().position(|open| *open == self.run.due) {
            files.open.swap_remove(index);
        }
    }
}

impl Outputs {
    /// Keeps output in `directory`, which only taskd may enter. Must be called within a tokio
    /// runtime.
    #[must_use]
    pub fn new(directory: PathBuf) -> Arc<Self> {
        let holes = capture::takes_holes(&directory);
        let watcher = Watcher::new()
            .inspect_err(|error| tracing::warn!(%error, "files of output cannot be watched"))
            .ok();
        Self::with(directory, holes, watcher)
    }

    /// In a file system that takes no holes.
    #[cfg(test)]
    pub(super) fn without_holes(directory: &std::path::Path) -> Arc<Self> {
        Self::with(directory.into(), false, None)
    }

    fn with(directory: PathBuf, holes: bool, watcher: Option<Arc<Watcher>>) -> Arc<Self> {
        let (surplus, tasks) = mpsc::unbounded_channel();
        let files = Mutex::default();
        let outputs = Arc::new(Self { directory, holes, watcher, files, surplus });
        tokio::spawn(tidy(Arc::downgrade(&outputs), tasks));
        outputs
    }

    /// Where they lie.
    #[must_use]
    pub fn directory(&self) -> &std::path::Path {
        &self.directory
    }

    /// The file of `run`.
    #[must_use]
    pub fn path(&self, run: &RunId) -> PathBuf {
        self.directory.join(run.to_string())
    }

    /// Whether anybody has the file of `run` from its child.
    pub(in crate::runner) fn is_held(&self, run: &RunId) -> bool {
        let captured = capture::Captured::of(&self.directory, run);
        captured.is_ok_and(|captured| captured.is_held())
    }

    fn files(&self) -> MutexGuard<'_, HashMap<Name, Files>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the file of `run` for one of its attempts.
    pub(super) fn create(self: &Arc<Self>, run: &RunId) -> io::Result<(Created, Opened)> {
        let created = capture::create(&self.path(run))?;
        let mut files = self.files();
        let files = files.entry(run.task.clone()).or_default();
        files.insert(run.due);
        files.open.push(run.due);
        Ok((created, Opened { outputs: self.clone(), run: run.clone() }))
    }

    /// The file of `run` is gone.
    pub(super) fn forget(&self, run: &RunId) {
        let mut files = self.files();
        let Some(files) = files.get_mut(&run.task) else { return };
        if let Ok(place) = files.all.binary_search(&run.due) {
            files.all.remove(place);
        }
    }

    /// Of the files of `task` the newest `keep` are kept.
    pub(super) fn retain(&self, task: &Name, keep: u32) {
        let mut files = self.files();
        let files = files.entry(task.clone()).or_default();
        if files.all.len() > keep as usize && files.too_many.replace(keep).is_none() {
            // It fails only at the end, and the next life looks again.
            let _ = self.surplus.send(task.clone());
        }
    }

    /// Removes the oldest files of `task` but for those that are kept.
    fn remove_surplus(&self, task: Name) {
        let surplus = self.files().get_mut(&task).map(Files::take_surplus).unwrap_or_default();
        let mut run = RunId { task, due: Timestamp::MIN };
        for due in surplus {
            run.due = due;
            // Somebody may have removed it.
            let _ = fs::remove_file(self.path(&run));
        }
    }

    /// Removes, by and by, the files of runs that were due `before` that, of tasks that are not `there`
    /// any more. Must be called within a tokio runtime.
    pub fn remove_left(self: &Arc<Self>, there: Arc<HashSet<Name>>, before: Timestamp) {
        let outputs = self.clone();
        tokio::task::spawn_blocking(move || {
            outputs.look_around();
            let mut left = Vec::new();
            for (task, files) in
                outputs.files().iter_mut().filter(|(task, _)| !there.contains(*task))
            {
                let Files { all, open, .. } = files;
                let old = all.extract_if(.., |due| *due < before && !open.contains(due));
                left.extend(old.map(|due| RunId { task: task.clone(), due }));
            }
            for run in left {
                // Somebody may have removed it.
                let _ = fs::remove_file(outputs.path(&run));
            }
        });
    }

    /// Takes note of the files that earlier lives have left.
    fn look_around(&self) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        for entry in entries.flatten() {
            if let Some(run) =
                entry.file_name().to_str().and_then(|name| name.parse::<RunId>().ok())
            {
                self.files().entry(run.task).or_default().insert(run.due);
            }
        }
    }
}

/// Removes surplus files, as long as there are `outputs`.
async fn tidy(outputs: Weak<Outputs>, mut tasks: mpsc::UnboundedReceiver<Name>) {
    let apart = |work: fn(&Outputs, Vec<Name>), tasks| {
        let outputs = outputs.upgrade();
        let work = move || outputs.map(|outputs| work(&outputs, tasks));
        tokio::task::spawn_blocking(work)
    };
    // It fails only at the end.
    let _ = apart(|outputs, _| outputs.look_around(), Vec::new()).await;
    while let Some(first) = tasks.recv().await {
        tokio::time::sleep(LATER).await;
        let mut waiting = vec![first];
        while let Ok(task) = tasks.try_recv() {
            waiting.push(task);
        }
        let remove = |outputs: &Outputs, tasks: Vec<Name>| {
            for task in tasks {
                outputs.remove_surplus(task);
            }
        };
        let _ = apart(remove, waiting).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_files_go_but_not_those_in_use() {
        let place = tempfile::tempdir().expect("a place");
        let task = Name::new("a").expect("a fine name");
        let run = |second| {
            let due = Timestamp::from_second(second).expect("in range");
            RunId { task: task.clone(), due }
        };
        // One that an earlier life has left, and what is none of ours.
        fs::write(place.path().join(run(1).to_string()), "").expect("there is room");
        fs::write(place.path().join("a@yesterday"), "").expect("there is room");
        let outputs = Outputs::new(place.path().into());
        outputs.look_around();
        let in_use = outputs.create(&run(2)).expect("it can be made");
        for second in 3..=5 {
            drop(outputs.create(&run(second)).expect("it can be made"));
        }
        let there = || (1..=5).filter(|second| outputs.path(&run(*second)).exists());
        for (keep, expected) in
            [(9, vec![1, 2, 3, 4, 5]), (4, vec![2, 3, 4, 5]), (2, vec![2, 4, 5])]
        {
            outputs.retain(&task, keep);
            outputs.remove_surplus(task.clone());
            assert_eq!(there().collect::<Vec<_>>(), expected, "{keep}");
        }
        drop(in_use);
        outputs.retain(&task, 2);
        outputs.remove_surplus(task.clone());
        assert_eq!(there().collect::<Vec<_>>(), [4, 5]);
        assert!(place.path().join("a@yesterday").exists());
    }

    #[tokio::test]
    async fn what_tasks_that_left_have_written_goes_when_it_is_old() {
        let place = tempfile::tempdir().expect("a place");
        let due = |second| Timestamp::from_second(second).expect("in range");
        let task = |name| Name::new(name).expect("a fine name");
        let run = |name, second| RunId { task: task(name), due: due(second) };
        let runs = [run("there", 1), run("left", 1), run("left", 2), run("left", 3)];
        for run in &runs {
            fs::write(place.path().join(run.to_string()), "").expect("there is room");
        }
        let outputs = Outputs::new(place.path().into());
        let in_use = outputs.create(&runs[2]).expect("it can be made");
        outputs.remove_left(Arc::new([task("there")].into()), due(3));
        for _ in 0..1_000 {
            if !outputs.path(&runs[1]).exists() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let there = runs.each_ref().map(|run| outputs.path(run).exists());
        assert_eq!(there, [true, false, true, true]);
        drop(in_use);
    }
}
