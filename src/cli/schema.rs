//! `taskd schema`: the language of schedule files, for editors.

use std::io::Write;

use super::exit::{Exit, Failure};
use super::output;
use crate::config;

pub fn schema() -> Result<Exit, Failure> {
    let mut out = output::results();
    serde_json::to_writer_pretty(&mut out, &config::schema()).map_err(std::io::Error::from)?;
    writeln!(out)?;
    out.flush()?;
    Ok(Exit::Ok)
}
