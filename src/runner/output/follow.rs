//! What taskd does with output while an attempt goes on: it bounds it, and logs its lines.

use std::fs::File;
use std::future::Future;
use std::io::{self, PipeReader};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::capture::{self, Bound};
use super::files::{Opened, Outputs};
use super::lines::Lines;
use super::pipe::Drain;
use super::watch::{PAUSE, Watch};
use super::{Output, Target};
use crate::event::RunId;

/// So much is read at once: lines of a few letters, all of which have a place in the log.
const CHUNK: usize = 16 * 1024;

/// The log gets a moment after each chunk, so that it need not drop lines.
const BREATH: Duration = Duration::from_millis(2);

/// So long nobody looks: most attempts are shorter, and need no watch.
const FIRST: Duration = Duration::from_millis(200);

/// After the end of an attempt, its log is completed for so long.
const LAST: Duration = Duration::from_secs(2);

/// How often to look whether what is left behind of an attempt has ended.
const LOOK: Duration = Duration::from_mins(1);

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

    /// Follows the file into which an attempt writes, by taskd's own opening of it.
    pub(super) fn of_file(output: Output, opened: Opened, file: File) -> io::Result<Self> {
        let Target::Kept { log, capture } = output.to else { return Ok(Self::nothing()) };
        // An attempt before this one may have written.
        let read = file.metadata()?.len();
        let bound = Bound::new(output.max_size);
        let log = log.then(|| Log { run: opened.run.clone(), lines: Lines::default() });
        let keep = capture.then_some(output.keep);
        let following = Following { opened, file, read, bound, log, keep };
        Ok(Self(Kind::File(Box::new(following))))
    }

    /// Drains the pipe into which the attempt of `run` writes.
    pub(super) fn of_pipe(
        output: Output,
        outputs: Option<&Arc<Outputs>>,
        run: &RunId,
        reader: PipeReader,
    ) -> io::Result<Self> {
        Ok(Self(Kind::Pipe(Box::new(Drain::new(output, outputs, run, reader)?))))
    }

    /// Follows beside `attempt` until its end, and then to the end of what is there.
    pub async fn beside<T>(self, attempt: impl Future<Output = T>) -> T {
        let (ended, hears) = oneshot::channel();
        let attempt = async {
            let ending = attempt.await;
            // Where nothing is followed, nobody hears it.
            let _ = ended.send(());
            ending
        };
        let follow = self.follow(async { hears.await.unwrap_or_default() });
        tokio::join!(attempt, follow).0
    }

    /// Follows until `ended`, and then to the end of what is there.
    async fn follow(self, ended: impl Future<Output = ()>) {
        match self.0 {
            Kind::Nothing => ended.await,
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
    opened: Opened,
    file: File,
    /// So much of it is logged.
    read: u64,
    bound: Bound,
    log: Option<Log>,
    /// How many files of the task are kept; `None` if this one is not.
    keep: Option<u32>,
}

impl Following {
    async fn follow(mut self, ended: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = ended => {}
            () = self.keep_up() => {}
        }
        self.catch_up().await;
        let Opened { outputs, run } = &self.opened;
        match self.keep {
            Some(keep) => outputs.retain(&run.task, keep),
            None => {
                // Somebody may have removed it.
                let _ = std::fs::remove_file(outputs.path(run));
                outputs.forget(run);
            }
        }
        if capture::is_held(&self.file) {
            tokio::spawn(guard(self.opened.outputs.clone(), self.file, self.bound));
        }
    }

    fn watch(&self) -> Watch {
        Watch::new(self.opened.outputs.watcher.as_ref(), &self.file)
    }

    /// Takes what is written, for ever. Dropping the future loses nothing.
    async fn keep_up(&mut self) {
        tokio::time::sleep(FIRST).await;
        let mut watch = self.watch();
        loop {
            self.take(false).await;
            watch.changed().await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Takes what is there at the end. A long log does not hold up the end of its run.
    async fn catch_up(&mut self) {
        let all = tokio::time::timeout(LAST, self.take(true)).await;
        if let Some(log) = &mut self.log {
            let length = self.file.metadata().map_or(self.read, |metadata| metadata.len());
            if all.is_err() && length > self.read {
                log.skip(length - self.read);
            }
            log.finish();
        }
    }

    /// Takes what has been written since the last time.
    async fn take(&mut self, to_the_end: bool) {
        if let Err(error) = self.try_take(to_the_end).await {
            let run = &self.opened.run;
            tracing::warn!(task = %run.task, %run, %error, "output cannot be followed");
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

/// Bounds what those may still write into `file` that an attempt has left behind, until the last of
/// them has ended.
async fn guard(outputs: Arc<Outputs>, file: File, mut bound: Bound) {
    let mut watch = Watch::new(outputs.watcher.as_ref(), &file);
    while capture::is_held(&file) {
        // Nothing may be written for days, and the end of a process is not told.
        let _ = tokio::time::timeout(LOOK, watch.changed()).await;
        tokio::time::sleep(PAUSE).await;
        let applied = file.metadata().and_then(|now| bound.apply(&file, now.len(), false));
        if let Err(error) = applied {
            tracing::warn!(%error, "what a run has left behind writes without bounds");
            return;
        }
    }
}
