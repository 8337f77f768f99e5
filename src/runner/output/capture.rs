//! A file that holds what a run has written: its head and its tail, if it is much.
//!
//! The file is the child's own: it writes into it directly. taskd punches out its middle, which
//! frees the blocks and leaves all offsets as they are; what is gone is a hole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FallocateFlags, FlockOperation, OFlags, SeekFrom};
use rustix::io::Errno;

use crate::event::RunId;

/// Holes begin and end at blocks of so many bytes.
const BLOCK: u64 = 4096;

/// A file for the output of one attempt.
#[derive(Debug)]
pub(super) struct Created {
    /// What the child gets.
    pub childs: File,
    /// What taskd keeps: the same file, opened by itself.
    pub own: File,
}

/// Opens the file at `path` for a child to write into, and for taskd to read, in a directory that only
/// taskd enters.
pub(super) fn create(path: &Path) -> io::Result<Created> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let mut options = OpenOptions::new();
    options.read(true).append(true).mode(0o600).custom_flags(flags);
    let open = || options.clone().create(true).open(path);
    let childs = match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Somebody has tidied up.
            let directory = path.parent().unwrap_or(Path::new("/"));
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
            open()?
        }
        opened => opened?,
    };
    // The lock goes when the last of those closes the file who have it from here. Without locks nobody
    // can tell whether any is left.
    let _ = rustix::fs::flock(&childs, FlockOperation::NonBlockingLockShared);
    Ok(Created { childs, own: options.open(path)? })
}

/// Whether any process still has the file that was opened for a child, of which `own` is what taskd
/// keeps.
pub(super) fn is_held(own: &File) -> bool {
    match rustix::fs::flock(own, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {
            // For the next attempt. That cannot fail.
            let _ = rustix::fs::flock(own, FlockOperation::Unlock);
            false
        }
        Err(error) => error == Errno::WOULDBLOCK,
    }
}

/// Whether holes can be punched into the files of `directory`, and found again.
pub(super) fn takes_holes(directory: &Path) -> bool {
    let path = directory.join(".holes");
    // What an earlier life has left, or a link to elsewhere.
    let _ = fs::remove_file(&path);
    let try_it = || -> io::Result<bool> {
        let mut file =
            File::options().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        let block = usize::try_from(BLOCK).map_err(io::Error::other)?;
        file.write_all(&vec![b'.'; 4 * block])?;
        let mut bound = Bound::new(2 * BLOCK);
        bound.apply(&file, 4 * BLOCK, true)?;
        Ok(hole(&file, 4 * BLOCK)?.is_some())
    };
    let takes = try_it().unwrap_or(false);
    // It may never have come into being.
    let _ = fs::remove_file(&path);
    takes
}

/// Keeps a file within its bound.
#[derive(Debug)]
pub(super) struct Bound {
    /// So much of its head is kept, and as much of its tail.
    half: u64,
    /// Up to here it is punched out.
    punched: u64,
}

impl Bound {
    pub(super) fn new(most: u64) -> Self {
        Self { half: (most / 2).next_multiple_of(BLOCK), punched: 0 }
    }

    /// Punches out the middle of `file`, which is `length` long, once it is worth it, or `at_once`.
    pub(super) fn apply(&mut self, file: &File, length: u64, at_once: bool) -> io::Result<()> {
        if length < self.punched {
            // The child has cut it off: nothing of it is punched out.
            self.punched = 0;
        }
        let from = self.half;
        let to = length.saturating_sub(self.half) / BLOCK * BLOCK;
        let worth = if at_once { BLOCK } else { (self.half / 4).max(16 * BLOCK) };
        if to < from + BLOCK || to < self.punched.max(from) + worth.min(to - from) {
            return Ok(());
        }
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        rustix::fs::fallocate(file, flags, from, to - from)?;
        self.punched = to;
        Ok(())
    }

    /// Up to where what lies behind the head is gone.
    pub(super) fn gone_until(&self) -> u64 {
        self.punched
    }

    /// Where the part begins that may be gone.
    pub(super) fn head(&self) -> u64 {
        self.half
    }
}

