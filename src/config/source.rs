//! The text of a schedule file: read within limits, and never by waiting for ever.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::event::{PollFd, PollFlags, Timespec};

/// The largest file: 64 MiB.
pub const LARGEST: u64 = 64 << 20;

/// How long somebody who has a pipe open may write nothing into it, in seconds.
const PATIENCE: i64 = 10;

/// A file and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// As it was named.
    pub path: PathBuf,
    /// What relative paths in it start from: absolute.
    pub directory: PathBuf,
    /// Without a byte order mark.
    pub text: String,
    /// The device and the file on it, of a file that has them.
    pub(super) identity: Option<(u64, u64)>,
    /// Where each line starts; counted when somebody asks for a place.
    lines: OnceLock<Vec<usize>>,
}

/// A place in a text, as people count: characters from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl Source {
    /// Reads the file at `path`, which lies below `directory` if it is relative.
    ///
    /// # Errors
    ///
    /// Returns [`ReadError`] if it is no file, too large, or no UTF-8.
    pub fn read(path: &Path, directory: &Path) -> Result<Self, ReadError> {
        let absolute = directory.join(path);
        // Opening a pipe that nobody writes into would wait for ever otherwise.
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(&absolute)?;
        let metadata = file.metadata()?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            return Err(ReadError::Directory);
        }
        let mut source = if kind.is_file() {
            let parent = absolute.parent().unwrap_or(directory).to_path_buf();
            Self::from_bytes(path, parent, read_bounded(file)?)?
        } else {
            // What comes through a pipe has no directory of its own.
            Self::from_bytes(path, directory.into(), read_pipe(file, kind.is_fifo())?)?
        };
        source.identity = Some((metadata.dev(), metadata.ino()));
        Ok(source)
    }

    /// Takes `bytes` for the text of `path`, which lies in `directory`.
    ///
    /// # Errors
    ///
    /// Returns [`ReadError`] if they are too many, or no UTF-8.
    pub fn from_bytes(path: &Path, directory: PathBuf, bytes: Vec<u8>) -> Result<Self, ReadError> {
        if bytes.len() as u64 > LARGEST {
            return Err(ReadError::TooLarge);
        }
        let mut text = String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            ReadError::NotText { line: valid.split(|byte| *byte == b'\n').count() }
        })?;
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        Ok(Self::of_text(path, directory, text))
    }

    /// A source of this text.
    pub(super) fn of_text(path: &Path, directory: PathBuf, text: String) -> Self {
        Self { path: path.into(), directory, text, identity: None, lines: OnceLock::new() }
    }

    /// The place of the byte at `offset`.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let lines = self.lines.get_or_init(|| {
            let ends = self.text.match_indices('\n').map(|(at, _)| at + 1);
            std::iter::once(0).chain(ends).collect()
        });
        let offset = self.text.floor_char_boundary(offset);
        let line = lines.partition_point(|start| *start <= offset);
        let start = lines[line - 1];
        Position { line, column: self.text[start..offset].chars().count() + 1 }
    }

    /// Where the bytes `inner` of the string that is written at `outer` stand in the file; all of
    /// `outer` if it is written with escapes.
    #[must_use]
    pub fn within(&self, outer: &Range<usize>, string: &str, inner: &Range<usize>) -> Range<usize> {
        let written = self.text.get(outer.clone()).unwrap_or_default();
        let start = outer.start + 1;
        match written.get(1..written.len().saturating_sub(1)) {
            Some(plain) if plain == string => start + inner.start..start + inner.end,
            _ => outer.clone(),
        }
    }
}

fn read_bounded(file: impl Read) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    // One more than allowed, to tell a full file from a larger one.
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads what others write, as long as they do.
fn read_pipe(file: File, is_fifo: bool) -> Result<Vec<u8>, ReadError> {
    let bytes = read_bounded(Patient(file))?;
    if is_fifo && bytes.is_empty() { Err(ReadError::NobodyWrites) } else { Ok(bytes) }
}

/// Waits for a file that has nothing to read yet, but not for ever.
struct Patient(File);

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
            let mut file = [PollFd::new(&self.0, PollFlags::IN)];
            let patience = Timespec { tv_sec: PATIENCE, tv_nsec: 0 };
            if rustix::event::poll(&mut file, Some(&patience))? == 0 {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }
}

