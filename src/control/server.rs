//! The socket: who may speak to the daemon, and how many at once.

use std::convert::Infallible;
use std::fmt;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener as Listener, UnixStream as Stream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http_body_util::BodyExt;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::connections::{Connections, Turn};
use super::protocol::{self, Source};

/// So many may speak at once.
const MOST_CONNECTIONS: usize = 128;

/// So long a request may take to come, in seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// A socket that is bound, as long as this lives.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
    /// Whether it goes with this.
    is_own: bool,
}

impl Server {
    /// Binds the socket at `path`, for this user alone; one that nobody answers at is replaced. Must
    /// be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// Returns [`SocketError`] if another daemon answers there, or if it cannot be bound.
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        let unusable = |error: io::Error| SocketError::Unusable { path: path.into(), error };
        let directory = path.parent().unwrap_or(Path::new("/"));
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(unusable)?;
        if Stream::connect(path).is_ok() {
            return Err(SocketError::Busy(path.into()));
        }
        if path.symlink_metadata().is_ok_and(|there| !is_socket(&there)) {
            let error = io::Error::other("something that is no socket is there");
            return Err(unusable(error));
        }
        // Bound aside, in a directory that nobody else enters, and moved when its mode is right: at
        // no time may others connect.
        let aside = tempfile::Builder::new().prefix(".taskd-").tempdir_in(directory);
        let aside = aside.map_err(unusable)?;
        let bound = bind_aside(&aside.path().join("s"), path);
        Ok(Self { listener: bound.map_err(unusable)?, path: path.into(), is_own: true })
    }

    /// Takes over a socket that somebody else has bound, sees to, and keeps. Must be called within a
    /// tokio runtime.
    ///
    /// # Errors
    ///
    /// Returns the error of listening at it.
    pub fn taken_over(listener: Listener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let path = address.as_pathname().unwrap_or(Path::new("")).to_path_buf();
        listener.set_nonblocking(true)?;
        Ok(Self { listener: UnixListener::from_std(listener)?, path, is_own: false })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Answers whoever may ask, for ever. Dropping the future removes the socket.
    pub async fn serve(self, source: Source) {
        let router = protocol::router(source);
        let connections = Connections::new(MOST_CONNECTIONS);
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) if may_speak(&stream) => {
                    let place = connections.place().await;
                    let (told, own) = oneshot::channel();
                    let answer = answer(stream, router.clone(), connections.clone(), own);
                    let task = tokio::spawn(async move {
                        answer.await;
                        drop(place);
                    });
                    // In its line before the next one comes. It may have ended.
                    let own = task.abort_handle();
                    let _ = told.send((own.clone(), connections.wait(own)));
                }
                Ok(_) => tracing::warn!("another user was refused at the socket"),
                Err(error) => {
                    tracing::warn!(%error, "the socket takes nobody for now");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.is_own {
            // Whoever removed it before has done what is wanted.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn is_socket(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_socket(&metadata.file_type())
}

fn bind_aside(aside: &Path, path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(aside)?;
    fs::set_permissions(aside, Permissions::from_mode(0o600))?;
    fs::rename(aside, path)?;
    Ok(listener)
}

/// Root may, and the daemon's own user.
fn may_speak(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| [0, own].contains(&peer.uid()))
}

/// Answers requests until the other side leaves, or has to make room.
async fn answer(
    stream: UnixStream,
    router: Router,
    connections: Arc<Connections>,
    own: oneshot::Receiver<(AbortHandle, Turn)>,
) {
    let Ok((own, turn)) = own.await else { return };
    let turn = Arc::new(Mutex::new(Some(turn)));
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        let (answer, turn) = (router.call(request), turn.clone());
        let (connections, own) = (connections.clone(), own.clone());
        // Its request has come: nobody closes it before the whole answer is gone.
        drop(turn.lock().unwrap_or_else(PoisonError::into_inner).take());
        let again = OnDrop(Some(move || {
            let next = connections.wait(own);
            *turn.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
        }));
        async move {
            Ok::<_, Infallible>(answer.await?.map(|body| {
                Body::new(body.map_frame(move |frame| {
                    let _until_then = &again;
                    frame
                }))
            }))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a client left in the middle");
    }
}

/// Does something when it is dropped.
struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(act) = self.0.take() {
            act();
        }
    }
}

/// Why there is no socket.
#[derive(Debug)]
pub enum SocketError {
    /// Another daemon answers there.
    Busy(PathBuf),
    /// It cannot be bound.
    Unusable {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(path) => {
                write!(f, "another daemon answers at the socket `{}`", path.display())
            }
            Self::Unusable { path, error } => {
                write!(f, "the socket `{}` cannot be bound: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for SocketError {}
