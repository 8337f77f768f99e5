//! `taskd cancel`: stops what runs, calls off what waits, and waits for the end.

use std::io::Write;
use std::time::Duration;

use serde_json::Value;

use super::args::{Cancel, Global};
use super::daemon::{self, Daemon, encoded};
use super::exit::{Exit, Failure};
use super::{output, selection};

/// How often to look whether a run has ended.
const LOOK: Duration = Duration::from_millis(50);

pub fn cancel(global: &Global, cancel: &Cancel) -> Result<Exit, Failure> {
    let (file, words) = selection::file_and_words(&cancel.words)?;
    let [what] = words.as_slice() else {
        let message = "this wants one task or one run";
        return Err(Failure::new(Exit::Usage, message).help("write `taskd cancel TASK`"));
    };
    daemon::block_on(async {
        let mut daemon = Daemon::connect(file.as_deref(), global).await?;
        let kind = if what.contains('@') { "runs" } else { "tasks" };
        let answer = daemon.post(&format!("/v1/{kind}/{}/cancel", encoded(what)), None).await?;
        let names = |key: &str| {
            let all = answer[key].as_array().into_iter().flatten();
            all.filter_map(Value::as_str).map(String::from).collect::<Vec<_>>()
        };
        let (stopped, skipped) = (names("stopped"), names("skipped"));
        for run in &stopped {
            let path = format!("/v1/runs/{}", encoded(run));
            while daemon.json(&path).await?["outcome"].is_null() {
                tokio::time::sleep(LOOK).await;
            }
        }
        let mut out = output::results();
        if cancel.json {
            output::json_line(&mut out, &answer)?;
        } else if stopped.is_empty() && skipped.is_empty() {
            writeln!(out, "nothing of {what} runs or waits")?;
        } else {
            for run in stopped {
                writeln!(out, "{run} has stopped")?;
            }
            for run in skipped {
                writeln!(out, "{run} is called off")?;
            }
        }
        out.flush()?;
        Ok(Exit::Ok)
    })
}
