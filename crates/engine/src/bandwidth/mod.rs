//! What one client's way in can carry, and what of it goes to which picture.
//!
//! Decides only, with the time as an argument: [`SentPackets`] remembers what left,
//! [`OpenWindow`] sums up what feedback says of it, [`Estimator`] finds a limit, [`Ramp`] and [`Probe`] try
//! for more, [`allocate`] divides it. `steering` acts on that.
//!
//! Invariants:
//! - without congestion there is no limit, and nothing here changes what is sent;
//! - a packet that is sent costs one entry of a ring, whatever else the session has.

mod allocator;
mod clock;
mod estimator;
mod probe;
mod ramp;
mod rates;
mod reports;
mod sent;
mod window;

use std::time::{Duration, Instant};

use self::allocator::Budget;
pub(crate) use self::allocator::{Wanted, allocate};
use self::clock::ReceiverClock;
use self::estimator::Estimator;
use self::probe::{Outcome, Probe, Total};
use self::ramp::{Ramp, Step};
pub(crate) use self::rates::LayerRates;
use self::reports::Reports;
use self::sent::{Fate, News, SentPackets};
use self::window::OpenWindow;
use crate::CongestionConfig;
use crate::egress::Standing;
use crate::rtcp::{Arrivals, TICK_MICROS};
use crate::timers::Timer;

/// What UDP and IPv4 add to a datagram.
const DATAGRAM_OVERHEAD_BYTES: usize = 28;

/// How often a limited session is decided on, and how often padding is sent while it probes.
const INTERVAL: Duration = Duration::from_millis(100);
const PROBE_INTERVAL: Duration = Duration::from_millis(10);

/// Reports come once a second or so, of what was sent before: on a new way the first ones do not count.
const REPORTED_AFTER: Duration = Duration::from_secs(2);

/// What came of feedback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Finding {
    /// Nothing to act on.
    #[default]
    Nothing,
    /// Too much was sent; this is the limit now, in bits per second.
    Congested(u64),
    /// A probe is over.
    Probed {
        /// Whether it proved what it was to prove.
        is_proved: bool,
    },
    /// A probe is over of which the client has told nothing.
    Unheard,
}

impl Finding {
    /// The first that is something.
    pub(crate) fn or(self, other: Self) -> Self {
        if self == Self::Nothing { other } else { self }
    }
}

/// The bandwidth of one session's way out.
#[derive(Debug)]
pub(crate) struct Bandwidth {
    config: CongestionConfig,
    origin: Option<Instant>,
    packets: SentPackets,
    bytes: u64,
    clock: ReceiverClock,
    open: OpenWindow,
    estimator: Estimator,
    ramp: Ramp,
    probe: Option<Probe>,
    reports: Reports,
    /// Whether the client tells of each packet.
    has_arrivals: bool,
    /// It has told nothing of the last padding, so a picture is tried next.
    tries_picture: bool,
    standing: Standing,
    /// Packets that left before, in microseconds, say nothing of the way.
    counts_from: u64,
    /// What somebody said is not to be exceeded.
    cap: Option<u64>,
    /// Whether anybody was granted less than everything.
    pub(crate) is_steered: bool,
    pub(crate) timer: Timer,
}

impl Bandwidth {
    pub(crate) fn new(config: CongestionConfig) -> Self {
        Self {
            config,
            origin: None,
            packets: SentPackets::default(),
            bytes: 0,
            clock: ReceiverClock::default(),
            open: OpenWindow::default(),
            estimator: Estimator::new(config.estimate_bits_per_second_min),
            ramp: Ramp::default(),
            probe: None,
            reports: Reports::default(),
            has_arrivals: false,
            tries_picture: false,
            standing: Standing::default(),
            counts_from: 0,
            cap: None,
            is_steered: false,
            timer: Timer::default(),
        }
    }

    /// Whether packets are to carry transport-wide numbers.
    pub(crate) fn numbers_packets(&self) -> bool {
        self.config.enabled
    }

    /// The time in microseconds, by which packets are noted.
    pub(crate) fn micros(&mut self, now: Instant) -> u64 {
        let origin = *self.origin.get_or_insert(now);
        let elapsed = now.saturating_duration_since(origin).as_micros();
        u64::try_from(elapsed).unwrap_or(u64::MAX)
    }

    /// The transport-wide number of the next packet.
    pub(crate) fn next_number(&self) -> u16 {
        self.packets.next()
    }

