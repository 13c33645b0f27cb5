//! What is seen of a run while it goes on: sums every second, and those of its measured part.

use std::sync::Arc;
use std::time::Duration;

use crate::measure::{Counter, Timing, Totals};
use crate::media_thread::MediaThread;
use crate::peer::Setting;
use crate::process::{self, Usage};
use crate::report::Point;
use crate::report::live::{Live, Progress};
use crate::units::{float, millis};

/// Seconds of the timeline that are kept; a longer run keeps the first ones.
const TIMELINE_MAX: usize = 100_000;

/// Sums and uses at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mark {
    /// When, since the run's beginning.
    pub(crate) at: Duration,
    /// Everything that peers have counted.
    pub(crate) totals: Totals,
    /// What the server used.
    pub(crate) server: Option<Usage>,
    /// What this program used.
    pub(crate) client: Option<Usage>,
    /// Datagrams that this program didn't read in time.
    pub(crate) dropped: u64,
}

/// How observing ended.
pub(crate) enum Observed {
    /// With the marks of the beginning and the end of measuring.
    Measured(Box<Mark>, Box<Mark>),
    /// When measuring should have begun, all who had come were refused.
    Empty,
    /// Before measuring began.
    Interrupted,
}

/// Watches a run.
pub(crate) struct Observer {
    setting: Arc<Setting>,
    threads: Vec<MediaThread>,
    server_pid: Option<u32>,
    live: Live,
    /// Second by second; bounded by [`TIMELINE_MAX`].
    pub(crate) points: Vec<Point>,
    last: Mark,
}

impl Observer {
    /// Begins to watch the threads of a run.
    pub(crate) fn new(
        setting: Arc<Setting>,
        threads: Vec<MediaThread>,
        server_pid: Option<u32>,
        live: Live,
    ) -> Self {
        Self {
            setting,
            threads,
            server_pid,
            live,
            points: Vec::new(),
            last: Mark::default(),
        }
    }

    /// Peers of the plan.
    pub(crate) fn planned(&self) -> usize {
        self.setting.plan.peers.len()
    }

    /// Takes marks every second, until the end or until it is interrupted.
    pub(crate) async fn observe(&mut self) -> Observed {
        let (from, end) = (self.setting.plan.measure_from, self.setting.plan.end);
        let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
        let mut first = None;
        loop {
            let now = self.setting.kit.epoch.elapsed();
            let next = Duration::from_secs(now.as_secs() + 1);
            let next = match first {
                None if now < from => next.min(from),
                _ => next.min(end),
            };
            let is_interrupted = tokio::select! {
                () = tokio::time::sleep_until((self.setting.kit.epoch + next).into()) => false,
                _ = &mut interrupt => true,
            };
            let mark = self.mark().await;
            self.point(&mark);
            if mark.at >= from && first.is_none() {
                if self.all_were_refused(&mark) {
                    return Observed::Empty;
                }
                first = Some(mark.clone());
            }
            if mark.at >= end || is_interrupted {
                return first.map_or(Observed::Interrupted, |first| {
                    Observed::Measured(Box::new(first), Box::new(mark))
                });
            }
        }
    }

    fn all_were_refused(&self, mark: &Mark) -> bool {
        let peers = self.setting.plan.peers.iter();
        let come = peers.take_while(|peer| peer.join_at <= mark.at).count();
        let refused = mark.totals[Counter::JoinFailed];
        mark.totals[Counter::Joined] == 0 && refused >= come as u64
    }

    async fn mark(&mut self) -> Mark {
        let mut totals = Totals::default();
        for thread in &self.threads {
            totals += &thread.snapshot().await;
        }
        Mark {
            at: self.setting.kit.epoch.elapsed(),
            totals,
            server: self.server_pid.and_then(process::usage),
            client: process::usage(std::process::id()),
            dropped: process::dropped_datagrams(),
        }
    }

    fn point(&mut self, mark: &Mark) {
        let last = std::mem::replace(&mut self.last, mark.clone());
        let seconds = (mark.at.saturating_sub(last.at)).as_secs_f64();
        // Two marks at once, where a second ends with the measuring, are one.
        if seconds < 0.2 || self.points.len() >= TIMELINE_MAX {
            self.last = last;
            return;
        }
        let window = &mark.totals - &last.totals;
        let load = |from: Option<Usage>, to: Option<Usage>| {
            let spent = to?.cpu.saturating_sub(from?.cpu);
            Some(spent.as_secs_f64() / seconds * 100.0)
        };
        let latency = window.timing(Timing::Latency);
        let missing = window[Counter::Expected].saturating_sub(window[Counter::Arrived]);
        let expected = window[Counter::Expected].max(1);
        let whole = &mark.totals;
        let gone =
            whole[Counter::Left] + whole[Counter::Disconnected] + whole[Counter::ResumeFailed];
        self.points.push(Point {
            at_seconds: mark.at.as_secs_f64(),
            peers: whole[Counter::Joined].saturating_sub(gone),
            forwarded_packets_per_second: float(window[Counter::Packets]) / seconds,
            received_megabits_per_second: float(window[Counter::Bytes]) * 8e-6 / seconds,
            loss_percent: float(missing) / float(expected) * 100.0,
            latency_p50_ms: latency.percentile(0.5).map(millis),
            latency_p99_ms: latency.percentile(0.99).map(millis),
            server_cpu_percent: load(last.server, mark.server),
            server_memory_megabytes: mark.server.map(|usage| float(usage.memory) * 1e-6),
            client_cpu_percent: load(last.client, mark.client).unwrap_or_default(),
        });
        let progress = Progress {
            now: mark.at,
            measure_from: self.setting.plan.measure_from,
            end: self.setting.plan.end,
        };
        self.live.show(progress, &self.points);
    }
}
