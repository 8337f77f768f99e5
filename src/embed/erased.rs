//! Tasks of a Rust program as the engine runs them.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;

use crate::task::{
    BoxFuture, Context, Ending, Execute, Failure, Outcome, Task, TaskError, TaskResult,
};

/// A task as the engine runs it.
pub(super) fn erased(task: impl Task) -> Arc<dyn Execute> {
    Arc::new(Erased(task))
}

struct Erased<T>(T);

impl<T: Task> Execute for Erased<T> {
    fn execute(&self, mut context: Context) -> BoxFuture<'_, Ending> {
        Box::pin(async move {
            let own = context.clone();
            let ended = tokio::select! {
                biased;
                ended = self.0.execute(&own) => ended,
                // What does not end in time is dropped where it waits.
                () = context.grace_over() => return Outcome::Stopped.into(),
            };
            if context.is_stopping() {
                return Outcome::Stopped.into();
            }
            match ended {
                Ok(()) => Outcome::Success.into(),
                Err(error) => Outcome::Failed(Failure::Broken(told(&*error))).into(),
            }
        })
    }
}

/// An error and what it comes from, in a line.
fn told(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// A task made of a name and an async function or closure.
///
/// ```
/// # use taskd::{Trigger, TaskScheduler, task_fn};
/// # async fn example(scheduler: TaskScheduler) -> Result<(), taskd::SchedulerError> {
/// let greet = task_fn("greet", |context| async move {
///     println!("hello, it is {}", context.due());
///     Ok(())
/// });
/// scheduler.schedule(greet, Trigger::interval().minutes(5)).await?;
/// # Ok(())
/// # }
/// ```
pub fn task_fn<F, R>(name: impl Into<String>, function: F) -> TaskFn<F>
where
    F: Fn(Context) -> R + Send + Sync + 'static,
    R: Future<Output = TaskResult> + Send + 'static,
{
    TaskFn { name: name.into(), function }
}

/// A task made by [`task_fn`].
pub struct TaskFn<F> {
    name: String,
    function: F,
}

impl<F, R> Task for TaskFn<F>
where
    F: Fn(Context) -> R + Send + Sync + 'static,
    R: Future<Output = TaskResult> + Send + 'static,
{
    fn name(&self) -> &str {
        &self.name
    }

    async fn execute(&self, context: &Context) -> TaskResult {
        (self.function)(context.clone()).await
    }
}

/// Does what blocks for long on a thread of its own, and waits for its end; a panic in it is an error.
///
/// # Errors
///
/// Returns the error of `work`, or that it panicked.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TaskError> + Send + 'static,
) -> Result<T, TaskError> {
    tokio::task::spawn_blocking(work).await?
}
