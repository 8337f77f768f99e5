//! `taskd man`: the manual page, with a section for every verb.

use std::io::{self, Write};

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::args::{Arguments, EXIT_CODES};
use super::exit::{Exit, Failure};
use super::output;

pub fn man(verb: Option<&str>) -> Result<Exit, Failure> {
    let page = match verb {
        None => page()?,
        Some(verb) => page_of(verb)?,
    };
    let mut out = output::results();
    out.write_all(&page)?;
    out.flush()?;
    Ok(Exit::Ok)
}

fn page() -> io::Result<Vec<u8>> {
    let command = Arguments::command();
    let whole = Man::new(command.clone());
    let mut page = Vec::new();
    whole.render_title(&mut page)?;
    whole.render_name_section(&mut page)?;
    whole.render_synopsis_section(&mut page)?;
    whole.render_description_section(&mut page)?;
    whole.render_options_section(&mut page)?;
    writeln!(page, ".SH COMMANDS")?;
    for verb in command.get_subcommands() {
        render_verb(verb, &mut page)?;
    }
    let codes = EXIT_CODES.trim_start_matches("Exit codes: ").replace(" · ", "\n.br\n");
    writeln!(page, ".SH \"EXIT STATUS\"\n{codes}")?;
    writeln!(
        page,
        ".SH FILES\nschedules.toml, $XDG_CONFIG_HOME/taskd/schedules.toml, /etc/taskd/schedules.toml"
    )?;
    whole.render_version_section(&mut page)?;
    Ok(page)
}

/// The page of one verb: `taskd-run(1)`.
fn page_of(verb: &str) -> Result<Vec<u8>, Failure> {
    let command = Arguments::command();
    let found = command.find_subcommand(verb).ok_or_else(|| {
        let message = format!("there is no verb `{verb}`");
        Failure::new(Exit::Usage, message).help("`taskd --help` tells which there are")
    })?;
    let name = format!("taskd-{}", found.get_name());
    let shown = format!("taskd {}", found.get_name());
    let version = format!("taskd {}", env!("CARGO_PKG_VERSION"));
    let man = Man::new(found.clone().display_name(name).bin_name(shown));
    let man = man.source(version).manual("taskd");
    let mut page = Vec::new();
    man.render(&mut page)?;
    writeln!(page, ".SH \"SEE ALSO\"\ntaskd(1)")?;
    Ok(page)
}

/// A verb as a part of the whole page: what would be its own sections are paragraphs here.
fn render_verb(verb: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let name = verb.get_name();
    let man = Man::new(verb.clone().bin_name(format!("taskd {name}")));
    let mut sections = Vec::new();
    man.render_synopsis_section(&mut sections)?;
    man.render_description_section(&mut sections)?;
    man.render_options_section(&mut sections)?;
    writeln!(page, ".SS \"taskd {name}\"")?;
    let text = String::from_utf8_lossy(&sections);
    for line in text.lines() {
        writeln!(page, "{}", if line.starts_with(".SH ") { ".PP" } else { line })?;
    }
    Ok(())
}