    /// Notes a datagram of `bytes`. If it `is_numbered`, it had the next number.
    pub(crate) fn note_sent(&mut self, micros: u64, bytes: usize, is_numbered: bool) {
        let bytes = bytes + DATAGRAM_OVERHEAD_BYTES;
        self.bytes += bytes as u64;
        if is_numbered {
            self.packets.note(micros, bytes, false);
        }
    }

    /// Notes a datagram of `bytes` that is padding and had the next number.
    pub(crate) fn note_padding(&mut self, micros: u64, bytes: usize) {
        let bytes = bytes + DATAGRAM_OVERHEAD_BYTES;
        self.bytes += bytes as u64;
        self.packets.note(micros, bytes, true);
        if let Some(probe) = &mut self.probe {
            probe.note_padding();
        }
    }

    /// Whether the client tells of each packet.
    pub(crate) fn has_arrivals(&self) -> bool {
        self.has_arrivals
    }

    /// Takes how the way stands. While it is not known to be valid nothing counts, and nothing is tried; on a new
    /// one nothing counts that left before.
    pub(crate) fn handle_standing(&mut self, now: Instant, standing: Standing) {
        let before = std::mem::replace(&mut self.standing, standing);
        if before == standing {
            return;
        }
        self.probe = None;
        if let (true, Some(since)) = (before.since != standing.since, standing.since) {
            // The origin may be later: the way stood before anything was sent.
            self.micros(now);
            self.counts_from = self.micros(since);
            self.open = OpenWindow::default();
            self.reports = Reports::default();
            let leads_elsewhere = before.address != standing.address;
            self.estimator.handle_new_way(leads_elsewhere);
            if leads_elsewhere {
                self.ramp = Ramp::default();
            }
        }
    }

    /// Whether a report of some time, which names no packets, is of the present way.
    fn may_count(&self, now: Instant) -> bool {
        let since = self.standing.since;
        let is_new = since.is_some_and(|at| now.saturating_duration_since(at) < REPORTED_AFTER);
        self.standing.is_settled && !is_new && !self.has_arrivals && self.config.enabled
    }

    /// Takes transport-wide feedback.
    pub(crate) fn handle_arrivals(&mut self, now: Instant, arrivals: Arrivals<'_>) {
        let micros = self.micros(now);
        let reference = self.clock.place(arrivals.reference);
        let total = self.total();
        for arrival in arrivals {
            let has_arrived = arrival.ticks.is_some();
            let Some(news) = self
                .packets
                .acknowledge(micros, arrival.number, has_arrived)
            else {
                continue;
            };
            self.has_arrivals = true;
            if self.standing.is_settled && news.sent_micros >= self.counts_from {
                let ticks = i64::from(arrival.ticks.unwrap_or(0));
                let arrived = reference.wrapping_add(ticks * TICK_MICROS);
                self.handle_news(micros, &news, (arrived, total));
            }
        }
    }

    /// Takes what became of a packet. `arrived` is of the client's clock. That padding is lost is the probe's to
    /// judge: nobody misses it, and some clients take all of it for lost.
    fn handle_news(&mut self, micros: u64, news: &News, (arrived, total): (i64, Total)) {
        if news.fate == Fate::Lost {
            if !news.is_padding {
                self.open.handle_loss();
            }
            if let Some(probe) = &mut self.probe {
                probe.handle_loss(news);
            }
            return;
        }
        self.open
            .handle_arrival(micros, news.sent_micros, arrived, news.bytes);
        if news.fate == Fate::ArrivedLate && !news.is_padding {
            self.open.take_loss_back();
        }
        if let Some(probe) = &mut self.probe {
            probe.handle_arrival(news, arrived, total);
        }
    }

    /// Takes the client's own estimate, which counts if it tells nothing better.
    pub(crate) fn handle_estimate(&mut self, now: Instant, bits_per_second: u64) -> Finding {
        if !self.may_count(now) {
            return Finding::Nothing;
        }
        let reported = self
            .reports
            .handle_estimate(now, bits_per_second, self.bytes);
        let known = self.estimator.limit();
        match reported {
            Some(bits) if known.is_none_or(|limit| bits < limit.bits_per_second) => {
                self.estimator.handle_estimate(now, bits);
                self.ramp.handle_congestion(now);
                self.congested()
            }
            Some(_) | None => Finding::Nothing,
        }
    }

    /// Takes the loss of the client's receiver reports, which counts if it tells nothing better.
    pub(crate) fn handle_loss(&mut self, now: Instant, loss: f32) -> Finding {
        if !self.may_count(now) {
            return Finding::Nothing;
        }
        let window = self.reports.handle_loss(now, loss, self.bytes);
        match window.map(|window| self.estimator.handle_window(now, window)) {
            Some(true) => {
                self.ramp.handle_congestion(now);
                self.congested()
            }
            Some(false) | None => Finding::Nothing,
        }
    }

