//! The file: how it is opened, and the steps from each format to the next.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use rustix::fs::OFlags;

use super::retain;

/// The format of this version: as many steps lead to it.
const FORMAT: i64 = 1;

/// So long somebody else may hold the file: a person with `sqlite3`, a backup.
const PATIENCE: Duration = Duration::from_secs(5);

/// Files up to this size are checked as they are opened, which takes some milliseconds.
const CHECKED: u64 = 16 << 20;

/// Each leads from one format to the next.
const STEPS: [&str; 1] = ["
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
    CREATE TABLE definitions (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
    CREATE TABLE tasks (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        definition INTEGER,
        trigger_identity INTEGER,
        enabled INTEGER,
        mark INTEGER NOT NULL,
        last_arisen INTEGER,
        last_success INTEGER,
        end_success INTEGER,
        end_failure INTEGER,
        end_stopped INTEGER,
        last_after INTEGER
    );
    CREATE TABLE pauses (
        task INTEGER PRIMARY KEY,
        since INTEGER NOT NULL,
        until INTEGER,
        moves INTEGER NOT NULL,
        reason TEXT
    );
    CREATE TABLE waiting (
        task INTEGER NOT NULL,
        due INTEGER NOT NULL,
        trigger INTEGER NOT NULL,
        cause TEXT,
        given TEXT,
        until INTEGER,
        catch_up INTEGER NOT NULL,
        PRIMARY KEY (task, due)
    ) WITHOUT ROWID;
    CREATE TABLE runs (
        task INTEGER NOT NULL,
        due INTEGER NOT NULL,
        trigger INTEGER NOT NULL,
        cause TEXT,
        given TEXT,
        catch_up INTEGER NOT NULL,
        started INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        attempt_started INTEGER NOT NULL,
        took INTEGER NOT NULL,
        next INTEGER,
        last TEXT,
        PRIMARY KEY (task, due)
    ) WITHOUT ROWID;
    CREATE TABLE events (
        number INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        task INTEGER,
        due INTEGER,
        more TEXT
    );
    CREATE INDEX events_about_no_firing ON events (at) WHERE due IS NULL;
    CREATE INDEX events_by_firing ON events (task, due) WHERE due IS NOT NULL;
    CREATE TABLE firings (
        task INTEGER NOT NULL,
        due INTEGER NOT NULL,
        trigger INTEGER NOT NULL,
        verdict INTEGER NOT NULL,
        definition INTEGER,
        started INTEGER,
        finished INTEGER,
        outcome INTEGER,
        detail TEXT,
        exit_code INTEGER,
        signal INTEGER,
        attempts INTEGER NOT NULL DEFAULT 0,
        cpu_user INTEGER,
        cpu_system INTEGER,
        peak_memory INTEGER,
        PRIMARY KEY (task, due)
    ) WITHOUT ROWID;
    CREATE INDEX firings_by_due ON firings (due);
    CREATE INDEX firings_that_failed ON firings (due) WHERE outcome NOT IN (0, 3);
    CREATE TABLE spans (
        task INTEGER NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        passed INTEGER NOT NULL,
        counted INTEGER NOT NULL,
        more INTEGER NOT NULL,
        definition INTEGER,
        PRIMARY KEY (task, first)
    ) WITHOUT ROWID;
    CREATE INDEX spans_by_last ON spans (last);
"];

/// Opens the database at `path` for its only writer, and brings it to this format. One that cannot be
/// read is moved aside, whose new place is told.
pub(super) fn open(path: &Path) -> Result<(Connection, Option<PathBuf>), StoreError> {
    match try_open(path) {
        Err(StoreError::Unreadable(..)) if path.exists() => {
            let (connection, aside) = begin_anew(path)?;
            Ok((connection, Some(aside)))
        }
        opened => Ok((opened?, None)),
    }
}

/// Moves the database at `path`, which is found to be damaged by `error`, aside and begins another.
pub(super) fn replace(
    path: &Path,
    error: &rusqlite::Error,
) -> Result<(Connection, PathBuf), StoreError> {
    match StoreError::of(path, error) {
        StoreError::Unreadable(..) => begin_anew(path),
        other => Err(other),
    }
}

fn begin_anew(path: &Path) -> Result<(Connection, PathBuf), StoreError> {
    let aside = move_aside(path);
    let aside = aside.map_err(|error| StoreError::Other(path.into(), error.to_string()))?;
    Ok((try_open(path)?, aside))
}

fn try_open(path: &Path) -> Result<Connection, StoreError> {
    let failed = |error: rusqlite::Error| StoreError::of(path, &error);
    make(path).map_err(|error| StoreError::Other(path.into(), error.to_string()))?;
    let mut connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    // A file that is none is noticed by the first look into it.
    let format: i64 =
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    if format > FORMAT {
        return Err(StoreError::Newer { path: path.into(), format });
    }
    // All of a large file is read only by and by.
    if fs::metadata(path).is_ok_and(|file| file.len() <= CHECKED) {
        let sound: String =
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
        if sound != "ok" {
            return Err(StoreError::Unreadable(path.into(), sound));
        }
    }
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(failed)?;
    if mode != "wal" {
        tracing::warn!(mode, "the file system takes no write-ahead log");
    }
    for (step, number) in STEPS.iter().zip(1_i64..).skip(usize::try_from(format).unwrap_or(0)) {
        let change = connection.transaction().map_err(failed)?;
        change.execute_batch(step).map_err(failed)?;
        change.pragma_update(None, "user_version", number).map_err(failed)?;
        change.commit().map_err(failed)?;
    }
    connection.set_prepared_statement_cache_capacity(64);
    retain::remove_definitions(&connection).map_err(failed)?;
    Ok(connection)
}

/// Makes the file, unless it is there, for its owner alone; SQLite makes those beside it alike.
fn make(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true).mode(0o600);
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(path)?;
    Ok(())
}

/// Opens the database at `path` to be asked, beside its writer or without one.
pub(super) fn open_to_ask(path: &Path) -> Result<Connection, StoreError> {
    let failed = |error: rusqlite::Error| StoreError::of(path, &error);
    let (connection, format) = match connect_to_ask(path, false) {
        Err(error) if is_read_only(&error) && !has_log(path) => connect_to_ask(path, true),
        connected => connected,
    }
    .map_err(failed)?;
    if format > FORMAT {
        return Err(StoreError::Newer { path: path.into(), format });
    }
    if format < FORMAT {
        let why = format!("it has format {format}, and no daemon has brought it to {FORMAT}");
        return Err(StoreError::Other(path.into(), why));
    }
    connection.pragma_update(None, "query_only", true).map_err(failed)?;
    Ok(connection)
}

/// Connects to the database at `path`, which nobody changes if it `is_still`, and reads its format.
fn connect_to_ask(path: &Path, is_still: bool) -> rusqlite::Result<(Connection, i64)> {
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = if is_still {
        let path = path.as_os_str().as_encoded_bytes();
        let path: String = path.iter().map(|byte| format!("%{byte:02x}")).collect();
        let flags = flags | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        Connection::open_with_flags(format!("file:{path}?immutable=1"), flags)?
    } else {
        // Who only reads writes, too: into the log's index beside it.
        Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE)?
    };
    connection.busy_timeout(PATIENCE)?;
    let format = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok((connection, format))
}

