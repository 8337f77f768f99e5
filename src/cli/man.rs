//! `taskd man`: the manual page, with a section for every verb.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_mangen::Man;

use super::args::Arguments;
use super::exit::{Exit, Failure};
use super::output;

pub fn man() -> Result<Exit, Failure> {
    let mut out = output::results();
    out.write_all(&page()?)?;
    out.flush()?;
    Ok(Exit::Ok)
}

fn page() -> io::Result<Vec<u8>> {
    let command = Arguments::command();
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}
