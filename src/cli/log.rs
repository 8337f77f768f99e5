//! Where log lines go, and how they look.

use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::args::{Global, LogFormat};
use super::journal::{self, Journal};
use super::output;
use crate::config::Colour;

/// So many lines may wait for a reader of standard error that is slow.
const MOST_LINES: usize = 4096;

/// How long the end of taskd waits for such a reader.
const PATIENCE: Duration = Duration::from_secs(1);

/// The log, which ends with this: what waits is written, if somebody reads it in time.
#[derive(Debug)]
pub struct Log {
    thread: Option<JoinHandle<()>>,
    lines: Option<SyncSender<Line>>,
}

/// A line, or the end.
#[derive(Debug)]
enum Line {
    Text(Vec<u8>),
    End,
}

/// Hands lines to the thread that writes them, and never waits for it.
#[derive(Clone)]
struct Queue {
    lines: SyncSender<Line>,
    dropped: Arc<AtomicU64>,
}

/// Sends log lines to standard error from now on, as long as the result lives.
pub fn init(global: &Global) -> Log {
    let (sender, receiver) = sync_channel(MOST_LINES);
    let dropped = Arc::new(AtomicU64::new(0));
    let journal = if global.log_format == LogFormat::Auto { journal() } else { None };
    let in_journal = journal.is_some();
    let thread = std::thread::spawn({
        let dropped = dropped.clone();
        move || write(&receiver, &dropped, journal.as_ref())
    });
    let queue = Queue { lines: sender.clone(), dropped };
    let lines = fmt::layer().with_writer(queue.clone()).with_target(false);
    let lines = match global.log_format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Auto if in_journal => Journal(queue).boxed(),
        LogFormat::Auto if is_journal() => lines.without_time().with_ansi(false).boxed(),
        LogFormat::Auto | LogFormat::Text => {
            let colour = output::colour() == Colour::Yes && io::stderr().is_terminal();
            lines.with_ansi(colour).boxed()
        }
    };
    tracing_subscriber::registry().with(lines.with_filter(filter(global))).init();
    Log { thread: Some(thread), lines: Some(sender) }
}

/// Writes lines as they come, and says how many had no place.
fn write(lines: &Receiver<Line>, dropped: &AtomicU64, journal: Option<&UnixDatagram>) {
    let mut stderr = io::stderr();
    while let Ok(Line::Text(line)) = lines.recv() {
        // Where standard error is closed, or the journal gone, there is nobody to tell.
        let _ = match journal {
            Some(journal) => journal.send(&line).map(|_| ()),
            None => stderr.write_all(&line),
        };
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            // As a line of its own, in the format of all others; if it has no place either, it is counted.
            tracing::error!(lost, "log lines were dropped: nobody read them in time");
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let (Some(thread), Some(lines)) = (self.thread.take(), self.lines.take()) else { return };
        // A full queue takes no end; then there is nobody to wait for.
        if lines.try_send(Line::End).is_err() {
            return;
        }
        let step = Duration::from_millis(5);
        for _ in 0..PATIENCE.as_millis() / step.as_millis() {
            if thread.is_finished() {
                return;
            }
            std::thread::sleep(step);
        }
    }
}

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(TrySendError::Full(_)) = self.lines.try_send(Line::Text(line.to_vec())) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
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

/// The journal of systemd, if standard error is that.
fn journal() -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok().filter(|_| is_journal())?;
    socket.connect(journal::SOCKET).ok()?;
    Some(socket)
}

/// Whether standard error is the journal of systemd, which says so by device and inode.
fn is_journal() -> bool {
    let Ok(journal) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let stderr = std::fs::metadata("/proc/self/fd/2");
    stderr.is_ok_and(|stderr| journal == format!("{}:{}", stderr.dev(), stderr.ino()))
}