/// The hole in `file`, which is `length` long: where it begins and ends.
fn hole(file: &File, length: u64) -> io::Result<Option<(u64, u64)>> {
    let start = match rustix::fs::seek(file, SeekFrom::Hole(0)) {
        Ok(start) => start,
        // A file system that knows no holes, or an empty file.
        Err(Errno::INVAL | Errno::NXIO) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if start >= length {
        return Ok(None);
    }
    let end = match rustix::fs::seek(file, SeekFrom::Data(start)) {
        Ok(end) => end,
        Err(Errno::NXIO) => length,
        Err(error) => return Err(error.into()),
    };
    Ok(Some((start, end)))
}

/// What a run has written, from its head on: where something is gone, a line says how much. At the
/// end there may be more later, if the run goes on.
#[derive(Debug)]
pub struct Captured {
    file: File,
    /// Where the next byte is read.
    at: u64,
    /// What is told before that.
    note: Vec<u8>,
}

impl Captured {
    /// Opens the file of `run` in the directory of captured output.
    ///
    /// # Errors
    ///
    /// Returns the error of opening it.
    pub fn of(directory: &Path, run: &RunId) -> io::Result<Self> {
        Self::open(&directory.join(run.to_string()))
    }

    /// Opens the file at `path`.
    ///
    /// # Errors
    ///
    /// Returns the error of opening it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        Ok(Self { file, at: 0, note: Vec::new() })
    }

    /// Whether any process still has the file that was opened for the child.
    pub(super) fn is_held(&self) -> bool {
        is_held(&self.file)
    }
}

impl Read for Captured {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.metadata()?.len();
        let hole = hole(&self.file, length)?;
        if self.note.is_empty()
            && let Some((start, end)) = hole
            && (start..end).contains(&self.at)
        {
            self.note = format!("\n{}\n", gone(end - self.at)).into_bytes();
            self.at = end;
        }
        if !self.note.is_empty() {
            let count = self.note.as_slice().read(buffer)?;
            self.note.drain(..count);
            return Ok(count);
        }
        // Not over the edge of the hole.
        let end = hole.map_or(length, |(start, _)| if self.at < start { start } else { length });
        let most = usize::try_from(end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = most.min(buffer.len());
        let count = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// The line that stands where so many bytes are gone.
pub(super) fn gone(bytes: u64) -> String {
    format!("[taskd: {bytes} bytes are gone here]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(path: &Path) -> Vec<u8> {
        let mut out = Vec::new();
        Captured::open(path).and_then(|mut all| all.read_to_end(&mut out)).expect("it is readable");
        out
    }

    #[test]
    fn a_file_keeps_its_head_and_its_tail() {
        let place = tempfile::tempdir().expect("a place");
        assert!(takes_holes(place.path()), "the file system of temporary files takes holes");
        let path = place.path().join("task/run");
        let mut file = create(&path).expect("it can be made").childs;
        let mut bound = Bound::new(4 * BLOCK);
        let mut length = 0;
        // Every byte value, and more than fits: 100 blocks.
        let block: Vec<u8> = (0..4096_u32).map(|n| u8::try_from(n % 251).expect("small")).collect();
        for _ in 0..100 {
            file.write_all(&block).expect("there is room");
            length += BLOCK;
            bound.apply(&file, length, false).expect("it can be punched");
        }
        bound.apply(&file, length, true).expect("it can be punched");
        let whole = block.repeat(100);
        let (head, tail) = (&whole[..8192], &whole[whole.len() - 8192..]);
        let gone = gone(96 * BLOCK);
        let expected = [head, b"\n", gone.as_bytes(), b"\n", tail].concat();
        assert_eq!(copied(&path), expected);
        let blocks = std::os::unix::fs::MetadataExt::blocks(&file.metadata().expect("it is there"));
        assert!(blocks * 512 <= 5 * BLOCK, "{blocks} blocks of 512");
    }

    #[test]
    fn a_file_is_held_as_long_as_anybody_has_it_from_the_child() {
        let place = tempfile::tempdir().expect("a place");
        let Created { childs, own } = create(&place.path().join("a/b")).expect("it can be made");
        assert!(is_held(&own));
        let inherited = childs.try_clone().expect("there is room for one more");
        drop(childs);
        assert!(is_held(&own));
        drop(inherited);
        assert!(!is_held(&own));
    }

    #[test]
    fn a_small_file_is_kept_whole() {
        let place = tempfile::tempdir().expect("a place");
        let path = place.path().join("run");
        let mut file = create(&path).expect("it can be made").childs;
        assert_eq!(copied(&path), b"");
        file.write_all(b"\0\xff\n").expect("there is room");
        Bound::new(1024).apply(&file, 3, true).expect("there is nothing to do");
        assert_eq!(copied(&path), b"\0\xff\n");
    }
}
