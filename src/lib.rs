//! taskd runs commands at the times a TOML file declares, and can say when, what and why.
//!
//! Inside your own program: [`TaskScheduler`] runs tasks that implement [`Task`] when a [`Trigger`] says
//! so; [`embed`] begins with an example. All the rest is what the command line is made of.
//!
//! # The layers
//!
//! A module names only what stands above it; `tests/architecture.rs` holds the house to it.
//!
//! | layer | modules | what it is |
//! |---|---|---|
//! | words | [`name`], [`duration`], [`size`], [`hash`], [`event`], [`task`], [`policy`] | plain data |
//! | time | [`zone`], [`trigger`], [`schedule`], [`timetable`] | pure functions |
//! | decisions | [`scheduler`] | one pure state machine |
//! | edges | [`clock`], `config`, [`runner`], [`store`], [`observe`], [`engine`], [`embed`], `control` | each knows one piece of the world |
//! | people | `cli` | the only one that prints, exits and reads the environment |
//!
//! # The way of one datum
//!
//! `[tasks.backup]` in a file → tables with places (`config`) → a [`Schedule`](schedule::Schedule)
//! and a [`CommandTask`](runner::CommandTask) → an entry of the [`timetable`] → it comes due: the
//! [`scheduler`] decides → an [`Event`](event::Event) is appended to the [`store`] → the [`engine`]
//! starts an attempt → the [`runner`] spawns a process and waits for its end → an
//! [`Outcome`](task::Outcome) → the scheduler takes it in → a line of the log ([`observe`]).
//!
//! `taskd next` goes the same way up to the timetable, so it cannot tell anything else than the
//! daemon does.

#[cfg(feature = "cli")]
pub mod cli;
pub mod clock;
#[cfg(feature = "config")]
pub mod config;
#[cfg(feature = "control")]
pub mod control;
pub mod duration;
pub mod embed;
pub mod engine;
pub mod event;
pub mod hash;
pub mod name;
pub mod observe;
pub mod policy;
pub mod runner;
pub mod schedule;
pub mod scheduler;
pub mod size;
pub mod store;
pub mod task;
pub mod timetable;
pub mod trigger;
pub mod zone;

pub use embed::{SchedulerError, TaskInfo, TaskScheduler, Trigger, blocking, task_fn};
pub use engine::Query;
pub use task::{Context, Task, TaskError, TaskResult};
pub use trigger::{AfterEnd, MonthEnd};
