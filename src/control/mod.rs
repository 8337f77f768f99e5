//! Talking to a daemon: HTTP and JSON on a Unix socket.
//!
//! What is asked and answered (`protocol`) knows no transport; the socket with its permissions is
//! the server's (`server`, `connections`), and the other end the client's (`client`). No request ever holds up the
//! engine: it is asked for a moment, or not at all.

mod client;
mod connections;
mod protocol;
mod server;

pub use client::{Answer, Client};
pub use protocol::{ApiError, Captures, MOST_STREAMS, Reload, Source};
pub use server::{Server, SocketError};
