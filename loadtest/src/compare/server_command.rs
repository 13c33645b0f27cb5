//! A server that is started for a run and stopped after it.

use std::io;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// How long a server may take until it listens.
const START_MAX: Duration = Duration::from_secs(45);

/// How long it may take to stop; then it is killed.
const STOP_MAX: Duration = Duration::from_secs(20);

/// How often it is looked after.
const LOOK: Duration = Duration::from_millis(100);

/// Why a server could not be run.
#[derive(Debug, Error)]
pub enum CommandError {
    /// Something listens there already.
    #[error("something listens on port {0} already")]
    Taken(u16),
    /// The shell could not be started, or the server not be waited for.
    #[error("its command can't be run")]
    System(#[source] io::Error),
    /// It ended by itself.
    #[error("it ended with {0} before it listened")]
    Ended(std::process::ExitStatus),
    /// It doesn't listen.
    #[error("it doesn't listen after {} s", START_MAX.as_secs())]
    Deaf,
}

/// A running server. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct ServerCommand {
    child: Child,
}

impl ServerCommand {
    /// Starts a server by a line for the shell, and waits until it listens. What it prints is lost
    /// unless the line says where it goes.
    pub(crate) async fn start(
        line: &str,
        (host, port): (String, u16),
    ) -> Result<Self, CommandError> {
        let address = (host.as_str(), port);
        if TcpStream::connect(address).await.is_ok() {
            return Err(CommandError::Taken(port));
        }
        // The shell becomes the server, so that its process is the one to measure and to stop.
        let child = Command::new("sh")
            .args(["-c", &format!("exec {line}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(CommandError::System)?;
        let mut server = Self { child };
        let limit = Instant::now() + START_MAX;
        while TcpStream::connect(address).await.is_err() {
            if let Some(status) = server.child.try_wait().map_err(CommandError::System)? {
                return Err(CommandError::Ended(status));
            }
            if Instant::now() >= limit {
                return Err(CommandError::Deaf);
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(server)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop and waits.
    pub(crate) async fn stop(mut self) -> Result<(), CommandError> {
        let pid = i32::try_from(self.child.id()).expect("process ids are small");
        // One that has ended already is what we want.
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        let limit = Instant::now() + STOP_MAX;
        while Instant::now() < limit {
            if self
                .child
                .try_wait()
                .map_err(CommandError::System)?
                .is_some()
            {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

impl Drop for ServerCommand {
    fn drop(&mut self) {
        // Both fail where it has ended, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn free_port() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    }

    #[tokio::test]
    async fn a_command_that_ends_at_once_is_told_from_one_that_starts() {
        let place = ("127.0.0.1".to_owned(), free_port());

        let outcome = ServerCommand::start("false", place).await;

        assert!(
            matches!(outcome, Err(CommandError::Ended(_))),
            "{outcome:?}"
        );
    }

    #[tokio::test]
    async fn a_port_in_use_is_not_measured_by_mistake() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();

        let outcome = ServerCommand::start("sleep 60", ("127.0.0.1".to_owned(), port)).await;

        assert!(
            matches!(outcome, Err(CommandError::Taken(_))),
            "{outcome:?}"
        );
    }
}
