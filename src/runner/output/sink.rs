//! Output that taskd itself is given, and writes: its lines into the log, its head and its tail into a file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use super::capture;
use super::files::{Opened, Outputs};
use super::follow::Log;
use super::lines::Lines;
use super::{Output, Target};
use crate::event::RunId;

/// Takes what one attempt of a run writes. Dropped, it is complete.
pub struct Sink {
    outputs: Option<Arc<Outputs>>,
    run: RunId,
    log: Option<Log>,
    capture: Option<Capture>,
    /// Its file.
    _opened: Option<Opened>,
    keep: u32,
}

impl Sink {
    /// For an attempt of `run`; where it should go to taskd's own, it is logged.
    ///
    /// # Errors
    ///
    /// Returns the error of opening its file.
    pub fn open(output: Output, outputs: Option<&Arc<Outputs>>, run: &RunId) -> io::Result<Self> {
        let (log, capture) = match output.to {
            Target::Kept { log, capture } => (log, capture),
            Target::Inherit => (true, false),
            Target::Discard => (false, false),
        };
        let log = log.then(|| Log { run: run.clone(), lines: Lines::default() });
        let outputs = outputs.filter(|_| capture).cloned();
        let file = outputs.as_ref().map(|outputs| outputs.create(run)).transpose()?;
        let (file, opened) = file.map(|(created, opened)| (created.own, opened)).unzip();
        let capture = file.map(|file| Capture::new(file, output.max_size));
        Ok(Self { outputs, run: run.clone(), log, capture, _opened: opened, keep: output.keep })
    }

    /// Takes what is written next.
    pub fn push(&mut self, bytes: &[u8]) {
        if let Some(log) = &mut self.log {
            log.push(bytes);
        }
        if let Some(Err(error)) = self.capture.as_mut().map(|capture| capture.push(bytes)) {
            self.warn(&error);
            self.capture = None;
        }
    }

    fn warn(&self, error: &io::Error) {
        let run = &self.run;
        tracing::warn!(task = %run.task, %run, %error, "output cannot be captured");
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Some(log) = &mut self.log {
            log.finish();
        }
        if let Some(Err(error)) = self.capture.take().map(Capture::finish) {
            self.warn(&error);
        }
        if let Some(outputs) = &self.outputs {
            outputs.retain(&self.run.task, self.keep);
        }
    }
}

/// The head of the output in a file, and its tail until the end.
struct Capture {
    file: File,
    /// Room for so much is left in the head.
    room: usize,
    tail: VecDeque<u8>,
    /// The most of the tail.
    most: usize,
    gone: u64,
}

impl Capture {
    fn new(file: File, max_size: u64) -> Self {
        let half = usize::try_from(max_size / 2).unwrap_or(usize::MAX);
        Self { file, room: half, tail: VecDeque::new(), most: half, gone: 0 }
    }

    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (head, rest) = bytes.split_at(bytes.len().min(self.room));
        self.file.write_all(head)?;
        self.room -= head.len();
        self.tail.extend(rest);
        let surplus = self.tail.len().saturating_sub(self.most);
        self.tail.drain(..surplus);
        self.gone += surplus as u64;
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        if self.gone > 0 {
            writeln!(self.file, "\n{}", capture::gone(self.gone))?;
        }
        self.file.write_all(self.tail.make_contiguous())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_and_a_tail_are_kept() {
        let place = tempfile::tempdir().expect("a place");
        for (pieces, expected) in [
            (&["abc", "def"][..], "abcdef"),
            (&["abcdefgh"], "abcdefgh"),
            (&["abcdefgh", "ijklm", "n"], "abcd\n[taskd: 6 bytes are gone here]\nklmn"),
        ] {
            let path = place.path().join("run");
            let mut capture = Capture::new(File::create(&path).expect("it can be made"), 8);
            for piece in pieces {
                capture.push(piece.as_bytes()).expect("there is room");
            }
            capture.finish().expect("there is room");
            assert_eq!(std::fs::read_to_string(&path).expect("it is text"), expected);
        }
    }
}
