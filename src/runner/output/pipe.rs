//! Output through a pipe, where the file system takes no holes: taskd writes the file itself.

use std::collections::VecDeque;
use std::fs::File;
use std::future::Future;
use std::io::{self, PipeReader, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::unix::pipe::Receiver;

use super::capture;
use super::files::{Opened, Outputs};
use super::follow::Log;
use super::lines::Lines;
use super::{Output, Target};
use crate::event::RunId;

/// After the end of an attempt, others may hold its pipe open: so long it is drained.
const DRAIN: Duration = Duration::from_secs(2);

/// A pipe that is drained.
pub(super) struct Drain {
    outputs: Option<Arc<Outputs>>,
    run: RunId,
    pipe: Receiver,
    log: Option<Log>,
    capture: Option<Capture>,
    /// Its file.
    _opened: Option<Opened>,
    keep: u32,
}

impl Drain {
    pub(super) fn new(
        output: Output,
        outputs: Option<Arc<Outputs>>,
        run: RunId,
        reader: PipeReader,
    ) -> io::Result<Self> {
        let pipe = Receiver::from_owned_fd(OwnedFd::from(reader))?;
        let Target::Kept { log, capture } = output.to else {
            return Err(io::Error::other("nothing is to be kept"));
        };
        let log = log.then(|| Log { run: run.clone(), lines: Lines::default() });
        let file = outputs.as_ref().filter(|_| capture);
        let file = file.map(|outputs| outputs.create(&run)).transpose()?;
        let (file, opened) = file.map(|(created, opened)| (created.own, opened)).unzip();
        let capture = file.map(|file| Capture::new(file, output.max_size));
        Ok(Self { outputs, run, pipe, log, capture, _opened: opened, keep: output.keep })
    }

    pub(super) async fn follow(mut self, ended: impl Future<Output = ()>) {
        tokio::pin!(ended);
        tokio::select! {
            biased;
            () = &mut ended => {
                // Whoever holds the pipe now is left alone.
                let _ = tokio::time::timeout(DRAIN, self.drain()).await;
            }
            () = self.drain() => ended.await,
        }
        if let Some(log) = &mut self.log {
            log.finish();
        }
        let Some(capture) = self.capture.take() else { return };
        if let Err(error) = capture.finish() {
            tracing::warn!(task = %self.run.task, run = %self.run, %error, "output cannot be captured");
        }
        if let Some(outputs) = self.outputs {
            outputs.retain(&self.run.task, self.keep);
        }
    }

    /// Reads to the end of the pipe.
    async fn drain(&mut self) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = match self.pipe.readable().await {
                Ok(()) => self.pipe.try_read(&mut buffer),
                Err(error) => Err(error),
            };
            let count = match read {
                Ok(0) => return,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => {
                    tracing::warn!(task = %self.run.task, run = %self.run, %error, "output cannot be read");
                    return;
                }
            };
            if let Some(log) = &mut self.log {
                log.push(&buffer[..count]);
            }
            if let Some(capture) = &mut self.capture
                && let Err(error) = capture.push(&buffer[..count])
            {
                tracing::warn!(task = %self.run.task, run = %self.run, %error, "output cannot be captured");
                self.capture = None;
            }
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
