//! What a task of a program has around it: where its output goes, and its parameters.

use std::fmt;
use std::io::{self, LineWriter, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::event::RunId;
use crate::runner::{Output, Outputs, Sink};
use crate::task::{Around, Context, Params};

/// Takes what a task writes, line by line; several may be at it at once.
#[derive(Debug)]
pub struct TaskOutput(LineWriter<Raw>);

/// Hands on what it is given at once.
#[derive(Debug)]
struct Raw(Context);

/// A line may be so long before its beginning goes out alone.
const LONGEST: usize = 8 * 1024;

impl Context {
    /// A place to write output: by the task's `output` each line becomes a record of the log, with the
    /// task and the run, and all of it is kept for [`TaskScheduler::output`](crate::TaskScheduler::output),
    /// as that of a command is.
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
        TaskOutput(LineWriter::with_capacity(LONGEST, Raw(self.clone())))
    }
}

impl Write for TaskOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Write for Raw {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(around) = self.0.around() {
            around.write(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What one attempt has around it.
pub(super) struct Own {
    pub run: RunId,
    pub output: Output,
    pub outputs: Option<Arc<Outputs>>,
    pub params: Params,
    pub sink: Mutex<Written>,
}

/// What has become of output.
pub(super) enum Written {
    /// Nothing was written; most tasks leave it at that.
    Nothing,
    Some(Box<Sink>),
    /// The attempt has ended, or its output cannot be kept.
    Over,
}

impl Own {
    fn sink(&self) -> MutexGuard<'_, Written> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The attempt has ended: what somebody still writes is lost.
    pub fn end(&self) {
        *self.sink() = Written::Over;
    }
}

impl Around for Own {
    fn write(&self, bytes: &[u8]) {
        let mut sink = self.sink();
        if matches!(*sink, Written::Nothing) {
            let run = &self.run;
            *sink = match Sink::open(self.output, self.outputs.as_ref(), run) {
                Ok(opened) => Written::Some(opened.into()),
                Err(error) => {
                    tracing::warn!(task = %run.task, %run, %error, "output cannot be captured, and is lost");
                    Written::Over
                }
            };
        }
        if let Written::Some(sink) = &mut *sink {
            sink.push(bytes);
        }
    }

    fn params(&self) -> &Params {
        &self.params
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Own").field("run", &self.run).finish_non_exhaustive()
    }
}
