//! `taskd pause` and `taskd resume`.

use std::io::Write;

use serde_json::{Value, json};

use super::args::{Global, Pause, Resume, Selected};
use super::daemon::{self, Daemon};
use super::exit::{Exit, Failure};
use super::time::{self, Bound};
use super::{output, selection};
use crate::clock;

/// So many tasks are switched in one request.
const AT_ONCE: usize = 1_000;

pub fn pause(global: &Global, pause: &Pause) -> Result<Exit, Failure> {
    let body = |daemon: &Daemon| {
        let until = pause
            .until
            .as_ref()
            .map(|text| time::parse(text, Bound::After, &daemon.zone, clock::wall_clock()));
        let until = until.transpose()?.map(|until| until.to_string());
        Ok(json!({ "for": pause.length, "until": until, "reason": pause.reason }))
    };
    switch(global, &pause.some, pause.all, "pause", body)
}

pub fn resume(global: &Global, resume: &Resume) -> Result<Exit, Failure> {
    switch(global, &resume.some, resume.all, "resume", |_| Ok(Value::Null))
}

/// Turns `some` tasks, or everything, off or on.
fn switch(
    global: &Global,
    some: &Selected,
    all: bool,
    verb: &str,
    body: impl Fn(&Daemon) -> Result<Value, Failure>,
) -> Result<Exit, Failure> {
    let (file, tasks) = selection::file_and_tasks(&some.words)?;
    if (tasks.is_empty() && some.tag.is_empty()) != all {
        let message = if all { "`--all` goes without tasks" } else { "which tasks?" };
        let help = format!("write `taskd {verb} TASK`, or `taskd {verb} --all` for everything");
        return Err(Failure::new(Exit::Usage, message).help(help));
    }
    daemon::block_on(async {
        let mut daemon = Daemon::connect(file.as_deref(), global).await?;
        let body = Some(body(&daemon)?).filter(|body| !body.is_null());
        let mut out = output::results();
        if all {
            let answer = daemon.post(&format!("/v1/{verb}"), body.as_ref()).await?;
            if some.json {
                output::json_line(&mut out, &answer)?;
            } else {
                writeln!(out, "everything {}", state(&answer["paused"]))?;
            }
        } else {
            let meant = selection::of_daemon(daemon.tasks().await?, &tasks, &some.tag)?;
            for some_of_them in meant.chunks(AT_ONCE) {
                let mut body = body.clone().unwrap_or_else(|| json!({}));
                body["tasks"] = some_of_them.iter().map(|task| task["task"].clone()).collect();
                let answer = daemon.post(&format!("/v1/{verb}"), Some(&body)).await?;
                for task in answer["items"].as_array().into_iter().flatten() {
                    if some.json {
                        output::json_line(&mut out, task)?;
                    } else {
                        let name = task["task"].as_str().unwrap_or_default();
                        writeln!(out, "{name} {}", state(&task["paused"]))?;
                    }
                }
            }
        }
        out.flush()?;
        Ok(Exit::Ok)
    })
}

/// `is paused until …: why`, or `goes on`.
fn state(pause: &Value) -> String {
    if pause.is_null() {
        return "goes on".into();
    }
    let until = pause["until"].as_str().map(|until| format!(" until {until}"));
    let reason = pause["reason"].as_str().map(|reason| format!(": {reason}"));
    format!("is paused{}{}", until.unwrap_or_default(), reason.unwrap_or_default())
}
