//! `taskd reload`: the daemon takes up its file again.

use std::io::Write;

use serde_json::Value;

use super::args::{Global, Plain};
use super::daemon::{self, Daemon};
use super::exit::{Exit, Failure};
use super::{output, selection};

pub fn reload(global: &Global, plain: &Plain) -> Result<Exit, Failure> {
    selection::only_file("reload", plain.file.as_deref())?;
    daemon::block_on(async {
        let mut daemon = Daemon::connect(plain.file.as_deref(), global).await?;
        let answer = daemon.try_post("/v1/reload").await?;
        let accepted = answer.status.is_success();
        let answer = answer.json().await?;
        if !accepted {
            return refused(&answer, plain.json);
        }
        let mut out = output::results();
        if plain.json {
            output::json_line(&mut out, &answer)?;
        } else {
            for what in ["added", "changed", "removed"] {
                let names = answer[what].as_array().into_iter().flatten();
                let names: Vec<_> = names.filter_map(Value::as_str).collect();
                if !names.is_empty() {
                    writeln!(out, "{what}: {}", names.join(", "))?;
                }
            }
            writeln!(out, "unchanged: {}", answer["unchanged"])?;
        }
        out.flush()?;
        for warning in answer["warnings"].as_array().into_iter().flatten() {
            output::complain(&format!("warning: {}", warning.as_str().unwrap_or_default()));
        }
        Ok(Exit::Ok)
    })
}

/// The file is wrong, and nothing has changed.
fn refused(answer: &Value, json: bool) -> Result<Exit, Failure> {
    let mut out = output::results();
    for diagnostic in answer["diagnostics"].as_array().into_iter().flatten() {
        if json {
            output::json_line(&mut out, diagnostic)?;
            continue;
        }
        let text = |key: &str| diagnostic[key].as_str().unwrap_or_default();
        output::complain(&format!(
            "{}:{}:{}: {}[{}]: {}",
            text("file"),
            diagnostic["line"],
            diagnostic["column"],
            text("severity"),
            text("code"),
            text("message")
        ));
        if let Some(help) = diagnostic["help"].as_str() {
            output::complain(&format!("help: {help}"));
        }
    }
    out.flush()?;
    let error = &answer["error"];
    let message = error["message"].as_str().unwrap_or("the daemon refuses");
    let failure = Failure::new(Exit::Config, format!("nothing has changed: {message}"));
    Err(match error["help"].as_str() {
        Some(help) => failure.help(help),
        None => failure,
    })
}
