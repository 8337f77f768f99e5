//! `taskd stop`: the daemon ends when its runs have.

use std::io::Write;

use super::args::{Global, Plain};
use super::daemon::{self, Daemon};
use super::exit::{Exit, Failure};
use super::{output, selection};

pub fn stop(global: &Global, plain: &Plain) -> Result<Exit, Failure> {
    selection::only_file("stop", plain.file.as_deref())?;
    daemon::block_on(async {
        let mut daemon = Daemon::connect(plain.file.as_deref(), global).await?;
        let answer = daemon.post("/v1/stop", None).await?;
        daemon.ended().await;
        let mut out = output::results();
        if plain.json {
            output::json_line(&mut out, &answer)?;
        } else {
            writeln!(out, "the daemon has ended")?;
        }
        out.flush()?;
        Ok(Exit::Ok)
    })
}
