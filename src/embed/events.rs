//! What happens, as a stream.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::engine::Numbered;
use crate::event::Event;
use crate::task::BoxFuture;

/// What happens in a scheduler, until that has ended: a `Stream`, or one after the other by
/// [`Events::next`]. Who is more than a thousand events behind misses some.
pub struct Events(BoxFuture<'static, (Option<Arc<Event>>, Receiver<Numbered>)>);

impl Events {
    pub(super) fn of(receiver: Receiver<Numbered>) -> Self {
        Self(Box::pin(next(receiver)))
    }

    /// The next event; `None` when there are no more.
    pub async fn next(&mut self) -> Option<Arc<Event>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

async fn next(mut receiver: Receiver<Numbered>) -> (Option<Arc<Event>>, Receiver<Numbered>) {
    loop {
        match receiver.recv().await {
            Ok(Numbered { event, .. }) => return (Some(event), receiver),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return (None, receiver),
        }
    }
}

impl Stream for Events {
    type Item = Arc<Event>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Arc<Event>>> {
        match self.0.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready((event, receiver)) => {
                // A receiver whose sender has gone tells so each time.
                self.0 = Box::pin(next(receiver));
                Poll::Ready(event)
            }
        }
    }
}
