//! `taskd output`: what a run has written.

use std::io::Write;

use super::args::{Global, Output};
use super::daemon::{self, Daemon, encoded};
use super::exit::{Exit, Failure};
use super::{output as out, selection};

pub fn output(global: &Global, output: &Output) -> Result<Exit, Failure> {
    let (file, words) = selection::file_and_words(&output.words)?;
    let [what] = words.as_slice() else {
        let message = "this wants one task or one run";
        return Err(Failure::new(Exit::Usage, message).help("write `taskd output TASK`"));
    };
    daemon::block_on(async {
        let mut daemon = Daemon::connect_or_read(file.as_deref(), global).await?;
        let run = if what.contains('@') {
            (*what).to_string()
        } else {
            latest(&mut daemon, what).await?
        };
        let follow = if output.follow { "?follow=1" } else { "" };
        let mut answer = daemon.get(&format!("/v1/runs/{}/output{follow}", encoded(&run))).await?;
        let mut results = out::results();
        while let Some(piece) = answer.piece().await? {
            results.write_all(&piece)?;
            if output.follow {
                results.flush()?;
            }
        }
        results.flush()?;
        Ok(Exit::Ok)
    })
}

/// The latest run of `task`.
async fn latest(daemon: &mut Daemon, task: &str) -> Result<String, Failure> {
    let query = [("task", task.to_string()), ("verdict", "run".into()), ("limit", "1".into())];
    let answer = daemon.json(&daemon::with_query("/v1/history", &query)).await?;
    answer["items"][0]["run"].as_str().map(Into::into).ok_or_else(|| {
        Failure::new(Exit::NoSuchTask, format!("no run of `{task}` is known"))
            .help("`taskd history` tells what is")
    })
}
