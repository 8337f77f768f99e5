//! Where a daemon answers, and where a client looks for one.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use super::args::Global;
use super::exit::{Exit, Failure};
use super::locate::Located;
use super::state;
use crate::control::{Server, SocketError};
use crate::store;

/// Where sockets of daemons of root lie.
const SYSTEM: &str = "/run/taskd";

/// Binds the socket of a daemon for `file`, whose `[daemon]` says `named` and whose state is in
/// `state`.
///
/// # Errors
///
/// Ends with 75 if it was named and cannot be bound.
pub fn bind(
    global: &Global,
    file: &Located,
    named: Option<&Path>,
    state: Option<&Path>,
) -> Result<Option<Server>, Failure> {
    if let Some(listener) = handed_over() {
        let server = Server::taken_over(listener).map_err(|error| {
            let message = format!("the socket that was handed over cannot be used: {error}");
            Failure::new(Exit::Busy, message).help("it wants `ListenStream=` with a path")
        })?;
        return Ok(Some(server));
    }
    let (path, named) = match (global.socket.as_deref().or(named), default(file, state)) {
        (Some(path), _) => (path.to_path_buf(), true),
        (None, Some(path)) => (path, false),
        (None, None) => {
            tracing::warn!(
                "there is no place for a socket, so nobody can ask this daemon anything"
            );
            return Ok(None);
        }
    };
    // The kernel takes a path of its own, wherever it starts.
    let path = std::path::absolute(&path).unwrap_or(path);
    match Server::bind(&path) {
        Ok(server) => Ok(Some(server)),
        Err(error) if !named => {
            tracing::warn!(%error, "nobody can ask this daemon anything");
            Ok(None)
        }
        Err(error @ SocketError::Busy(_)) => Err(Failure::new(Exit::Busy, error)
            .help("end that one first, or name another socket with `--socket`")),
        Err(error @ SocketError::Unusable { .. }) => Err(Failure::new(Exit::Busy, error)
            .help("name a socket in a directory that you may write with `--socket`")),
    }
}

/// The socket that the service manager has bound for this daemon, by `LISTEN_FDS`.
fn handed_over() -> Option<UnixListener> {
    listenfd::ListenFd::from_env().take_unix_listener(0).ok().flatten()
}

/// Where a daemon for `file` answers, or would, whose `[daemon]` says `named` and whose state is in
/// `state`.
pub fn expected(
    global: &Global,
    file: &Located,
    named: Option<&Path>,
    state: Option<&Path>,
) -> Option<PathBuf> {
    let named = global.socket.as_deref().or(named).map(Into::into);
    named.or_else(|| state.and_then(store::socket_of)).or_else(|| default(file, state))
}

/// Where a daemon for `file` answers if nobody says otherwise.
fn default(file: &Located, state: Option<&Path>) -> Option<PathBuf> {
    if let Some(directory) = variable("RUNTIME_DIRECTORY") {
        return Some(directory.join("taskd.sock"));
    }
    let name = format!("{}.sock", state::name(file));
    if rustix::process::geteuid().is_root() {
        return Some(Path::new(SYSTEM).join(name));
    }
    match variable("XDG_RUNTIME_DIR") {
        Some(directory) => Some(directory.join("taskd").join(name)),
        None => Some(state?.join(name)),
    }
}

/// A directory that a variable names. systemd may name several; the first is ours.
fn variable(name: &str) -> Option<PathBuf> {
    let value = std::env::var(name).ok()?;
    let first = Path::new(value.split(':').next()?);
    first.is_absolute().then(|| first.into())
}

/// Where a client looks for the daemon of `file`, whose `[daemon]` says `socket` and `state`.
pub fn candidates(
    global: &Global,
    file: &Located,
    socket: Option<&Path>,
    state: Option<&Path>,
) -> Vec<PathBuf> {
    if let Some(path) = &global.socket {
        return vec![path.clone()];
    }
    let name = format!("{}.sock", state::name(file));
    let directory = state::directory(global, file, state);
    let mut places: Vec<PathBuf> = socket.into_iter().map(Into::into).collect();
    places.extend(directory.as_deref().and_then(store::socket_of));
    places.extend(variable("RUNTIME_DIRECTORY").map(|directory| directory.join("taskd.sock")));
    places.extend(variable("XDG_RUNTIME_DIR").map(|directory| directory.join("taskd").join(&name)));
    places.push(Path::new(SYSTEM).join(&name));
    places.extend(directory.map(|directory| directory.join(&name)));
    let mut seen = std::collections::HashSet::new();
    places.retain(|place| seen.insert(place.clone()));
    places
}
