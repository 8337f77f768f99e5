//! What a task of a program writes.

use std::io;

use crate::event::RunId;
use crate::runner::Lines;
use crate::task::Context;

/// Takes lines of text, each of which becomes a record of the log with the task and the run.
#[derive(Debug)]
pub struct TaskOutput {
    run: RunId,
    lines: Lines,
}

impl Context {
    /// A place to write output: each line becomes a record of the log, with the task and the run, as the
    /// lines of a command do.
    ///
    /// ```
    /// # use taskd::{Context, TaskResult};
    /// # use std::io::Write;
    /// # async fn execute(context: &Context) -> TaskResult {
    /// writeln!(context.output(), "{} rows deleted", 7)?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn output(&self) -> TaskOutput {
        TaskOutput { run: self.run().clone(), lines: Lines::default() }
    }
}

fn tell(run: &RunId, line: &str) {
    tracing::info!(task = %run.task, %run, "{line}");
}

impl io::Write for TaskOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lines.push(bytes, |line| tell(&self.run, line));
        Ok(bytes.len())
    }

    /// What has no end yet waits for it.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for TaskOutput {
    fn drop(&mut self) {
        self.lines.finish(|line| tell(&self.run, line));
    }
}
