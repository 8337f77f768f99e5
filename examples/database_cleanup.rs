//! Old rows of a database go, at times: by an interval, by a crontab text and on a date.
//!
//! A simulated clock lets eight days pass in a moment. `cargo run --example database_cleanup`

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use taskd::clock::{Clock, Simulated};
use taskd::{Context, Task, TaskError, TaskResult, TaskScheduler, Trigger, blocking};

/// Deletes what is older than so many days.
struct DatabaseCleanupTask {
    name: &'static str,
    days_to_keep: i64,
    database: Arc<Mutex<Connection>>,
}

impl Task for DatabaseCleanupTask {
    fn name(&self) -> &str {
        self.name
    }

    fn description(&self) -> &'static str {
        "delete old rows"
    }

    async fn execute(&self, context: &Context) -> TaskResult {
        let before = context.due() - SignedDuration::from_hours(24 * self.days_to_keep);
        let database = self.database.clone();
        // A database may block for long.
        let deleted = blocking(move || {
            let database = database.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(database.execute("DELETE FROM log WHERE at < ?", [before.as_second()])?)
        })
        .await?;
        println!("{}  {:<8} {deleted} rows deleted", context.due(), self.name);
        Ok(())
    }
}

/// A database with a row for each of the last hundred days.
fn database(now: Timestamp) -> Result<Connection, rusqlite::Error> {
    let database = Connection::open_in_memory()?;
    database.execute_batch("CREATE TABLE log (at INTEGER)")?;
    for day in 0..100 {
        let at = now - SignedDuration::from_hours(24 * day);
        database.execute("INSERT INTO log VALUES (?)", [at.as_second()])?;
    }
    Ok(database)
}

#[tokio::main]
async fn main() -> Result<(), TaskError> {
    let now: Timestamp = "2026-12-24T22:00:00Z".parse()?;
    let clock = Arc::new(Simulated::starting(now));
    let database = Arc::new(Mutex::new(database(now)?));
    let rows = || -> Result<i64, rusqlite::Error> {
        let database = database.lock().unwrap_or_else(PoisonError::into_inner);
        database.query_row("SELECT count(*) FROM log", [], |row| row.get(0))
    };
    let cleanup = |name, days_to_keep| {
        let database = database.clone();
        DatabaseCleanupTask { name, days_to_keep, database }
    };

    let scheduler =
        TaskScheduler::builder().timezone("Europe/Berlin").clock(clock.clone()).build()?;
    scheduler.schedule(cleanup("often", 60), Trigger::interval().hours(12)).await?;
    scheduler.schedule(cleanup("nightly", 30), Trigger::cron("0 3 * * mon-sat")).await?;
    scheduler.schedule(cleanup("once", 10), Trigger::date("2026-12-31 23:59:59")).await?;
    scheduler.start().await?;
    println!("{} rows", rows()?);
    for task in scheduler.tasks().await {
        println!("{:<8} {}: {}", task.name, task.description, task.when);
    }

    let pass = async |until: &str| -> TaskResult {
        let until: Timestamp = until.parse()?;
        loop {
            scheduler.settle().await?;
            let next = scheduler.next_firings(1).await.pop().map(|firing| firing.due);
            match next.filter(|next| *next <= until) {
                Some(next) => clock.advance_to(next),
                None => break,
            }
        }
        clock.advance_to(until);
        scheduler.settle().await?;
        Ok(())
    };
    pass("2026-12-26T12:00:00Z").await?;
    scheduler.pause("often").await?;
    println!("{}  often is paused", clock.now());
    pass("2026-12-28T12:00:00Z").await?;
    scheduler.resume("often").await?;
    println!("{}  often goes on", clock.now());
    pass("2026-12-29T12:00:00Z").await?;
    scheduler.remove("often").await?;
    println!("{}  often is removed", clock.now());
    pass("2027-01-01T12:00:00Z").await?;

    let left: Vec<String> =
        scheduler.tasks().await.iter().map(|task| task.name.to_string()).collect();
    println!("{} rows, tasks: {}", rows()?, left.join(", "));
    scheduler.shutdown(true).await?;
    Ok(())
}
