//! The tasks of all files, read by several threads where there are many.

use std::collections::HashMap;
use std::iter;
use std::panic;
use std::thread;

use super::about::Rename;
use super::after::Edge;
use super::diagnostic::Diagnostic;
use super::inherit::Heritage;
use super::problem::Problem;
use super::raw::{RawFile, Tasks};
use super::validate::Reader;
use super::{Entry, MOST_TASKS};
use crate::zone::Zone;

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
            // Who is the first takes the tasks of the others in.
            let mut tasks = Vec::with_capacity(if part == 0 { count } else { each });
            let until = count.min((part + 1) * each);
            let places = places(files).take(until).skip(part * each);
            for (file, index) in places {
                let entry = files[file].tasks.get(index, &self.sources[file])?;
                tasks.extend(reader.task(heritage, file, &entry));
            }
            Some((reader.found(), tasks))
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
            let (found, tasks) = part?;
            self.take_over(found);
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

    /// What it has found.
    fn found(self) -> Found {
        let Self { diagnostics, edges, renames, zones, .. } = self;
        Found { diagnostics, edges, renames, zones }
    }

    /// Takes over what another has found.
    fn take_over(&mut self, found: Found) {
        self.diagnostics.extend(found.diagnostics);
        self.edges.extend(found.edges);
        self.renames.extend(found.renames);
        self.zones.extend(found.zones);
    }
}

/// What a reader of a part of the tasks tells the one of all; the rest of it goes with its thread.
struct Found {
    diagnostics: Vec<Diagnostic>,
    edges: Vec<Edge>,
    renames: Vec<Rename>,
    zones: HashMap<String, Option<Zone>>,
}

/// The file of each task, and its number in it.
fn places(files: &[RawFile]) -> impl Iterator<Item = (usize, usize)> {
    let files = files.iter().enumerate();
    files.flat_map(|(file, raw)| (0..raw.tasks.len()).map(move |index| (file, index)))
}
