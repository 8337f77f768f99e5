//! Output through a pipe, where the file system takes no holes: taskd writes the file itself.

use std::future::Future;
use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::unix::pipe::Receiver;

use super::Output;
use super::files::Outputs;
use super::sink::Sink;
use crate::event::RunId;

/// After the end of an attempt, others may hold its pipe open: so long it is drained.
const DRAIN: Duration = Duration::from_secs(2);

/// A pipe that is drained.
pub(super) struct Drain {
    run: RunId,
    pipe: Receiver,
    sink: Sink,
}

impl Drain {
    pub(super) fn new(
        output: Output,
        outputs: Option<&Arc<Outputs>>,
        run: &RunId,
        reader: PipeReader,
    ) -> io::Result<Self> {
        let pipe = Receiver::from_owned_fd(OwnedFd::from(reader))?;
        Ok(Self { run: run.clone(), pipe, sink: Sink::open(output, outputs, run)? })
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
    }

    /// Reads to the end of the pipe.
    async fn drain(&mut self) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = match self.pipe.readable().await {
                Ok(()) => self.pipe.try_read(&mut buffer),
                Err(error) => Err(error),
            };
            match read {
                Ok(0) => return,
                Ok(count) => self.sink.push(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    tracing::warn!(task = %self.run.task, run = %self.run, %error, "output cannot be read");
                    return;
                }
            }
        }
    }
}
