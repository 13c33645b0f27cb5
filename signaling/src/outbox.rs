//! The bounded queue from a room to one client's socket.
//!
//! When it is full the client reads too slowly: the queue is cut and the socket closed, so that no
//! memory grows and nobody else waits. The participant stays, and the client may resume.
//!
//! Invariant: no message is taken while as many messages or bytes wait as may.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use livekit_protocol::SignalResponse;
use livekit_protocol::signal_response::Message;
use prost::Message as _;
use prost::bytes::Bytes;
use service::config::LimitConfig;
use tokio::sync::{Notify, mpsc};

use crate::ids::ConnectionKey;
use crate::metrics::Metrics;

/// How much may wait in one queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutboxSize {
    /// Messages; at least one.
    pub(crate) messages_max: usize,
    /// Bytes from which on none is taken, so that one message may be longer; at least one.
    pub(crate) bytes_max: usize,
}

impl OutboxSize {
    /// Takes the sizes that are configured.
    pub(crate) fn of(limit: &LimitConfig) -> Self {
        Self {
            messages_max: limit.signal_queue_messages_max.max(1),
            bytes_max: limit.signal_queue_bytes_max.max(1),
        }
    }
}

/// The room's end. Dropping it closes the socket after what is queued has been written.
#[derive(Debug)]
pub(crate) struct Outbox {
    key: ConnectionKey,
    queue: mpsc::Sender<Bytes>,
    bytes_max: usize,
    bytes: Arc<AtomicUsize>,
    overflow: Arc<Notify>,
    metrics: Arc<Metrics>,
}

/// The socket's end.
#[derive(Debug)]
pub(crate) struct OutboxReader {
    queue: mpsc::Receiver<Bytes>,
    /// Of all messages in the queue.
    bytes: Arc<AtomicUsize>,
    /// Tells that a message did not fit.
    pub(crate) overflow: Arc<Notify>,
}

/// Creates a queue for the socket `key`.
pub(crate) fn outbox(
    key: ConnectionKey,
    size: OutboxSize,
    metrics: Arc<Metrics>,
) -> (Outbox, OutboxReader) {
    let (sender, receiver) = mpsc::channel(size.messages_max);
    let bytes = Arc::new(AtomicUsize::new(0));
    let overflow = Arc::new(Notify::new());
    let reader = OutboxReader {
        queue: receiver,
        bytes: Arc::clone(&bytes),
        overflow: Arc::clone(&overflow),
    };
    let outbox = Outbox {
        key,
        queue: sender,
        bytes_max: size.bytes_max,
        bytes,
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
        if self.bytes.load(Ordering::Relaxed) >= self.bytes_max {
            self.overflow();
            return;
        }
        let bytes = message.len();
        // Counted first, or the reader might take it away before it is there.
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        match self.queue.try_send(message) {
            Ok(()) => self.metrics.responses.inc(),
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.bytes.fetch_sub(bytes, Ordering::Relaxed);
                self.overflow();
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {}
        }
    }

    fn overflow(&self) {
        self.metrics.refuse("slow-reader");
        self.overflow.notify_one();
    }
}

impl OutboxReader {
    /// Takes the next encoded message, in order; `None` if the room has said all.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        let message = self.queue.recv().await?;
        self.bytes.fetch_sub(message.len(), Ordering::Relaxed);
        Some(message)
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

    fn size(messages_max: usize, bytes_max: usize) -> OutboxSize {
        OutboxSize {
            messages_max,
            bytes_max,
        }
    }

    #[tokio::test]
    async fn a_reader_that_never_reads_is_reported_and_loses_only_its_own() {
        let metrics = Arc::new(Metrics::new(&Registry::new()).unwrap());
        let (outbox, mut reader) = outbox(ConnectionKey(1), size(2, 1000), Arc::clone(&metrics));

        for _ in 0..3 {
            outbox.send(encode(Message::Pong(1)));
        }

        reader.overflow.notified().await;
        assert_eq!(metrics.refused.with_label_values(&["slow-reader"]).get(), 1);
        assert!(reader.next().await.is_some());
    }

    #[tokio::test]
    async fn few_long_messages_fill_the_queue_as_many_short_ones_do() {
        let metrics = Arc::new(Metrics::new(&Registry::new()).unwrap());
        let (outbox, mut reader) = outbox(ConnectionKey(1), size(100, 50), Arc::clone(&metrics));
        let refused = || metrics.refused.with_label_values(&["slow-reader"]).get();

        // One alone may be longer than all that may wait; what was taken out leaves room.
        for _ in 0..3 {
            outbox.send(vec![0; 60].into());
            assert_eq!(reader.next().await.unwrap().len(), 60);
        }
        outbox.send(vec![0; 49].into());
        outbox.send(vec![0; 60].into());
        assert_eq!(refused(), 0);

        outbox.send(vec![0; 1].into());

        reader.overflow.notified().await;
        assert_eq!(refused(), 1);
    }

    #[tokio::test]
    async fn what_is_queued_is_read_before_the_end() {
        let metrics = Arc::new(Metrics::new(&Registry::new()).unwrap());
        let (outbox, mut reader) = outbox(ConnectionKey(1), size(8, 1000), metrics);
        outbox.send(encode(Message::Pong(1)));
        drop(outbox);

        assert!(reader.next().await.is_some());
        assert!(reader.next().await.is_none());
    }
}
