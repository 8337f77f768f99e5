//! A scheduler inside a web service: its tasks on a route, and one that is run by a request.
//!
//! ```console
//! $ cargo run --example axum_app
//! listening on http://127.0.0.1:43210
//! $ curl http://127.0.0.1:43210/tasks
//! $ curl -X POST http://127.0.0.1:43210/tasks/report/run
//! ```

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use taskd::{SchedulerError, TaskError, TaskScheduler, Trigger, task_fn};

/// What the service shares with its tasks.
#[derive(Clone)]
struct App {
    scheduler: TaskScheduler,
    reports: Arc<AtomicUsize>,
}

/// The tasks: when they fire, and how they are.
async fn tasks(State(app): State<App>) -> Json<Value> {
    let tasks = app.scheduler.tasks().await;
    let told = tasks.iter().map(|task| {
        json!({
            "task": task.name,
            "when": task.when,
            "state": task.state.word(),
            "next": task.next.map(|next| next.to_string()),
        })
    });
    let reports = app.reports.load(Ordering::Relaxed);
    Json(json!({ "tasks": told.collect::<Vec<_>>(), "reports": reports }))
}

/// Runs a task now.
async fn run(
    State(app): State<App>,
    Path(task): Path<String>,
) -> Result<Json<Value>, (StatusCode, String)> {
    match app.scheduler.trigger(&task).await {
        Ok(run) => Ok(Json(json!({ "run": run }))),
        Err(error @ SchedulerError::NoTask(_)) => Err((StatusCode::NOT_FOUND, error.to_string())),
        Err(error) => Err((StatusCode::CONFLICT, error.to_string())),
    }
}

#[tokio::main]
async fn main() -> Result<(), TaskError> {
    let scheduler = TaskScheduler::builder().timezone("Europe/Berlin").build()?;
    let reports = Arc::new(AtomicUsize::new(0));
    let report = {
        let reports = reports.clone();
        task_fn("report", move |context| {
            let reports = reports.clone();
            async move {
                let number = reports.fetch_add(1, Ordering::Relaxed) + 1;
                writeln!(context.output(), "report number {number}")?;
                Ok(())
            }
        })
    };
    scheduler.schedule(report, Trigger::cron("30 9 * * mon-fri")).await?;
    scheduler.start().await?;

    let app = App { scheduler: scheduler.clone(), reports };
    let routes = Router::new()
        .route("/tasks", get(tasks))
        .route("/tasks/{task}/run", post(run))
        .with_state(app);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let ends = async {
        // Where nobody can press it, the service goes on.
        let _ = tokio::signal::ctrl_c().await;
    };
    axum::serve(listener, routes).with_graceful_shutdown(ends).await?;
    // Runs may end.
    scheduler.shutdown(true).await?;
    println!("all runs have ended");
    Ok(())
}
