//! Tasks of a program, scheduled by a file: `task = "cleanup"` beside commands.
//!
//! An operator changes times and `params` without building the program again.
//! `cargo run --example from_file [schedules.toml]`

use std::sync::Arc;

use serde::Deserialize;
use taskd::clock::Simulated;
use taskd::{Context, Query, Task, TaskResult, TaskScheduler};

/// What is read where no file is named.
const FILE: &str = r#"
timezone = "Europe/Berlin"

[tasks.nightly]
cron   = "0 3 * * *"
task   = "cleanup"
params = { days_to_keep = 30 }

[tasks.weekly]
cron   = "0 4 * * mon"
task   = "cleanup"
params = { days_to_keep = 7, vacuum = true }

[tasks.report]
after   = "nightly"
command = 'echo "$TASKD_TASK comes after $TASKD_AFTER_TASK"'
"#;

/// Says what it would delete.
struct Cleanup;

#[derive(Deserialize)]
struct Params {
    days_to_keep: u32,
    #[serde(default)]
    vacuum: bool,
}

impl Task for Cleanup {
    fn name(&self) -> &'static str {
        "cleanup"
    }

    async fn execute(&self, context: &Context) -> TaskResult {
        let Params { days_to_keep, vacuum } = context.params()?;
        let vacuum = if vacuum { ", and tidies up" } else { "" };
        println!("{}  {} keeps {days_to_keep} days{vacuum}", context.due(), context.task());
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A simulated clock lets a week pass in a moment.
    let clock = Arc::new(Simulated::starting("2026-01-04T00:00:00Z".parse()?));
    let scheduler = TaskScheduler::builder().clock(clock.clone()).build()?;
    scheduler.register(Cleanup).await?;
    let own = std::env::temp_dir().join(format!("from_file-{}.toml", std::process::id()));
    let named = std::env::args_os().nth(1);
    if named.is_none() {
        std::fs::write(&own, FILE)?;
    }
    let loaded = scheduler.load(named.as_ref().map_or(own.as_path(), std::path::Path::new)).await;
    if named.is_none() {
        std::fs::remove_file(&own)?;
    }
    for task in loaded? {
        println!("{task} is loaded");
    }
    scheduler.start().await?;
    while let Some(next) = scheduler.next_firings(1).await.pop() {
        if next.due > "2026-01-06T00:00:00Z".parse()? {
            break;
        }
        clock.advance_to(next.due);
        scheduler.settle().await?;
    }
    for row in scheduler.history(Query::default()).await? {
        println!("{}  {}", row.firing, row.outcome.unwrap_or(row.verdict));
    }
    scheduler.shutdown(true).await?;
    Ok(())
}
