//! A client on a thread of its own.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::client::{Client, Report};

type Call = Box<dyn FnOnce(&mut Client) + Send>;

/// How soon a call is noticed.
const CALL_DELAY: Duration = Duration::from_millis(2);

/// A client that runs until it is dropped.
pub(crate) struct Peer {
    calls: Option<Sender<Call>>,
    pub(crate) report: watch::Receiver<Report>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    pub(crate) fn start() -> Self {
        let (calls, receiver) = channel();
        let (sender, report) = watch::channel(Report::default());
        let thread = std::thread::spawn(move || run(&receiver, &sender));
        Self {
            calls: Some(calls),
            report,
            thread: Some(thread),
        }
    }

    /// Runs `call` on the client's thread.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Client) -> T + Send + 'static,
    ) -> T {
        let (reply, answer) = oneshot::channel();
        let call = Box::new(move |client: &mut Client| {
            let _ = reply.send(call(client));
        });
        let calls = self.calls.as_ref().expect("the peer runs");
        calls.send(call).expect("the peer runs");
        answer.await.expect("the peer runs")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.calls = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(calls: &Receiver<Call>, report: &watch::Sender<Report>) {
    let mut client = Client::new(Instant::now());
    loop {
        match calls.try_recv() {
            Ok(call) => call(&mut client),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return,
        }
        let now = Instant::now();
        client.drive(now);
        report.send_replace(client.report.clone());
        let wait = client.due().saturating_duration_since(now);
        client.receive(wait.min(CALL_DELAY));
    }
}
