//! How other threads reach a shard: a bounded command queue, and a waker for its sleep.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use crate::command::Command;
use crate::handle::SfuError;

/// Ends a shard's sleep. Many calls between two turns of the shard cost one system call.
#[derive(Debug)]
pub(crate) struct ShardWaker {
    waker: mio::Waker,
    woken: AtomicBool,
    stop: AtomicBool,
}

impl ShardWaker {
    pub(crate) fn new(waker: mio::Waker) -> Self {
        Self {
            waker,
            woken: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        }
    }

    /// Makes the shard take a turn soon. Call it after the queue was filled.
    pub(crate) fn wake(&self) {
        if self.woken.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "a shard could not be woken");
        }
    }

    /// Begins a turn: whoever fills a queue from now on wakes again. Call it before the queues are
    /// read.
    pub(crate) fn begin_turn(&self) {
        self.woken.swap(false, Ordering::AcqRel);
    }

    /// Asks the shard to end.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.wake();
    }

    /// Tells whether [`Self::stop`] was called.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

/// The sending half of a shard's command queue.
#[derive(Clone, Debug)]
pub(crate) struct ShardSender {
    commands: mpsc::Sender<Command>,
    waker: Arc<ShardWaker>,
}

impl ShardSender {
    pub(crate) fn new(commands: mpsc::Sender<Command>, waker: Arc<ShardWaker>) -> Self {
        Self { commands, waker }
    }

    /// Queues a command, waiting for room if the queue is full.
    ///
    /// # Errors
    ///
    /// [`SfuError::Down`] if the shard has ended.
    pub(crate) async fn send(&self, command: Command) -> Result<(), SfuError> {
        self.commands
            .send(command)
            .await
            .map_err(|_| SfuError::Down)?;
        self.waker.wake();
        Ok(())
    }
}