    /// Sums up the feedback of a datagram.
    pub(crate) fn conclude(&mut self, now: Instant) -> Finding {
        if !self.has_arrivals || !self.standing.is_settled {
            return Finding::Nothing;
        }
        let micros = self.micros(now);
        if let Some(window) = self.open.close(micros)
            && self.estimator.handle_window(now, window)
        {
            self.probe = None;
            self.ramp.handle_congestion(now);
            return self.congested();
        }
        self.conclude_probe(now)
    }

    /// Ends the probe, if it has told what it can.
    pub(crate) fn conclude_probe(&mut self, now: Instant) -> Finding {
        let micros = self.micros(now);
        let own_loss = self.estimator.own_loss();
        let outcome = self.probe.as_ref().and_then(|probe| {
            let outcome = probe.outcome(micros, own_loss)?;
            Some((probe.goal(), outcome))
        });
        let Some((goal, outcome)) = outcome else {
            return Finding::Nothing;
        };
        self.probe = None;
        let measured = match outcome {
            Outcome::Measured(bits) => Some(bits),
            Outcome::Failed => None,
            Outcome::Unheard => {
                self.tries_picture = true;
                return Finding::Unheard;
            }
        };
        let before = self.estimator.limit();
        if let Some(proved) = self.ramp.handle_probe(now, goal, measured) {
            self.estimator.raise(proved);
        }
        Finding::Probed {
            is_proved: before != self.estimator.limit(),
        }
    }

    fn congested(&self) -> Finding {
        let limit = self.estimator.limit();
        limit.map_or(Finding::Nothing, |limit| {
            Finding::Congested(limit.bits_per_second)
        })
    }

    /// What may be spent; `None`: anything.
    pub(crate) fn budget(&self) -> Option<Budget> {
        let limit = self.estimator.limit().map(|limit| Budget {
            bits_per_second: limit.bits_per_second,
            may_pause: limit.may_pause && self.config.allow_pause,
        });
        let cap = self.cap.map(|bits_per_second| Budget {
            bits_per_second,
            may_pause: self.config.allow_pause,
        });
        match (limit, cap) {
            (Some(limit), Some(cap)) if limit.bits_per_second < cap.bits_per_second => Some(limit),
            (_, Some(cap)) => Some(cap),
            (limit, None) => limit,
        }
    }

    /// Sets what is not to be exceeded, in bits per second.
    pub(crate) fn set_cap(&mut self, cap: Option<u64>) {
        self.cap = cap;
    }

    /// Whether padding is being sent to try for more.
    pub(crate) fn is_probing(&self) -> bool {
        self.probe.as_ref().is_some_and(Probe::is_sending)
    }

    /// Tries for more, if it is time. `missing` is the budget with which somebody would get more. Says
    /// whether the budget has changed.
    pub(crate) fn advance(&mut self, now: Instant, missing: Option<u64>, can_pad: bool) -> bool {
        let Some(limit) = self.estimator.limit() else {
            return false;
        };
        if self.probe.is_some() || !self.standing.is_settled {
            return false;
        }
        let bounds = (limit.bits_per_second, self.cap.unwrap_or(u64::MAX));
        let can_probe = can_pad && self.has_arrivals && !self.tries_picture;
        match self.ramp.poll(now, missing, bounds, can_probe) {
            Step::Wait => false,
            Step::Probe(goal) => {
                let micros = self.micros(now);
                let bytes_max = self.config.probe_bytes_max;
                self.probe = Some(Probe::new(micros, goal, bytes_max, self.total()));
                false
            }
            Step::Raise(bits_per_second) => {
                self.tries_picture = false;
                self.estimator.raise(bits_per_second);
                true
            }
            Step::Lift => {
                self.estimator.lift();
                true
            }
        }
    }

    /// Gives the bytes of padding that are due.
    pub(crate) fn padding_due(&mut self, now: Instant) -> u64 {
        let (micros, total) = (self.micros(now), self.total());
        self.probe
            .as_mut()
            .map_or(0, |probe| probe.due(micros, total))
    }

    /// Says when this has to be looked at again.
    pub(crate) fn next_at(&self, now: Instant) -> Option<Instant> {
        if self.is_probing() {
            return Some(now + PROBE_INTERVAL);
        }
        (self.budget().is_some() || self.is_steered).then(|| now + INTERVAL)
    }

    fn total(&self) -> Total {
        Total {
            bytes: self.bytes,
            packets: self.packets.count(),
        }
    }
}

#[cfg(test)]
mod tests;
