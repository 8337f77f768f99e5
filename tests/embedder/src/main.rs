//! All that a program did with an APScheduler, by what the crate shows to everybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use taskd::{Context, Task, TaskResult, TaskScheduler, Trigger, task_fn};

/// The base task, inherited: a name, a description, and what it does.
struct DatabaseCleanupTask {
    days_to_keep: u32,
    runs: Arc<AtomicU32>,
}

impl Task for DatabaseCleanupTask {
    fn name(&self) -> &str {
        "database_cleanup"
    }

    fn description(&self) -> &str {
        "deletes old rows"
    }

    async fn execute(&self, context: &Context) -> TaskResult {
        // An error of anyhow is an error, too.
        let days: u32 = format!("{}", self.days_to_keep).parse().context("the days")?;
        assert_eq!((days, context.task().as_str()), (30, "database_cleanup"));
        self.runs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let scheduler = TaskScheduler::builder().timezone("Europe/Berlin").build()?;
    let mut events = scheduler.subscribe();
    let runs = Arc::new(AtomicU32::new(0));
    let cleanup = DatabaseCleanupTask { days_to_keep: 30, runs: runs.clone() };

    // Add it, with an interval, a pattern and a date.
    let when = Trigger::any_of([
        Trigger::interval().hours(1).minutes(5),
        Trigger::cron("0 9 * * mon-fri"),
        Trigger::cron_fields().day_of_week("mon-fri").hour(9).minute(30),
        Trigger::date("2199-12-31 23:59:59"),
    ]);
    scheduler.schedule(cleanup, when).await?;
    scheduler.add_task(task_fn("fails", |_| async { Err("on purpose".into()) })).await?;
    scheduler.start().await?;

    // Run it, pause it, let it go on, list it.
    scheduler.trigger("database_cleanup").await?;
    scheduler.settle().await?;
    anyhow::ensure!(runs.load(Ordering::Relaxed) == 1, "it has run");
    scheduler.pause_for("database_cleanup", Duration::from_secs(60)).await?;
    let tasks = scheduler.tasks().await;
    anyhow::ensure!(tasks[0].paused.is_some() && tasks[0].description == "deletes old rows");
    scheduler.resume("database_cleanup").await?;
    anyhow::ensure!(scheduler.next_firings(3).await.len() == 3);
    scheduler.reschedule("database_cleanup", Trigger::interval().seconds(1)).await?;
    while runs.load(Ordering::Relaxed) < 3 {
        events.next().await.context("it goes on")?;
    }

    // An error is an outcome.
    scheduler.trigger("fails").await?;
    scheduler.settle().await?;
    let query = taskd::engine::Query { failed: true, limit: 10, ..Default::default() };
    let failed = scheduler.history(query).await?;
    anyhow::ensure!(failed.len() == 1 && failed[0].detail.as_deref() == Some("on purpose"));

    // Remove it, and end.
    scheduler.remove("database_cleanup").await?;
    anyhow::ensure!(scheduler.pause("database_cleanup").await.is_err());
    scheduler.shutdown(true).await?;
    println!("all is well");
    Ok(())
}
