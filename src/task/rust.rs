//! Tasks that a Rust program brings.

use std::error::Error;
use std::future::Future;

use super::Context;

/// Why a task failed: any error, also one of `anyhow`. What it says stands in the history.
pub type TaskError = Box<dyn Error + Send + Sync>;

/// How a task ended.
pub type TaskResult = Result<(), TaskError>;

/// Something that a Rust program wants done at times.
///
/// ```
/// use taskd::{Context, Task, TaskResult};
///
/// struct Greet;
///
/// impl Task for Greet {
///     fn name(&self) -> &str {
///         "greet"
///     }
///
///     async fn execute(&self, context: &Context) -> TaskResult {
///         println!("hello, it is {}", context.due());
///         Ok(())
///     }
/// }
/// ```
///
/// An error, a panic and a timeout are outcomes of the run, and of nothing else. Attempts run on the
/// program's tokio; what blocks for long goes into `taskd::blocking`.
pub trait Task: Send + Sync + 'static {
    /// The name by which it is scheduled and remembered: it matches `[A-Za-z][A-Za-z0-9_-]{0,127}`.
    fn name(&self) -> &str;

    /// What it is for, for people.
    #[expect(clippy::unnecessary_literal_bound, reason = "others have theirs in a field")]
    fn description(&self) -> &str {
        ""
    }

    /// Makes one attempt. One that is asked to stop ([`Context::stop_requested`]) and ends within its
    /// stop grace counts as stopped, whatever it returns.
    fn execute(&self, context: &Context) -> impl Future<Output = TaskResult> + Send;
}
