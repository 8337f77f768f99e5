//! The other end of the socket; where no daemon answers, its record may.

use std::io;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::service::Service;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use tokio::net::UnixStream;

use super::protocol::{self, Source};

/// So long a daemon may take to begin its answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whom one may ask.
pub struct Client(Kind);

enum Kind {
    /// A daemon, by a connection.
    Daemon(http1::SendRequest<Full<Bytes>>),
    /// This process itself, as a daemon would answer.
    Own(TowerToHyperService<Router>),
}

/// What is answered.
#[derive(Debug)]
pub struct Answer {
    /// How the request went.
    pub status: StatusCode,
    body: Body,
}

impl Client {
    /// Connects to the daemon at the socket `path`.
    ///
    /// # Errors
    ///
    /// Returns the error of connecting: not found or refused where there is no daemon, permission
    /// denied where it is another user's.
    pub async fn connect(path: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(path).await?;
        let (requests, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // It ends with the daemon, or with the last answer.
        tokio::spawn(async {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the daemon left in the middle");
            }
        });
        Ok(Self(Kind::Daemon(requests)))
    }

    /// Answers from `source` without any daemon, as one would.
    #[must_use]
    pub fn without_daemon(source: Source) -> Self {
        Self(Kind::Own(TowerToHyperService::new(protocol::router(source))))
    }

    /// Asks for what is at `path`.
    ///
    /// # Errors
    ///
    /// Returns an error if the daemon leaves in the middle.
    pub async fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.request(Method::GET, path, None).await
    }

    /// Has done what is at `path`, as `body` says.
    ///
    /// # Errors
    ///
    /// Returns an error if the daemon leaves in the middle.
    pub async fn post(&mut self, path: &str, body: Option<&Value>) -> io::Result<Answer> {
        self.request(Method::POST, path, body).await
    }

    async fn request(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> io::Result<Answer> {
        let body = body.map(ToString::to_string).unwrap_or_default();
        let request = Request::builder().method(method).uri(path).header(header::HOST, "taskd");
        let request = request.body(Full::from(body)).map_err(io::Error::other)?;
        let response = match &mut self.0 {
            Kind::Daemon(requests) => {
                let response = tokio::time::timeout(PATIENCE, requests.send_request(request)).await;
                let response = response.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
                let response = response.map_err(io::Error::other)?;
                response.map(Body::new)
            }
            Kind::Own(router) => router.call(request).await.map_err(io::Error::other)?,
        };
        let (parts, body) = response.into_parts();
        Ok(Answer { status: parts.status, body })
    }
}

impl Answer {
    /// All of it, as JSON.
    ///
    /// # Errors
    ///
    /// Returns an error if the daemon leaves in the middle, or answers something else.
    pub async fn json(self) -> io::Result<Value> {
        let body = self.body.collect().await.map_err(io::Error::other)?.to_bytes();
        Ok(serde_json::from_slice(&body)?)
    }

    /// The next piece of it; `None` at its end.
    ///
    /// # Errors
    ///
    /// Returns an error if the daemon leaves in the middle.
    pub async fn piece(&mut self) -> io::Result<Option<Bytes>> {
        while let Some(frame) = self.body.frame().await {
            if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}
