//! What taskd does with output while an attempt goes on: it bounds it, and logs its lines.

use std::fs::File;
use std::future::Future;
use std::io::{self, PipeReader};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::capture::{self, Bound};
use super::lines::Lines;
use super::pipe::Drain;
use super::watch::{PAUSE, Watch};
use super::{Output, Outputs, Target};
use crate::event::RunId;

/// So much is read at once.
const CHUNK: usize = 64 * 1024;

/// The log gets a moment after each chunk, so that it need not drop lines.
const BREATH: Duration = Duration::from_millis(2);

/// What becomes of the output of one attempt.
pub struct Follower(Kind);

enum Kind {
    /// Others see to it.
    Nothing,
    File(Box<Following>),
    Pipe(Box<Drain>),
}

impl Follower {
    pub(super) fn nothing() -> Self {
        Self(Kind::Nothing)
    }

    /// Follows the file into which the attempt of `run` writes.
    pub(super) fn of_file(
        output: Output,
        outputs: Arc<Outputs>,
        run: RunId,
        file: File,
    ) -> io::Result<Self> {
        let Target::Kept { log, capture } = output.to else { return Ok(Self::nothing()) };
        // An attempt before this one may have written.
        let read = file.metadata()?.len();
        let path = outputs.path(&run);
        let bound = Bound::new(output.max_size);
        let log = log.then(|| Log { run: run.clone(), lines: Lines::default() });
        let keep = capture.then_some(output.keep);
        let following = Following { outputs, run, path, file, read, bound, log, keep };
        Ok(Self(Kind::File(Box::new(following))))
    }

    /// Drains the pipe into which the attempt of `run` writes.
    pub(super) fn of_pipe(
        output: Output,
        outputs: Option<Arc<Outputs>>,
        run: RunId,
        reader: PipeReader,
    ) -> io::Result<Self> {
        Ok(Self(Kind::Pipe(Box::new(Drain::new(output, outputs, run, reader)?))))
    }

    /// Follows until `ended`, and then to the end of what is there; `ended` tells whether anything is
    /// left that may still write.
    pub async fn follow(self, ended: impl Future<Output = bool>) {
        match self.0 {
            Kind::Nothing => drop(ended.await),
            Kind::File(following) => following.follow(ended).await,
            Kind::Pipe(drain) => drain.follow(ended).await,
        }
    }
}

/// Lines of output as records of the log.
pub(super) struct Log {
    pub run: RunId,
    pub lines: Lines,
}

impl Log {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let run = &self.run;
        self.lines.push(bytes, |line| tell(run, line));
    }

    pub(super) fn finish(&mut self) {
        let run = &self.run;
        self.lines.finish(|line| tell(run, line));
    }

    /// So much came and went before it could be read.
    pub(super) fn skip(&mut self, bytes: u64) {
        self.finish();
        tell(&self.run, &capture::gone(bytes));
    }
}

fn tell(run: &RunId, line: &str) {
    tracing::info!(task = %run.task, %run, "{line}");
}

/// A file that is followed.
struct Following {
    outputs: Arc<Outputs>,
    run: RunId,
    path: PathBuf,
    /// The child's own.
    file: File,
    /// So much of it is logged.
    read: u64,
    bound: Bound,
    log: Option<Log>,
    /// How many files of the task are kept; `None` if this one is not.
    keep: Option<u32>,
}

impl Following {
    async fn follow(mut self, ended: impl Future<Output = bool>) {
        tokio::pin!(ended);
        let mut watch: Option<Watch> = None;
        let left_behind = loop {
            // Most attempts are short, and need no watch.
            let moment = async {
                if let Some(watch) = &mut watch {
                    Watch::changed(watch).await;
                }
                tokio::time::sleep(PAUSE).await;
            };
            tokio::select! {
                biased;
                left_behind = &mut ended => break left_behind,
                () = moment => {}
            }
            watch.get_or_insert_with(|| Watch::new(self.outputs.watcher.as_ref(), &self.path));
            self.take(false).await;
        };
        drop(watch);
        self.take(true).await;
        if let Some(log) = &mut self.log {
            log.finish();
        }
        match self.keep {
            Some(keep) => {
                self.outputs.retain(&self.run.task, keep);
                if left_behind {
                    tokio::spawn(self.guard());
                }
            }
            // Somebody may have removed it.
            None => drop(std::fs::remove_file(&self.path)),
        }
    }

    /// Bounds what others may still write, until the file is removed.
    async fn guard(mut self) {
        self.log = None;
        let mut watch = Watch::new(self.outputs.watcher.as_ref(), &self.path);
        while self.file.metadata().is_ok_and(|metadata| metadata.nlink() > 0) {
            watch.changed().await;
            tokio::time::sleep(PAUSE).await;
            self.take(false).await;
        }
    }

    /// Takes what has been written since the last time.
    async fn take(&mut self, to_the_end: bool) {
        if let Err(error) = self.try_take(to_the_end).await {
            tracing::warn!(task = %self.run.task, run = %self.run, %error, "output cannot be followed");
            // No line of it will be better.
            self.log = None;
        }
    }

    async fn try_take(&mut self, to_the_end: bool) -> io::Result<()> {
        // What is there now: what comes meanwhile is for the next time, or for nobody.
        let length = self.file.metadata()?.len();
        if length < self.read.max(self.bound.gone_until()) {
            // The child has cut it off, as `> /dev/stderr` does: it begins anew.
            self.read = 0;
            self.bound.begin_anew();
        }
        self.bound.apply(&self.file, length, to_the_end)?;
        let unread = if self.log.is_some() { length.saturating_sub(self.read) } else { 0 };
        let mut buffer = vec![0; usize::try_from(unread).map_or(CHUNK, |unread| unread.min(CHUNK))];
        while let Some(log) = &mut self.log
            && self.read < length
        {
            let gone = self.bound.gone_until();
            if self.read >= self.bound.head() && self.read < gone {
                log.skip(gone - self.read);
                self.read = gone;
            }
            let most = usize::try_from(length - self.read).unwrap_or(CHUNK).min(buffer.len());
            let head = usize::try_from(self.bound.head().saturating_sub(self.read));
            // Not over the edge of the hole, if there is one.
            let most = head.ok().filter(|head| *head > 0).map_or(most, |head| most.min(head));
            let count = self.file.read_at(&mut buffer[..most], self.read)?;
            if count == 0 {
                break;
            }
            log.push(&buffer[..count]);
            self.read += count as u64;
            if count == CHUNK {
                tokio::time::sleep(BREATH).await;
                let length = self.file.metadata()?.len();
                self.bound.apply(&self.file, length, false)?;
            }
        }
        Ok(())
    }
}