/// Why there is no text.
#[derive(Debug)]
pub enum ReadError {
    /// The system says so.
    Io(io::Error),
    /// It is a directory.
    Directory,
    /// It is a pipe into which nobody writes.
    NobodyWrites,
    /// It has more than [`LARGEST`] bytes.
    TooLarge,
    /// It is not UTF-8.
    NotText {
        /// The first line that is not.
        line: usize,
    },
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => match error.kind() {
                io::ErrorKind::NotFound => write!(f, "there is no such file"),
                io::ErrorKind::PermissionDenied => write!(f, "this file may not be read"),
                io::ErrorKind::TimedOut => write!(f, "nothing came for {PATIENCE} s"),
                _ => write!(f, "this file cannot be read: {error}"),
            },
            Self::Directory => write!(f, "this is a directory, not a file"),
            Self::NobodyWrites => write!(f, "this is a pipe into which nobody writes"),
            Self::TooLarge => write!(f, "this file is larger than {} MiB", LARGEST >> 20),
            Self::NotText { line } => write!(f, "line {line} is not UTF-8 text"),
        }
    }
}

impl std::error::Error for ReadError {}

impl ReadError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::NotFound => Some(
                "look at the path: it starts at the working directory, in an `include` at the file",
            ),
            Self::Io(_) | Self::NobodyWrites => None,
            Self::Directory => Some("name a file in it; a schedule can `include` many files"),
            Self::TooLarge => Some("split it, and put the parts together with `include`"),
            Self::NotText { .. } => Some("save the file as UTF-8"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(bytes: &[u8]) -> Result<Source, ReadError> {
        Source::from_bytes(Path::new("x.toml"), "/".into(), bytes.to_vec())
    }

    #[test]
    fn a_byte_order_mark_is_no_text_and_positions_count_characters() {
        let source = source("\u{feff}a\r\ngrüße x".as_bytes()).expect("it is text");
        assert_eq!(source.text, "a\r\ngrüße x");
        let x = source.text.find('x').expect("it is there");
        assert_eq!(source.position(x), Position { line: 2, column: 7 });
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        // The end, where something is missing.
        assert_eq!(source.position(source.text.len()), Position { line: 2, column: 8 });
    }

    #[test]
    fn what_is_no_text_is_told_with_its_line() {
        match source(b"a = 1\nb = \"\xff\"\n") {
            Err(ReadError::NotText { line }) => assert_eq!(line, 2),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_no_file_ends_in_an_error_and_not_in_waiting() {
        let place = tempfile::tempdir().expect("a place");
        let fifo = place.path().join("fifo");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, mode).expect("a pipe");
        let read = |path: &Path| Source::read(path, place.path()).map(|source| source.text);
        assert!(matches!(read(&fifo), Err(ReadError::NobodyWrites)));
        assert!(matches!(read(place.path()), Err(ReadError::Directory)));
        assert!(matches!(read(Path::new("nothing")), Err(ReadError::Io(_))));
        assert!(matches!(read(Path::new("/dev/zero")), Err(ReadError::TooLarge)));
        assert!(matches!(read(Path::new("/dev/null")), Ok(text) if text.is_empty()));
    }

    #[test]
    fn a_pipe_is_read_to_its_end() {
        let place = tempfile::tempdir().expect("a place");
        let fifo = place.path().join("fifo");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, mode).expect("a pipe");
        // Open for both, so that the reader never finds it without a writer.
        let mut writer = File::options().read(true).write(true).open(&fifo).expect("it opens");
        let reader = std::thread::spawn({
            let fifo = fifo.clone();
            move || Source::read(&fifo, Path::new("/")).map(|source| source.text)
        });
        io::Write::write_all(&mut writer, b"timezone = 'UTC'").expect("it takes a line");
        // All is written; the reader drains the pipe and then sees its end.
        while rustix::io::ioctl_fionread(&writer).expect("it tells") > 0 {
            std::thread::yield_now();
        }
        drop(writer);
        assert_eq!(reader.join().expect("no panic").expect("it is text"), "timezone = 'UTC'");
    }
}
