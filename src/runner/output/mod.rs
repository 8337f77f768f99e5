//! Where the output of a command goes: to taskd's own, nowhere, into the log, into a file.
//!
//! A file is the child's own: there is nothing to copy, and no pipe that breaks. taskd bounds it
//! (`capture`, `files`), follows it for the log (`follow`, `lines`), and takes a pipe where no holes can be
//! punched (`pipe`); what it is given so, and by tasks of a program, it writes itself (`sink`). Nothing here ever holds up an attempt.

mod capture;
mod files;
mod follow;
mod lines;
mod pipe;
mod sink;
mod watch;

use std::io;
use std::process::Stdio;
use std::sync::Arc;

use crate::event::RunId;

pub use capture::Captured;
pub use files::Outputs;
pub use sink::Sink;

use capture::Created;
use follow::Follower;

/// Where the output of a command goes, and how much of it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// Where it goes.
    pub to: Target,
    /// The files of so many runs are kept.
    pub keep: u32,
    /// So much of each: half of it from the head, half from the tail. In bytes.
    pub max_size: u64,
}

impl Default for Output {
    fn default() -> Self {
        Self { to: Target::Kept { log: true, capture: true }, keep: 20, max_size: 1 << 20 }
    }
}

/// Where output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To where taskd's own goes.
    Inherit,
    /// Nowhere.
    Discard,
    /// Line by line into the log, or into a file for each run, or both.
    Kept {
        /// Whether into the log.
        log: bool,
        /// Whether into a file.
        capture: bool,
    },
}

/// The two ends of the output of one attempt.
pub(super) struct Channel {
    /// What the child gets, for its output and its errors.
    pub ends: (Stdio, Stdio),
    /// What taskd does meanwhile.
    pub follower: Follower,
}

impl Channel {
    /// Opens a channel for an attempt of `run`.
    pub(super) fn open(output: Output, outputs: Option<&Arc<Outputs>>, run: &RunId) -> Self {
        let Target::Kept { log, capture } = output.to else {
            let end =
                || if output.to == Target::Discard { Stdio::null() } else { Stdio::inherit() };
            return Self { ends: (end(), end()), follower: Follower::nothing() };
        };
        let opened = match outputs.filter(|outputs| outputs.holes) {
            Some(outputs) => Self::file(output, outputs, run),
            None => Self::pipe(output, outputs, run),
        };
        opened.unwrap_or_else(|error| {
            let what = if log && !capture { "logged" } else { "captured" };
            tracing::warn!(task = %run.task, %run, %error, "output cannot be {what}, and is lost");
            Self { ends: (Stdio::null(), Stdio::null()), follower: Follower::nothing() }
        })
    }

    /// What becomes of the output of an attempt that an earlier life has begun: it goes on in its file.
    pub(super) fn rejoin(output: Output, outputs: Option<&Arc<Outputs>>, run: &RunId) -> Follower {
        let Some(outputs) = outputs.filter(|_| matches!(output.to, Target::Kept { .. })) else {
            return Follower::nothing();
        };
        let follower = outputs
            .create(run)
            .and_then(|(Created { own, .. }, opened)| Follower::of_file(output, opened, own));
        follower.unwrap_or_else(|error| {
            tracing::warn!(task = %run.task, %run, %error, "output is no longer followed");
            Follower::nothing()
        })
    }

    fn file(output: Output, outputs: &Arc<Outputs>, run: &RunId) -> io::Result<Self> {
        let (Created { childs, own }, opened) = outputs.create(run)?;
        let ends = (childs.try_clone()?.into(), childs.into());
        let follower = Follower::of_file(output, opened, own)?;
        Ok(Self { ends, follower })
    }

    fn pipe(output: Output, outputs: Option<&Arc<Outputs>>, run: &RunId) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let ends = (writer.try_clone()?.into(), writer.into());
        let follower = Follower::of_pipe(output, outputs, run, reader)?;
        Ok(Self { ends, follower })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::path::Path;
    use std::process::{Child, Command};

    use super::*;
    use crate::name::Name;

    /// Runs a shell line with its output in a file system without holes, until it has ended and
    /// what follows its output has.
    async fn through_a_pipe(place: &Path, to: Target, line: &str) -> (Child, Vec<u8>) {
        let outputs = Outputs::without_holes(place);
        let task = Name::new("a").expect("a fine name");
        let run = RunId { task, due: jiff::Timestamp::UNIX_EPOCH };
        let output = Output { to, max_size: 16, ..Output::default() };
        let Channel { ends, follower } = Channel::open(output, Some(&outputs), &run);
        let mut command = Command::new("sh");
        command.args(["-c", line]).stdout(ends.0).stderr(ends.1);
        let mut child = command.spawn().expect("there is a shell");
        // The ends are the child's alone from here on.
        drop(command);
        child.wait().expect("it is ours");
        follower.beside(std::future::ready(())).await;
        let mut kept = Vec::new();
        let captured = Captured::open(&outputs.path(&run));
        captured.and_then(|mut all| all.read_to_end(&mut kept)).expect("it is readable");
        (child, kept)
    }

    #[tokio::test]
    async fn where_no_holes_are_taken_output_comes_through_a_pipe() {
        let place = tempfile::tempdir().expect("a place");
        let capture = Target::Kept { log: false, capture: true };
        let (_, kept) =
            through_a_pipe(place.path(), capture, "printf 12345678abcdefghijkl; printf '\\377'")
                .await;
        assert_eq!(kept, b"12345678\n[taskd: 5 bytes are gone here]\nfghijkl\xff");
    }

    #[tokio::test]
    async fn who_keeps_the_pipe_open_is_not_waited_for() {
        let place = tempfile::tempdir().expect("a place");
        let both = Target::Kept { log: true, capture: true };
        let line = "sleep 1000 & echo $!";
        let following = through_a_pipe(place.path(), both, line);
        let ended = tokio::time::timeout(std::time::Duration::from_mins(1), following).await;
        let (_, kept) = ended.expect("it ends long before the sleep does");
        let pid = String::from_utf8(kept).expect("it is text");
        Command::new("kill").arg(pid.trim()).status().expect("there is a `kill`");
    }
}
