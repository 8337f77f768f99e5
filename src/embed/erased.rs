//! Tasks of a Rust program as the engine runs them.

use std::error::Error;
use std::future::Future;
use std::sync::{Arc, Mutex};

use super::LateSurroundings;
use super::output::{Own, Written};
use crate::runner::Output;
use crate::task::{
    BoxFuture, Context, Ending, Execute, Failure, Outcome, Params, Task, TaskError, TaskResult,
};

/// A task whose type is nobody's business any more.
pub(super) trait Body: Send + Sync + 'static {
    fn execute<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, TaskResult>;

    fn description(&self) -> &str;
}

impl<T: Task> Body for T {
    fn execute<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, TaskResult> {
        Box::pin(Task::execute(self, context))
    }

    fn description(&self) -> &str {
        Task::description(self)
    }
}

/// A task as the engine runs it.
pub(super) struct Erased {
    pub body: Arc<dyn Body>,
    pub output: Output,
    pub surroundings: LateSurroundings,
    pub params: Params,
}

impl Execute for Erased {
    fn execute(&self, mut context: Context) -> BoxFuture<'_, Ending> {
        Box::pin(async move {
            let surroundings = self.surroundings.get();
            let around = Arc::new(Own {
                run: context.run().clone(),
                output: self.output,
                outputs: surroundings.and_then(|surroundings| surroundings.outputs.clone()),
                params: self.params.clone(),
                sink: Mutex::new(Written::Nothing),
            });
            // Also where it panics, or is dropped.
            let _over = Over(around.clone());
            let own = context.clone().within(around);
            let ended = tokio::select! {
                biased;
                ended = self.body.execute(&own) => ended,
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

/// Ends the output of an attempt with itself.
struct Over(Arc<Own>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.end();
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
