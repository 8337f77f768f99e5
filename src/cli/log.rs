//! Where log lines go, and how they look.

use std::io::{self, IsTerminal};
use std::os::unix::fs::MetadataExt;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::args::{Global, LogFormat};
use super::output;
use crate::config::Colour;

/// Sends log lines to standard error from now on.
pub fn init(global: &Global) {
    let lines = fmt::layer().with_writer(io::stderr).with_target(false);
    let lines = match global.log_format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Auto if is_journal() => lines.without_time().with_ansi(false).boxed(),
        LogFormat::Auto | LogFormat::Text => {
            let colour = output::colour() == Colour::Yes && io::stderr().is_terminal();
            lines.with_ansi(colour).boxed()
        }
    };
    tracing_subscriber::registry().with(lines.with_filter(filter(global))).init();
}

/// What is logged: as the command line says, else as `RUST_LOG` says, else from `info` up.
fn filter(global: &Global) -> Targets {
    if let Some(level) = global.log_level {
        return Targets::new().with_default(level);
    }
    let wanted = std::env::var("RUST_LOG").ok().filter(|wanted| !wanted.is_empty());
    match wanted.map(|wanted| wanted.parse::<Targets>()) {
        Some(Ok(targets)) => targets,
        Some(Err(error)) => {
            output::complain(&format!("warning: `RUST_LOG` is not understood: {error}"));
            Targets::new().with_default(LevelFilter::INFO)
        }
        None => Targets::new().with_default(LevelFilter::INFO),
    }
}

/// Whether standard error is the journal of systemd, which says so by device and inode.
fn is_journal() -> bool {
    let Ok(journal) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let stderr = std::fs::metadata("/proc/self/fd/2");
    stderr.is_ok_and(|stderr| journal == format!("{}:{}", stderr.dev(), stderr.ino()))
}