/// Whether it failed because nothing can be written where the database lies.
fn is_read_only(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen))
}

/// Whether a part of the database lies in its log.
fn has_log(path: &Path) -> bool {
    fs::metadata(with_end(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(end);
    PathBuf::from(name)
}

/// Moves the database at `path` and what belongs to it to a name that is free, in the same directory.
fn move_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = (1..).map(|number| with_end(path, &format!(".unreadable-{number}")));
    let mut aside = aside.filter(|aside| !aside.exists());
    let aside = aside.next().ok_or_else(|| io::Error::other("no name is free"))?;
    fs::rename(path, &aside)?;
    for end in ["-wal", "-shm"] {
        // There may be none.
        let _ = fs::rename(with_end(path, end), with_end(&aside, end));
    }
    Ok(aside)
}

/// Why a database cannot be used.
#[derive(Debug)]
pub enum StoreError {
    /// It is of a newer version of taskd.
    Newer {
        /// Where it is.
        path: PathBuf,
        /// Its format.
        format: i64,
    },
    /// It is no database, or damaged, and how.
    Unreadable(PathBuf, String),
    /// Anything else: no rights, no room.
    Other(PathBuf, String),
}

impl StoreError {
    fn of(path: &Path, error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Unreadable(path.into(), error.to_string())
            }
            _ => Self::Other(path.into(), error.to_string()),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer { path, format } => write!(
                f,
                "the database `{}` has format {format}, and this version of taskd knows up to {FORMAT}",
                path.display()
            ),
            Self::Unreadable(path, why) => {
                write!(f, "the database `{}` cannot be read: {why}", path.display())
            }
            Self::Other(path, why) => {
                write!(f, "the database `{}` cannot be used: {why}", path.display())
            }
        }
    }
}

impl std::error::Error for StoreError {}
