//! The tasks of all files, read by several threads where there are many.

use std::iter;
use std::panic;
use std::thread;

use super::inherit::Heritage;
use super::problem::Problem;
use super::raw::{RawFile, Tasks};
use super::validate::Reader;
use super::{Entry, MOST_TASKS};

/// So many tasks are worth a thread.
const WORTH: usize = 1_000;

/// More threads do not read faster: memory is what they wait for.
const MOST_THREADS: usize = 8;

impl Reader<'_> {
    /// Reads all tasks; `None` if one of them cannot be read by itself.
    pub(super) fn tasks(
        &mut self,
        heritage: &Heritage<'_>,
        files: &[RawFile],
    ) -> Option<Vec<Entry>> {
        let count = places(files).count();
        if let Some((file, index)) = places(files).nth(MOST_TASKS) {
            // Those beyond are not read, and may hide a wrong cut.
            if files.iter().any(|raw| matches!(raw.tasks, Tasks::Unread(_))) {
                return None;
            }
            let span = files[file].tasks.names(&self.sources[file]).nth(index)?.1;
            self.complain(file, span, Problem::TooManyTasks(MOST_TASKS));
        }
        let count = count.min(MOST_TASKS);
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        let parts = threads.min(count / WORTH).max(1);
        let each = count.div_ceil(parts);
        let read = |part: usize| {
            let mut reader = self.another();
            let until = count.min((part + 1) * each);
            let places = places(files).take(until).skip(part * each);
            let mut tasks = Vec::with_capacity(each);
            for (file, index) in places {
                let entry = files[file].tasks.get(index, &self.sources[file])?;
                tasks.extend(reader.task(heritage, file, &entry));
            }
            Some((reader, tasks))
        };
        let read: Vec<_> = thread::scope(|scope| {
            let start = |part| thread::Builder::new().spawn_scoped(scope, move || read(part));
            let others: Vec<_> = (1..parts).map(|part| (part, start(part))).collect();
            let others = others.into_iter().map(|(part, started)| match started {
                Ok(thread) => thread.join().unwrap_or_else(|cause| panic::resume_unwind(cause)),
                // Where there are no threads to be had, this one does it all.
                Err(_) => read(part),
            });
            iter::once(0).map(read).chain(others).collect()
        });
        let mut all = Vec::new();
        for part in read {
            let (reader, tasks) = part?;
            self.take_over(reader);
            if all.is_empty() { all = tasks } else { all.extend(tasks) }
        }
        Some(all)
    }

    /// One for a part of the tasks, that knows what the files say beside them.
    fn another(&self) -> Self {
        Self {
            calendars: self.calendars.clone(),
            pools: self.pools.clone(),
            zones: self.zones.clone(),
            ..Self::new(self.sources, self.setting)
        }
    }

    /// Takes over what another has found.
    fn take_over(&mut self, other: Self) {
        self.diagnostics.extend(other.diagnostics);
        self.edges.extend(other.edges);
        self.renames.extend(other.renames);
        self.zones.extend(other.zones);
    }
}

/// The file of each task, and its number in it.
fn places(files: &[RawFile]) -> impl Iterator<Item = (usize, usize)> {
    let files = files.iter().enumerate();
    files.flat_map(|(file, raw)| (0..raw.tasks.len()).map(move |index| (file, index)))
}
