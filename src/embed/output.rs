//! What a task of a program writes.

use std::io;

use crate::event::RunId;
use crate::task::Context;

/// A longer line becomes several.
const LONGEST: usize = 8 * 1024;

/// Takes lines of text, each of which becomes a record of the log with the task and the run.
#[derive(Debug)]
pub struct TaskOutput {
    run: RunId,
    line: Vec<u8>,
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
        TaskOutput { run: self.run().clone(), line: Vec::new() }
    }
}

impl TaskOutput {
    fn tell(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        let (run, line) = (&self.run, String::from_utf8_lossy(line));
        tracing::info!(task = %run.task, %run, "{line}");
    }
}

impl io::Write for TaskOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            if *byte == b'\n' {
                self.tell();
                continue;
            }
            self.line.push(*byte);
            if self.line.len() == LONGEST {
                self.tell();
            }
        }
        Ok(bytes.len())
    }

    /// What has no end yet waits for it.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for TaskOutput {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.tell();
        }
    }
}
