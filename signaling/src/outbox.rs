//! The bounded queue from a room to one client's socket.
//!
//! When it is full the client reads too slowly: the queue is cut and the socket closed, so that no
//! memory grows and nobody else waits. The participant stays, and the client may resume.

use std::sync::Arc;

use livekit_protocol::SignalResponse;
use livekit_protocol::signal_response::Message;
use prost::Message as _;
use prost::bytes::Bytes;
use tokio::sync::{Notify, mpsc};

use crate::ids::ConnectionKey;
use crate::metrics::Metrics;

/// The room's end. Dropping it closes the socket after what is queued has been written.
#[derive(Debug)]
pub(crate) struct Outbox {
    key: ConnectionKey,
    queue: mpsc::Sender<Bytes>,
    overflow: Arc<Notify>,
    metrics: Arc<Metrics>,
}

/// The socket's end.
#[derive(Debug)]
pub(crate) struct OutboxReader {
    /// Encoded messages, in order.
    pub(crate) queue: mpsc::Receiver<Bytes>,
    /// Tells that a message did not fit.
    pub(crate) overflow: Arc<Notify>,
}

/// Creates a queue of at most `messages_max` messages for the socket `key`.
pub(crate) fn outbox(
    key: ConnectionKey,
    messages_max: usize,
    metrics: Arc<Metrics>,
) -> (Outbox, OutboxReader) {
    let (sender, receiver) = mpsc::channel(messages_max.max(1));
    let overflow = Arc::new(Notify::new());
    let reader = OutboxReader {
        queue: receiver,
        overflow: Arc::clone(&overflow),
    };
    let outbox = Outbox {
        key,
        queue: sender,
        overflow,
        metrics,
    };
    (outbox, reader)
}

impl Outbox {
    /// Tells which socket this is.
    pub(crate) fn key(&self) -> ConnectionKey {
        self.key
    }

    /// Queues an encoded message.
    pub(crate) fn send(&self, message: Bytes) {
        match self.queue.try_send(message) {
            Ok(()) => self.metrics.responses.inc(),
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.metrics.refuse("slow-reader");
                self.overflow.notify_one();
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {}
        }
    }
}

/// Encodes a message for any number of clients.
pub(crate) fn encode(message: Message) -> Bytes {
    let response = SignalResponse {
        message: Some(message),
    };
    response.encode_to_vec().into()
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;

    use super::*;

    #[tokio::test]
    async fn a_reader_that_never_reads_is_reported_and_loses_only_its_own() {
        let metrics = Arc::new(Metrics::new(&Registry::new()).unwrap());
        let (outbox, mut reader) = outbox(ConnectionKey(1), 2, Arc::clone(&metrics));

        for _ in 0..3 {
            outbox.send(encode(Message::Pong(1)));
        }

        reader.overflow.notified().await;
        assert_eq!(metrics.refused.with_label_values(&["slow-reader"]).get(), 1);
        assert!(reader.queue.recv().await.is_some());
    }

    #[tokio::test]
    async fn what_is_queued_is_read_before_the_end() {
        let metrics = Arc::new(Metrics::new(&Registry::new()).unwrap());
        let (outbox, mut reader) = outbox(ConnectionKey(1), 8, metrics);
        outbox.send(encode(Message::Pong(1)));
        drop(outbox);

        assert!(reader.queue.recv().await.is_some());
        assert!(reader.queue.recv().await.is_none());
    }
}
