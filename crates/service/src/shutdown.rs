//! The signal to stop.

use tokio_util::sync::CancellationToken;

/// Tells every part of the process, once, that it is time to stop. Cheap to clone; all clones
/// are one signal.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
}

impl Shutdown {
    /// Makes a signal that has not been given.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the signal. Giving it again does nothing.
    pub fn trigger(&self) {
        self.token.cancel();
    }

    /// Says whether the signal has been given.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until the signal is given; returns at once if it was.
    pub async fn triggered(&self) {
        self.token.cancelled().await;
    }

    /// Gives the signal when the process is asked to end (SIGTERM, or SIGINT from the keyboard).
    ///
    /// # Errors
    ///
    /// The system's error, if no handler can be installed.
    #[cfg(unix)]
    pub fn trigger_on_signals(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => tracing::info!("asked to stop (SIGTERM)"),
                _ = interrupt.recv() => tracing::info!("asked to stop (SIGINT)"),
            }
            shutdown.trigger();
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_clone_sees_the_signal() {
        let shutdown = Shutdown::new();
        let clone = shutdown.clone();
        assert!(!clone.is_triggered());

        shutdown.trigger();

        clone.triggered().await;
        assert!(clone.is_triggered());
    }
}
